import type { BodySink, Exchange, RequestHead, ResponseHead } from '../http1/types.ts';

/** A request with something else in it. A received one is no plain object: spreading it would lose what is made on demand. */
export function changed(request: RequestHead, change: Partial<RequestHead>): RequestHead {
  const { method, target, version, headers, contentLength } = request;
  return { method, target, version, headers, contentLength, ...change };
}

/** An exchange with another request: another target, or a body that was read already. Its answer is the first one's. */
export class DerivedExchange implements Exchange {
  request: RequestHead;
  readonly #from: Exchange;
  readonly #body: Uint8Array | undefined;

  /** @param body the whole request body where it was read already */
  constructor(from: Exchange, request: RequestHead, body?: Uint8Array) {
    this.#from = from;
    this.request = request;
    this.#body = body;
  }

  get remoteAddress(): string {
    return this.#from.remoteAddress;
  }

  get isAnswered(): boolean {
    return this.#from.isAnswered;
  }

  header(lowerCaseName: string): string | undefined {
    return this.#from.header(lowerCaseName);
  }

  setRequestHeader(name: string, value: string): void {
    this.#from.setRequestHeader(name, value);
    this.request = changed(this.request, { headers: this.#from.request.headers });
  }

  readBody(sink: BodySink): void {
    if (this.#body === undefined) {
      this.#from.readBody(sink);
      return;
    }
    sink.write(this.#body);
    sink.end();
  }

  resumeBody(): void {
    this.#from.resumeBody();
  }

  onClientGone(listener: () => void): void {
    this.#from.onClientGone(listener);
  }

  respond(head: ResponseHead, body?: Uint8Array | string): void {
    this.#from.respond(head, body);
  }

  startResponse(head: ResponseHead, onDrain?: () => void): BodySink {
    return this.#from.startResponse(head, onDrain);
  }

  onFinished(listener: () => void): void {
    this.#from.onFinished(listener);
  }
}
