import { log } from '../log.ts';
import { type Backoff, backoffMs, startsNow } from './refill.ts';

/** What the pool needs to know of a process that waits for a request. */
export interface PoolProcess {
  readonly pid: number;
  readonly isReady: boolean;
  /** Ends it; nobody is told. */
  end(): void;
}

export interface PoolEvents {
  readonly onReady: () => void;
  readonly onEnded: (end: string, stderr: string) => void;
}

export interface PoolOptions<P extends PoolProcess> {
  /** How many are to wait. */
  readonly size: number;
  readonly cores: number;
  /** @throws when it cannot be started */
  readonly start: (events: PoolEvents) => P;
  readonly timing?: PoolTiming;
}

export interface PoolTiming {
  readonly backoff: Backoff;
  /** While calls run a start waits this long for them to end, so that it does not take the processor from a call just begun. */
  readonly yieldMs: number;
  /** A process that has not said by then that it waits is ended, and counts as one that failed. */
  readonly startLimitMs: number;
  /** When no process ever said so by then, the log says what that means. */
  readonly adviceMs: number;
}

const TIMING: PoolTiming = {
  backoff: { firstMs: 100, mostMs: 30_000 },
  yieldMs: 50,
  startLimitMs: 60_000,
  adviceMs: 10_000,
};

/** Keeps processes waiting for requests: as many as were asked for, never more. */
export class PreforkPool<P extends PoolProcess> {
  readonly #options: PoolOptions<P>;
  readonly #timing: PoolTiming;
  /** Oldest first, each with the timer that ends a start. */
  readonly #processes = new Map<P, ReturnType<typeof setTimeout>>();
  #running = 0;
  #failures = 0;
  #blockedUntil = 0;
  #refill: ReturnType<typeof setTimeout> | undefined;
  #advice: ReturnType<typeof setTimeout> | undefined;
  /** One of them has said that it waits: this program knows how. */
  #isSpoken = false;
  #refillAt = Number.POSITIVE_INFINITY;
  #isClosed = false;

  constructor(options: PoolOptions<P>) {
    this.#options = options;
    this.#timing = options.timing ?? TIMING;
    this.#advice = setTimeout(() => {
      if (!this.#isSpoken && this.#failures === 0)
        log(
          `prefork: no process of fprocess has said within ${this.#timing.adviceMs / 1000}s that it waits for its request on descriptor 3, so every request forks. The program must know how (docs/prefork.md); else remove prefork`,
        );
    }, this.#timing.adviceMs);
    this.#schedule();
  }

  /** Ready, and waiting for a request. */
  get waiting(): number {
    let count = 0;
    for (const process of this.#processes.keys()) if (process.isReady) count++;
    return count;
  }

  get starting(): number {
    return this.#processes.size - this.waiting;
  }

  /**
   * The process that has waited longest; where none waits, the one that has the longest part of its start behind it.
   * Undefined: none is there, or no process of this program ever said that it knows how to wait.
   */
  take(): P | undefined {
    let chosen: P | undefined;
    for (const process of this.#processes.keys()) {
      if (process.isReady) {
        chosen = process;
        break;
      }
      chosen ??= process;
    }
    if (chosen === undefined || !this.#isSpoken) return undefined;
    this.#drop(chosen);
    this.#failures = 0;
    this.#schedule();
    return chosen;
  }

  /** A call is being served, by a process of this pool or any other. */
  callBegan(): void {
    this.#running++;
  }

  callEnded(): void {
    this.#running--;
    if (this.#running === 0) this.#schedule();
  }

  /** Ends what waits, and starts no more. */
  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#refill);
    clearTimeout(this.#advice);
    for (const process of [...this.#processes.keys()]) {
      this.#drop(process);
      process.end();
    }
  }

  #drop(process: P): void {
    clearTimeout(this.#processes.get(process));
    this.#processes.delete(process);
  }

  /** Starts what is missing as soon as that may be. */
  #schedule(): void {
    if (this.#isClosed || this.#processes.size >= this.#options.size) return;
    const now = performance.now();
    const at = Math.max(this.#blockedUntil, now + (this.#running === 0 ? 0 : this.#timing.yieldMs));
    if (at >= this.#refillAt) return;
    clearTimeout(this.#refill);
    this.#refillAt = at;
    this.#refill = setTimeout(() => this.#fill(), at - now);
  }

  #fill(): void {
    this.#refillAt = Number.POSITIVE_INFINITY;
    // Timers are not exact, and a failure may have come since.
    if (this.#blockedUntil > performance.now() + 1) {
      this.#schedule();
      return;
    }
    const { size, cores } = this.#options;
    const state = { size, cores, waiting: this.waiting, starting: this.starting, running: this.#running };
    for (let left = startsNow(state); left > 0 && this.#start(); left--);
  }

  #start(): boolean {
    const started: { process?: P } = {};
    const failed = (end: string, stderr: string): void => {
      const { process } = started;
      if (process !== undefined) this.#drop(process);
      this.#noteFailure(`process ${process?.pid ?? ''} ended while it waited: ${end}`, stderr);
    };
    try {
      const process = this.#options.start({ onReady: () => this.#noteReady(process), onEnded: failed });
      started.process = process;
      const limit = setTimeout(() => {
        this.#drop(process);
        process.end();
        const seconds = this.#timing.startLimitMs / 1000;
        this.#noteFailure(`process ${process.pid} did not say within ${seconds}s that it waits: ended`, '');
      }, this.#timing.startLimitMs);
      this.#processes.set(process, limit);
      return true;
    } catch (error) {
      this.#noteFailure(`cannot start a process: ${(error as Error).message}`, '');
      return false;
    }
  }

  #noteReady(process: P): void {
    clearTimeout(this.#processes.get(process));
    if (!this.#isSpoken) log(`prefork: the first of ${this.#options.size} processes waits`);
    this.#isSpoken = true;
    this.#schedule();
  }

  #noteFailure(what: string, stderr: string): void {
    if (this.#isClosed) return;
    this.#failures++;
    const waitMs = backoffMs(this.#failures, this.#timing.backoff);
    this.#blockedUntil = performance.now() + waitMs;
    log(`prefork: ${what}; the next start in ${waitMs}ms`);
    if (stderr !== '') log(`stderr: ${stderr.trimEnd()}`);
    this.#schedule();
  }
}
