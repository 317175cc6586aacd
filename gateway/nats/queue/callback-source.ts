import type { NatsConnection } from '@nats-io/transport-node';
import type { Logger } from '../../log.ts';
import type { QueuedCallback } from '../../queue/callback.ts';
import { pause } from '../../queue/pause.ts';
import type { CallbackFeed, CallbackTaker } from '../../queue/worker-queue.ts';
import type { NatsLink } from '../nats-link.ts';
import { decodeCallback } from './callback-codec.ts';
import { HeldMessages } from './held-messages.ts';
import type { QueueNames } from './names.ts';
import { type Delivered, Pull } from './pull.ts';
import { ACK_WAIT_MS, type QueueConsumers } from './queue-consumers.ts';

export interface CallbackSourceOptions extends CallbackTaker {
  readonly link: NatsLink;
  readonly names: QueueNames;
  readonly consumers: QueueConsumers;
  readonly queue: string;
  readonly logger: Logger;
}

/** How often it is looked whether there is room for more, and whether there is a consumer. */
const LOOK_MS = 1000;
const UNREADABLE_WAIT_MS = 60_000;

/** The callbacks of one queue, over one connection to NATS after the other. */
export class CallbackSource implements CallbackFeed {
  readonly #options: CallbackSourceOptions;
  readonly #stopping = new AbortController();
  readonly #held: HeldMessages;
  #pull: { readonly connection: NatsConnection; readonly pull: Pull } | undefined;
  #running: Promise<unknown> | undefined;
  /** Ends the wait before the next look. */
  #hurry = new AbortController();

  constructor(options: CallbackSourceOptions) {
    this.#options = options;
    this.#held = new HeldMessages(options.link);
  }

  start(): void {
    this.#options.link.onConnection(() => {
      this.#held.connected();
      this.#hurry.abort();
    });
    this.#running = Promise.all([this.#keepAsking(), this.#keepTelling()]);
  }

  /** Asks for what there is room for: to be called when there is more of it. */
  ask(): void {
    const pull = this.#pull?.pull;
    if (pull === undefined || this.#stopping.signal.aborted) return;
    const wanted = this.#options.room() - pull.asked;
    if (wanted > 0) pull.ask(wanted);
  }

  /** Asks for no more. Those that are here are kept until they are done with, or `stop` is called. */
  async drain(): Promise<void> {
    this.#stopping.abort();
    const pull = this.#pull?.pull;
    this.#pull = undefined;
    if (pull !== undefined) await Promise.race([pull.drain(), pause(1000)]);
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#pull?.pull.close();
    this.#pull = undefined;
    await this.#running;
  }

  async #keepAsking(): Promise<void> {
    const { signal } = this.#stopping;
    let isTold = false;
    while (!signal.aborted) {
      try {
        await this.#open();
        this.ask();
        isTold = false;
      } catch (error) {
        // The gateway makes the stream; that NATS is away is told by the connection.
        const { link, logger } = this.#options;
        if (link.connection !== undefined && !isTold) {
          logger.warn('callbacks cannot be had', { reason: (error as Error).message });
          isTold = true;
        }
      }
      this.#hurry = new AbortController();
      await pause(LOOK_MS, AbortSignal.any([signal, this.#hurry.signal]));
    }
  }

  async #open(): Promise<void> {
    const { link, names, consumers, queue } = this.#options;
    const { connection } = link;
    if (connection === undefined || this.#pull?.connection === connection) return;
    await consumers.ensureCallbacks(queue);
    if (link.connection !== connection || this.#stopping.signal.aborted) return;
    this.#pull?.pull.close();
    const pull = new Pull({
      connection,
      stream: names.queue,
      consumer: names.callbackConsumer(queue),
      onMessage: (message) => this.#receive(message),
      onEnded: () => undefined, // the next look asks
    });
    this.#pull = { connection, pull };
  }

  #receive(message: Delivered): void {
    let callback: QueuedCallback;
    try {
      callback = decodeCallback(message);
    } catch (error) {
      this.#options.logger.error('a callback in the queue cannot be read: is it of a newer version?', {
        message: message.seq,
        reason: (error as Error).message,
      });
      this.#held.refuse(message, UNREADABLE_WAIT_MS);
      return;
    }
    const held = this.#held.take(message, callback.instance);
    if (held === undefined) return;
    this.#options.onCallback({ ...held, callback, seq: message.seq, refuse: () => held.refuse(0) });
  }

  async #keepTelling(): Promise<void> {
    const { signal } = this.#stopping;
    // Some are here for a while after the end.
    while (!signal.aborted || this.#held.size > 0) {
      await pause(signal.aborted ? LOOK_MS : ACK_WAIT_MS / 3, signal.aborted ? undefined : signal);
      this.#held.tellWorking();
    }
  }
}
