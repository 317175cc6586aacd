import { queueFull } from '../../queue/accepting.ts';
import type { FirstPlace } from '../../queue/call-id.ts';
import type { QueueNames } from './names.ts';
import type { JetStreamSessions } from './session.ts';

/**
 * Part of the queue's room that is for what workers send on: a full queue that took no follower of a call would never be empty again. It
 * also keeps the stream from its own limit, at which a cluster of NATS 2.9 was seen to acknowledge what it did not store.
 */
const KEPT_FOR_WORKERS = 0.05;
const LOOK_EVERY_MS = 1000;
/** What a message has beside its body, about. */
const HEAD_BYTES = 512;

/** Whether there is room for new calls: as of at most a second ago, with what has come here since. The stream itself refuses when there is none at all. */
export class Room {
  readonly #sessions: JetStreamSessions;
  readonly #stream: string;
  /** Undefined: not known. */
  #mostBytes: number | undefined;
  #storedBytes = 0;
  /** Since the last look. */
  #addedBytes = 0;
  #lookedAtMs = Number.NEGATIVE_INFINITY;
  #looking: Promise<void> | undefined;

  constructor(sessions: JetStreamSessions, names: QueueNames, place: FirstPlace = 'queue') {
    this.#sessions = sessions;
    this.#stream = names[place];
  }

  /** @param bytes of the body that is about to be stored @throws {FaasError} `queue_full` */
  async check(bytes = 0): Promise<void> {
    if (performance.now() - this.#lookedAtMs >= LOOK_EVERY_MS) void this.refresh();
    // Nobody waits for the news that there is still room; who would be refused waits for the news that there is some again.
    if (this.#isFull) await this.#looking;
    if (this.#isFull) {
      throw queueFull();
    }
    this.#addedBytes += bytes + HEAD_BYTES;
  }

  /** Looks now. Never throws. */
  refresh(): Promise<void> {
    this.#lookedAtMs = performance.now();
    this.#looking = this.#look();
    return this.#looking;
  }

  get #isFull(): boolean {
    return this.#mostBytes !== undefined && this.#storedBytes + this.#addedBytes > this.#mostBytes;
  }

  async #look(): Promise<void> {
    const addedBefore = this.#addedBytes;
    try {
      const { manager } = await this.#sessions.get();
      const { state, config } = await manager.streams.info(this.#stream);
      this.#storedBytes = state.bytes;
      this.#mostBytes = config.max_bytes > 0 ? config.max_bytes * (1 - KEPT_FOR_WORKERS) : undefined;
    } catch {
      // What is asked next finds out why.
      this.#mostBytes = undefined;
    }
    this.#addedBytes -= addedBefore;
  }
}
