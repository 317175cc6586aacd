import { MOST_HEADER_BYTES } from '../../queue/call.ts';
import type { CallbackRecord, QueuedCallback } from '../../queue/callback.ts';
import { keptHeaders } from '../../queue/kept-headers.ts';
import { decodeCallbackRecord, encodeCallback, encodeCallbackRecord } from './callback-codec.ts';
import type { QueueNames } from './names.ts';
import type { QueueConsumers } from './queue-consumers.ts';
import type { JetStreamSessions } from './session.ts';
import { storedMessage } from './stored-messages.ts';

const NOTHING = new Uint8Array(0);

/** Callbacks that are to be posted, and how they fare. Each of these may be done twice. */
export class CallbackStore {
  readonly #sessions: JetStreamSessions;
  readonly #names: QueueNames;
  readonly #consumers: QueueConsumers;

  constructor(sessions: JetStreamSessions, names: QueueNames, consumers: QueueConsumers) {
    this.#sessions = sessions;
    this.#names = names;
    this.#consumers = consumers;
  }

  /** Stored when this resolves; the second time within two minutes it is the same one. @throws {Error} what JetStream says */
  async send(callback: QueuedCallback): Promise<void> {
    const { queue, instance, attempt } = callback;
    await this.#consumers.ensureCallbacks(queue);
    await this.#publish(this.#names.callback(queue), callback, `${instance}.callback.${attempt}`);
  }

  /**
   * The same, at its `runAt`.
   * @param turn of those that were put off: 0 or more, another one each time
   * @throws {Error} what JetStream says
   */
  async sendLater(callback: QueuedCallback, turn: number): Promise<void> {
    const { queue, instance, attempt } = callback;
    const id = `${instance}.callback.${attempt}.again-${turn}`;
    await this.#publish(this.#names.laterCallback(queue), callback, id);
  }

  /** How it fares, whatever was told before. @throws {Error} what JetStream says */
  async tell(record: CallbackRecord): Promise<void> {
    const { js, newHeaders } = await this.#sessions.get();
    await js.publish(this.#names.callbackRecord(record.id), NOTHING, {
      headers: encodeCallbackRecord(record, newHeaders()),
    });
  }

  /** @returns undefined: nothing is known of one. @throws {Error} what JetStream says */
  async told(id: string): Promise<CallbackRecord | undefined> {
    const session = await this.#sessions.get();
    const message = await storedMessage(session, this.#names.records, {
      last: this.#names.callbackRecord(id),
    });
    return message === undefined ? undefined : decodeCallbackRecord(message);
  }

  async #publish(subject: string, callback: QueuedCallback, msgID: string): Promise<void> {
    const { js, newHeaders } = await this.#sessions.get();
    const shorter = { ...callback, headers: keptHeaders(callback.headers, MOST_HEADER_BYTES) };
    const { headers, payload } = encodeCallback(shorter, newHeaders());
    await js.publish(subject, payload, { headers, msgID });
  }
}
