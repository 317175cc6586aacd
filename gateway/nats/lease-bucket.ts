import type { KV } from '@nats-io/kv';
import type { NatsConnection } from '@nats-io/transport-node';
import { ownValue, parseJson, parseObject } from '../../contract/parse-json.ts';
import { isConflict } from './jetstream-errors.ts';
import type { LeaseRecord, LeaseStore, StoredLease } from './lease.ts';
import type { NatsLink } from './nats-link.ts';

export interface LeaseBucketOptions {
  readonly link: Pick<NatsLink, 'connection'>;
  /** Of a JetStream key-value store; made where it is missing. */
  readonly bucket: string;
  readonly key: string;
  /** Longest wait for an answer. */
  readonly timeoutMs: number;
}

/** No holder's name: a record that somebody else wrote or deleted is left as long as one of a holder that is gone. */
const UNREADABLE: LeaseRecord = { holder: '(unreadable)', renewal: 0 };
/** A record must not go by itself while it is held. */
const LEAST_TTL_MS = 60_000;

/** A record in a key-value store of JetStream, in memory: a lease is worth nothing after a restart. */
export class LeaseBucket implements LeaseStore {
  readonly #options: LeaseBucketOptions;
  /** Over which it was read last. */
  #read: NatsConnection | undefined;
  #opened: { readonly connection: NatsConnection; readonly bucket: Promise<KV> } | undefined;

  constructor(options: LeaseBucketOptions) {
    this.#options = options;
  }

  async read(): Promise<StoredLease | undefined> {
    const { connection } = this.#options.link;
    const entry = await this.#use((bucket) => bucket.get(this.#options.key));
    this.#read = connection;
    if (entry === null) return undefined;
    const record = entry.operation === 'PUT' ? parseRecord(entry.string()) : UNREADABLE;
    return { ...record, revision: entry.revision };
  }

  async write(record: LeaseRecord, seen: number): Promise<number | 'conflict'> {
    if (this.#options.link.connection !== this.#read) throw new Error('NATS was away');
    const text = JSON.stringify({ ...record, at: new Date().toISOString() });
    try {
      return await this.#use((bucket) => bucket.put(this.#options.key, text, { previousSeq: seen }));
    } catch (error) {
      if (isConflict(error)) return 'conflict';
      throw error;
    }
  }

  async #use<T>(work: (bucket: KV) => Promise<T>): Promise<T> {
    const { connection } = this.#options.link;
    if (connection === undefined) throw new Error('NATS is away');
    if (this.#opened?.connection !== connection) {
      this.#opened = { connection, bucket: this.#open(connection) };
    }
    const opened = this.#opened;
    try {
      return await work(await opened.bucket);
    } catch (error) {
      // It may be gone, with all that was in it.
      if (this.#opened === opened) this.#opened = undefined;
      throw error;
    }
  }

  async #open(connection: NatsConnection): Promise<KV> {
    const { bucket, timeoutMs } = this.#options;
    const [{ jetstream }, { Kvm }] = await Promise.all([import('@nats-io/jetstream'), import('@nats-io/kv')]);
    // In a cluster of servers, others than the one that writes may be behind: they would show what is no longer so.
    const js = jetstream(connection, { timeout: timeoutMs });
    const opened = await new Kvm(js).create(bucket, { storage: 'memory', history: 1, allow_direct: false });
    const { ttl } = await opened.status();
    // One that somebody else made, in other ways than this one's, does.
    if (ttl > 0 && ttl < LEAST_TTL_MS) {
      throw new Error(
        `the key-value store ${bucket} forgets after ${ttl} ms: remove it, and it is made anew`,
      );
    }
    return opened;
  }
}

function parseRecord(text: string): LeaseRecord {
  try {
    const record = parseObject(parseJson(text), 'the lease');
    const holder = ownValue(record, 'holder');
    const renewal = ownValue(record, 'renewal');
    return typeof holder === 'string' && Number.isSafeInteger(renewal)
      ? { holder, renewal: Number(renewal) }
      : UNREADABLE;
  } catch {
    return UNREADABLE;
  }
}
