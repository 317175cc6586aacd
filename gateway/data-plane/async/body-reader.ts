import { type Holder, hold, letGo } from '../../../http1/held-bytes.ts';
import type { BodySink, Exchange } from '../../../http1/types.ts';
import { FaasError } from '../../errors.ts';
import { MOST_INLINE_BYTES } from '../../queue/call.ts';

/** What waits of a long body before its client is not read any more. */
const WAITING_BYTES = 128 * 1024;
const NOTHING = new Uint8Array(0);

/** A request's body; a stream when it is too long for a message. */
export type ReceivedBody = Uint8Array | ReadableStream<Uint8Array>;

/**
 * Reads the body of one request. What it holds counts with what the connections of this process hold: where that is too much, the body
 * that has made no way for longest is given up.
 */
export class BodyReader implements BodySink, Holder {
  heldBytes = 0;
  receivedBytes = 0;
  /** Why it will not come to its end. */
  failure: Error | undefined;
  /** The client has left, or was too slow: it hears of it by the listener, and has no answer of anybody else. */
  isGone = false;
  readonly #exchange: Exchange;
  readonly #received = Promise.withResolvers<ReceivedBody>();
  readonly #chunks: Uint8Array[] = [];
  /** Nothing more will come, or is wanted. */
  #isOver = false;
  #stream: ReadableStreamDefaultController<Uint8Array> | undefined;
  /** The stream is waited for. */
  #onMore: (() => void) | undefined;

  constructor(exchange: Exchange) {
    this.#exchange = exchange;
  }

  /**
   * Resolves with the whole body, or with a stream of it, to be read or cancelled, as soon as it is too long for a message.
   * Rejects, and the stream fails, with {@link failure}: a `FaasError` unless the client is gone.
   */
  read(): Promise<ReceivedBody> {
    if (this.#exchange.request.contentLength === 0) return Promise.resolve(NOTHING);
    this.#exchange.readBody(this);
    return this.#received.promise;
  }

  write(bytes: Uint8Array): boolean {
    this.receivedBytes += bytes.length;
    if (this.#isOver) return true;
    // The bytes that came are the connection's.
    this.#chunks.push(new Uint8Array(bytes));
    // Most come at once: the end follows, and nothing waits for the client.
    if (bytes.length === this.#exchange.request.contentLength && bytes.length <= MOST_INLINE_BYTES)
      return true;
    hold(this, bytes.length);
    if (this.#stream === undefined && this.heldBytes > MOST_INLINE_BYTES) this.#open();
    this.#onMore?.();
    return this.#stream === undefined || this.heldBytes <= WAITING_BYTES;
  }

  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    if (this.#stream !== undefined) {
      this.#onMore?.();
      return;
    }
    letGo(this, this.heldBytes);
    const [first = NOTHING] = this.#chunks;
    this.#received.resolve(this.#chunks.length > 1 ? Buffer.concat(this.#chunks) : first);
  }

  abort(cause: Error): void {
    this.isGone = true;
    this.#fail(cause);
  }

  giveUp(): void {
    const message = 'the gateway holds as much of calls that are being sent as it may: try again';
    this.#fail(new FaasError('queue_unavailable', message, { retryAfterSeconds: 1 }));
  }

  #fail(cause: Error): void {
    if (this.failure !== undefined || (this.#isOver && this.#stream === undefined)) return;
    this.failure = cause;
    this.#forget();
    this.#stream?.error(cause);
    this.#received.reject(cause);
  }

  #forget(): void {
    this.#isOver = true;
    this.#chunks.length = 0;
    letGo(this, this.heldBytes);
    this.#onMore?.();
  }

  #open(): void {
    const stream = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#stream = controller;
        },
        pull: (controller) => this.#pull(controller),
        cancel: () => this.#forget(),
      },
      { highWaterMark: 0 },
    );
    this.#received.resolve(stream);
  }

  async #pull(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
    while (this.#chunks.length === 0 && !this.#isOver) {
      const more = Promise.withResolvers<void>();
      this.#onMore = more.resolve;
      await more.promise;
      this.#onMore = undefined;
    }
    if (this.failure !== undefined) return;
    const chunk = this.#chunks.shift();
    if (chunk === undefined) {
      controller.close();
      return;
    }
    controller.enqueue(chunk);
    letGo(this, chunk.length);
    if (!this.#isOver && this.heldBytes <= WAITING_BYTES) this.#exchange.resumeBody();
  }
}
