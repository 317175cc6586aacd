import { isFieldValue, isToken } from '../../http1/grammar.ts';
import type { BodySink, Exchange, RawHeaders, RequestHead, ResponseHead } from '../../http1/types.ts';

/** The body of a request that nobody sends but a store. */
export type StoredBody = Uint8Array | { readonly bytes: number; readonly stream: ReadableStream<Uint8Array> };

export interface StoredExchangeOptions {
  readonly target: string;
  /** Those that say something of the body's length are left out. */
  readonly headers: RawHeaders;
  readonly body: StoredBody;
  /** @returns where the answer's body goes; `drain` is to be called when it takes more after a `write` that returned false */
  readonly onResponse: (head: ResponseHead, drain: () => void) => BodySink;
}

const FRAMING = new Set(['content-length', 'transfer-encoding', 'expect']);

/** A POST whose client is the queue. @throws {TypeError} for headers that would break the message */
export class StoredExchange implements Exchange {
  readonly request: RequestHead;
  readonly remoteAddress = 'queue';
  isAnswered = false;
  readonly #options: StoredExchangeOptions;
  readonly #goneListeners: (() => void)[] = [];
  #resume: () => void = () => undefined;
  #isGone = false;

  constructor(options: StoredExchangeOptions) {
    this.#options = options;
    const headers: string[] = [];
    for (let i = 0; i + 1 < options.headers.length; i += 2) {
      const name = options.headers[i] ?? '';
      const value = options.headers[i + 1] ?? '';
      if (!isToken(name) || !isFieldValue(value)) throw new TypeError('a header of the call is broken');
      if (!FRAMING.has(name.toLowerCase())) headers.push(name, value);
    }
    const { body } = options;
    const contentLength = body instanceof Uint8Array ? body.length : body.bytes;
    headers.push('Content-Length', String(contentLength));
    this.request = { method: 'POST', target: options.target, version: '1.1', headers, contentLength };
  }

  header(lowerCaseName: string): string | undefined {
    const { headers } = this.request;
    for (let i = 0; i + 1 < headers.length; i += 2) {
      if (headers[i]?.toLowerCase() === lowerCaseName) return headers[i + 1];
    }
    return undefined;
  }

  setRequestHeader(): void {
    throw new TypeError('a stored call is sent as it is');
  }

  readBody(sink: BodySink): void {
    const { body } = this.#options;
    if (body instanceof Uint8Array) {
      sink.write(body);
      sink.end();
    } else {
      void this.#pump(body, sink);
    }
  }

  resumeBody(): void {
    this.#resume();
  }

  onClientGone(listener: () => void): void {
    if (this.#isGone) listener();
    else this.#goneListeners.push(listener);
  }

  /** Nobody wants the answer any more. */
  leave(): void {
    if (this.#isGone) return;
    this.#isGone = true;
    this.#resume();
    for (const listener of this.#goneListeners) listener();
  }

  respond(): void {
    throw new TypeError('a relay writes no answer of its own');
  }

  startResponse(head: ResponseHead, onDrain: () => void = () => undefined): BodySink {
    this.isAnswered = true;
    return this.#options.onResponse(head, onDrain);
  }

  onFinished(): void {
    throw new TypeError('who runs a call knows when it is over');
  }

  async #pump(
    body: { readonly bytes: number; readonly stream: ReadableStream<Uint8Array> },
    sink: BodySink,
  ): Promise<void> {
    const reader = body.stream.getReader();
    let left = body.bytes;
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (this.#isGone) break;
        if (done) {
          if (left !== 0) throw new Error('the stored body is shorter than it was');
          sink.end();
          return;
        }
        left -= value.length;
        if (left < 0) throw new Error('the stored body is longer than it was');
        if (!sink.write(value)) await new Promise<void>((resolve) => (this.#resume = resolve));
        if (this.#isGone) break;
      }
      await reader.cancel();
    } catch (error) {
      if (!this.#isGone) sink.abort(error as Error);
    }
  }
}
