/** What the store has: who wrote it last, and which write it was. */
export interface LeaseRecord {
  /** Empty: given away. */
  readonly holder: string;
  /** No two writes of one holder have the same. */
  readonly renewal: number;
}

export interface StoredLease extends LeaseRecord {
  /** Of the store, for the next write. */
  readonly revision: number;
}

/** Where several agree: one record, replaced only by who has seen it as it is. */
export interface LeaseStore {
  /** @returns undefined: there is none. @throws {Error} when the store cannot be read */
  read(): Promise<StoredLease | undefined>;
  /**
   * @param seen the revision that is to be replaced, 0: there is none
   * @returns the new revision, or `conflict`: another write came before
   * @throws {Error} when nobody knows whether it was written, or the store may have been started anew since it was read: it may
   *   have lost what it had, and `seen` mean another record
   */
  write(record: LeaseRecord, seen: number): Promise<number | 'conflict'>;
}

export interface LeaseOptions {
  /** Of this holder, and no other one, ever. */
  readonly id: string;
  readonly store: LeaseStore;
  /** How long a record must not have changed, as seen from here, before it may be taken. */
  readonly expiresMs: number;
  /** How long a holder believes in its last write, counted from before it was sent: less than `expiresMs`. */
  readonly believedMs: number;
  /** Milliseconds that only grow. */
  readonly now: () => number;
}

/**
 * One of several holds it, at most. No clocks are compared: a holder counts from before its write was sent, everybody else from after
 * they have read that write, so a holder has long ceased to believe when another one may take it.
 */
export class Lease {
  readonly #options: LeaseOptions;
  /** Revision of the record, while it is this one's. */
  #own: number | undefined;
  /** A write that was sent before proves nothing. */
  #provesFrom = Number.NEGATIVE_INFINITY;
  #believedUntil = Number.NEGATIVE_INFINITY;
  #seen: { readonly what: string; readonly sinceMs: number } | undefined;
  #holder = '';
  #renewal = 0;
  /** The record is this one's first, and it has not yet heard that it was written. */
  #isBegunAnew = false;
  #isResigned = false;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: LeaseOptions) {
    this.#options = options;
  }

  /** Whether this one holds it, at this moment. */
  get isHeld(): boolean {
    return !this.#isResigned && this.#options.now() < this.#believedUntil;
  }

  /** Whose it was at the last look; empty: nobody's. */
  get holder(): string {
    return this.#holder;
  }

  /** One look: renews what is held, takes what is free. To be called often. @throws {Error} when the store does not answer */
  step(): Promise<void> {
    return this.#inTurn(() => this.#step());
  }

  /** Gives it away at once, and never takes it again. @throws {Error} when the store does not answer: then it expires */
  resign(): Promise<void> {
    this.#isResigned = true;
    return this.#inTurn(async () => {
      const own = this.#own;
      this.#own = undefined;
      if (own === undefined) return;
      await this.#options.store.write({ holder: '', renewal: ++this.#renewal }, own);
      this.#holder = '';
    });
  }

  async #step(): Promise<void> {
    if (this.#isResigned) return;
    if (this.#own !== undefined && (await this.#write(this.#own))) return;
    const stored = await this.#options.store.read();
    this.#holder = stored?.holder ?? '';
    if (stored === undefined) {
      // The store lost what it had, and somebody else may still believe in it: what is begun anew holds only after their time.
      this.#isBegunAnew = !this.isHeld;
      await this.#write(0);
      return;
    }
    if (stored.holder !== this.#options.id) {
      this.#isBegunAnew = false;
      this.#believedUntil = Number.NEGATIVE_INFINITY;
    }
    const unchangedMs = this.#unchangedMs(stored);
    // One's own name there without its revision here: a write of which no answer came.
    const isFree = stored.holder === '' || stored.holder === this.#options.id;
    if (isFree || unchangedMs >= this.#options.expiresMs) await this.#write(stored.revision);
  }

  #unchangedMs({ revision, renewal, holder }: StoredLease): number {
    const what = `${revision} ${renewal} ${holder}`;
    const now = this.#options.now();
    if (this.#seen?.what !== what) this.#seen = { what, sinceMs: now };
    return now - this.#seen.sinceMs;
  }

  async #write(seen: number): Promise<boolean> {
    const { id, store, expiresMs, believedMs, now } = this.#options;
    const sentMs = now();
    this.#own = undefined;
    const revision = await store.write({ holder: id, renewal: ++this.#renewal }, seen);
    if (revision === 'conflict') return false;
    this.#own = revision;
    this.#holder = id;
    if (this.#isBegunAnew) this.#provesFrom = now() + expiresMs;
    this.#isBegunAnew = false;
    if (sentMs >= this.#provesFrom) this.#believedUntil = sentMs + believedMs;
    return true;
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const turn = this.#turn.then(work);
    this.#turn = turn.catch(() => undefined);
    return turn;
  }
}
