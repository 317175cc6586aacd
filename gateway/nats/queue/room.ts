import { FaasError } from '../../errors.ts';
import type { QueueNames } from './names.ts';
import type { JetStreamSessions } from './session.ts';

/** Part of the queue's room that is for what workers send on: a full queue that took no follower of a call would never be empty again. */
const KEPT_FOR_WORKERS = 0.05;
const LOOK_EVERY_MS = 1000;
const LATER_SECONDS = 5;

/** Whether there is room for new calls, as of at most a second ago. The stream itself refuses when there is none at all. */
export class Room {
  readonly #sessions: JetStreamSessions;
  readonly #stream: string;
  #isFull = false;
  #lookedAtMs = Number.NEGATIVE_INFINITY;
  #looking: Promise<void> | undefined;

  constructor(sessions: JetStreamSessions, names: QueueNames) {
    this.#sessions = sessions;
    this.#stream = names.queue;
  }

  /** @throws {FaasError} `queue_full` */
  async check(): Promise<void> {
    if (performance.now() - this.#lookedAtMs >= LOOK_EVERY_MS) {
      // Who is told that it is full may find that it is no more; nobody waits for the news that it is still not.
      void this.refresh();
    }
    if (!this.#isFull) return;
    await this.#looking;
    if (!this.#isFull) return;
    throw new FaasError('queue_full', 'the queue is full: try again later', {
      retryAfterSeconds: LATER_SECONDS,
    });
  }

  /** Looks now. Never throws. */
  refresh(): Promise<void> {
    this.#lookedAtMs = performance.now();
    this.#looking = this.#look();
    return this.#looking;
  }

  async #look(): Promise<void> {
    try {
      const { manager } = await this.#sessions.get();
      const { state, config } = await manager.streams.info(this.#stream);
      this.#isFull = config.max_bytes > 0 && state.bytes > config.max_bytes * (1 - KEPT_FOR_WORKERS);
    } catch {
      // What is asked next finds out why.
      this.#isFull = false;
    }
  }
}
