// What the parts of the gateway want of the queue. What stores it is an adapter's business.

import type {
  CallBody,
  CallHeaders,
  CallRecord,
  CallResult,
  CallState,
  CallStep,
  ObjectBody,
  QueuedCall,
} from './call.ts';
import type { CallbackRecord } from './callback.ts';

/** A call as a client, a schedule or a chain gives it. */
export interface NewCall {
  readonly acceptedAt: number;
  readonly steps: readonly CallStep[];
  /** The first step's function as the path named it: `name` or `name.namespace`. */
  readonly calledAs?: string | undefined;
  readonly path: string;
  /** Without `X-Call-Id`: who stores it adds the one that it gets. */
  readonly headers: CallHeaders;
  readonly callbackUrl?: string | undefined;
  readonly runAt?: number | undefined;
  readonly body: CallBody;
}

/** Takes calls. Each of these resolves when the call is stored, and not before. */
export interface CallIntake {
  /**
   * A call that nobody has named; it gets an id that says where it is.
   * @returns the id
   * @throws {FaasError} `queue_unavailable`, `queue_full`, `queue_not_served`: nothing was accepted
   */
  accept(call: NewCall): Promise<string>;
  /** A call with the client's own id. An earlier call of the same id runs as it would have, but is not told of any more. */
  acceptAs(id: string, call: NewCall): Promise<void>;
  /**
   * A call with an id that is only ever one call: the first one is accepted.
   * @returns false: it was accepted before, whatever has become of it
   */
  acceptFirst(id: string, call: NewCall): Promise<boolean>;
  /** The same by a key that the client has made up for one call of one function. @returns the id of the call that the key stands for */
  acceptKeyed(key: string, call: NewCall): Promise<{ readonly id: string; readonly isFirst: boolean }>;
  /** A body too long for a message. @param most bytes, before `body_too_large`. Nothing is left behind when it fails. */
  storeBody(body: ReadableStream<Uint8Array>, most: number): Promise<ObjectBody>;
  /** Of a call that was not accepted. Never throws. */
  dropBody(body: ObjectBody): Promise<void>;
}

export interface CallQuery {
  /** `name.namespace` */
  readonly function?: string | undefined;
  readonly state?: CallState | undefined;
  /** 1 to 1000. */
  readonly limit: number;
  /** Of the page before. */
  readonly cursor?: string | undefined;
}

export interface CallPage {
  /** What has changed last comes first. There may be fewer than asked for, or none, though more follow. */
  readonly calls: readonly CallRecord[];
  /** Absent: there are no more. */
  readonly cursor?: string | undefined;
}

/** Of a dead call's last answer: enough to see what went wrong. The whole of it is with the call's record, as long as that is kept. */
export const MOST_RESPONSE_BYTES = 16 * 1024;

/** A call that was tried as often as it may be, kept until somebody sends it again or throws it away. */
export interface DeadLetter {
  /** As it was to be run, at the step at which it died. */
  readonly call: QueuedCall;
  /** As it was then. */
  readonly record: CallRecord | undefined;
  /** Milliseconds since 1970. */
  readonly diedAt: number;
  /** For people. */
  readonly reason: string;
  /** How the last answer's body begins; empty: there was none. */
  readonly response: Uint8Array;
}

export type DeadQuery = Omit<CallQuery, 'state'>;

export interface DeadPage {
  /** The one that died first comes first; without bodies. */
  readonly letters: readonly DeadLetter[];
  /** Absent: there are no more. */
  readonly cursor?: string | undefined;
}

/** Both: the one and the other; none: all. */
export interface DeadFilter {
  readonly id?: string | undefined;
  readonly function?: string | undefined;
}

/** Tells of calls, and changes what becomes of them. Each of these @throws {FaasError} `queue_unavailable` */
export interface CallBook {
  /** Waits for the end of a call that has not ended, for at most `waitMs`. */
  read(
    id: string,
    options?: { readonly waitMs?: number; readonly signal?: AbortSignal },
  ): Promise<CallRecord | undefined>;
  result(
    id: string,
  ): Promise<
    { readonly result: CallResult; readonly body: ReadableStream<Uint8Array> | Uint8Array } | undefined
  >;
  /** How the answer fares on its way to the client's address. @returns undefined: nothing is known of it (yet) */
  callback(id: string): Promise<CallbackRecord | undefined>;
  list(query: CallQuery): Promise<CallPage>;
  cancel(id: string): Promise<'cancelled' | 'ended' | 'unknown'>;
  listDead(query: DeadQuery): Promise<DeadPage>;
  readDead(id: string): Promise<DeadLetter | undefined>;
  /**
   * Sends dead calls again, from the step at which they died: those before have done their work.
   * @param perSecond 0: all at once
   * @returns how many
   */
  redrive(filter: DeadFilter, perSecond: number): Promise<number>;
  /** @returns how many were thrown away */
  purgeDead(filter: DeadFilter): Promise<number>;
}

/** How many calls of a function wait, and how many are being run. */
export interface Backlog {
  /** `name.namespace` */
  readonly function: string;
  readonly queue: string;
  readonly waiting: number;
  readonly running: number;
  /** When the one that waits longest was put into the queue; milliseconds since 1970. Absent: none waits, or it is not known yet. */
  readonly waitingSince?: number;
}

/** What is in the queue. */
export interface QueueView {
  readonly backlogs: readonly Backlog[];
  /** Calls, callbacks and retries whose time has not come. */
  readonly later: number;
  /** Callbacks that wait or are being delivered, by queue. */
  readonly callbacks: ReadonlyMap<string, number>;
  /** Dead letters that are kept, by `name.namespace`. */
  readonly dead: ReadonlyMap<string, number>;
}
