import type { Logger } from '../log.ts';

const EVERY_MS = 1000;
/** What was counted longer ago says nothing any more. */
const STALE_MS = 5000;

export interface QueueLoadsOptions {
  /** Calls of each function that wait in the queue or are being run, by `name.namespace`. */
  readonly read: () => Promise<ReadonlyMap<string, number>>;
  readonly logger: Logger;
  /** Between two readings. Default 1 s. */
  readonly everyMs?: number;
  /** Milliseconds; default `performance.now`. */
  readonly now?: () => number;
}

/** Queued calls of functions, read while some function scales on them. While the queue is away the functions keep their replicas. */
export class QueueLoads {
  readonly #options: QueueLoadsOptions;
  readonly #now: () => number;
  #reading: { readonly loads: ReadonlyMap<string, number>; readonly at: number } | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isWanted = false;
  #isRunning = false;
  #isStopped = false;
  #isAway = false;

  constructor(options: QueueLoadsOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
  }

  /** Whether there are functions that scale on it. */
  want(isWanted: boolean): void {
    this.#isWanted = isWanted;
    if (isWanted && !this.#isRunning && !this.#isStopped) void this.#run();
  }

  /** Of a function that has none in the queue: 0. Undefined: the queue was not read lately. @param key `name.namespace` */
  load(key: string): number | undefined {
    const reading = this.#reading;
    if (reading === undefined || this.#now() - reading.at > STALE_MS) return undefined;
    return reading.loads.get(key) ?? 0;
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    const at = this.#now();
    try {
      this.#reading = { loads: await this.#options.read(), at };
      this.#tell(undefined);
    } catch (error) {
      this.#tell(error as Error);
    }
    if (!this.#isWanted || this.#isStopped) {
      this.#isRunning = false;
      return;
    }
    this.#timer = setTimeout(() => void this.#run(), this.#options.everyMs ?? EVERY_MS);
  }

  #tell(failure: Error | undefined): void {
    const { logger } = this.#options;
    if (failure === undefined && this.#isAway) {
      logger.info('the queue can be read again: functions scale on it');
    }
    if (failure !== undefined && !this.#isAway) {
      logger.warn('the queue cannot be read: functions that scale on it keep their replicas', {
        reason: failure.message,
      });
    }
    this.#isAway = failure !== undefined;
  }
}
