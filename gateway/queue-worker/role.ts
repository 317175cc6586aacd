/** Argument with which the gateway's program is a queue worker. */
export const QUEUE_WORKER_ROLE = 'queue-worker';
