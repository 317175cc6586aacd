/** Duration: how long replicas of a new version may run without an answer before the version is taken back. */
export const ROLLOUT_TIMEOUT_ANNOTATION = 'com.skep.rollout.timeout';
