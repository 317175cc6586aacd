import type { FunctionSnapshot } from '../functions/provider.ts';

const CALM_MS = 1000;
const BUSY_MS = 200;
/** The least between two reads, so that a storm of nudges does not become a storm of reads. */
const LEAST_MS = 50;
/** How long a function that does not settle keeps the poll quick: one that can never start must not do so for ever. */
const BUSY_FOR_MS = 60_000;

export interface TablePollerOptions {
  readonly snapshot: () => Promise<FunctionSnapshot[]>;
  /** `asOf`: when the read began, by `performance.now`. */
  readonly apply: (snapshots: readonly FunctionSnapshot[], asOf: number) => void;
  /** The last read failed, or (undefined) the first one after a failure succeeded. */
  readonly onHealth: (error: Error | undefined) => void;
}

/**
 * Feeds the function table: every second, five times a second while something is starting or changing, and at once
 * after a nudge. One read runs at a time; a read that fails leaves the table as it was.
 */
export class TablePoller {
  readonly #options: TablePollerOptions;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isReading = false;
  #isNudged = false;
  #isStopped = false;
  #busyUntil = 0;
  /** No read begins before. */
  #restUntil = 0;
  #fingerprint = '';
  #failure: Error | undefined;

  constructor(options: TablePollerOptions) {
    this.#options = options;
  }

  /** Reads now and keeps reading. Resolves after the first read, whatever came of it. */
  async start(): Promise<void> {
    await this.#read();
  }

  /** Something may have changed: read soon, and quickly for a while. */
  nudge(): void {
    this.#busyUntil = Date.now() + BUSY_FOR_MS;
    if (this.#isReading) this.#isNudged = true;
    else this.#schedule(this.#restMs());
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }

  #schedule(afterMs: number): void {
    if (this.#isStopped) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#read(), afterMs);
  }

  async #read(): Promise<void> {
    if (this.#isReading || this.#isStopped) return;
    this.#isReading = true;
    this.#isNudged = false;
    const startedAt = performance.now();
    let isSettled = true;
    try {
      const snapshots = await this.#options.snapshot();
      if (this.#isStopped) return;
      isSettled = this.#isSettled(snapshots);
      this.#options.apply(snapshots, startedAt);
      if (this.#failure !== undefined) {
        this.#failure = undefined;
        this.#options.onHealth(undefined);
      }
    } catch (error) {
      const isNews = this.#failure === undefined;
      this.#failure = error as Error;
      if (isNews) this.#options.onHealth(this.#failure);
    } finally {
      this.#isReading = false;
      const now = performance.now();
      // As long as the read itself took: the cluster has at least half of its time for others.
      this.#restUntil = now + Math.min(Math.max(now - startedAt, LEAST_MS), CALM_MS);
    }
    const isBusy = !isSettled && Date.now() < this.#busyUntil;
    this.#schedule(this.#isNudged ? this.#restMs() : Math.max(isBusy ? BUSY_MS : CALM_MS, this.#restMs()));
  }

  #restMs(): number {
    return Math.max(0, this.#restUntil - performance.now());
  }

  /** Every function runs what it is meant to. A change since the last read starts the quick time anew. */
  #isSettled(snapshots: readonly FunctionSnapshot[]): boolean {
    const fingerprint = snapshots
      .map(({ ref, desired, replicas }) => {
        const running = replicas.filter(({ isRunning }) => isRunning).length;
        return `${ref.name}.${ref.namespace} ${desired} ${running} ${replicas.map(({ id }) => id).join()}`;
      })
      .join('\n');
    if (fingerprint !== this.#fingerprint) {
      this.#fingerprint = fingerprint;
      this.#busyUntil = Date.now() + BUSY_FOR_MS;
    }
    return snapshots.every(
      ({ desired, replicas }) => replicas.filter(({ isRunning }) => isRunning).length === desired,
    );
  }
}
