// What an asynchronous call is, as it waits and as it is told of. Plain data: it is stored, and read by other processes and versions.

/** `[name, value, …]`, as they came; bytes as latin1. */
export type CallHeaders = readonly string[];

/** How often a call that failed is tried again; what is absent is the queue worker's own setting. */
export interface RetryRules {
  /** Retries after the first attempt, 0 or more. */
  readonly retries?: number;
  /** Statuses of the function that are retried. */
  readonly codes?: readonly number[];
  readonly minWaitMs?: number;
  readonly maxWaitMs?: number;
}

/** One function of a call: most have one, a chain has several, each fed with the result of the one before. */
export interface CallStep {
  /** `name.namespace` */
  readonly function: string;
  /** Of the queue whose workers run it. */
  readonly queue: string;
  readonly retry?: RetryRules;
}

/** A body that is too long to travel in the message. */
export interface ObjectBody {
  /** In the store of bodies. */
  readonly name: string;
  readonly bytes: number;
}

export type CallBody = Uint8Array | ObjectBody;

/** A call as it waits to be run. */
export interface QueuedCall {
  /** As `X-Call-Id` has it. */
  readonly id: string;
  /** Of this acceptance: a client may give one id to several calls, each of which is run. */
  readonly instance: string;
  /** Milliseconds since 1970. */
  readonly acceptedAt: number;
  readonly steps: readonly CallStep[];
  /** The first step's function as the path named it: `name` or `name.namespace`. */
  readonly calledAs?: string | undefined;
  /** Which of them is to be run, from 0. */
  readonly step: number;
  /** Of the attempt that is to be made, from 1; each step begins anew. */
  readonly attempt: number;
  /** What follows the function's name, path and query, always beginning with `/`. */
  readonly path: string;
  /** The client's, with `X-Call-Id` and `X-Start-Time`, without those of one connection; a later step has only what it needs. */
  readonly headers: CallHeaders;
  readonly callbackUrl?: string | undefined;
  /** Not before; milliseconds since 1970. */
  readonly runAt?: number | undefined;
  /** Of the call's record, as whoever stored this last has left it; 0: there is none yet. */
  readonly revision: number;
  readonly body: CallBody;
}

export type CallState = 'queued' | 'running' | 'succeeded' | 'failed' | 'dead' | 'cancelled';

/** None of these changes any more; a dead call may be sent again, and is then another one of the same id. */
export const ENDED: ReadonlySet<CallState> = new Set<CallState>(['succeeded', 'failed', 'dead', 'cancelled']);

/** One attempt that is over. */
export interface Attempt {
  readonly step: number;
  readonly attempt: number;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  readonly seconds: number;
  /** Absent: no answer came. */
  readonly status?: number;
  /** Why there was no answer, or in what way it was none of the function's. */
  readonly error?: string;
}

/** The function's answer. */
export interface CallResult {
  readonly status: number;
  readonly headers: CallHeaders;
  /** Of the body, as the function gave it. */
  readonly bytes: number;
  /** `message`: with the record; an object: in the store of results; `dropped`: it was longer than what is kept. */
  readonly kept: 'message' | 'dropped' | ObjectBody;
}

/**
 * What is known of a call. It is the one place that decides: each change replaces the record that was read, or fails. None is written
 * for a call that waits for its first attempt, unless its id is not the queue's own.
 */
export interface CallRecord {
  readonly id: string;
  readonly instance: string;
  readonly state: CallState;
  readonly acceptedAt: number;
  readonly steps: readonly CallStep[];
  readonly step: number;
  /** Begun last, from 1; 0: none yet. */
  readonly attempt: number;
  /** The message that is being run, by its sequence: another copy of the same call is not. */
  readonly message?: number;
  /** When the attempt that is running began. */
  readonly startedAt?: number;
  /** When the next one may begin. */
  readonly runAt?: number;
  readonly endedAt?: number;
  /** Those that are over, the last 20. */
  readonly attempts: readonly Attempt[];
  /** Why it ended `failed`, `dead` or `cancelled`, for people. */
  readonly reason?: string;
  /** The last answer: of the function that ended it, or of the last attempt that failed. */
  readonly result?: CallResult;
  readonly callbackUrl?: string;
  /** Sequence of its dead letter. */
  readonly deadLetter?: number;
}

/** Attempts that a record tells of. */
export const MOST_ATTEMPTS_TOLD = 20;
/** Longest body that travels in a message, input and result alike: NATS counts headers into its 1 MiB. */
export const MOST_INLINE_BYTES = 512 * 1024;
/** Longest headers of a call or a result, as they are stored: JetStream takes 64 KiB of facts with a message. */
export const MOST_HEADER_BYTES = 40 * 1024;
/** Queue of functions that do not say which. */
export const DEFAULT_QUEUE = 'faas-request';

/** The step that a call is at. @throws {Error} when there is none: what was stored is broken */
export function currentStep({ steps, step }: Pick<QueuedCall, 'steps' | 'step'>): CallStep {
  const found = steps[step];
  if (found === undefined) throw new Error(`a call has no step ${step}`);
  return found;
}
