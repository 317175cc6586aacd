// How a call ended, as it waits to be told to the URL that its client gave.

import type { CallBody, CallHeaders } from './call.ts';

/** What a worker leaves for whoever delivers callbacks. */
export interface QueuedCallback {
  /** As `X-Call-Id` has it. */
  readonly id: string;
  readonly instance: string;
  readonly url: string;
  /** `name.namespace`, of the step that ended the call. */
  readonly function: string;
  /** Of the queue whose workers deliver it. */
  readonly queue: string;
  /** Of the last answer; 503: nobody answered. */
  readonly status: number;
  /** Of the last answer, without those of one connection. */
  readonly headers: CallHeaders;
  /** How long the last attempt took. */
  readonly seconds: number;
  /** Retries of the call that were made, and how many may be: equal when it was given up. */
  readonly retries: number;
  readonly mostRetries: number;
  /** Milliseconds since 1970. */
  readonly endedAt: number;
  /** Of the delivery that is to be tried, from 1. */
  readonly attempt: number;
  /** Not before; milliseconds since 1970. */
  readonly runAt?: number | undefined;
  /** Of the last answer; an object is in the store of results. Empty where it was longer than what is kept. */
  readonly body: CallBody;
}
