import type { CallRecord } from '../call.ts';
import { storedBytes } from '../stored-size.ts';
import type { RecordStore, StoredRecord } from '../worker-queue.ts';
import { KeptMap, type KeptMapOptions } from './kept-map.ts';

export interface MemoryRecordsOptions extends KeptMapOptions {
  /** The next number of all that is written here: what was written later has a higher one. */
  readonly next: () => number;
}

const NOTHING = new Uint8Array(0);

/** What is told of calls. */
export class MemoryRecords implements RecordStore {
  readonly #next: () => number;
  readonly #records: KeptMap<StoredRecord>;
  /** By id. */
  readonly #waiting = new Map<string, Set<() => void>>();

  constructor({ next, ...options }: MemoryRecordsOptions) {
    this.#next = next;
    this.#records = new KeptMap(options);
  }

  get(id: string): StoredRecord | undefined {
    return this.#records.get(id);
  }

  all(): StoredRecord[] {
    return this.#records.values();
  }

  /** @param seen the revision that this replaces, 0: there is none; undefined: whatever there is */
  put(record: CallRecord, seen: number | undefined, body: Uint8Array = NOTHING): number | 'conflict' {
    if (seen !== undefined && seen !== (this.get(record.id)?.revision ?? 0)) return 'conflict';
    const revision = this.#next();
    this.#records.set(record.id, { record, revision, body }, storedBytes(record) + body.length);
    for (const wake of this.#waiting.get(record.id) ?? []) wake();
    return revision;
  }

  async read(id: string): Promise<StoredRecord | undefined> {
    return this.get(id);
  }

  async write(record: CallRecord, seen: number, body?: Uint8Array): Promise<number | 'conflict'> {
    return this.put(record, seen, body);
  }

  /** Resolves with the next change of a call, after so long, or when whoever waits has gone. */
  async changed(id: string, withinMs: number, signal: AbortSignal | undefined): Promise<void> {
    const stir = Promise.withResolvers<void>();
    const wake = (): void => stir.resolve();
    const waiting = this.#waiting.get(id) ?? new Set();
    this.#waiting.set(id, waiting.add(wake));
    const timer = setTimeout(wake, withinMs);
    signal?.addEventListener('abort', wake, { once: true });
    if (signal?.aborted === true) wake();
    await stir.promise;
    clearTimeout(timer);
    signal?.removeEventListener('abort', wake);
    waiting.delete(wake);
    if (waiting.size === 0 && this.#waiting.get(id) === waiting) this.#waiting.delete(id);
  }
}
