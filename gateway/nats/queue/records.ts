import type { CallRecord } from '../../queue/call.ts';
import { type RecordStore, type StoredRecord, UnreadableRecord } from '../../queue/worker-queue.ts';
import { errorCodeOf, isConflict, NO_MESSAGE } from '../jetstream-errors.ts';
import { decodeRecord, encodeRecord } from './call-codec.ts';
import type { QueueNames } from './names.ts';
import type { JetStreamSessions } from './session.ts';

/** The records of calls: each is replaced only by who has seen it as it is. */
export class CallRecords implements RecordStore {
  readonly #sessions: JetStreamSessions;
  readonly #names: QueueNames;

  constructor(sessions: JetStreamSessions, names: QueueNames) {
    this.#sessions = sessions;
    this.#names = names;
  }

  /** @returns undefined: there is none. @throws {UnreadableRecord} @throws {Error} when the store does not answer */
  async read(id: string): Promise<StoredRecord | undefined> {
    const { manager } = await this.#sessions.get();
    const message = await manager.streams
      .getMessage(this.#names.records, { last_by_subj: this.#names.record(id) })
      .catch((error: unknown) => {
        if (errorCodeOf(error) === NO_MESSAGE) return null;
        throw error;
      });
    if (message === null) return undefined;
    return { record: readable({ headers: message.header }), revision: message.seq, body: message.data };
  }

  /**
   * @param seen the revision that this replaces, 0: there is none; undefined: whatever there is
   * @param body of the result, when the record says that it is kept in the message
   * @returns the new revision, or `conflict`: it is another one by now, or has been forgotten
   * @throws {Error} when nobody knows whether it was written
   */
  async write(record: CallRecord, seen: number | undefined, body?: Uint8Array): Promise<number | 'conflict'> {
    const { js, newHeaders } = await this.#sessions.get();
    try {
      const { seq } = await js.publish(this.#names.record(record.id), body ?? new Uint8Array(0), {
        headers: encodeRecord(record, newHeaders()),
        ...(seen !== undefined && { expect: { lastSubjectSequence: seen } }),
      });
      return seq;
    } catch (error) {
      if (isConflict(error)) return 'conflict';
      throw error;
    }
  }
}

function readable(message: Parameters<typeof decodeRecord>[0]): CallRecord {
  try {
    return decodeRecord(message);
  } catch (cause) {
    throw new UnreadableRecord('the record of the call cannot be read: is it of a newer version?', { cause });
  }
}
