/** Duration: how long replicas of a new version may run without an answer before the version is taken back. */
export const ROLLOUT_TIMEOUT_ANNOTATION = 'com.skep.rollout.timeout';
/** Duration: the longest call of the function, within the gateway's own `upstream_timeout`. */
export const TIMEOUT_ANNOTATION = 'com.skep.timeout';
