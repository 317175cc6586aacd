import type { CallRecord } from '../queue/call.ts';
import { bareRecord, fitRecord } from '../queue/fit-record.ts';
import { pause } from '../queue/pause.ts';
import { MOST_STORED_BYTES } from '../queue/stored-size.ts';
import { type StoredRecord, UnreadableRecord, type WorkerQueue } from '../queue/worker-queue.ts';

const FIRST_WAIT_MS = 100;
const LONGEST_WAIT_MS = 2000;

/** Goes on trying while the store is away: what a worker knows of a call is known by nobody else. */
export class Persistence {
  readonly #queue: Pick<WorkerQueue, 'records' | 'failureOf'>;
  readonly #ending = new AbortController();

  constructor(queue: Pick<WorkerQueue, 'records' | 'failureOf'>) {
    this.#queue = queue;
  }

  /** What is tried now is tried for the last time. */
  end(): void {
    this.#ending.abort();
  }

  /** @throws {Error} when this worker ends, or the record is of a newer version */
  read(id: string): Promise<StoredRecord | undefined> {
    return this.try(() => this.#queue.records.read(id));
  }

  /**
   * Written once, even where the answer to a write is lost; of a record that is too long, as much as can be stored.
   * @param seen the revision that this replaces, 0: there is none
   * @param body of the result, for a record that keeps it
   * @throws {Error} when this worker ends
   */
  async write(record: CallRecord, seen: number, body?: Uint8Array): Promise<number | 'conflict'> {
    try {
      return await this.#writeOnce(fitRecord(record, MOST_STORED_BYTES), seen, body);
    } catch (error) {
      if (this.#queue.failureOf(error) !== 'too_long') throw error;
      // That it ended is worth more than how it went.
      return this.#writeOnce(bareRecord(record), seen, body);
    }
  }

  async #writeOnce(record: CallRecord, seen: number, body?: Uint8Array): Promise<number | 'conflict'> {
    const kept = record.result?.kept === 'message' ? body : undefined;
    let isUnsure = false;
    // A refusal, because the disk is full, does not last: what there is to write would be lost with it.
    const written = await this.try(
      async () => {
        try {
          return await this.#queue.records.write(record, seen, kept);
        } catch (error) {
          isUnsure = true;
          throw error;
        }
      },
      { isDespiteRefusals: true },
    );
    if (written !== 'conflict' || !isUnsure) return written;
    const found = await this.read(record.id);
    return found !== undefined && JSON.stringify(found.record) === JSON.stringify(record)
      ? found.revision
      : 'conflict';
  }

  /** @throws {Error} what the server has refused, or when this worker ends */
  async try<T>(work: () => Promise<T>, { isDespiteRefusals = false } = {}): Promise<T> {
    for (let waitMs = FIRST_WAIT_MS; ; waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS)) {
      try {
        return await work();
      } catch (error) {
        if (this.#ending.signal.aborted || error instanceof UnreadableRecord) throw error;
        const failure = this.#queue.failureOf(error);
        if (failure === 'too_long' || (failure === 'refused' && !isDespiteRefusals)) throw error;
      }
      await pause(waitMs, this.#ending.signal);
    }
  }
}
