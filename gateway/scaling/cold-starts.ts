/** How long a function that nothing has started yet is remembered: one that cannot start is asked for again and again. */
const LONGEST_MS = 10 * 60_000;

export interface ColdStartsOptions {
  readonly onBegun: (key: string) => void;
  readonly onReady: (key: string, seconds: number) => void;
  /** Milliseconds; default `performance.now`. */
  readonly now?: () => number;
}

/** Measures from the call that woke a function to its first replica that takes calls. */
export class ColdStarts {
  readonly #options: ColdStartsOptions;
  readonly #now: () => number;
  /** When functions were woken that nobody serves yet. */
  readonly #since = new Map<string, number>();

  constructor(options: ColdStartsOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
  }

  /** @param key `name.namespace` @param askedAt when the call asked for a replica */
  begun(key: string, askedAt: number): void {
    this.#options.onBegun(key);
    this.#since.set(key, askedAt);
  }

  /** Told of every change of the table. */
  observe(key: string, hasReady: boolean): void {
    if (this.#since.size === 0) return;
    const since = this.#since.get(key);
    if (since === undefined) return;
    const tookMs = this.#now() - since;
    if (!hasReady && tookMs < LONGEST_MS) return;
    this.#since.delete(key);
    if (hasReady) this.#options.onReady(key, tookMs / 1000);
  }

  gone(key: string): void {
    this.#since.delete(key);
  }
}
