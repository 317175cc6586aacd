/** A life shorter than this says that the next one may be no longer. */
const SHORT_MS = 5000;
/** So many short lives in a row are enough. */
const MOST_SHORT = 5;
const FIRST_PAUSE_MS = 100;

export type Ending =
  | { readonly kind: 'again'; readonly pauseMs: number }
  /** `hasListened`: one of the lives before served clients. */
  | { readonly kind: 'hopeless'; readonly hasListened: boolean };

/** The processes that have had one place, one after the other: decides whether there will be another, and when. */
export class Lives {
  /** Of the current one. */
  hasSaidHello = false;
  hasTask = false;
  /** Why it ended, in its own words or of who ended it. */
  reason: string | undefined;
  /** Any of them has listened. */
  hasListened = false;
  readonly #now: () => number;
  #count = 0;
  #listeningSince: number | undefined;
  #shortOnes = 0;

  /** @param now milliseconds */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  get isReplacement(): boolean {
    return this.#count > 1;
  }

  begin(): void {
    this.#count++;
    this.hasSaidHello = false;
    this.hasTask = false;
    this.reason = undefined;
    this.#listeningSince = undefined;
  }

  listening(): void {
    this.hasListened = true;
    this.#listeningSince = this.#now();
  }

  end(): Ending {
    const isShort = this.#listeningSince === undefined || this.#now() - this.#listeningSince < SHORT_MS;
    this.#shortOnes = isShort ? this.#shortOnes + 1 : 0;
    // The first one of all that never listens would be followed by others like it.
    if (!this.hasListened || this.#shortOnes >= MOST_SHORT) {
      return { kind: 'hopeless', hasListened: this.hasListened };
    }
    const pauseMs = this.#shortOnes <= 1 ? 0 : FIRST_PAUSE_MS * 2 ** (this.#shortOnes - 2);
    return { kind: 'again', pauseMs };
  }
}
