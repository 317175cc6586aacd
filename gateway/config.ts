import { availableParallelism } from 'node:os';
import { parseCount, parseDurationMs, parseFlag } from '../contract/duration.ts';
import { DEFAULT_NAMESPACE, isFunctionName } from '../contract/function-ref.ts';
import { parseCallbackAllow } from './queue/callback-address.ts';
import { asIs, parseClusterName, parseCountFrom, parsePort, parsePositiveMs, Settings } from './settings.ts';

/** Which invocations leave a line in the log. */
export type AccessLog = 'all' | 'errors' | 'off';

export interface GatewayConfig {
  /** Public port. Env `port`, default 8080. */
  readonly port: number;
  /** Processes that serve invocations. Env `gateway_workers`, default one for every two cores, at least one. */
  readonly gatewayWorkers: number;
  /** Metrics and own health, inside only. Env `metrics_port`, default 8082. */
  readonly metricsPort: number;
  /** Network on whose address the metrics are served; empty: on all. Env `platform_network`, default empty. */
  readonly platformNetwork: string;
  /** Network that functions are attached to and called on. Env `functions_network`, default `skep-functions`. */
  readonly functionsNetwork: string;
  /** Client connections at a time, over all workers, before 503; 0 is no limit. Env `max_connections`, default 10000. */
  readonly maxConnections: number;
  /** Largest head of a request in bytes, before 431. Env `max_header_bytes`, 4096 to 1048576, default 65536. */
  readonly maxHeaderBytes: number;
  /** Most header fields of a request, before 431. Env `max_header_fields`, 16 to 10000, default 128. */
  readonly maxHeaderFields: number;
  /** Bytes held for those who do not read what they are sent, over all workers. Env `buffer_limit_bytes`, default 134217728. */
  readonly bufferLimitBytes: number;
  /** Longest wait for a request's head once its first byte came. Env `head_timeout`, default 10s. */
  readonly headTimeoutMs: number;
  /** Longest silence on a client's connection between requests. Env `idle_timeout`, default 2m. */
  readonly idleTimeoutMs: number;
  /** Longest silence inside a request's body. Env `read_timeout`, default 60s. */
  readonly readTimeoutMs: number;
  /** Longest wait for a client that does not read its answer, and for calls in flight at a shutdown. Env `write_timeout`, default 60s. */
  readonly writeTimeoutMs: number;
  /** How long a gateway that was told to stop goes on taking calls, its health failing. Env `shutdown_delay`, default 1s. */
  readonly shutdownDelayMs: number;
  /** Longest call of a function, from its first byte sent to its last byte received. Env `upstream_timeout`, default 60s. */
  readonly upstreamTimeoutMs: number;
  /** Longest wait for a connection to a replica. Env `connect_timeout`, default 1s. */
  readonly connectTimeoutMs: number;
  /** How long an idle connection to a replica is kept that does not say so itself. Env `upstream_idle_timeout`, default 5s. */
  readonly upstreamIdleTimeoutMs: number;
  /** How long a replica may answer no call, while some are in flight, before a new connection to it is tried. Env `replica_silence`, default 3s. */
  readonly replicaSilenceMs: number;
  /** Invocations in flight before 429, over all workers; 0 is no limit. Env `max_inflight`, default 0. */
  readonly maxInflight: number;
  /** Calls in flight at one replica of functions without a `max_inflight` of their own; 0 is no limit. Env `replica_max_inflight`, default 0. */
  readonly replicaMaxInflight: number;
  /** Whether a call to a function without replicas starts one. Env `scale_from_zero`, default true. */
  readonly scaleFromZero: boolean;
  /** Longest wait of a call for a first replica. Env `cold_start_timeout`, default 60s. */
  readonly coldStartTimeoutMs: number;
  /** Calls that may wait for first replicas at a time, before 503. Env `cold_start_waiting`, default 1000. */
  readonly coldStartWaiting: number;
  /** How many of them may wait for one function; 0: half of them. Env `cold_start_waiting_per_function`, default 0. */
  readonly coldStartWaitingPerFunction: number;
  /** How long replicas of a new version may run without an answer before it is taken back. Env `rollout_timeout`, default 30s. */
  readonly rolloutTimeoutMs: number;
  /** Whether this gateway may be the one that scales functions by target, to zero and by schedule. Env `autoscaler`, default true. */
  readonly autoscaler: boolean;
  /** Load of one replica of functions that scale by target and do not say which. Env `default_target`, default 50. */
  readonly defaultTarget: number;
  /** Whether a function without replicas that is not to sleep is given its minimum. Env `maintain_min_replicas`, default false. */
  readonly maintainMinReplicas: boolean;
  /** Whether this gateway may be the one that calls functions by their schedules. Env `schedules`, default true. */
  readonly schedules: boolean;
  /** Whether `/system` and `/ui` ask for credentials. Env `basic_auth`, default true. */
  readonly basicAuth: boolean;
  /** Folder with `basic-auth-user` and `basic-auth-password`. Env `secret_mount_path`, default `/run/secrets/`. */
  readonly secretMountPath: string;
  /** Namespace of functions named without one. Env `function_namespace`, default `openfaas-fn`. */
  readonly functionNamespace: string;
  /** Env `faas_prometheus_host`, default `prometheus`. */
  readonly prometheusHost: string;
  /** Env `faas_prometheus_port`, default 9090. */
  readonly prometheusPort: number;
  /** Where the queue is; empty: there is none. Env `faas_nats_address`, default empty. */
  readonly natsHost: string;
  /** Env `faas_nats_port`, default 4222. */
  readonly natsPort: number;
  /** Gateways of one name, on one NATS, serve one cluster: one of them scales. Env `cluster_name`, default `skep`. */
  readonly clusterName: string;
  /** Room for calls that wait, with their bodies up to 512 KiB, before 503. Env `queue_limit_bytes`, default 1073741824. */
  readonly queueLimitBytes: number;
  /** Room for calls that are to run later. Env `queue_later_limit_bytes`, default 268435456. */
  readonly queueLaterLimitBytes: number;
  /** Room for longer bodies of calls. Env `queue_body_limit_bytes`, default 1073741824. */
  readonly queueBodyLimitBytes: number;
  /** Room for what is told of calls, with results up to 512 KiB; the oldest go first. Env `queue_record_limit_bytes`, default 536870912. */
  readonly queueRecordLimitBytes: number;
  /** Room for longer results; the oldest go first. Env `queue_result_limit_bytes`, default 536870912. */
  readonly queueResultLimitBytes: number;
  /** Room for dead letters. Env `queue_dead_limit_bytes`, default 268435456. */
  readonly queueDeadLimitBytes: number;
  /** How long a call is told of, and its result kept, after its last change. Env `result_ttl`, at least 1m, default 24h. */
  readonly resultTtlMs: number;
  /** How long an idempotency key stands for its call. Env `idempotency_window`, at least 1m, default 24h. */
  readonly idempotencyWindowMs: number;
  /** Servers of a cluster of NATS that have each call. Env `nats_stream_replicas`, 1 to 5, default 1. */
  readonly natsStreamReplicas: number;
  /** Longest body of an asynchronous call, before 413. Env `async_body_limit`, default 268435456. */
  readonly asyncBodyLimitBytes: number;
  /** How late a client may have its call run. Env `async_max_delay`, at most a year, default 720h. */
  readonly asyncMaxDelayMs: number;
  /** Internal hosts that callbacks may go to: addresses, networks and names by commas. Env `callback_allow`, default empty. */
  readonly callbackAllow: string;
  /** Largest build request in bytes. Env `build_limit_bytes`, default 268435456. */
  readonly buildLimitBytes: number;
  /** Most that a build request may unpack to. Env `build_unpacked_limit_bytes`, default 1073741824. */
  readonly buildUnpackedLimitBytes: number;
  /** Largest file in it. Env `build_file_limit_bytes`, default 536870912. */
  readonly buildFileLimitBytes: number;
  /** Builds at a time, before 429. Env `build_max_inflight`, 1 to 64, default 2. */
  readonly buildMaxInflight: number;
  /** Memory of each step of a build; 0 is no limit. Env `build_memory_bytes`, default 2147483648. */
  readonly buildMemoryBytes: number;
  /** What builds leave free on the disk; 0: nobody looks. Env `build_free_space_bytes`, default 2147483648. */
  readonly buildFreeSpaceBytes: number;
  /** Longest build. Env `build_timeout`, default 15m. */
  readonly buildTimeoutMs: number;
  /** Env `access_log`: `all`, `errors` (answers of 500 and more) or `off`; default `errors`. */
  readonly accessLog: AccessLog;
  /** Which part of the calls that are no errors leaves a line with `access_log=all`. Env `access_log_sample`, 0 to 1, default 1. */
  readonly accessLogSample: number;
  /** OTLP/HTTP collector that spans are sent to; empty: no tracing. Env `otlp_endpoint`, else `OTEL_EXPORTER_OTLP_ENDPOINT`, default empty. */
  readonly otlpEndpoint: string;
  /** Which part of the calls that come without a trace has its spans sent. Env `trace_sample`, 0 to 1, default 1. */
  readonly traceSample: number;
}

const MOST_WORKERS = 256;
const CORES_PER_WORKER = 2;

function parseWorkers(text: string): number {
  const count = parseCount(text);
  if (count < 1 || count > MOST_WORKERS) throw new Error(`expected 1 to ${MOST_WORKERS}`);
  return count;
}

function workersFor(cores: number): number {
  return Math.max(1, Math.min(Math.floor(cores / CORES_PER_WORKER), MOST_WORKERS));
}

function parseAccessLog(text: string): AccessLog {
  if (text !== 'all' && text !== 'errors' && text !== 'off') throw new Error('expected all, errors or off');
  return text;
}

const LEAST_BUFFER_BYTES = 1024 * 1024;

function parseBufferLimit(text: string): number {
  const bytes = parseCount(text);
  if (bytes < LEAST_BUFFER_BYTES) throw new Error(`expected at least ${LEAST_BUFFER_BYTES}`);
  return bytes;
}

const GIB = 1024 ** 3;
const LEAST_ROOM_BYTES = 8 * 1024 * 1024;
const MOST_ROOM_BYTES = 1024 * GIB;
const parseRoom = parseCountFrom(LEAST_ROOM_BYTES, MOST_ROOM_BYTES);

/** Less starts no container. */
const LEAST_BUILD_MEMORY_BYTES = 16 * 1024 * 1024;

function parseBuildMemory(text: string): number {
  const bytes = parseCount(text);
  if (bytes !== 0 && bytes < LEAST_BUILD_MEMORY_BYTES)
    throw new Error(`expected 0, or at least ${LEAST_BUILD_MEMORY_BYTES}`);
  return bytes;
}

const DAY_MS = 24 * 60 * 60_000;
const LONGEST_MS = 365 * DAY_MS;

function parseMinuteOrMore(text: string): number {
  const ms = parseDurationMs(text);
  if (!(ms >= 60_000 && ms <= LONGEST_MS)) throw new Error('expected at least 1m, at most a year');
  return ms;
}

/** It stays text: it goes to other processes. */
function checkCallbackAllow(text: string): string {
  parseCallbackAllow(text);
  return text;
}

function parseLongDelay(text: string): number {
  const ms = parseDurationMs(text);
  if (!(ms <= LONGEST_MS)) throw new Error('expected at most a year (8760h)');
  return ms;
}

function parseFraction(text: string): number {
  const fraction = /^(?:0|1|[01]?\.\d{1,9})$/.test(text) ? Number(text) : Number.NaN;
  if (!(fraction >= 0 && fraction <= 1)) throw new Error('expected a fraction from 0 to 1 such as 0.01');
  return fraction;
}

const HIGHEST_TARGET = 1_000_000_000;

function parseTarget(text: string): number {
  const target = /^(?=\.?\d)\d{0,10}(?:\.\d{0,9})?$/.test(text) ? Number(text) : Number.NaN;
  if (!(target > 0 && target <= HIGHEST_TARGET))
    throw new Error(`expected a number above 0, up to ${HIGHEST_TARGET}`);
  return target;
}

function parseHttpUrl(text: string): string {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol) || url.search !== '' || url.hash !== '') {
    throw new Error('expected a URL such as http://collector:4318');
  }
  return text.replace(/\/+$/, '');
}

function parseNamespace(text: string): string {
  if (!isFunctionName(text)) throw new Error('expected lower-case letters, digits and dashes, at most 63');
  return text;
}

/**
 * Reads the whole configuration, or throws one error that names every bad value.
 * @param cores of the machine, or as many of them as this process may use
 */
export function loadConfig(
  env: Readonly<Record<string, string | undefined>>,
  cores: number = availableParallelism(),
): GatewayConfig {
  const settings = new Settings(env);
  const read: Settings['read'] = (key, fallback, parse) => settings.read(key, fallback, parse);
  const config: GatewayConfig = {
    port: read('port', 8080, parsePort),
    gatewayWorkers: read('gateway_workers', workersFor(cores), parseWorkers),
    metricsPort: read('metrics_port', 8082, parsePort),
    platformNetwork: read('platform_network', '', asIs),
    functionsNetwork: read('functions_network', 'skep-functions', asIs),
    maxConnections: read('max_connections', 10_000, parseCount),
    maxHeaderBytes: read('max_header_bytes', 65_536, parseCountFrom(4096, 1_048_576)),
    maxHeaderFields: read('max_header_fields', 128, parseCountFrom(16, 10_000)),
    bufferLimitBytes: read('buffer_limit_bytes', 128 * 1024 * 1024, parseBufferLimit),
    headTimeoutMs: read('head_timeout', 10_000, parsePositiveMs),
    idleTimeoutMs: read('idle_timeout', 120_000, parsePositiveMs),
    readTimeoutMs: read('read_timeout', 60_000, parsePositiveMs),
    writeTimeoutMs: read('write_timeout', 60_000, parsePositiveMs),
    shutdownDelayMs: read('shutdown_delay', 1000, parseDurationMs),
    upstreamTimeoutMs: read('upstream_timeout', 60_000, parseDurationMs),
    connectTimeoutMs: read('connect_timeout', 1000, parsePositiveMs),
    upstreamIdleTimeoutMs: read('upstream_idle_timeout', 5000, parseDurationMs),
    replicaSilenceMs: read('replica_silence', 3000, parsePositiveMs),
    maxInflight: read('max_inflight', 0, parseCount),
    replicaMaxInflight: read('replica_max_inflight', 0, parseCount),
    scaleFromZero: read('scale_from_zero', true, parseFlag),
    coldStartTimeoutMs: read('cold_start_timeout', 60_000, parseDurationMs),
    rolloutTimeoutMs: read('rollout_timeout', 30_000, parseDurationMs),
    coldStartWaiting: read('cold_start_waiting', 1000, parseCount),
    coldStartWaitingPerFunction: read('cold_start_waiting_per_function', 0, parseCount),
    autoscaler: read('autoscaler', true, parseFlag),
    defaultTarget: read('default_target', 50, parseTarget),
    maintainMinReplicas: read('maintain_min_replicas', false, parseFlag),
    schedules: read('schedules', true, parseFlag),
    basicAuth: read('basic_auth', true, parseFlag),
    secretMountPath: read('secret_mount_path', '/run/secrets/', asIs),
    functionNamespace: read('function_namespace', DEFAULT_NAMESPACE, parseNamespace),
    prometheusHost: read('faas_prometheus_host', 'prometheus', asIs),
    prometheusPort: read('faas_prometheus_port', 9090, parsePort),
    natsHost: read('faas_nats_address', '', asIs),
    natsPort: read('faas_nats_port', 4222, parsePort),
    clusterName: read('cluster_name', 'skep', parseClusterName),
    queueLimitBytes: read('queue_limit_bytes', GIB, parseRoom),
    queueLaterLimitBytes: read('queue_later_limit_bytes', GIB / 4, parseRoom),
    queueBodyLimitBytes: read('queue_body_limit_bytes', GIB, parseRoom),
    queueRecordLimitBytes: read('queue_record_limit_bytes', GIB / 2, parseRoom),
    queueResultLimitBytes: read('queue_result_limit_bytes', GIB / 2, parseRoom),
    queueDeadLimitBytes: read('queue_dead_limit_bytes', GIB / 4, parseRoom),
    resultTtlMs: read('result_ttl', DAY_MS, parseMinuteOrMore),
    idempotencyWindowMs: read('idempotency_window', DAY_MS, parseMinuteOrMore),
    natsStreamReplicas: read('nats_stream_replicas', 1, parseCountFrom(1, 5)),
    asyncBodyLimitBytes: read('async_body_limit', 256 * 1024 * 1024, parseCount),
    asyncMaxDelayMs: read('async_max_delay', 30 * DAY_MS, parseLongDelay),
    callbackAllow: read('callback_allow', '', checkCallbackAllow),
    buildLimitBytes: read('build_limit_bytes', 256 * 1024 * 1024, parseCount),
    buildUnpackedLimitBytes: read('build_unpacked_limit_bytes', GIB, parseCount),
    buildFileLimitBytes: read('build_file_limit_bytes', GIB / 2, parseCount),
    buildMaxInflight: read('build_max_inflight', 2, parseCountFrom(1, 64)),
    buildMemoryBytes: read('build_memory_bytes', 2 * GIB, parseBuildMemory),
    buildFreeSpaceBytes: read('build_free_space_bytes', 2 * GIB, parseCount),
    buildTimeoutMs: read('build_timeout', 15 * 60_000, parsePositiveMs),
    accessLog: read('access_log', 'errors', parseAccessLog),
    accessLogSample: read('access_log_sample', 1, parseFraction),
    otlpEndpoint: read('otlp_endpoint', read('OTEL_EXPORTER_OTLP_ENDPOINT', '', parseHttpUrl), parseHttpUrl),
    traceSample: read('trace_sample', 1, parseFraction),
  };
  settings.check();
  return Object.freeze(config);
}
