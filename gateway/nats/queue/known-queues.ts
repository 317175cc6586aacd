import type { KV } from '@nats-io/kv';
import { FaasError } from '../../errors.ts';
import { DEFAULT_QUEUE } from '../../queue/call.ts';
import type { QueueNames } from './names.ts';
import type { JetStreamSession, JetStreamSessions } from './session.ts';

/** Queues that a worker serves, or has served: what is sent to another one would wait for ever. */
export class KnownQueues {
  readonly #sessions: JetStreamSessions;
  readonly #names: QueueNames;
  readonly #known = new Set<string>([DEFAULT_QUEUE]);
  #opened: { readonly session: JetStreamSession; readonly bucket: Promise<KV> } | undefined;

  constructor(sessions: JetStreamSessions, names: QueueNames) {
    this.#sessions = sessions;
    this.#names = names;
  }

  /** @throws {FaasError} `queue_not_served` @throws {Error} what JetStream says */
  async check(queue: string): Promise<void> {
    if (this.#known.has(queue)) return;
    const bucket = await this.#bucket();
    if ((await bucket.get(queue)) === null) {
      throw new FaasError(
        'queue_not_served',
        `no worker has ever served the queue ${queue}: start a queue worker with queue_name=${queue}, or correct the annotation com.openfaas.queue`,
      );
    }
    this.#known.add(queue);
  }

  /** By a worker that serves it. @param queue lower-case letters, digits, `-` and `_` @throws {Error} what JetStream says */
  async announce(queue: string): Promise<void> {
    const bucket = await this.#bucket();
    if ((await bucket.get(queue)) === null) await bucket.put(queue, new Date().toISOString());
  }

  /** All of them. @throws {Error} what JetStream says */
  async list(): Promise<string[]> {
    const queues = new Set<string>([DEFAULT_QUEUE]);
    for await (const queue of await (await this.#bucket()).keys()) queues.add(queue);
    return [...queues].sort();
  }

  async #bucket(): Promise<KV> {
    const session = await this.#sessions.get();
    if (this.#opened?.session !== session) {
      this.#opened = { session, bucket: this.#open(session) };
    }
    const opened = this.#opened;
    return opened.bucket.catch((error: unknown) => {
      if (this.#opened === opened) this.#opened = undefined;
      throw error;
    });
  }

  async #open({ js }: JetStreamSession): Promise<KV> {
    const { Kvm } = await import('@nats-io/kv');
    return new Kvm(js).create(this.#names.queues, { history: 1 });
  }
}
