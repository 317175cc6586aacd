import { closeSync, ftruncateSync, openSync } from 'node:fs';
import { decideRate, type RateDecision, type RateRule } from './rate.ts';

/** Numbers in the file: enough for every address that the functions' network has, and every function. */
export const SLOTS = 131_072;
/** Slots that are no function's and no replica's: calls in flight over all functions, and calls that wait for a replica. */
export const GATEWAY_SLOT = 0;
export const WAITING_SLOT = 1;
export const FIRST_FREE_SLOT = 2;
const BYTES_PER_COUNT = 4;
const BYTES_PER_BUCKET = 8;
/** Times are told from here on, in microseconds: small enough for a double to tell their fractions. */
const EPOCH_MS = Date.UTC(2026, 0, 1);

/** How the memory is divided: a bucket for each slot, then for each worker a row of counts. */
export interface CountsShape {
  readonly workers: number;
  readonly slots: number;
}

/**
 * Counts of what is in flight and buckets of rates, shared by the workers through one file that each of them maps. Each worker
 * counts in a row of its own, so that the counts of one that died can be cleared; a limit holds for the sum of the rows.
 * A slot is a function's or a replica's as long as the control process says so (see `slots.ts`).
 */
export class SharedCounts {
  readonly #counts: Int32Array<ArrayBuffer>;
  readonly #buckets: BigInt64Array<ArrayBuffer>;
  readonly #workers: number;
  readonly #slots: number;
  /** Where the row of this worker begins. */
  readonly #own: number;
  readonly #bits = new BigInt64Array(1);
  readonly #double = new Float64Array(this.#bits.buffer);
  readonly #nowMs: () => number;

  /** @param worker the row of this process, from 0 */
  constructor(
    memory: ArrayBuffer,
    { workers, slots }: CountsShape,
    worker: number,
    nowMs: () => number = Date.now,
  ) {
    if (memory.byteLength < bytesOf({ workers, slots }) || worker < 0 || worker >= workers) {
      throw new RangeError(`no row ${worker} of ${workers} in ${memory.byteLength} bytes`);
    }
    this.#buckets = new BigInt64Array(memory, 0, slots);
    this.#counts = new Int32Array(memory, slots * BYTES_PER_BUCKET, slots * workers);
    this.#workers = workers;
    this.#slots = slots;
    this.#own = worker * slots;
    this.#nowMs = nowMs;
  }

  /** Counts one more in the slot unless it has `limit` already. To be followed by one `leave`. */
  tryEnter(slot: number, limit: number): boolean {
    // Counted before it is compared: of two that enter at once, at least one sees both.
    Atomics.add(this.#counts, this.#own + slot, 1);
    if (this.count(slot) <= limit) return true;
    this.leave(slot);
    return false;
  }

  leave(slot: number): void {
    Atomics.sub(this.#counts, this.#own + slot, 1);
  }

  /** In all workers. */
  count(slot: number): number {
    let sum = 0;
    for (let at = slot, row = 0; row < this.#workers; row++, at += this.#slots) {
      sum += Atomics.load(this.#counts, at);
    }
    return sum;
  }

  /** Takes one from the slot's bucket, if the rate allows it now. */
  take(slot: number, rule: RateRule): RateDecision {
    const nowMicros = (this.#nowMs() - EPOCH_MS) * 1000;
    for (;;) {
      const before = Atomics.load(this.#buckets, slot);
      this.#bits[0] = before;
      const decision = decideRate(rule, this.#double[0] ?? 0, nowMicros);
      if (!decision.isAllowed) return decision;
      this.#double[0] = decision.fullAtMicros;
      if (Atomics.compareExchange(this.#buckets, slot, before, this.#bits[0] ?? 0n) === before)
        return decision;
    }
  }

  /** Nothing is in flight in the row of a worker that died. */
  clearWorker(worker: number): void {
    const from = worker * this.#slots;
    for (let at = from; at < from + this.#slots; at++) Atomics.store(this.#counts, at, 0);
  }

  /** The slot gets another owner: its bucket is full, and nothing is in flight. */
  clearSlot(slot: number): void {
    Atomics.store(this.#buckets, slot, 0n);
    for (let row = 0; row < this.#workers; row++) Atomics.store(this.#counts, row * this.#slots + slot, 0);
  }
}

function bytesOf({ workers, slots }: CountsShape): number {
  return slots * (BYTES_PER_BUCKET + workers * BYTES_PER_COUNT);
}

/** Counts of one process by itself. */
export function privateCounts(slots: number = SLOTS, nowMs?: () => number): SharedCounts {
  const shape = { workers: 1, slots };
  return new SharedCounts(new ArrayBuffer(bytesOf(shape)), shape, 0, nowMs);
}

/** Makes the file, all zeros; it takes no space before it is used. @throws the file system's error */
export function createCountsFile(path: string, workers: number, slots: number = SLOTS): void {
  const file = openSync(path, 'wx', 0o600);
  try {
    ftruncateSync(file, bytesOf({ workers, slots }));
  } finally {
    closeSync(file);
  }
}

/** Maps the file as one of its workers. @throws the file system's error, or a RangeError when the file has another shape */
export function openCountsFile(
  path: string,
  shape: { readonly workers: number; readonly worker: number; readonly slots?: number },
): SharedCounts {
  const { workers, worker, slots = SLOTS } = shape;
  const bytes = Bun.mmap(path, { shared: true });
  if (!(bytes.buffer instanceof ArrayBuffer) || bytes.byteOffset !== 0)
    throw new RangeError(`${path}: mapped oddly`);
  return new SharedCounts(bytes.buffer, { workers, slots }, worker);
}
