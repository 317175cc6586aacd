import type { ConsumerConfig } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { qualifiedName, splitFunctionName } from '../../../contract/function-ref.ts';
import { errorCodeOf, NO_CONSUMER } from '../jetstream-errors.ts';
import type { QueueNames } from './names.ts';
import type { JetStreamSessions } from './session.ts';

/** How long a worker may say nothing of a call before another one gets it; those that run it say so at a third of this. */
export const ACK_WAIT_MS = 30_000;
const NANOS_PER_MS = 1_000_000;
/** Made by another one in the meantime, or covering the same subjects by another name of its own. */
const ALREADY_THERE = new Set([10013, 10105, 10148]);

/** How long one that was there is taken for there: those of functions that are gone are removed, after much longer. */
const KNOWN_MS = 60_000;

interface Known {
  readonly making: Promise<void>;
  readonly sinceMs: number;
}

/** What a queued message needs to be given to anybody: the consumer of its function, made when the first call is stored. */
export class QueueConsumers {
  readonly #sessions: JetStreamSessions;
  readonly #names: QueueNames;
  readonly #ackWaitMs: number;
  /** Those that are there, as far as this connection knows: another one may be to a server that has lost them. */
  #known = new Map<string, Known>();
  #knownOver: NatsConnection | undefined;

  constructor(sessions: JetStreamSessions, names: QueueNames, ackWaitMs: number = ACK_WAIT_MS) {
    this.#sessions = sessions;
    this.#names = names;
    this.#ackWaitMs = ackWaitMs;
  }

  /** Of a function's calls. @param name `name.namespace` @throws {Error} what JetStream says */
  async ensure(queue: string, name: string): Promise<void> {
    const ref = splitFunctionName(name);
    await this.#ensure(`${queue} ${name}`, this.#names.consumer(queue, ref), this.#names.call(queue, ref), {
      queue,
      function: qualifiedName(ref),
    });
  }

  /** Of a queue's callbacks. @throws {Error} what JetStream says */
  async ensureCallbacks(queue: string): Promise<void> {
    await this.#ensure(
      `${queue} callbacks`,
      this.#names.callbackConsumer(queue),
      this.#names.callback(queue),
      { queue },
    );
  }

  async #ensure(key: string, durable: string, subject: string, news: object): Promise<void> {
    const { connection, manager } = await this.#sessions.get();
    if (this.#knownOver !== connection) {
      this.#knownOver = connection;
      this.#known = new Map();
    }
    const known = this.#known;
    const found = known.get(key);
    const now = performance.now();
    if (found !== undefined && now - found.sinceMs < KNOWN_MS) return found.making;
    const make = async (): Promise<void> => {
      const isThere = await manager.consumers.info(this.#names.queue, durable).then(
        () => true,
        (error: unknown) => {
          if (errorCodeOf(error) === NO_CONSUMER) return false;
          throw error;
        },
      );
      if (isThere) return;
      await manager.consumers
        .add(this.#names.queue, this.#config(durable, subject))
        .catch((error: unknown) => {
          if (!ALREADY_THERE.has(errorCodeOf(error))) throw error;
        });
      connection.publish(this.#names.consumerMade, JSON.stringify(news));
    };
    const making = make();
    const entry = { making, sinceMs: now };
    known.set(key, entry);
    making.catch(() => {
      if (known.get(key) === entry) known.delete(key);
    });
    await making;
  }

  #config(durable: string, subject: string): Partial<ConsumerConfig> {
    return {
      durable_name: durable,
      filter_subject: subject,
      ack_policy: 'explicit',
      deliver_policy: 'all',
      ack_wait: this.#ackWaitMs * NANOS_PER_MS,
      max_deliver: -1,
      // Workers ask for what they run, and no more.
      max_ack_pending: -1,
    };
  }
}
