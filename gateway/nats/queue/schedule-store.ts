import type { KV } from '@nats-io/kv';
import { ownValue, parseJson, parseObject } from '../../../contract/parse-json.ts';
import type { KeptProgress, ProgressStore, StoredProgress } from '../../schedules/schedule-progress.ts';
import { errorCodeOf, isConflict, STREAM_NAME_IN_USE } from '../jetstream-errors.ts';
import type { QueueNames } from './names.ts';
import type { JetStreamSession, JetStreamSessions } from './session.ts';

/** How far schedules have come, in a key-value store of JetStream: a file, for it must outlive everybody. */
export class ScheduleStore implements ProgressStore {
  readonly #sessions: JetStreamSessions;
  readonly #bucketName: string;
  readonly #replicas: number;
  #opened: { readonly session: JetStreamSession; readonly bucket: Promise<KV> } | undefined;

  /** @param replicas servers of a cluster of NATS that have it */
  constructor(sessions: JetStreamSessions, names: Pick<QueueNames, 'schedules'>, replicas = 1) {
    this.#sessions = sessions;
    this.#bucketName = names.schedules;
    this.#replicas = replicas;
  }

  async all(): Promise<Map<string, StoredProgress>> {
    const bucket = await this.#bucket();
    const keys: string[] = [];
    for await (const key of await bucket.keys()) keys.push(key);
    const found = new Map<string, StoredProgress>();
    for (const key of keys) {
      const entry = await bucket.get(key);
      if (entry === null || entry.operation !== 'PUT') continue;
      found.set(key, { ...parseProgress(entry.string()), revision: entry.revision });
    }
    return found;
  }

  async write(key: string, progress: KeptProgress, seen: number): Promise<number | 'conflict'> {
    const bucket = await this.#bucket();
    try {
      if (seen === 0) return await bucket.create(key, JSON.stringify(progress));
      return await bucket.update(key, JSON.stringify(progress), seen);
    } catch (error) {
      if (isConflict(error)) return 'conflict';
      throw error;
    }
  }

  async remove(key: string): Promise<void> {
    const bucket = await this.#bucket();
    await bucket.purge(key);
  }

  async #bucket(): Promise<KV> {
    const session = await this.#sessions.get();
    if (this.#opened?.session !== session) this.#opened = { session, bucket: this.#open(session) };
    const opened = this.#opened;
    return opened.bucket.catch((error: unknown) => {
      if (this.#opened === opened) this.#opened = undefined;
      throw error;
    });
  }

  async #open({ js }: JetStreamSession): Promise<KV> {
    const { Kvm } = await import('@nats-io/kv');
    const kept = { storage: 'file', history: 1, allow_direct: false, replicas: this.#replicas } as const;
    const stores = new Kvm(js);
    return stores.create(this.#bucketName, kept).catch((error: unknown) => {
      // One that was made with other settings does.
      if (errorCodeOf(error) !== STREAM_NAME_IN_USE) throw error;
      return stores.open(this.#bucketName, { allow_direct: false });
    });
  }
}

/** What nobody can read is no schedule's: it is begun anew. */
function parseProgress(text: string): KeptProgress {
  try {
    const object = parseObject(parseJson(text), 'the progress of a schedule');
    const [of, from, until] = ['of', 'from', 'until'].map((name) => ownValue(object, name));
    if (typeof of === 'string' && Number.isSafeInteger(from) && Number.isSafeInteger(until))
      return { of, from: Number(from), until: Number(until) };
  } catch {
    // As below.
  }
  return { of: '', from: 0, until: 0 };
}
