import { randomUUID } from 'node:crypto';
import { FaasError } from '../../errors.ts';
import { queueFull } from '../accepting.ts';
import type { ObjectBody } from '../call.ts';
import type { BodyStore } from '../worker-queue.ts';

export interface MemoryBodiesOptions {
  readonly mostBytes: number;
  /** What is full: `refuses` what comes, or `forgets` what has been there for longest. */
  readonly whenFull: 'refuses' | 'forgets';
  /** Milliseconds that only grow. */
  readonly now: () => number;
}

interface Stored {
  readonly chunks: readonly Uint8Array[];
  readonly bytes: number;
  readonly storedAtMs: number;
}

/** Pieces are as long as this, however short those are that come: each of them costs something. */
const CHUNK_BYTES = 64 * 1024;

/** Long bodies in memory. */
export class MemoryBodies implements BodyStore {
  readonly #options: MemoryBodiesOptions;
  /** The oldest first. */
  readonly #bodies = new Map<string, Stored>();
  /** With those that are being read. */
  #bytes = 0;

  constructor(options: MemoryBodiesOptions) {
    this.#options = options;
  }

  get bytes(): number {
    return this.#bytes;
  }

  async put(body: ReadableStream<Uint8Array>, wanted: number): Promise<ObjectBody> {
    // One that will never find room is not asked to come again.
    const most = Math.min(wanted, this.#options.mostBytes);
    const name = randomUUID();
    const chunks: Uint8Array[] = [];
    let held = 0;
    let bytes = 0;
    let last = new Uint8Array(0);
    let filled = 0;
    const reader = body.getReader();
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        bytes += value.length;
        if (bytes > most) throw new FaasError('body_too_large', `the body is longer than ${most} bytes`);
        for (let at = 0; at < value.length; ) {
          if (filled === last.length) {
            this.#reserve(CHUNK_BYTES);
            held += CHUNK_BYTES;
            last = new Uint8Array(CHUNK_BYTES);
            chunks.push(last);
            filled = 0;
          }
          const piece = value.subarray(at, at + last.length - filled);
          last.set(piece, filled);
          filled += piece.length;
          at += piece.length;
        }
      }
    } catch (error) {
      this.#bytes -= held;
      await reader.cancel(error).catch(() => undefined);
      throw error;
    }
    if (filled < last.length) {
      chunks.splice(-1, 1, last.slice(0, filled));
      this.#bytes -= last.length - filled;
    }
    this.#bodies.set(name, { chunks, bytes, storedAtMs: this.#options.now() });
    return { name, bytes };
  }

  async open({ name }: Pick<ObjectBody, 'name'>): Promise<ReadableStream<Uint8Array> | undefined> {
    const stored = this.#bodies.get(name);
    if (stored === undefined) return undefined;
    const pieces = stored.chunks.values();
    return new ReadableStream<Uint8Array>(
      {
        pull: (controller) => {
          const { done, value } = pieces.next();
          if (done) controller.close();
          else controller.enqueue(value);
        },
      },
      { highWaterMark: 1 },
    );
  }

  async drop({ name }: Pick<ObjectBody, 'name'>): Promise<void> {
    this.#forget(name);
  }

  /** Of those that were stored before. @returns how many went */
  dropUnless(isNeeded: (name: string) => boolean, storedBeforeMs: number): number {
    let dropped = 0;
    for (const [name, { storedAtMs }] of this.#bodies) {
      if (storedAtMs >= storedBeforeMs) break;
      if (isNeeded(name)) continue;
      this.#forget(name);
      dropped++;
    }
    return dropped;
  }

  #forget(name: string): void {
    this.#bytes -= this.#bodies.get(name)?.bytes ?? 0;
    this.#bodies.delete(name);
  }

  /** @throws {FaasError} `queue_full` */
  #reserve(bytes: number): void {
    const { mostBytes, whenFull } = this.#options;
    if (whenFull === 'forgets') {
      for (const name of this.#bodies.keys()) {
        if (this.#bytes + bytes <= mostBytes) break;
        this.#forget(name);
      }
    }
    if (this.#bytes + bytes > mostBytes) throw queueFull();
    this.#bytes += bytes;
  }
}
