import { FaasError } from '../../errors.ts';
import { type CallRecord, type CallResult, currentStep, ENDED } from '../call.ts';
import { waitingRecord } from '../call-progress.ts';
import type {
  CallBook,
  CallPage,
  CallQuery,
  DeadFilter,
  DeadLetter,
  DeadPage,
  DeadQuery,
} from '../call-queue.ts';
import type { CallbackRecord } from '../callback.ts';
import { MemoryDead } from './memory-dead.ts';
import type { MemoryStore } from './memory-store.ts';

/** Told of, and by when it has changed last. */
interface Told {
  readonly order: number;
  readonly record: CallRecord;
}

/** What a queue in memory tells of its calls. */
export class MemoryCallBook implements CallBook {
  readonly #store: MemoryStore;
  readonly #dead: MemoryDead;

  constructor(store: MemoryStore) {
    this.#store = store;
    this.#dead = new MemoryDead(store);
  }

  async read(
    id: string,
    { waitMs = 0, signal }: { readonly waitMs?: number; readonly signal?: AbortSignal } = {},
  ): Promise<CallRecord | undefined> {
    const until = performance.now() + waitMs;
    for (;;) {
      const found = this.#look(id);
      const leftMs = until - performance.now();
      if (found === undefined || ENDED.has(found.state) || leftMs <= 0 || signal?.aborted) return found;
      await this.#store.records.changed(id, leftMs, signal);
    }
  }

  async result(
    id: string,
  ): Promise<
    { readonly result: CallResult; readonly body: ReadableStream<Uint8Array> | Uint8Array } | undefined
  > {
    const stored = this.#store.records.get(id);
    const result = stored?.record.result;
    if (stored === undefined || result === undefined || result.kept === 'dropped') return undefined;
    if (result.kept === 'message') return { result, body: stored.body };
    const body = await this.#store.results.open(result.kept);
    return body && { result, body };
  }

  async callback(id: string): Promise<CallbackRecord | undefined> {
    return this.#store.callbackRecords.get(id);
  }

  async list({ function: name, state, limit, cursor }: CallQuery): Promise<CallPage> {
    const below = cursor === undefined ? Number.POSITIVE_INFINITY : parseCursor(cursor);
    const wanted = this.#all()
      .filter(
        ({ order, record }) =>
          order < below &&
          (state === undefined || record.state === state) &&
          (name === undefined || currentStep(record).function === name),
      )
      .sort((a, b) => b.order - a.order);
    const page = wanted.slice(0, limit);
    const last = page.at(-1);
    return {
      calls: page.map(({ record }) => record),
      ...(last !== undefined && wanted.length > limit && { cursor: last.order.toString(36) }),
    };
  }

  async cancel(id: string): Promise<'cancelled' | 'ended' | 'unknown'> {
    const { records } = this.#store;
    const stored = records.get(id);
    const record = this.#look(id);
    if (record === undefined) return 'unknown';
    if (record.state === 'cancelled') return 'cancelled';
    if (ENDED.has(record.state)) return 'ended';
    const { runAt: _over, ...rest } = record;
    records.put(
      { ...rest, state: 'cancelled', endedAt: Date.now(), reason: 'it was cancelled' },
      undefined,
      stored?.body,
    );
    this.#store.cancelled(record.instance);
    return 'cancelled';
  }

  async listDead(query: DeadQuery): Promise<DeadPage> {
    return this.#dead.list(query);
  }

  async readDead(id: string): Promise<DeadLetter | undefined> {
    return this.#dead.find({ id }).at(-1)?.letter;
  }

  async redrive(filter: DeadFilter, perSecond: number): Promise<number> {
    return this.#dead.redrive(filter, perSecond);
  }

  async purgeDead(filter: DeadFilter): Promise<number> {
    return this.#dead.purge(filter);
  }

  #look(id: string): CallRecord | undefined {
    const stored = this.#store.records.get(id);
    if (stored !== undefined) return stored.record;
    const waiting = this.#store.waitingCall(id);
    return waiting && waitingRecord(waiting);
  }

  /** Those that wait for their first attempt have no record; of one that has lost its id to another call nothing is told. */
  #all(): Told[] {
    const { records, lines, later } = this.#store;
    const told: Told[] = records.all().map(({ record, revision }) => ({ order: revision, record }));
    const waiting = [
      ...lines.flatMap(({ calls }) => calls.entries()),
      ...later.entries().flatMap(([seq, item]) => (item.kind === 'call' ? [[seq, item.call] as const] : [])),
    ];
    for (const [order, call] of waiting) {
      if (records.get(call.id) === undefined) told.push({ order, record: waitingRecord(call) });
    }
    return told;
  }
}

function parseCursor(text: string): number {
  if (!/^[0-9a-z]{1,10}$/.test(text))
    throw new FaasError('invalid_request', 'cursor: it is none that came with a page before');
  return Number.parseInt(text, 36);
}
