import { randomUUID } from 'node:crypto';
import type { ObjectStore } from '@nats-io/obj';
import { FaasError } from '../../errors.ts';
import type { ObjectBody } from '../../queue/call.ts';
import type { JetStreamSession, JetStreamSessions } from './session.ts';

/** Bytes of one message of an object: each is acknowledged before the next one is read from where the body comes from. */
const CHUNK_BYTES = 512 * 1024;

/**
 * Bodies that are too long for a message, in an object store of JetStream. The client's own ways of reading and deleting are not used:
 * it reads as fast as the server sends, however slow the reader, and what it deletes leaves a message for ever.
 */
export class Bodies {
  readonly #sessions: JetStreamSessions;
  readonly #bucket: string;
  #opened: { readonly session: JetStreamSession; readonly store: Promise<ObjectStore> } | undefined;

  /** @param bucket which is there already */
  constructor(sessions: JetStreamSessions, bucket: string) {
    this.#sessions = sessions;
    this.#bucket = bucket;
  }

  /**
   * Reads on when what was read is stored; nothing is left behind when it fails, unless NATS is lost meanwhile.
   * @param most bytes. @throws {FaasError} `body_too_large` @throws {Error} what the body's reader or JetStream says
   */
  async put(body: ReadableStream<Uint8Array>, most: number): Promise<ObjectBody> {
    const { store } = await this.#use();
    const name = randomUUID();
    let bytes = 0;
    const counted = body.pipeThrough(
      new TransformStream<Uint8Array, Uint8Array>({
        transform: (chunk, controller) => {
          bytes += chunk.length;
          if (bytes > most) throw new FaasError('body_too_large', `the body is longer than ${most} bytes`);
          controller.enqueue(chunk);
        },
      }),
    );
    await store.put({ name, options: { max_chunk_size: CHUNK_BYTES } }, counted);
    return { name, bytes };
  }

  /** One piece at a time, as it is read. @returns undefined: it is not there (any more) @throws {Error} what JetStream says */
  async open({ name }: ObjectBody): Promise<ReadableStream<Uint8Array> | undefined> {
    const { store, session } = await this.#use();
    const info = await store.info(name);
    if (info === null || info.deleted) return undefined;
    const stream = streamOf(this.#bucket);
    const subject = chunksOf(this.#bucket, info.nuid);
    let chunks = 0;
    let after = 0;
    return new ReadableStream<Uint8Array>(
      {
        pull: async (controller) => {
          if (chunks === info.chunks) {
            controller.close();
            return;
          }
          const message = await session.manager.direct.getMessage(stream, {
            seq: after + 1,
            next_by_subj: subject,
          });
          if (message === null) throw new Error('a part of the body is not there any more');
          chunks++;
          after = message.seq;
          controller.enqueue(message.data);
        },
      },
      { highWaterMark: 1 },
    );
  }

  /** One that is not there is no error. @throws {Error} what JetStream says */
  async drop({ name }: Pick<ObjectBody, 'name'>): Promise<void> {
    const { store, session } = await this.#use();
    const info = await store.info(name);
    if (info === null) return;
    const stream = streamOf(this.#bucket);
    // What tells of the parts goes last: until then, whoever looks for it finds them.
    await session.manager.streams.purge(stream, { filter: chunksOf(this.#bucket, info.nuid) });
    await session.manager.streams.purge(stream, { filter: objectOf(this.#bucket, name) });
  }

  async #use(): Promise<{ readonly session: JetStreamSession; readonly store: ObjectStore }> {
    const session = await this.#sessions.get();
    if (this.#opened?.session !== session) this.#opened = { session, store: this.#open(session) };
    return { session, store: await this.#opened.store };
  }

  async #open({ js }: JetStreamSession): Promise<ObjectStore> {
    const { Objm } = await import('@nats-io/obj');
    // It asks nothing of the server: whether there is such a store, the first use tells.
    return new Objm(js).open(this.#bucket, false);
  }
}

/** The stream that holds an object store, as every client of NATS has it. */
export function streamOf(bucket: string): string {
  return `OBJ_${bucket}`;
}

/** Subjects of an object store: the parts of one object, and what tells of it. */
export function chunksOf(bucket: string, nuid: string): string {
  return `$O.${bucket}.C.${nuid}`;
}

export function objectOf(bucket: string, name: string): string {
  // With padding, as the clients have it.
  const encoded = Buffer.from(name).toString('base64').replaceAll('+', '-').replaceAll('/', '_');
  return `$O.${bucket}.M.${encoded}`;
}
