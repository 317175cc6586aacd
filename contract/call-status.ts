// What is told of asynchronous calls, in JSON. Times are RFC 3339, in UTC.

export const CALL_STATES = ['queued', 'running', 'succeeded', 'failed', 'dead', 'cancelled'] as const;
/** The last four are ends; a dead call may be sent again, and is then queued once more. */
export type CallStateName = (typeof CALL_STATES)[number];

/** One attempt that is over. */
export interface CallAttempt {
  /** `name.namespace` */
  readonly function: string;
  /** From 1; each function of a chain begins anew. */
  readonly attempt: number;
  readonly startedAt: string;
  readonly seconds: number;
  /** Absent: no answer came. */
  readonly status?: number;
  readonly error?: string;
}

/** The answer, without its body. */
export interface CallAnswer {
  readonly status: number;
  readonly contentType?: string;
  /** Of the body. */
  readonly bytes: number;
  /** False: the body was longer than what is kept. */
  readonly isKept: boolean;
}

/** How the answer fares on its way to the client's address. */
export interface CallbackStatus {
  readonly url: string;
  /** Absent: there is nothing to deliver yet. */
  readonly state?: 'waiting' | 'delivered' | 'failed';
  readonly attempts?: readonly Omit<CallAttempt, 'function' | 'attempt'>[];
  /** When it is tried again. */
  readonly nextAt?: string;
  readonly endedAt?: string;
}

export interface CallStatus {
  readonly id: string;
  readonly status: CallStateName;
  /** `name.namespace`: the one that is called, or was called last. */
  readonly function: string;
  readonly queue: string;
  /** All functions of a chain, in their order. */
  readonly chain?: readonly string[];
  readonly acceptedAt: string;
  /** Begun last, from 1; 0: none yet. */
  readonly attempt: number;
  /** When the attempt that is running began. */
  readonly startedAt?: string;
  /** When the next one may begin. */
  readonly nextAt?: string;
  readonly endedAt?: string;
  /** Those that are over, the last 20. */
  readonly attempts: readonly CallAttempt[];
  /** Why it ended `failed`, `dead` or `cancelled`. */
  readonly reason?: string;
  /** The last one that came. */
  readonly answer?: CallAnswer;
  readonly callback?: CallbackStatus;
}

export interface CallList {
  /** What has changed last comes first. */
  readonly calls: readonly CallStatus[];
  /** For `?cursor=`; absent: there are no more. */
  readonly cursor?: string;
}

export interface DeadCall {
  readonly id: string;
  /** `name.namespace`: the one that failed. */
  readonly function: string;
  readonly queue: string;
  readonly acceptedAt: string;
  readonly diedAt: string;
  readonly reason: string;
  readonly attempts: readonly CallAttempt[];
  /** What follows the function's name, path and query. */
  readonly path: string;
  /** The last one that came. */
  readonly answer?: CallAnswer;
  /** How its body begins. */
  readonly answerStart?: string;
}

export interface DeadCallList {
  /** The one that died first comes first. */
  readonly deadLetters: readonly DeadCall[];
  readonly cursor?: string;
}
