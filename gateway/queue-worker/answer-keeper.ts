import type { BodySink } from '../../http1/types.ts';
import { type CallHeaders, type CallResult, MOST_INLINE_BYTES, type ObjectBody } from '../queue/call.ts';
import { MOST_RESPONSE_BYTES } from '../queue/call-queue.ts';
import { keptHeaders } from '../queue/kept-headers.ts';
import { MOST_RESULT_HEADER_BYTES } from '../queue/stored-size.ts';

/** A function's answer, as far as it is kept. */
export interface KeptAnswer {
  readonly result: CallResult;
  /** What travels in messages; empty where it is kept elsewhere, or not at all. */
  readonly body: Uint8Array;
  /** How the body begins, wherever it is kept. */
  readonly beginning: Uint8Array;
}

export interface AnswerKeeperOptions {
  readonly status: number;
  readonly headers: CallHeaders;
  /** Bytes beyond which no body is kept. */
  readonly most: number;
  /** Without its body it is worth nothing. */
  readonly isNeeded: boolean;
  /** Stores a body that is too long for a message. */
  readonly store: (body: ReadableStream<Uint8Array>) => Promise<ObjectBody>;
  /** More can be taken after a `write` that returned false. */
  readonly drain: () => void;
}

const NOTHING = new Uint8Array(0);

/** Takes an answer's body: into memory while it is short, from there on into a store, as fast as that is. */
export class AnswerKeeper implements BodySink {
  readonly #options: AnswerKeeperOptions;
  readonly #ended = Promise.withResolvers<void>();
  #chunks: Uint8Array[] = [];
  #bytes = 0;
  /** Of one that does not stay in memory. */
  #beginning = NOTHING;
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  #storing: Promise<ObjectBody | undefined> | undefined;
  #isDropped = false;

  constructor(options: AnswerKeeperOptions) {
    this.#options = options;
    this.#ended.promise.catch(() => undefined); // an answer that breaks off is told by its relay
  }

  write(bytes: Uint8Array): boolean {
    this.#bytes += bytes.length;
    if (this.#isDropped) return true;
    if (this.#bytes > this.#options.most) {
      this.#drop(bytes);
      return true;
    }
    // The bytes are the connection's, and are written over when this returns.
    const copy = new Uint8Array(bytes);
    if (this.#controller === undefined && this.#bytes <= MOST_INLINE_BYTES) {
      this.#chunks.push(copy);
      return true;
    }
    const controller = this.#controller ?? this.#spill(copy);
    controller.enqueue(copy);
    return (controller.desiredSize ?? 0) > 0;
  }

  end(): void {
    if (!this.#isDropped) this.#controller?.close();
    this.#ended.resolve();
  }

  abort(cause: Error): void {
    if (!this.#isDropped) this.#controller?.error(cause);
    this.#isDropped = true;
    this.#ended.reject(cause);
  }

  /** To be called once the answer is complete. @returns undefined: its body is needed, and could not be stored */
  async finish(): Promise<KeptAnswer | undefined> {
    await this.#ended.promise;
    const { status, headers, isNeeded } = this.#options;
    const stored = await this.#storing;
    const shown = keptHeaders(headers, MOST_RESULT_HEADER_BYTES);
    const result = { status, headers: shown, bytes: this.#bytes };
    if (this.#isDropped && isNeeded) return undefined;
    const beginning = this.#beginning;
    if (this.#isDropped) return { result: { ...result, kept: 'dropped' }, body: NOTHING, beginning };
    if (stored !== undefined) return { result: { ...result, kept: stored }, body: NOTHING, beginning };
    const body = Buffer.concat(this.#chunks);
    return { result: { ...result, kept: 'message' }, body, beginning: body };
  }

  #spill(next: Uint8Array): ReadableStreamDefaultController<Uint8Array> {
    let opened: ReadableStreamDefaultController<Uint8Array> | undefined;
    const stream = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          opened = controller;
        },
        pull: () => this.#options.drain(),
        // Whoever stores it has given up: it takes nothing more.
        cancel: () => {
          this.#isDropped = true;
          this.#options.drain();
        },
      },
      new ByteLengthQueuingStrategy({ highWaterMark: MOST_INLINE_BYTES }),
    );
    if (opened === undefined) throw new Error('a stream that does not start');
    this.#controller = opened;
    this.#keepBeginning(next);
    for (const chunk of this.#chunks) opened.enqueue(chunk);
    this.#chunks = [];
    this.#storing = this.#options.store(stream).catch(() => {
      // The call has been made all the same: how it went is worth more than what it said.
      this.#isDropped = true;
      this.#options.drain();
      return undefined;
    });
    return opened;
  }

  #keepBeginning(next: Uint8Array): void {
    if (this.#beginning.length > 0) return;
    const whole = Buffer.concat([...this.#chunks, next]);
    this.#beginning = new Uint8Array(whole.subarray(0, MOST_RESPONSE_BYTES));
  }

  #drop(next: Uint8Array): void {
    this.#isDropped = true;
    this.#keepBeginning(next);
    this.#chunks = [];
    this.#controller?.error(new Error('the result is longer than what is kept'));
    this.#options.drain();
  }
}
