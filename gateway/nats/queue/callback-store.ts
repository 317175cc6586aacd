import type { CallbackRecord, QueuedCallback } from '../../queue/callback.ts';
import type { CallbackKeeper } from '../../queue/worker-queue.ts';
import { decodeCallbackRecord, encodeCallback, encodeCallbackRecord } from './callback-codec.ts';
import type { QueueNames } from './names.ts';
import type { JetStreamSessions } from './session.ts';
import { storedMessage } from './stored-messages.ts';

const NOTHING = new Uint8Array(0);

/** Callbacks that are to be posted again, and how they fare. Each of these may be done twice. */
export class CallbackStore implements CallbackKeeper {
  readonly #sessions: JetStreamSessions;
  readonly #names: QueueNames;

  constructor(sessions: JetStreamSessions, names: QueueNames) {
    this.#sessions = sessions;
    this.#names = names;
  }

  /**
   * To be posted at its `runAt`. The second time within two minutes it is the same one.
   * @param from sequence of the message that this replaces
   * @throws {Error} what JetStream says
   */
  async sendLater(callback: QueuedCallback, from: number): Promise<void> {
    const { queue, instance, attempt } = callback;
    const id = `${instance}.callback.${attempt}.from-${from}`;
    const { js, newHeaders } = await this.#sessions.get();
    const { headers, payload } = encodeCallback(callback, newHeaders());
    await js.publish(this.#names.laterCallback(queue), payload, { headers, msgID: id });
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
}
