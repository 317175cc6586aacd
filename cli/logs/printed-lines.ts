import type { LogMessage } from './log-lines.ts';
import { toSortable } from './merge-logs.ts';

const MOST_KNOWN = 20_000;

/**
 * Tells lines that come a second time, after a break, from new ones. Lines may be the same in everything, time included: they are
 * counted, and no more of them are left out than were printed before the break.
 */
export class PrintedLines {
  readonly #counts = new Map<string, number>();
  /** How often each line may come again on this connection. */
  #expected = new Map<string, number>();
  #isAgain = false;
  /** Oldest time that was printed: what `tail` left out before it is not asked for after a break. */
  #oldest: string | undefined;
  #newestMs: number | undefined;
  readonly #hasFloor: boolean;

  /** @param hasFloor whether lines older than all that was printed are not wanted */
  constructor({ hasFloor }: { readonly hasFloor: boolean }) {
    this.#hasFloor = hasFloor;
  }

  /** Time of the newest line, in milliseconds. */
  get newestMs(): number | undefined {
    return this.#newestMs;
  }

  /** From here on lines come again. */
  reconnect(): void {
    this.#isAgain = true;
    this.#expected = new Map(this.#counts);
  }

  /** Whether the next line of the log is to be printed; it counts as printed then. */
  isNew({ instance, timestamp, text }: LogMessage): boolean {
    const time = toSortable(timestamp);
    const key = `${instance} ${time} ${text}`;
    const expected = this.#expected.get(key) ?? 0;
    if (expected > 0) {
      this.#expected.set(key, expected - 1);
      return false;
    }
    if (this.#isAgain && this.#hasFloor && this.#oldest !== undefined && time < this.#oldest) return false;
    if (this.#oldest === undefined || time < this.#oldest) this.#oldest = time;
    this.#newestMs = Math.max(this.#newestMs ?? 0, Date.parse(timestamp));
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
    for (const old of this.#counts.keys()) {
      if (this.#counts.size <= MOST_KNOWN) break;
      this.#counts.delete(old);
    }
    return true;
  }
}
