// The answer of a call on its way to whoever wants it. Plain data: it is stored, and read by other processes and versions.

import type { CallBody, CallHeaders } from './call.ts';

/** A result that is to be posted to the client's address, as it waits. */
export interface QueuedCallback {
  /** Of the call. */
  readonly id: string;
  readonly instance: string;
  /** Of the queue whose workers post it. */
  readonly queue: string;
  /** As the client wrote it. */
  readonly url: string;
  /** `name.namespace` */
  readonly function: string;
  /** As the client named it, where that is known. */
  readonly calledAs?: string | undefined;
  /** Of the function; 503: it could not be called. */
  readonly status: number;
  /** The function's answer, without those of one connection. */
  readonly headers: CallHeaders;
  /** An object is in the store of results. */
  readonly body: CallBody;
  /** The answer was longer than what is kept, and had so many bytes: the body is empty. */
  readonly droppedBytes?: number | undefined;
  /** How long the function ran, the last time. */
  readonly seconds: number;
  /** Retries of the call that were made, and that there could have been. */
  readonly retries: number;
  readonly mostRetries: number;
  /** When the call ended, milliseconds since 1970. */
  readonly endedAt: number;
  /** Of the delivery that is to be made, from 1. */
  readonly attempt: number;
  /** Not before; milliseconds since 1970. */
  readonly runAt?: number | undefined;
}

/** One try to deliver it. */
export interface CallbackAttempt {
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  readonly seconds: number;
  /** Absent: no answer came. */
  readonly status?: number;
  readonly error?: string;
}

/** How a call's callback fares: told beside the call's own record. */
export interface CallbackRecord {
  readonly id: string;
  readonly instance: string;
  readonly state: 'waiting' | 'delivered' | 'failed';
  /** The last 20. */
  readonly attempts: readonly CallbackAttempt[];
  /** When the next one is made. */
  readonly runAt?: number;
  readonly endedAt?: number;
}
