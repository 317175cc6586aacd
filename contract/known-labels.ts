import { ROLLOUT_TIMEOUT_ANNOTATION, TIMEOUT_ANNOTATION } from './function-annotations.ts';
import { BURST_LABEL, CONCURRENCY_LABEL, RATE_LABEL } from './parse-call-limits.ts';
import {
  SCHEDULE_ANNOTATION,
  SCHEDULE_BODY_ANNOTATION,
  SCHEDULE_ON_MISSED_ANNOTATION,
  SCHEDULE_TIMEZONE_ANNOTATION,
  TOPIC_ANNOTATION,
} from './parse-function-schedule.ts';
import {
  FOLLOWERS_ANNOTATION,
  MAX_WAIT_ANNOTATION,
  MIN_WAIT_ANNOTATION,
  QUEUE_ANNOTATION,
  RETRIES_ANNOTATION,
  RETRY_CODES_ANNOTATION,
} from './parse-queue-annotations.ts';

/** The labels that mean something to the gateway, each with what it means in a sentence. */
export const KNOWN_LABELS: Readonly<Record<string, string>> = {
  'com.openfaas.scale.min': 'Fewest replicas, default 1; 0 lets it sleep until its first call.',
  'com.openfaas.scale.max': 'Most replicas, default 20.',
  'com.openfaas.scale.factor':
    'Step of an alert, as a percentage of the most replicas: 0 (never) to 100, default 20.',
  'com.openfaas.scale.zero': 'Whether the last replica goes when nobody calls: true or false.',
  'com.openfaas.scale.zero-duration': 'How long nobody calls before that, default 15m.',
  'com.openfaas.scale.type':
    'What it scales by: rps, capacity, cpu, queue, or the name of a rule of your own. Absent: alerts.',
  'com.openfaas.scale.target': 'Load of one replica, in what scale.type counts.',
  'com.openfaas.scale.target-proportion': 'Part of the target at which another replica is due, default 0.90.',
  'com.openfaas.scale.down.window': 'How long the highest count is kept, from 0s to 5m.',
  'com.skep.scale.schedule': 'Minimums that hold at certain times: * 8-17 * * mon-fri = 5.',
  'com.skep.scale.timezone': 'Zone of these times, default UTC.',
  [RATE_LABEL]: 'Calls a second, over all replicas.',
  [BURST_LABEL]: 'Calls that may come at once after a pause; default one second’s worth.',
  [CONCURRENCY_LABEL]: 'Calls at a time, over all replicas.',
};

/** The annotations that mean something to the gateway. */
export const KNOWN_ANNOTATIONS: Readonly<Record<string, string>> = {
  [TOPIC_ANNOTATION]: 'cron-function: it is called by a schedule.',
  [SCHEDULE_ANNOTATION]: 'When: */5 * * * *, @every 10m, @daily; several separated by ;.',
  [SCHEDULE_TIMEZONE_ANNOTATION]: 'Zone of the schedule’s times, default UTC.',
  [SCHEDULE_BODY_ANNOTATION]: 'Body of the schedule’s calls.',
  [SCHEDULE_ON_MISSED_ANNOTATION]: 'What becomes of ticks at which no gateway was there: skip or once.',
  [TIMEOUT_ANNOTATION]: 'Longest call, such as 30s.',
  [ROLLOUT_TIMEOUT_ANNOTATION]: 'How long a new version may run without an answer before it is taken back.',
  [QUEUE_ANNOTATION]: 'Queue of its asynchronous calls.',
  [RETRIES_ANNOTATION]: 'Retries of an asynchronous call.',
  [RETRY_CODES_ANNOTATION]: 'Statuses that are retried, separated by commas.',
  [MIN_WAIT_ANNOTATION]: 'Wait before the first retry.',
  [MAX_WAIT_ANNOTATION]: 'Longest wait before a retry.',
  [FOLLOWERS_ANNOTATION]:
    'Functions that are called with the answer, one after the other, separated by commas.',
  'com.openfaas.ready.http.path':
    'Path that a replica answers below 500 once it takes calls; default: com.openfaas.health.http.path, else /_/health.',
  'com.openfaas.health.http.path': 'Path of the container’s health check; without it there is none.',
  'com.openfaas.health.http.initialDelay': 'When the health check begins, such as 2s.',
  'com.openfaas.health.http.periodSeconds': 'Seconds between two health checks.',
};
