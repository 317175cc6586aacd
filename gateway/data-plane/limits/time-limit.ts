import { ContractError } from '../../../contract/contract-error.ts';
import { parseDurationMs } from '../../../contract/duration.ts';
import { TIMEOUT_ANNOTATION } from '../../../contract/function-annotations.ts';
import { parseTimeout } from '../../../contract/parse-call-limits.ts';

/** What ends a call that takes too long. */
export interface TimeLimit {
  readonly ms: number;
  /** For the caller who is told of it, e.g. `the gateway's upstream_timeout (60 s)`. */
  readonly name: string;
  /** The function's watchdog lets event streams run without this limit: so does the gateway. */
  readonly sparesStreams: boolean;
}

/** So that the watchdog, which knows more, tells of its own limit first. */
const GRACE_MS = 1000;
/** A watchdog's `write_timeout` where the deployment names only its `exec_timeout`. */
const WATCHDOG_WRITE_MS = 30_000;

type Texts = Readonly<Record<string, string>>;

/** The gateway's own limit. */
export function gatewayTimeLimit(upstreamTimeoutMs: number): TimeLimit {
  return {
    ms: upstreamTimeoutMs,
    name: `the gateway's upstream_timeout (${seconds(upstreamTimeoutMs)})`,
    sparesStreams: false,
  };
}

/**
 * A function's own limit where it is shorter than the gateway's: the annotation's, else what the environment tells its
 * watchdog, which gets a second more to answer by itself. The gateway's is never exceeded.
 * @param upstreamTimeoutMs 0: the gateway has none
 * @returns undefined where the gateway's holds
 * @throws nothing: a value that cannot be read is as absent; {@link timeLimitProblem} tells of it
 */
export function functionTimeLimit(
  annotations: Texts,
  envVars: Texts,
  upstreamTimeoutMs: number,
): TimeLimit | undefined {
  const own = annotated(annotations) ?? ofEnvironment(envVars);
  const isShorter = own !== undefined && (upstreamTimeoutMs === 0 || own.ms < upstreamTimeoutMs);
  return isShorter ? own : undefined;
}

/** What is wrong with the annotation, for the log: a deployment would have been refused, `docker service update` is not. */
export function timeLimitProblem(annotations: Texts): string | undefined {
  try {
    parseTimeout(annotations);
    return undefined;
  } catch (error) {
    if (error instanceof ContractError) return error.message;
    throw error;
  }
}

function annotated(annotations: Texts): TimeLimit | undefined {
  if (annotations[TIMEOUT_ANNOTATION] === undefined || timeLimitProblem(annotations) !== undefined)
    return undefined;
  const ms = parseTimeout(annotations);
  if (ms === undefined) return undefined;
  return { ms, name: `its annotation ${TIMEOUT_ANNOTATION} (${seconds(ms)})`, sparesStreams: false };
}

function ofEnvironment(envVars: Texts): TimeLimit | undefined {
  const writeMs = readMs(envVars['write_timeout']);
  const execMs = readMs(envVars['exec_timeout']);
  // 0 switches the watchdog's limit off.
  if (writeMs === 0 || (writeMs === undefined && (execMs === undefined || execMs === 0))) return undefined;
  const write = writeMs ?? WATCHDOG_WRITE_MS;
  const exec = execMs ?? 0;
  const [ms, variable] = exec > write ? [exec, 'exec_timeout'] : [write, 'write_timeout'];
  return {
    ms: ms + GRACE_MS,
    name: `its environment's ${variable} (${seconds(ms)}, and a second for its watchdog to say so)`,
    sparesStreams: true,
  };
}

function readMs(text: string | undefined): number | undefined {
  if (text === undefined || text === '') return undefined;
  try {
    return parseDurationMs(text);
  } catch {
    return undefined; // The variable is the function's own: what it makes of such a value is not ours to know.
  }
}

function seconds(ms: number): string {
  return `${ms / 1000} s`;
}
