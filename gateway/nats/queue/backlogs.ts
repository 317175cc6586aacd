import type { ConsumerInfo } from '@nats-io/jetstream';
import type { Backlog, QueueView } from '../../queue/call-queue.ts';
import { errorCodeOf, NO_MESSAGE } from '../jetstream-errors.ts';
import type { QueueNames } from './names.ts';
import type { JetStreamSession, JetStreamSessions } from './session.ts';
import { storedMessage } from './stored-messages.ts';

/** Messages come with their bodies: of more functions whose oldest call is another one it is told by turns since when they wait. */
const MOST_READ_AT_ONCE = 64;

interface Oldest {
  readonly seq: number;
  readonly at: number;
  /** At which look it was read. */
  readonly look: number;
}

/** What is in the queue, as NATS counts it: one question for 256 functions, and one message for each whose oldest call is another one. */
export class Backlogs {
  readonly #sessions: JetStreamSessions;
  readonly #names: QueueNames;
  /** The call that waits longest, by consumer. */
  readonly #oldest = new Map<string, Oldest>();
  #looking: Promise<QueueView> | undefined;
  #looks = 0;

  constructor(sessions: JetStreamSessions, names: QueueNames) {
    this.#sessions = sessions;
    this.#names = names;
  }

  /** Several who ask at the same time share one look. @throws {Error} what JetStream says */
  look(): Promise<QueueView> {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  /** The same, or undefined when it is not there in time. Never throws. */
  async lookWithin(ms: number): Promise<QueueView | undefined> {
    if (!this.#sessions.isConnected) return undefined;
    const limit = Promise.withResolvers<undefined>();
    const timer = setTimeout(() => limit.resolve(undefined), ms);
    try {
      return await Promise.race([this.look(), limit.promise]);
    } catch {
      return undefined; // that NATS is away is told by the connection
    } finally {
      clearTimeout(timer);
    }
  }

  /** Calls of each function that wait or run, by `name.namespace`, over all queues. @throws {Error} what JetStream says */
  async loads(): Promise<Map<string, number>> {
    const { manager } = await this.#sessions.get();
    const loads = new Map<string, number>();
    for await (const consumer of manager.consumers.list(this.#names.queue)) {
      const place = this.#placeOf(consumer);
      if (place === undefined) continue;
      const count = consumer.num_pending + consumer.num_ack_pending;
      loads.set(place.function, (loads.get(place.function) ?? 0) + count);
    }
    return loads;
  }

  async #look(): Promise<QueueView> {
    const session = await this.#sessions.get();
    const { manager } = session;
    const found: { readonly consumer: ConsumerInfo; readonly backlog: Backlog }[] = [];
    const callbacks = new Map<string, number>();
    for await (const consumer of manager.consumers.list(this.#names.queue)) {
      const { num_pending: waiting, num_ack_pending: running } = consumer;
      const place = this.#placeOf(consumer);
      if (place !== undefined) found.push({ consumer, backlog: { ...place, waiting, running } });
      else {
        const queue = this.#callbackQueueOf(consumer);
        if (queue !== undefined) callbacks.set(queue, waiting + running);
      }
    }
    await this.#findOldest(
      session,
      found.map(({ consumer }) => consumer),
    );
    const [later, dead] = await Promise.all([
      manager.streams.info(this.#names.later),
      manager.streams.info(this.#names.dead, { subjects_filter: this.#names.allDead }),
    ]);
    return {
      backlogs: found.map(({ consumer, backlog }) => {
        const oldest = this.#oldest.get(consumer.name);
        const isKnown = oldest !== undefined && oldest.seq > consumer.delivered.stream_seq;
        return backlog.waiting > 0 && isKnown ? { ...backlog, waitingSince: oldest.at } : backlog;
      }),
      later: later.state.messages,
      callbacks,
      dead: new Map(
        Object.entries(dead.state.subjects ?? {}).map(([subject, count]) => [nameIn(subject), count]),
      ),
    };
  }

  /** What was delivered already is not waiting any more: the next one of the same subject is the oldest that does. */
  async #findOldest(session: JetStreamSession, consumers: readonly ConsumerInfo[]): Promise<void> {
    const waiting = consumers.filter(({ num_pending }) => num_pending > 0);
    const names = new Set(waiting.map(({ name }) => name));
    for (const name of this.#oldest.keys()) if (!names.has(name)) this.#oldest.delete(name);
    const passed = waiting.filter(
      ({ name, delivered }) => (this.#oldest.get(name)?.seq ?? 0) <= delivered.stream_seq,
    );
    const lookOf = ({ name }: ConsumerInfo): number => this.#oldest.get(name)?.look ?? 0;
    passed.sort((a, b) => lookOf(a) - lookOf(b));
    this.#looks += 1;
    const look = this.#looks;
    await Promise.all(
      passed.slice(0, MOST_READ_AT_ONCE).map(async ({ name, delivered, config }) => {
        const subject = config.filter_subject ?? '';
        const next = { seq: delivered.stream_seq + 1, subject };
        const message = await storedMessage(session, this.#names.queue, { next }).catch((error: unknown) => {
          if (errorCodeOf(error) === NO_MESSAGE) return undefined;
          throw error;
        });
        if (message === undefined) this.#oldest.delete(name);
        else this.#oldest.set(name, { seq: message.seq, at: message.at, look });
      }),
    );
  }

  /** Of `skep.CLUSTER.queue.QUEUE.NAMESPACE.NAME`; undefined: it is of something else. */
  #placeOf({ config }: ConsumerInfo): { readonly function: string; readonly queue: string } | undefined {
    const subject = config.filter_subject ?? '';
    const [, , kind, queue, namespace, name] = subject.split('.');
    if (kind !== 'queue' || queue === undefined || namespace === undefined || name === undefined)
      return undefined;
    return { function: `${name}.${namespace}`, queue };
  }

  #callbackQueueOf({ config }: ConsumerInfo): string | undefined {
    const [, , kind, queue] = (config.filter_subject ?? '').split('.');
    return kind === 'callback' ? queue : undefined;
  }
}

/** Of `skep.CLUSTER.dead.NAMESPACE.NAME`: `name.namespace`. */
function nameIn(subject: string): string {
  const [name = '', namespace = ''] = subject.split('.').reverse();
  return `${name}.${namespace}`;
}
