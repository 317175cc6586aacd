// What who runs calls wants of the queue. What stores it is an adapter's business.

import type { CallRecord, ObjectBody, QueuedCall } from './call.ts';
import type { DeadLetter } from './call-queue.ts';
import type { CallbackRecord, QueuedCallback } from './callback.ts';
import type { LaneSource } from './lanes.ts';

export interface StoredRecord {
  readonly record: CallRecord;
  /** Of the record, for the next write. */
  readonly revision: number;
  /** The result's body, where it is kept with the record. */
  readonly body: Uint8Array;
}

/** There is a record that this version cannot read. */
export class UnreadableRecord extends Error {
  override readonly name = 'UnreadableRecord';
}

/** The records of calls: each is replaced only by who has seen it as it is. */
export interface RecordStore {
  /** @returns undefined: there is none. @throws {UnreadableRecord} @throws {Error} when the store does not answer */
  read(id: string): Promise<StoredRecord | undefined>;
  /**
   * @param seen the revision that this replaces, 0: there is none
   * @param body of the result, when the record says that it is kept in the message
   * @returns the new revision, or `conflict`: it is another one by now, or has been forgotten
   * @throws {Error} when nobody knows whether it was written
   */
  write(record: CallRecord, seen: number, body?: Uint8Array): Promise<number | 'conflict'>;
}

/** `too_long`: what was to be stored will be so the next time, too; `unknown`: the store does not answer. */
export type StoreFailure = 'too_long' | 'refused' | 'unknown';

/** What follows from an attempt. Each takes an id by which the store may know what it has had already; each @throws {Error} what the store says */
export interface FollowUpStore {
  /** To be run at its `runAt`. */
  later(call: QueuedCall, messageId: string): Promise<void>;
  /** To be run as soon as somebody can. Of a function's answer it has headers, which may be too long. */
  now(call: QueuedCall, messageId: string): Promise<void>;
  /** @returns the sequence of the letter */
  dead(letter: DeadLetter, messageId: string): Promise<number>;
  callback(callback: QueuedCallback, messageId: string): Promise<void>;
}

/** Bodies that are too long for a message. Each of these @throws {Error} what the store says */
export interface BodyStore {
  /**
   * Reads on when what was read is stored. Nothing is left behind when it fails.
   * @param most bytes. @throws {FaasError} `body_too_large`
   */
  put(body: ReadableStream<Uint8Array>, most: number): Promise<ObjectBody>;
  /** @returns undefined: it is not there (any more) */
  open(body: ObjectBody): Promise<ReadableStream<Uint8Array> | undefined>;
  /** One that is not there is no error. */
  drop(body: ObjectBody): Promise<void>;
}

/** Callbacks that are to be posted again, and how they fare. Each of these may be done twice; each @throws {Error} what the store says */
export interface CallbackKeeper {
  /** To be posted at its `runAt`. @param from sequence of the message that this replaces */
  sendLater(callback: QueuedCallback, from: number): Promise<void>;
  /** How it fares, whatever was told before. */
  tell(record: CallbackRecord): Promise<void>;
  /** @returns undefined: nothing is known of one */
  told(id: string): Promise<CallbackRecord | undefined>;
}

/** A call that this worker was given, and has to say something of until it is done with. */
export interface Delivery {
  readonly call: QueuedCall;
  /** Of its message. */
  readonly seq: number;
  /** How often it was given to somebody, this time included. */
  readonly deliveries: number;
  /** It is done with, and goes. */
  ack(): void;
  /** It is not done with, and may be given to another one after so long. */
  refuse(delayMs: number): void;
  /** Somebody else may be at it: it is given to somebody again soon, unless that one says meanwhile that it works on it. */
  doubt(): void;
  /** Says nothing of it any more: it is given to another one after a while. */
  abandon(): void;
}

/** A callback that this worker was given, and has to say something of until it is done with. */
export interface CallbackDelivery {
  readonly callback: QueuedCallback;
  /** Of its message. */
  readonly seq: number;
  /** It is done with, and goes. */
  ack(): void;
  /** Another one may have it at once. */
  refuse(): void;
  /** Says nothing of it any more: it is given to another one after a while. */
  abandon(): void;
}

/** Who is given calls. */
export interface CallTaker {
  /** There are calls of this function, or may be: they come as they are asked for. Undefined: there are none any more. */
  readonly onFunction: (name: string, source: LaneSource | undefined) => void;
  /** @param hasMore whether others of its function wait behind it */
  readonly onCall: (name: string, delivery: Delivery, hasMore: boolean) => void;
  /** By function, at each look. */
  readonly onWaiting: (waiting: ReadonlyMap<string, number>) => void;
}

export interface CallFeed {
  start(): void;
  /** Asks for no more; calls that are on their way are still given. Those that are there are kept until they are done with. */
  drain(): Promise<void>;
  stop(): Promise<void>;
}

export interface CallbackTaker {
  readonly onCallback: (delivery: CallbackDelivery) => void;
  /** As many more are wanted now. */
  readonly room: () => number;
}

export interface CallbackFeed extends CallFeed {
  /** Asks for what there is room for: to be called when there is more of it. */
  ask(): void;
}

/** The queue as a worker has it. */
export interface WorkerQueue {
  readonly records: RecordStore;
  readonly followUps: FollowUpStore;
  /** Bodies of calls. */
  readonly inputs: BodyStore;
  readonly results: BodyStore;
  readonly callbacks: CallbackKeeper;
  failureOf(error: unknown): StoreFailure;
  feedCalls(taker: CallTaker): CallFeed;
  feedCallbacks(taker: CallbackTaker): CallbackFeed;
  /** @param listener is told the instance of each call that somebody has cancelled */
  onCancelled(listener: (instance: string) => void): void;
  /** Begins to move what is due, and to remove what nobody needs. */
  keepUp(): { stop(): Promise<void> };
}
