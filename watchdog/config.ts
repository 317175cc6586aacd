import { parseCount, parseDurationMs, parseFlag } from '../contract/duration.ts';

export interface WatchdogConfig {
  /** Command and arguments run for every request. Env `fprocess`, split on single spaces. */
  readonly command: readonly string[];
  /** Env `port`, default 8080. */
  readonly port: number;
  /** Env `metrics_port`, default 8081. */
  readonly metricsPort: number;
  /** Longest wait for a request's head and body. Env `read_timeout`, default 30s. */
  readonly readTimeoutMs: number;
  /** Longest time to a complete answer, and limit of the drain; 0 is none. Env `write_timeout`, default 30s. */
  readonly writeTimeoutMs: number;
  /** Longest run of one process; 0 is none. Env `exec_timeout`, default 0. */
  readonly execTimeoutMs: number;
  /** Wait between failing the health check and draining. Env `healthcheck_interval`, default `write_timeout`. */
  readonly healthcheckIntervalMs: number;
  /** Requests served at once before 429; 0 is no limit. Env `max_inflight`, default 0. */
  readonly maxInflight: number;
  /** Env `write_debug`, default false. */
  readonly writeDebug: boolean;
  /** Env `debug_headers`, default false. */
  readonly debugHeaders: boolean;
  /** Hand request data to the process as environment. Env `cgi_headers`, default true. */
  readonly cgiHeaders: boolean;
  /** The process writes a response head before its body. Env `cgi_response`, default false. */
  readonly cgiResponse: boolean;
  /** Env `marshal_request`, default false. */
  readonly marshalRequest: boolean;
  /** Type of every successful answer; undefined: the request's, or sniffed. Env `content_type`. */
  readonly contentType: string | undefined;
  /** Env `suppress_lock`, default false. */
  readonly suppressLock: boolean;
  /** stderr goes to the client too. Env `combine_output`, default true; false with `cgi_response`. */
  readonly combineOutput: boolean;
  /** `name.namespace` from OPENFAAS_NAME and OPENFAAS_NAMESPACE; undefined unless both are set. */
  readonly functionName: string | undefined;
}

const MODES = ['fork'];

/** Reads the whole configuration, or throws one error that names every bad value. */
export function loadConfig(env: Readonly<Record<string, string | undefined>>): WatchdogConfig {
  const problems: string[] = [];
  const read = <T>(key: string, fallback: T, parse: (text: string) => T): T => {
    const text = env[key];
    if (text === undefined || text === '') return fallback;
    try {
      return parse(text);
    } catch (error) {
      problems.push(`${key}=${text}: ${(error as Error).message}`);
      return fallback;
    }
  };
  read('mode', 'fork', parseMode);
  for (const key of ['jwt_auth', 'prefork']) {
    read(key, undefined, (text) => {
      // Starting without a protection that was asked for would be worse than not starting.
      if (text !== 'false' && text !== '0') throw new Error('not supported yet; remove it');
    });
  }
  if (!env['fprocess']?.trim()) {
    problems.push('Provide a valid process via fprocess environmental variable.');
  }
  const writeTimeoutMs = read('write_timeout', 30_000, parseDurationMs);
  const cgiResponse = read('cgi_response', false, parseFlag);
  const combineOutput = read('combine_output', !cgiResponse, parseFlag);
  if (cgiResponse && combineOutput) {
    problems.push(
      'combine_output=true: stderr would break the response head that cgi_response=true asks for; remove one',
    );
  }
  const name = env['OPENFAAS_NAME'];
  const namespace = env['OPENFAAS_NAMESPACE'];
  const config: WatchdogConfig = {
    command: (env['fprocess'] ?? '').trim().split(' '),
    port: read('port', 8080, parsePort),
    metricsPort: read('metrics_port', 8081, parsePort),
    readTimeoutMs: read('read_timeout', 30_000, parseDurationMs),
    writeTimeoutMs,
    execTimeoutMs: read('exec_timeout', 0, parseDurationMs),
    healthcheckIntervalMs: read('healthcheck_interval', writeTimeoutMs, parseDurationMs),
    maxInflight: read('max_inflight', 0, parseCount),
    writeDebug: read('write_debug', false, parseFlag),
    debugHeaders: read('debug_headers', false, parseFlag),
    cgiHeaders: read('cgi_headers', true, parseFlag),
    cgiResponse,
    marshalRequest: read('marshal_request', false, parseFlag),
    contentType: read('content_type', undefined, parseFieldValue),
    suppressLock: read('suppress_lock', false, parseFlag),
    combineOutput,
    functionName: name && namespace ? `${name}.${namespace}` : undefined,
  };
  if (problems.length > 0) throw new Error(`invalid configuration:\n  ${problems.join('\n  ')}`);
  return Object.freeze(config);
}

function parseMode(text: string): string {
  if (!MODES.includes(text))
    throw new Error(`this mode is not supported yet; supported: ${MODES.join(', ')}`);
  return text;
}

function parsePort(text: string): number {
  if (!/^\d{1,5}$/.test(text) || Number(text) > 65_535) throw new Error('expected a port, 0 to 65535');
  return Number(text);
}

function parseFieldValue(text: string): string {
  if (!/^[\t\x20-\x7e]+$/.test(text)) throw new Error('expected a media type such as text/plain');
  return text;
}
