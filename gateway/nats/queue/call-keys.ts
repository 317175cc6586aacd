import { ownValue, parseJson, parseObject } from '../../../contract/parse-json.ts';
import { noRoomForKeys } from '../../queue/accepting.ts';
import { isConflict } from '../jetstream-errors.ts';
import type { QueueNames } from './names.ts';
import { queueRefusal } from './refusal.ts';
import type { JetStreamSessions } from './session.ts';

/** The call that a key stands for. */
export interface KeyedCall {
  readonly id: string;
  readonly instance: string;
  /** By which another call under the same key is known. */
  readonly print: string;
}

/** Idempotency keys. The first one to use a key says which call it stands for, until the key is forgotten. */
export class CallKeys {
  readonly #sessions: JetStreamSessions;
  readonly #names: QueueNames;

  constructor(sessions: JetStreamSessions, names: QueueNames) {
    this.#sessions = sessions;
    this.#names = names;
  }

  /** @returns the call that the key stands for from now on, and whether it is known to be stored. @throws {Error} what JetStream says */
  async keep(key: string, call: KeyedCall): Promise<KeyedCall & { readonly isStored: boolean }> {
    const { js, manager } = await this.#sessions.get();
    const subject = this.#names.key(key);
    try {
      await js.publish(subject, JSON.stringify(call), { expect: { lastSubjectSequence: 0 } });
      return { ...call, isStored: false };
    } catch (error) {
      if (!isConflict(error)) throw withoutRoom(error);
    }
    const message = await manager.streams.getMessage(this.#names.keys, { last_by_subj: subject });
    if (message === null) throw new Error('an idempotency key was forgotten just now');
    return parseKeyed(message.string());
  }

  /** Waits for nothing: whoever finds it unmarked looks for the call itself. */
  markStored(key: string, { id, instance, print }: KeyedCall): void {
    const text = JSON.stringify({ id, instance, print, isStored: true });
    this.#sessions
      .get()
      .then(({ js }) => js.publish(this.#names.key(key), text))
      .catch(() => undefined);
  }
}

function withoutRoom(error: unknown): unknown {
  const { code, retryAfterSeconds = 1 } = queueRefusal(error);
  if (code !== 'queue_full') return error;
  return noRoomForKeys({ cause: error, retryAfterSeconds });
}

/** @throws {Error} when it is none of ours */
function parseKeyed(text: string): KeyedCall & { readonly isStored: boolean } {
  const stored = parseObject(parseJson(text), 'what an idempotency key stands for');
  const id = ownValue(stored, 'id');
  const instance = ownValue(stored, 'instance');
  const print = ownValue(stored, 'print');
  if (typeof id !== 'string' || typeof instance !== 'string' || typeof print !== 'string')
    throw new Error('an idempotency key stands for no call');
  return { id, instance, print, isStored: ownValue(stored, 'isStored') === true };
}
