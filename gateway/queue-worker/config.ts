import { parseCount, parseDurationMs, parseFlag } from '../../contract/duration.ts';
import { DEFAULT_QUEUE } from '../queue/call.ts';
import { type CallbackAllow, parseCallbackAllow } from '../queue/callback-address.ts';
import type { Backoff } from '../queue/settle.ts';
import type { CallbackRules } from '../queue/settle-callback.ts';
import { asIs, parseClusterName, parseCountFrom, parsePort, parsePositiveMs, Settings } from '../settings.ts';

export interface QueueWorkerConfig {
  /** Env `nats_host`, default `nats`. */
  readonly natsHost: string;
  /** Env `nats_port`, default 4222. */
  readonly natsPort: number;
  /** That of the gateways whose calls are run. Env `cluster_name`, default `skep`. */
  readonly clusterName: string;
  /** The queue whose calls are run. Env `queue_name`, default `faas-request`. */
  readonly queueName: string;
  /** Through which functions are called, e.g. `http://gateway:8080`. Env `gateway_url`. */
  readonly gateway: { readonly hostname: string; readonly port: number };
  /** Calls that run at a time, over all functions. Env `max_inflight`, default 50. */
  readonly maxInflight: number;
  /** Longest attempt; to be longer than the gateway's own limit. Env `upstream_timeout`, default 3m. */
  readonly upstreamTimeoutMs: number;
  /** Whether it is learned how many calls at a time each function takes. Env `limiter_enabled`, default true. */
  readonly limiterEnabled: boolean;
  /** Retries of functions that do not say how many. Env `max_retry_attempts`, default 10. */
  readonly maxRetryAttempts: number;
  /** Env `initial_retry_wait`, default 10s. */
  readonly initialRetryWaitMs: number;
  /** Env `max_retry_wait`, default 120s. */
  readonly maxRetryWaitMs: number;
  /** Statuses of a function that are retried. Env `retry_http_codes`, default `408,429,500,502,503,504`. */
  readonly retryHttpCodes: readonly number[];
  /** Env `backoff`: `exponential`, `full` or `equal`; default `exponential`. */
  readonly backoff: Backoff;
  /** Longest result that is kept, in bytes; of a longer one only status and headers are. Env `result_limit_bytes`, default 67108864. */
  readonly resultLimitBytes: number;
  /** How long calls in flight may take at a shutdown. Env `shutdown_timeout`, default `upstream_timeout`. */
  readonly shutdownTimeoutMs: number;
  /** Metrics and own health, inside only. Env `metrics_port`, default 8082. */
  readonly metricsPort: number;
  readonly callbacks: CallbackConfig;
}

/** How results are posted to clients' addresses. */
export interface CallbackConfig {
  /** Internal hosts that they may go to. Env `callback_allow`, default empty. */
  readonly allow: CallbackAllow;
  /** Longest wait for an answer, a long body's own time aside; a function has `upstream_timeout`. Env `callback_timeout`, default 30s. */
  readonly timeoutMs: number;
  /** Env `callback_retries`, default 10; `callback_retry_wait`, default 5s; `callback_max_retry_wait`, default 10m. */
  readonly rules: CallbackRules;
  /** At a time. Env `callback_max_inflight`, default 50. */
  readonly mostInflight: number;
  /** Of them, to one host. Env `callback_max_per_host`, default 8. */
  readonly mostPerHost: number;
  /** With what is in it they are signed; empty: they are not. Env `callback_secret_file`, default empty. */
  readonly secretFile: string;
}

const MOST_INFLIGHT = 10_000;
const MOST_RETRIES = 1000;

/** Reads the whole configuration, or throws one error that names every bad value. */
export function loadQueueWorkerConfig(env: Readonly<Record<string, string | undefined>>): QueueWorkerConfig {
  const settings = new Settings(env);
  const read: Settings['read'] = (key, fallback, parse) => settings.read(key, fallback, parse);
  const upstreamTimeoutMs = read('upstream_timeout', 180_000, parsePositiveMs);
  const initialRetryWaitMs = read('initial_retry_wait', 10_000, parseDurationMs);
  const maxRetryWaitMs = read('max_retry_wait', 120_000, parseDurationMs);
  const callbackWaitMs = read('callback_retry_wait', 5000, parsePositiveMs);
  const longestCallbackWaitMs = read('callback_max_retry_wait', 600_000, parsePositiveMs);
  if (longestCallbackWaitMs < callbackWaitMs) {
    settings.problems.push('callback_max_retry_wait is less than callback_retry_wait');
  }
  read('scaling_mode', undefined, refuseOtherModes);
  if (maxRetryWaitMs < initialRetryWaitMs)
    settings.problems.push('max_retry_wait is less than initial_retry_wait');
  const config: QueueWorkerConfig = {
    natsHost: read('nats_host', 'nats', asIs),
    natsPort: read('nats_port', 4222, parsePort),
    clusterName: read('cluster_name', 'skep', parseClusterName),
    queueName: read('queue_name', DEFAULT_QUEUE, parseQueueName),
    gateway: read('gateway_url', { hostname: 'gateway', port: 8080 }, parseGatewayUrl),
    maxInflight: read('max_inflight', 50, parseCountFrom(1, MOST_INFLIGHT)),
    upstreamTimeoutMs,
    limiterEnabled: read('limiter_enabled', true, parseFlag),
    maxRetryAttempts: read('max_retry_attempts', 10, parseCountFrom(0, MOST_RETRIES)),
    initialRetryWaitMs,
    maxRetryWaitMs,
    retryHttpCodes: read('retry_http_codes', [408, 429, 500, 502, 503, 504], parseCodes),
    backoff: read('backoff', 'exponential', parseBackoff),
    resultLimitBytes: read('result_limit_bytes', 64 * 1024 * 1024, parseCount),
    shutdownTimeoutMs: read('shutdown_timeout', upstreamTimeoutMs, parseDurationMs),
    metricsPort: read('metrics_port', 8082, parsePort),
    callbacks: {
      allow: read('callback_allow', parseCallbackAllow(''), parseCallbackAllow),
      timeoutMs: read('callback_timeout', 30_000, parsePositiveMs),
      rules: {
        retries: read('callback_retries', 10, parseCountFrom(0, MOST_RETRIES)),
        minWaitMs: callbackWaitMs,
        maxWaitMs: longestCallbackWaitMs,
      },
      mostInflight: read('callback_max_inflight', 50, parseCountFrom(1, MOST_INFLIGHT)),
      mostPerHost: read('callback_max_per_host', 8, parseCountFrom(1, MOST_INFLIGHT)),
      secretFile: read('callback_secret_file', '', asIs),
    },
  };
  settings.check();
  return Object.freeze(config);
}

function parseQueueName(text: string): string {
  if (!/^[a-z0-9_-]{1,64}$/.test(text)) {
    throw new Error('expected lower-case letters, digits, underscores and dashes, at most 64');
  }
  return text;
}

function parseGatewayUrl(text: string): { hostname: string; port: number } {
  const url = URL.parse(text);
  if (
    url?.protocol !== 'http:' ||
    url.username !== '' ||
    !/^\/?$/.test(url.pathname + url.search + url.hash)
  ) {
    throw new Error('expected a URL such as http://gateway:8080');
  }
  return { hostname: url.hostname.replace(/^\[|\]$/g, ''), port: url.port === '' ? 80 : Number(url.port) };
}

function parseCodes(text: string): readonly number[] {
  const codes = text.split(',').map((part) => part.trim());
  if (!codes.every((code) => /^[1-5]\d\d$/.test(code))) {
    throw new Error('expected statuses such as 429,500,503');
  }
  return codes.map(Number);
}

function parseBackoff(text: string): Backoff {
  if (text !== 'exponential' && text !== 'full' && text !== 'equal') {
    throw new Error('expected exponential, full or equal');
  }
  return text;
}

function refuseOtherModes(text: string): undefined {
  if (text === 'function') return undefined;
  throw new Error(
    text === 'static'
      ? 'there is no common line for all functions here: each has its own, so that none holds back another; remove this setting'
      : 'expected function',
  );
}
