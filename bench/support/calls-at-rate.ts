const TICK_MS = 5;

/** Calls at a rate that may change meanwhile, each at its own time whatever becomes of the others. */
export class CallsAtRate {
  readonly #url: string;
  readonly #left = new AbortController();
  readonly #timer: ReturnType<typeof setInterval>;
  #perSecond = 0;
  #since = performance.now();
  #sent = 0;
  #failures = 0;

  constructor(url: string) {
    this.#url = url;
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
  }

  /** Answers other than 200, and none. */
  get failures(): number {
    return this.#failures;
  }

  /** From now on so many a second, the first one at once. @returns the time of the first one, as `Date.now` */
  set(perSecond: number): number {
    this.#perSecond = perSecond;
    this.#since = performance.now();
    this.#sent = 0;
    const now = Date.now();
    this.#tick();
    return now;
  }

  /** Ends what is under way, too. */
  stop(): void {
    clearInterval(this.#timer);
    this.#left.abort();
  }

  #tick(): void {
    const due = this.#perSecond === 0 ? 0 : 1 + ((performance.now() - this.#since) / 1000) * this.#perSecond;
    for (; this.#sent + 1 <= due; this.#sent++) void this.#call();
  }

  async #call(): Promise<void> {
    try {
      const response = await fetch(this.#url, { method: 'POST', body: 'hi', signal: this.#left.signal });
      await response.arrayBuffer();
      if (response.status !== 200) this.#failures++;
    } catch {
      if (!this.#left.signal.aborted) this.#failures++;
    }
  }
}
