import { parseCount, parseDurationMs, parseFlag } from '../contract/duration.ts';
import {
  type Env,
  EnvReader,
  parseFieldValue,
  parseFlagOrDigit,
  parseGoBool,
  parseLineLimit,
  parsePath,
  parsePort,
  parseUpstreamUrl,
  type Upstream,
} from './config-readers.ts';
import { type JwtConfig, readJwtConfig } from './jwt-config.ts';

/** How requests reach the function. `fork` and `zygote` keep the classic watchdog's contract, the others of-watchdog's. */
export type Mode = 'fork' | 'zygote' | 'serializing' | 'streaming' | 'http' | 'static';

const MODES: readonly Mode[] = ['fork', 'zygote', 'serializing', 'streaming', 'http', 'static'];

/** Each one waiting costs a process's memory and six descriptors. */
const MOST_PREFORKED = 1000;

export interface WatchdogConfig {
  /** Env `mode`, default `fork`. */
  readonly mode: Mode;
  /** Command and arguments. Env `function_process` or `fprocess`, split on single spaces. Empty in mode `static`. */
  readonly command: readonly string[];
  /** Env `port`, default 8080. */
  readonly port: number;
  /** Env `metrics_port`, default 8081. */
  readonly metricsPort: number;
  /** Longest wait for a request's head and body. Env `read_timeout`, default 30s. */
  readonly readTimeoutMs: number;
  /** Longest time to a complete answer, and limit of the drain; 0 is none, in the classic modes only. Env `write_timeout`, default 30s. */
  readonly writeTimeoutMs: number;
  /** Longest run of one process, or of one call in mode `http`; 0 is none. Env `exec_timeout`, default 0 in the classic modes, else 30s. */
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
  /** Type of every successful answer. Env `content_type`; undefined in the classic modes: the request's, or sniffed. */
  readonly contentType: string | undefined;
  /** Env `suppress_lock`, default false. */
  readonly suppressLock: boolean;
  /** stderr goes to the client too. Env `combine_output`, default true; false with `cgi_response`. */
  readonly combineOutput: boolean;
  /** `name.namespace` from OPENFAAS_NAME and OPENFAAS_NAMESPACE; undefined unless both are set. */
  readonly functionName: string | undefined;
  /** Env `http_upstream_url` or `upstream_url`; defined in mode `http`. */
  readonly upstream: Upstream | undefined;
  /** Read a request's body whole before it is passed on, so that it has a length. Env `http_buffer_req_body` or `buffer_http`, default false. */
  readonly bufferRequestBody: boolean;
  /** Folder served in mode `static`. Env `static_path`, default `/home/app/public`. */
  readonly staticPath: string;
  /** Time and stream before each line the process logs. Env `prefix_logs`, default true. */
  readonly prefixLogs: boolean;
  /** A longer line of the process's log is written in pieces; infinity is no limit. Env `log_buffer_size`, default 65536. */
  readonly logLineBytes: number;
  /** The call id in the access log. Env `log_callid` or `log_call_id`, default false. */
  readonly logCallId: boolean;
  /** Asked of the function to learn whether it is ready. Env `ready_path`. */
  readonly readyPath: string | undefined;
  /** Processes started ahead that wait for a request each (docs/prefork.md). Env `prefork`, default 0; in modes of one process per request. */
  readonly prefork: number;
  /** Only calls with a token that permits them run. Env `jwt_auth`; undefined: everybody's do. */
  readonly jwt: JwtConfig | undefined;
}

export function isClassic(mode: Mode): boolean {
  return mode === 'fork' || mode === 'zygote';
}

/** Reads the whole configuration, or throws one error that names every bad value. */
export function loadConfig(env: Env): WatchdogConfig {
  const reader = new EnvReader(env);
  const { problems } = reader;
  const mode = reader.read('mode', 'fork', parseMode);
  const classic = isClassic(mode);
  const flag = (keys: string | readonly string[], fallback: boolean): boolean =>
    reader.read(keys, fallback, classic ? parseFlag : parseFlagOrDigit);
  const milliseconds = (key: string, fallback: number): number => reader.read(key, fallback, parseDurationMs);

  const writeTimeoutMs = milliseconds('write_timeout', 30_000);
  if (writeTimeoutMs === 0 && !classic) problems.push(`write_timeout=0: mode ${mode} needs one above 0`);
  const cgiResponse = flag('cgi_response', false);
  const combineOutput = flag('combine_output', !cgiResponse);
  if (cgiResponse && combineOutput) {
    problems.push(
      'combine_output=true: stderr would break the response head that cgi_response=true asks for; remove one',
    );
  }
  const name = reader.text('OPENFAAS_NAME');
  const namespace = reader.text('OPENFAAS_NAMESPACE');
  const config: WatchdogConfig = {
    mode,
    command: readCommand(reader, mode),
    port: reader.read('port', 8080, parsePort),
    metricsPort: reader.read('metrics_port', 8081, parsePort),
    readTimeoutMs: milliseconds('read_timeout', 30_000),
    writeTimeoutMs,
    execTimeoutMs: milliseconds('exec_timeout', classic ? 0 : 30_000),
    healthcheckIntervalMs: milliseconds('healthcheck_interval', writeTimeoutMs),
    maxInflight: reader.read('max_inflight', 0, parseCount),
    writeDebug: flag('write_debug', false),
    debugHeaders: flag('debug_headers', false),
    cgiHeaders: flag('cgi_headers', true),
    cgiResponse,
    marshalRequest: flag('marshal_request', false),
    contentType: reader.read(
      'content_type',
      classic ? undefined : 'application/octet-stream',
      parseFieldValue,
    ),
    suppressLock: flag('suppress_lock', false),
    combineOutput,
    functionName: name && namespace ? `${name}.${namespace}` : undefined,
    upstream: readUpstream(reader, mode),
    bufferRequestBody: flag(['http_buffer_req_body', 'buffer_http'], false),
    staticPath: reader.text('static_path') ?? '/home/app/public',
    prefixLogs: reader.read('prefix_logs', true, parseGoBool),
    logLineBytes: reader.read('log_buffer_size', 65_536, parseLineLimit),
    logCallId: flag(['log_callid', 'log_call_id'], false),
    readyPath: reader.read('ready_path', undefined, parsePath),
    prefork: reader.read('prefork', 0, parsePrefork),
    jwt: readJwtConfig(reader, flag),
  };
  if (problems.length > 0) throw new Error(`invalid configuration:\n  ${problems.join('\n  ')}`);
  return Object.freeze(config);
}

function parsePrefork(text: string): number {
  const count = parseCount(text);
  if (count > MOST_PREFORKED) throw new Error(`expected 0 to ${MOST_PREFORKED}`);
  return count;
}

function parseMode(text: string): Mode {
  const mode = MODES.find((known) => known === text);
  if (mode === undefined) throw new Error(`unknown mode; supported: ${MODES.join(', ')}`);
  return mode;
}

function readCommand(reader: EnvReader, mode: Mode): readonly string[] {
  const text = (reader.text('function_process') ?? reader.text('fprocess') ?? '').trim();
  if (mode === 'static') return [];
  if (text === '') {
    reader.problems.push(
      isClassic(mode)
        ? 'Provide a valid process via fprocess environmental variable.'
        : 'provide a "function_process" or "fprocess" environmental variable for your function',
    );
  }
  return text.split(' ');
}

function readUpstream(reader: EnvReader, mode: Mode): Upstream | undefined {
  const problemsBefore = reader.problems.length;
  const upstream = reader.read<Upstream | undefined>(
    ['http_upstream_url', 'upstream_url'],
    undefined,
    parseUpstreamUrl,
  );
  if (mode === 'http' && upstream === undefined && reader.problems.length === problemsBefore) {
    reader.problems.push(
      'upstream_url: mode http needs it: where the process listens, such as http://127.0.0.1:3000',
    );
  }
  return upstream;
}
