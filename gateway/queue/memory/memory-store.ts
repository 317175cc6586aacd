import { currentStep, MOST_HEADER_BYTES, type QueuedCall } from '../call.ts';
import { type FirstPlace, placeOf } from '../call-id.ts';
import { waitingRecord } from '../call-progress.ts';
import type { CallbackRecord, QueuedCallback } from '../callback.ts';
import { keptHeaders } from '../kept-headers.ts';
import type { QueueLimits } from '../queue-limits.ts';
import { DeadShelf } from './dead-shelf.ts';
import { bytesOf, callbackBytes, owned } from './item-bytes.ts';
import { KeptMap } from './kept-map.ts';
import { type LaterItem, LaterItems } from './later-items.ts';
import { Line } from './line.ts';
import { MemoryBodies } from './memory-bodies.ts';
import { MemoryRecords } from './memory-records.ts';
import { Room } from './room.ts';

/** The call that an idempotency key stands for. */
export interface KeyedCall {
  readonly id: string;
  /** By which another call under the same key is known. */
  readonly print: string;
}

/** Calls of one function. */
export interface CallLine {
  /** `name.namespace` */
  readonly function: string;
  /** Of the call that came last. */
  queue: string;
  readonly calls: Line<QueuedCall>;
}

const MIB = 1024 * 1024;
/** For a laptop: little, beside the functions that are called. */
export const MEMORY_LIMITS: QueueLimits = {
  queueBytes: 64 * MIB,
  laterBytes: 32 * MIB,
  bodyBytes: 64 * MIB,
  recordBytes: 64 * MIB,
  resultBytes: 64 * MIB,
  resultTtlMs: 24 * 3_600_000,
  deadBytes: 32 * MIB,
  keyTtlMs: 24 * 3_600_000,
};

/** Where a call is; absent line: it is to be run later. */
interface Place {
  readonly seq: number;
  readonly line?: CallLine['calls'];
}

const KEY_BYTES = 8 * MIB;
const CALLBACK_RECORD_BYTES = 8 * MIB;
/** As long as JetStream refuses what it has had. */
const DUPLICATE_WINDOW_MS = 120_000;

/** Everything that a queue in memory has. Whatever is done to it is done at once, so nobody sees half of it. */
export class MemoryStore {
  readonly records: MemoryRecords;
  readonly callbackRecords: KeptMap<CallbackRecord>;
  readonly keys: KeptMap<KeyedCall>;
  /** Instances of calls that run once, and are not told of. */
  readonly untold: KeptMap<true>;
  readonly inputs: MemoryBodies;
  readonly results: MemoryBodies;
  readonly dead: DeadShelf;
  readonly later = new LaterItems(Date.now);
  readonly callbacks = new Line<QueuedCallback>();
  readonly rooms: Readonly<Record<FirstPlace, Room>>;
  /** Nothing new is taken any more. */
  isClosed = false;
  /** Told of each function that is called for the first time. */
  onLine: (line: CallLine) => void = () => undefined;
  readonly #lines = new Map<string, CallLine>();
  /** Of calls that wait, by instance. */
  readonly #places = new Map<string, Place>();
  readonly #cancelListeners: ((instance: string) => void)[] = [];
  #last = 0;

  constructor(limits: QueueLimits) {
    const now = (): number => performance.now();
    const { resultTtlMs: ttlMs, keyTtlMs, recordBytes, bodyBytes, resultBytes } = limits;
    this.records = new MemoryRecords({ mostBytes: recordBytes, ttlMs, now, next: () => this.next() });
    this.callbackRecords = new KeptMap({ mostBytes: CALLBACK_RECORD_BYTES, ttlMs, now });
    this.keys = new KeptMap({ mostBytes: KEY_BYTES, ttlMs: keyTtlMs, now });
    this.untold = new KeptMap({ mostBytes: KEY_BYTES, ttlMs: DUPLICATE_WINDOW_MS, now });
    this.inputs = new MemoryBodies({ mostBytes: bodyBytes, whenFull: 'refuses', now });
    this.results = new MemoryBodies({ mostBytes: resultBytes, whenFull: 'forgets', now });
    this.dead = new DeadShelf(limits.deadBytes);
    this.rooms = { queue: new Room(limits.queueBytes), later: new Room(limits.laterBytes) };
  }

  /** Of all that is stored: what comes later has a higher one. */
  next(): number {
    this.#last += 1;
    return this.#last;
  }

  get lines(): readonly CallLine[] {
    return [...this.#lines.values()];
  }

  /** Calls and callbacks that nobody has run. */
  get left(): number {
    return this.lines.reduce((sum, { calls }) => sum + calls.size, this.later.size + this.callbacks.size);
  }

  /** Calls whose place is known: those that wait or run. */
  get placesKnown(): number {
    return this.#places.size;
  }

  /** @throws {FaasError} `queue_full` */
  pushCall(call: QueuedCall, seq = this.next()): void {
    const { function: name, queue } = currentStep(call);
    const { queue: room } = this.rooms;
    const own = owned(call);
    const taken = room.take(bytesOf(own));
    const line = this.#lineOf(name, queue).calls;
    const onGone = (): void => {
      room.give(taken);
      this.#left(own, seq);
    };
    this.#places.set(own.instance, { seq, line });
    line.push(seq, own, { at: Date.now(), onGone });
  }

  /** @throws {FaasError} `queue_full` */
  pushCallback(callback: QueuedCallback): void {
    const { queue: room } = this.rooms;
    const own = { ...callback, headers: keptHeaders(callback.headers, MOST_HEADER_BYTES) };
    const taken = room.take(callbackBytes(own));
    this.callbacks.push(this.next(), own, { at: Date.now(), onGone: () => room.give(taken) });
  }

  /** To be run at its `runAt`. @throws {FaasError} `queue_full` */
  addLater(item: LaterItem, seq = this.next()): void {
    const { later: room } = this.rooms;
    if (item.kind === 'callback') {
      const taken = room.take(callbackBytes(item.callback));
      this.later.add(seq, item, () => room.give(taken));
      return;
    }
    const call = owned(item.call);
    const taken = room.take(bytesOf(call));
    this.#places.set(call.instance, { seq });
    this.later.add(seq, { kind: 'call', call }, () => {
      room.give(taken);
      this.#left(call, seq);
    });
  }

  /** Begins to move what is due to where it is run. */
  startMoving(): void {
    this.later.start((item, seq) => {
      if (item.kind === 'callback') this.pushCallback(item.callback);
      else this.#moveCall(item.call, seq);
    });
  }

  /** A call without a record, where its id says that it is. */
  waitingCall(id: string): QueuedCall | undefined {
    const where = placeOf(id);
    if (where === undefined) return undefined;
    const { sequence: seq } = where;
    const item = this.later.get(seq);
    if (item?.kind === 'call' && item.call.id === id) return item.call;
    for (const { calls } of this.lines) {
      const call = calls.get(seq);
      if (call?.id === id) return call;
    }
    return undefined;
  }

  /** Of each dead letter. */
  deadFunctions(): string[] {
    return this.dead.entries().map(([, { call }]) => currentStep(call).function);
  }

  onCancelled(listener: (instance: string) => void): void {
    this.#cancelListeners.push(listener);
  }

  /** Nobody is to run it any more: whoever does ends that. */
  cancelled(instance: string): void {
    for (const listener of this.#cancelListeners) listener(instance);
    const { seq, line } = this.#places.get(instance) ?? {};
    if (seq === undefined) return;
    if (line === undefined) {
      const item = this.later.get(seq);
      if (item?.kind === 'call') this.dropInput(item.call);
      this.later.remove(seq);
    } else if (line.isWaiting(seq)) {
      const call = line.get(seq);
      if (call !== undefined) this.dropInput(call);
      line.remove(seq);
    }
  }

  dropInput({ body }: QueuedCall): void {
    if (!(body instanceof Uint8Array)) void this.inputs.drop(body);
  }

  /** Removes bodies that no call has. @param youngMs one that was stored since may be of a call that is being accepted */
  sweep(youngMs: number): number {
    const needed = new Set<string>();
    const need = ({ body }: QueuedCall): void => {
      if (!(body instanceof Uint8Array)) needed.add(body.name);
    };
    for (const { calls } of this.lines) for (const [, call] of calls.entries()) need(call);
    for (const [, item] of this.later.entries()) if (item.kind === 'call') need(item.call);
    for (const [, letter] of this.dead.entries()) need(letter.call);
    return this.inputs.dropUnless((name) => needed.has(name), performance.now() - youngMs);
  }

  /** Nothing happens by itself any more. */
  close(): void {
    this.isClosed = true;
    this.later.stop();
    this.callbacks.stop();
    for (const { calls } of this.lines) calls.stop();
  }

  #left({ instance }: QueuedCall, seq: number): void {
    // It may have gone on to somewhere else.
    if (this.#places.get(instance)?.seq === seq) this.#places.delete(instance);
  }

  #moveCall(call: QueuedCall, seq: number): void {
    const first = placeOf(call.id);
    const isFirst = first?.place === 'later' && first.sequence === seq && first.instance === call.instance;
    this.rooms.queue.check(bytesOf(call));
    const revision = isFirst && call.revision === 0 ? this.#firstRecord(call) : call.revision;
    this.pushCall({ ...call, revision });
  }

  /** The call leaves the place that its id tells of, so from here on a record tells of it. */
  #firstRecord(call: QueuedCall): number {
    const written = this.records.put(waitingRecord(call), 0);
    if (written !== 'conflict') return written;
    const found = this.records.get(call.id);
    // Another call has taken the id, and is told of; this one runs as it would have.
    return found?.record.instance === call.instance ? found.revision : 0;
  }

  #lineOf(name: string, queue: string): CallLine {
    const known = this.#lines.get(name);
    if (known !== undefined) {
      known.queue = queue;
      return known;
    }
    const made: CallLine = { function: name, queue, calls: new Line() };
    this.#lines.set(name, made);
    this.onLine(made);
    return made;
  }
}
