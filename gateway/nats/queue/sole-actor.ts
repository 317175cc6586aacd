import type { Logger } from '../../log.ts';
import { pause } from '../../queue/pause.ts';
import { Lease } from '../lease.ts';
import { LeaseBucket } from '../lease-bucket.ts';
import type { NatsLink } from '../nats-link.ts';

export interface SoleActorOptions {
  readonly link: Pick<NatsLink, 'connection'>;
  /** {@link QueueNames.leases} */
  readonly bucket: string;
  /** What is to be done by one alone, e.g. `mover`. */
  readonly key: string;
  /** Of this process in this run: no other one has ever had it. */
  readonly id: string;
  readonly logger: Logger;
  /** Runs while the lease is held, and is called again when it has ended before. What it throws is told, and it is called again. */
  readonly act: (signal: AbortSignal) => Promise<void>;
}

/** How often the lease is looked at, and renewed. */
const LOOK_MS = 500;
const ANSWER_MS = 1000;
const WATCH_MS = 250;
const EXPIRES_MS = 3000;
/** One that is cut off stops well before another one begins. */
const BELIEVED_MS = 2000;
const COMPLAINT_EVERY_MS = 60_000;

/** One of several processes does this, and another one when that one is gone. */
export class SoleActor {
  readonly #options: SoleActorOptions;
  readonly #lease: Lease;
  readonly #stopping = new AbortController();
  #running: Promise<void> | undefined;
  #acting: { readonly ending: AbortController; readonly done: Promise<void> } | undefined;
  #complainedAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: SoleActorOptions) {
    this.#options = options;
    const { link, bucket, key, id } = options;
    this.#lease = new Lease({
      id,
      store: new LeaseBucket({ link, bucket, key, timeoutMs: ANSWER_MS }),
      expiresMs: EXPIRES_MS,
      believedMs: BELIEVED_MS,
      now: () => performance.now(),
    });
  }

  /** Whether it is this one, at this moment. */
  get isActing(): boolean {
    return this.#acting !== undefined && !this.#acting.ending.signal.aborted;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Ends what it does, and leaves it to another one at once. Never throws. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      // Without NATS there is no lease, and the one that was held expires.
      if (this.#options.link.connection !== undefined) {
        await this.#lease.step().catch((error: unknown) => this.#complain('the lease cannot be had', error));
      }
      if (signal.aborted) break;
      if (!this.#lease.isHeld || this.#acting?.ending.signal.aborted) await this.#end();
      if (this.#lease.isHeld) this.#acting ??= this.#begin();
      await pause(LOOK_MS, signal);
    }
    await this.#end();
    if (this.#options.link.connection !== undefined) await this.#lease.resign().catch(() => undefined); // expires
  }

  #begin(): { readonly ending: AbortController; readonly done: Promise<void> } {
    const { act, key, logger } = this.#options;
    logger.info('this process has the lease', { lease: key });
    const ending = new AbortController();
    // The next look may wait long for an answer.
    const watching = setInterval(() => {
      if (!this.#lease.isHeld) ending.abort();
    }, WATCH_MS);
    const run = async (): Promise<void> => {
      while (!ending.signal.aborted) {
        await act(ending.signal).catch((error: unknown) => this.#complain('will be tried again', error));
        await pause(LOOK_MS, ending.signal);
      }
      clearInterval(watching);
    };
    return { ending, done: run() };
  }

  async #end(): Promise<void> {
    const acting = this.#acting;
    if (acting === undefined) return;
    acting.ending.abort();
    await acting.done;
    this.#acting = undefined;
  }

  #complain(what: string, error: unknown): void {
    const { key, logger, link } = this.#options;
    const now = performance.now();
    // That NATS is away is told by the connection.
    if (link.connection === undefined || now - this.#complainedAtMs < COMPLAINT_EVERY_MS) return;
    this.#complainedAtMs = now;
    logger.warn(what, { lease: key, reason: (error as Error).message });
  }
}
