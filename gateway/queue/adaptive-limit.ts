/** How an attempt went, as far as the function's capacity is concerned. */
export type Load = 'taken' | 'too_many' | 'neither';

/** Given with each start, and back with its end. */
export interface Start {
  readonly atMs: number;
  /** Whether there were as many as the limit allows: only then its end says something of the limit. */
  readonly isAtLimit: boolean;
}

const FIRST_LIMIT = 2;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5000;

/**
 * Learns how many calls at a time a function takes, as TCP learns what a network does: doubles while all goes well, halves when it
 * is told that there are too many, and from then on looks for more by one for each round of calls.
 */
export class AdaptiveLimit {
  readonly #most: number;
  #limit: number;
  #threshold = Number.POSITIVE_INFINITY;
  /** Calls that began before have been answered for already. */
  #halvedAtMs = Number.NEGATIVE_INFINITY;
  #pausedUntilMs = Number.NEGATIVE_INFINITY;
  #pauseMs = FIRST_PAUSE_MS;

  /** @param most calls at a time, ever */
  constructor(most: number) {
    this.#most = most;
    this.#limit = Math.min(FIRST_LIMIT, most);
  }

  /** Calls that may run at a time, now. */
  limitAt(nowMs: number): number {
    return nowMs < this.#pausedUntilMs ? 0 : Math.floor(this.#limit);
  }

  /** Until when none may be started; a time that has gone by: now. */
  get pausedUntilMs(): number {
    return this.#pausedUntilMs;
  }

  /** @param running this one included */
  start(nowMs: number, running: number): Start {
    return { atMs: nowMs, isAtLimit: running >= Math.floor(this.#limit) };
  }

  end({ atMs, isAtLimit }: Start, load: Load, nowMs: number): void {
    if (load === 'taken') {
      this.#pauseMs = FIRST_PAUSE_MS;
      if (!isAtLimit) return;
      const step = this.#limit < this.#threshold ? 1 : 1 / this.#limit;
      this.#limit = Math.min(this.#limit + step, this.#most);
    } else if (load === 'too_many' && atMs >= this.#halvedAtMs) {
      // Even one at a time is too many: others call it, too.
      if (this.#limit < 2) {
        this.#pausedUntilMs = nowMs + this.#pauseMs;
        this.#pauseMs = Math.min(this.#pauseMs * 2, LONGEST_PAUSE_MS);
      }
      this.#limit = Math.max(1, this.#limit / 2);
      this.#threshold = this.#limit;
      this.#halvedAtMs = nowMs;
    }
  }
}
