import { randomUUID } from 'node:crypto';
import { ownValue, parseJson, parseObject } from '../../../contract/parse-json.ts';
import { FaasError } from '../../errors.ts';
import type { ObjectBody } from '../../queue/call.ts';
import type { BodyStore } from '../../queue/worker-queue.ts';
import type { JetStreamSession, JetStreamSessions } from './session.ts';

/** Bytes of one message of an object: each is acknowledged before more is read from where the body comes from. */
const CHUNK_BYTES = 512 * 1024;

/** What an object's last message tells of it. */
interface ObjectInfo {
  /** Of the subject of its parts. */
  readonly nuid: string;
  readonly chunks: number;
}

/** The reader of a stream, whosever type it has. */
interface Pieces {
  read(): Promise<{ readonly done: boolean; readonly value?: Uint8Array | undefined }>;
}

/**
 * Bodies that are too long for a message, in an object store of JetStream, as `nats object` has them. The client's own object store is not
 * used: it reads as fast as the server sends however slow the reader, what it deletes leaves a message for ever, and it hashes in JavaScript
 * (measured: 62 MB/s while nothing else runs).
 */
export class Bodies implements BodyStore {
  readonly #sessions: JetStreamSessions;
  readonly #bucket: string;

  /** @param bucket which is there already */
  constructor(sessions: JetStreamSessions, bucket: string) {
    this.#sessions = sessions;
    this.#bucket = bucket;
  }

  /**
   * Reads on when what was read is stored. Nothing is left behind when it fails, unless NATS is lost meanwhile.
   * @param most bytes. @throws {FaasError} `body_too_large` @throws {Error} what the body's reader or JetStream says
   */
  async put(body: ReadableStream<Uint8Array>, most: number): Promise<ObjectBody> {
    const session = await this.#sessions.get();
    const name = randomUUID();
    const nuid = name.replaceAll('-', '');
    const reader = body.getReader();
    try {
      const told = await this.#putParts(session, reader, { nuid, most });
      const headers = session.newHeaders();
      headers.set('Nats-Rollup', 'sub');
      const info = { name, bucket: this.#bucket, nuid, ...told, mtime: new Date().toISOString() };
      await session.publisher.publish(
        objectOf(this.#bucket, name),
        Buffer.from(JSON.stringify({ ...info, options: { max_chunk_size: CHUNK_BYTES } })),
        headers,
      );
      return { name, bytes: told.size };
    } catch (error) {
      await reader.cancel(error).catch(() => undefined);
      await session.manager.streams
        .purge(streamOf(this.#bucket), { filter: chunksOf(this.#bucket, nuid) })
        .catch(() => undefined);
      throw error;
    }
  }

  /** One piece at a time, as it is read. @returns undefined: it is not there (any more) @throws {Error} what JetStream says */
  async open({ name }: Pick<ObjectBody, 'name'>): Promise<ReadableStream<Uint8Array> | undefined> {
    const session = await this.#sessions.get();
    const info = await this.#info(session, name);
    if (info === undefined) return undefined;
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
          const query = { seq: after + 1, next_by_subj: subject };
          const message = await session.manager.direct.getMessage(stream, query);
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
    const session = await this.#sessions.get();
    const info = await this.#info(session, name);
    if (info === undefined) return;
    const { streams } = session.manager;
    const stream = streamOf(this.#bucket);
    // What tells of the parts goes last: until then, whoever looks for it finds them.
    await streams.purge(stream, { filter: chunksOf(this.#bucket, info.nuid) });
    await streams.purge(stream, { filter: objectOf(this.#bucket, name) });
  }

  async #putParts(
    { publisher }: JetStreamSession,
    reader: Pieces,
    { nuid, most }: { readonly nuid: string; readonly most: number },
  ): Promise<{ readonly size: number; readonly chunks: number; readonly digest: string }> {
    const subject = chunksOf(this.#bucket, nuid);
    const hash = new Bun.CryptoHasher('sha256');
    const chunk = new Uint8Array(CHUNK_BYTES);
    let filled = 0;
    let size = 0;
    let chunks = 0;
    const store = async (): Promise<void> => {
      await publisher.publish(subject, chunk.subarray(0, filled));
      chunks++;
      filled = 0;
    };
    for (;;) {
      const { done, value } = await reader.read();
      if (done || value === undefined) break;
      size += value.length;
      if (size > most) throw new FaasError('body_too_large', `the body is longer than ${most} bytes`);
      hash.update(value);
      for (let at = 0; at < value.length; ) {
        const piece = value.subarray(at, at + CHUNK_BYTES - filled);
        chunk.set(piece, filled);
        filled += piece.length;
        at += piece.length;
        if (filled === CHUNK_BYTES) await store();
      }
    }
    if (filled > 0) await store();
    const digest = hash.digest('base64').replaceAll('+', '-').replaceAll('/', '_');
    return { size, chunks, digest: `SHA-256=${digest}` };
  }

  async #info({ manager }: JetStreamSession, name: string): Promise<ObjectInfo | undefined> {
    const message = await manager.streams.getMessage(streamOf(this.#bucket), {
      last_by_subj: objectOf(this.#bucket, name),
    });
    return message === null ? undefined : parseInfo(message.string());
  }
}

/** @returns undefined: it was deleted by another client @throws {Error} when it tells of no object */
function parseInfo(text: string): ObjectInfo | undefined {
  const info = parseObject(parseJson(text), 'what tells of a body');
  const nuid = ownValue(info, 'nuid');
  const chunks = ownValue(info, 'chunks');
  if (typeof nuid !== 'string' || typeof chunks !== 'number') throw new Error('nothing tells of the body');
  return ownValue(info, 'deleted') === true ? undefined : { nuid, chunks };
}

/** What its parts are named by. @param data of the message that tells of a body. @returns undefined: it does not say */
export function nuidOf(data: Uint8Array): string | undefined {
  try {
    return parseInfo(Buffer.from(data).toString())?.nuid;
  } catch {
    return undefined;
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
