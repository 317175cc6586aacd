import { BadMessage } from './bad-message.ts';
import { ChunkedDecoder } from './chunked-decoder.ts';
import { eventTime } from './event.ts';
import { isTarget } from './grammar.ts';
import { passedOn, passedOnTrailers, responseFilter } from './hop-by-hop.ts';
import { findHeadEnd, parseResponseHead } from './parse-head.ts';
import type { ParsedResponse } from './parsed-response.ts';
import { ConnectionPool } from './pool.ts';
import { type AnswerSource, ServerExchange } from './server-exchange.ts';
import type { BodySink, Exchange, RawHeaders, RelayOptions, RelayOutcome, UpstreamAddress } from './types.ts';
import type { UpstreamConnection, UpstreamUser } from './upstream-connection.ts';
import { fieldLines, statusLine, upgradeLines } from './write-head.ts';
import { writeRequestHead } from './write-request-head.ts';

type Phase = 'connecting' | 'head' | 'body' | 'tunnel' | 'done';

/** One call: the request's body goes in by `write` and `end`, the upstream's answer comes in by `onUpstreamData`. */
class RelayCall implements UpstreamUser, BodySink, AnswerSource {
  readonly #exchange: Exchange;
  readonly #options: RelayOptions;
  readonly #pool: ConnectionPool;
  readonly #user: RelayUser;
  readonly #deadlineMs: number;
  #phase: Phase = 'connecting';
  #connection: UpstreamConnection | undefined;
  #wantsUpgrade = false;
  #isRequestSent = false;
  #isTunnelEnded = false;

  #received: Buffer | undefined;
  #searched = 0;
  /** Of interim answers, which count towards the size of the head. */
  #interimBytes = 0;
  #head: ParsedResponse | undefined;
  #sink: BodySink | undefined;
  #bodyLeft = 0;
  #decoder: ChunkedDecoder | undefined;

  constructor(exchange: Exchange, options: RelayOptions, user: RelayUser) {
    if (!(options.pool instanceof ConnectionPool)) throw new TypeError('the pool must come from createPool');
    if (!isTarget(options.target)) throw new TypeError('invalid byte in the target');
    this.#exchange = exchange;
    this.#options = options;
    this.#pool = options.pool;
    this.#user = user;
    const { timeoutMs = 0 } = options;
    this.#deadlineMs = timeoutMs > 0 ? eventTime() + timeoutMs : Number.POSITIVE_INFINITY;
  }

  start(): void {
    const exchange = this.#exchange;
    if (exchange instanceof ServerExchange) exchange.serveBy(this);
    else exchange.onClientGone(() => this.onClientGone());
    if (this.#phase === 'done') return;
    const connection = this.#pool.acquire(this.#options.address, this);
    if (connection !== undefined) this.onConnected(connection);
  }

  // --- the request ---------------------------------------------------------------------------------------------

  onConnected(connection: UpstreamConnection): void {
    if (this.#phase === 'done') {
      connection.terminate();
      return;
    }
    this.#connection = connection;
    this.#phase = 'head';
    const { request } = this.#exchange;
    this.#wantsUpgrade =
      this.#options.allowUpgrade !== false &&
      this.#exchange instanceof ServerExchange &&
      this.#exchange.request.wantsUpgrade &&
      !namesHttp2(this.#exchange.header('upgrade') ?? '');
    writeRequestHead(connection.out, this.#exchange, this.#options, this.#wantsUpgrade);
    if (request.contentLength === 0) {
      this.#isRequestSent = true;
      connection.out.flush();
    } else this.#exchange.readBody(this);
  }

  onConnectFailed(cause: Error): void {
    const { address } = this.#options;
    this.#finish({
      kind: 'not_delivered',
      cause: new Error(`${nameOf(address)}: ${cause.message}`, { cause }),
    });
  }

  write(bytes: Uint8Array): boolean {
    return this.writeRange(bytes, 0, bytes.length);
  }

  writeRange(bytes: Uint8Array, start: number, end: number): boolean {
    const out = this.#connection?.out;
    if (out === undefined || end === start) return true;
    if (this.#phase === 'tunnel' || this.#exchange.request.contentLength !== -1) out.range(bytes, start, end);
    else {
      out.text(`${(end - start).toString(16)}\r\n`);
      out.range(bytes, start, end);
      out.text('\r\n');
    }
    return out.pendingBytes === 0;
  }

  end(trailers?: RawHeaders): void {
    const connection = this.#connection;
    if (connection === undefined) return;
    if (this.#phase === 'tunnel') {
      connection.shutdownWhenSent();
      return;
    }
    if (this.#exchange.request.contentLength === -1) {
      let text = '0\r\n';
      if (trailers !== undefined) {
        const passed = passedOnTrailers(trailers);
        for (let i = 0; i + 1 < passed.length; i += 2) text += `${passed[i]}: ${passed[i + 1]}\r\n`;
      }
      connection.out.text(`${text}\r\n`);
    }
    this.#isRequestSent = true;
  }

  /** The request body can not be completed: half a request must not look like a whole one. */
  abort(): void {
    this.onClientGone();
  }

  /** The client takes more of its answer. */
  onAnswerDrain(): void {
    this.#connection?.resume();
  }

  onUpstreamDrain(): void {
    this.#exchange.resumeBody();
  }

  // --- the answer ----------------------------------------------------------------------------------------------

  onUpstreamData(bytes: Buffer): void {
    try {
      if (this.#phase === 'head') this.#readHead(bytes);
      else if (this.#phase === 'body') this.#readBody(bytes, 0);
      else if (this.#phase === 'tunnel') this.#pass(bytes, 0, bytes.length);
    } catch (error) {
      if (!(error instanceof BadMessage)) throw error;
      this.#fail(
        new Error(`${nameOf(this.#options.address)} broke HTTP: ${error.message}`, { cause: error }),
      );
    }
  }

  #readHead(bytes: Buffer): void {
    const buffer = this.#received === undefined ? bytes : Buffer.concat([this.#received, bytes]);
    let position = 0;
    while (this.#phase === 'head') {
      const end = findHeadEnd(buffer, position, this.#searched);
      const length = (end === -1 ? buffer.length : end) - position;
      if (this.#interimBytes + length > this.#pool.headBytes)
        throw new BadMessage(502, 'the head of the answer is too long');
      if (end === -1) {
        this.#received = Buffer.from(buffer.subarray(position));
        this.#searched = this.#received.length;
        return;
      }
      const head = parseResponseHead(buffer, position, end, this.#exchange.request.method === 'HEAD');
      position = end;
      this.#searched = position;
      this.#received = undefined;
      if (head.status >= 200) this.#beginAnswer(head);
      else if (head.status === 101) this.#beginTunnel(head, buffer.subarray(position));
      else {
        this.#interimBytes += length;
        this.#passInterim(head);
      }
    }
    if (this.#phase === 'body') this.#readBody(buffer, position);
  }

  #passInterim(head: ParsedResponse): void {
    // A 100 is ours to give: `Expect` was not passed on.
    if (head.status === 100 || !(this.#exchange instanceof ServerExchange)) return;
    this.#exchange.sendInterim({
      status: head.status,
      reason: head.reason,
      headers: passedOn(head.headers, responseFilter(undefined, head.connection)),
    });
  }

  #addedHeaders(head: ParsedResponse): RawHeaders {
    const { addResponseHeaders = [] } = this.#options;
    return typeof addResponseHeaders === 'function' ? addResponseHeaders(head) : addResponseHeaders;
  }

  #beginAnswer(head: ParsedResponse): void {
    this.#head = head;
    const { acceptResponse } = this.#options;
    if (acceptResponse !== undefined && !acceptResponse(head)) {
      this.#drop();
      this.#finish({ kind: 'declined', status: head.status });
      return;
    }
    const { dropResponseHeaders, addResponseHeaders, ownFields } = this.#options;
    const filter = responseFilter(dropResponseHeaders, head.connection);
    const exchange = this.#exchange;
    if (exchange instanceof ServerExchange) {
      const added = addResponseHeaders === undefined ? '' : fieldLines(this.#addedHeaders(head));
      this.#phase = 'body';
      this.#sink = exchange.startRelayed(head, filter, ownFields, added);
    } else {
      const headers = [...passedOn(head.headers, filter), ...this.#addedHeaders(head)];
      this.#phase = 'body';
      this.#sink = exchange.startResponse({ status: head.status, reason: head.reason, headers }, () =>
        this.onAnswerDrain(),
      );
    }
    this.#bodyLeft = head.contentLength;
    if (head.isChunked) this.#decoder = new ChunkedDecoder();
  }

  #readBody(bytes: Buffer, start: number): void {
    let position = start;
    const decoder = this.#decoder;
    if (decoder !== undefined) {
      while (position < bytes.length && !decoder.isDone && this.#phase === 'body') {
        position = decoder.step(bytes, position);
        this.#pass(bytes, decoder.dataStart, decoder.dataEnd);
      }
      if (decoder.isDone) this.#complete(position < bytes.length, decoder.trailers);
      return;
    }
    if (this.#bodyLeft === -1) {
      this.#pass(bytes, position, bytes.length);
      return;
    }
    const end = Math.min(bytes.length, position + this.#bodyLeft);
    this.#bodyLeft -= end - position;
    this.#pass(bytes, position, end);
    if (this.#bodyLeft === 0) this.#complete(end < bytes.length, []);
  }

  #pass(bytes: Buffer, start: number, end: number): void {
    const sink = this.#sink;
    if (end === start || sink === undefined) return;
    const canTakeMore =
      sink.writeRange !== undefined
        ? sink.writeRange(bytes, start, end)
        : sink.write(bytes.subarray(start, end));
    if (!canTakeMore) this.#connection?.pause();
  }

  /** The answer has ended. The connection goes back first: ending the answer may begin the client's next request. */
  #complete(hasSurplus: boolean, trailers: RawHeaders): void {
    if (this.#phase === 'done') return;
    const head = this.#head;
    const connection = this.#connection;
    this.#phase = 'done';
    this.#connection = undefined;
    const isExact = this.#isRequestSent && !hasSurplus && connection?.out.pendingBytes === 0;
    if (connection !== undefined) {
      if (isExact && head?.keepAlive) this.#pool.release(connection, head.keepAliveSeconds);
      else if (this.#isRequestSent) connection.close();
      else connection.terminate();
    }
    this.#user.relayEnded({ kind: 'completed', status: head?.status ?? 0 });
    const passed = trailers.length > 0 ? passedOnTrailers(trailers) : trailers;
    if (passed.length > 0) this.#sink?.end(passed);
    else this.#sink?.end();
  }

  onUpstreamEnd(): void {
    if (this.#phase === 'tunnel') this.#endTunnel();
    else if (this.#phase === 'body' && this.#decoder === undefined && this.#bodyLeft === -1)
      this.#complete(true, []);
    else
      this.#fail(
        new Error(`${nameOf(this.#options.address)} closed the connection before its answer was complete`),
      );
  }

  onUpstreamClosed(cause: Error): void {
    this.#connection = undefined;
    if (this.#phase === 'tunnel') this.#sink?.abort(cause);
    this.#fail(new Error(`${nameOf(this.#options.address)}: ${cause.message}`, { cause }));
  }

  // --- after a 101 ---------------------------------------------------------------------------------------------

  #beginTunnel(head: ParsedResponse, rest: Buffer): void {
    const exchange = this.#exchange;
    if (!this.#wantsUpgrade || !this.#isRequestSent || !(exchange instanceof ServerExchange)) {
      throw new BadMessage(502, 'it switched protocols without being asked');
    }
    this.#head = head;
    this.#phase = 'tunnel';
    const { dropResponseHeaders, ownFields } = this.#options;
    const passed = passedOn(head.headers, responseFilter(dropResponseHeaders, head.connection));
    const fields = fieldLines([...passed, ...this.#addedHeaders(head)]);
    this.#sink = exchange;
    this.#connection?.watchPeer();
    exchange.startTunnel(
      `${statusLine(head.status, head.reason)}${fields}${upgradeLines(head.headers)}`,
      ownFields,
      this,
    );
    this.#pass(rest, 0, rest.length);
  }

  #endTunnel(): void {
    if (this.#isTunnelEnded) return;
    this.#isTunnelEnded = true;
    this.#sink?.end();
  }

  // --- endings -------------------------------------------------------------------------------------------------

  /** The client has left, or cannot be served any more. */
  onClientGone(): void {
    if (this.#phase === 'done') return;
    if (this.#phase === 'tunnel') {
      this.#phase = 'done';
      this.#connection?.closeWhenSent();
      this.#connection = undefined;
      this.#user.relayEnded({ kind: 'upgraded' });
      return;
    }
    this.#drop();
    this.#finish({ kind: 'client_gone', status: this.#head?.status ?? 0 });
  }

  checkTime(nowMs: number): void {
    if (nowMs <= this.#deadlineMs || this.#phase === 'tunnel' || this.#phase === 'done') return;
    const wasAnswering = this.#phase === 'body';
    this.#drop();
    this.#finish({ kind: 'timed_out', answered: wasAnswering, status: this.#head?.status ?? 0 });
    if (wasAnswering) this.#sink?.abort(new Error('the call took too long'));
  }

  #fail(cause: Error): void {
    if (this.#phase === 'done') return;
    if (this.#phase === 'tunnel') {
      this.onClientGone();
      return;
    }
    const wasAnswering = this.#phase === 'body';
    this.#drop();
    this.#finish({ kind: 'failed', cause, answered: wasAnswering, status: this.#head?.status ?? 0 });
    if (wasAnswering) this.#sink?.abort(cause);
  }

  #drop(): void {
    this.#connection?.terminate();
    this.#connection = undefined;
  }

  #finish(outcome: RelayOutcome): void {
    this.#phase = 'done';
    this.#user.relayEnded(outcome);
  }
}

/** By a tunnel of it, further requests would pass that nobody routes, counts or limits. */
function namesHttp2(upgrade: string): boolean {
  return /(?:^|[\s,])h2c?(?:$|[\s,/])/i.test(upgrade) || /http\s*\/\s*2/i.test(upgrade);
}

function nameOf(address: UpstreamAddress): string {
  return 'unix' in address ? address.unix : `${address.hostname}:${address.port}`;
}

/** Who has a call relayed. */
export interface RelayUser {
  /**
   * Called once with how it ended, before the last byte of a completed answer is handed over: what the client sends next finds
   * this call over.
   */
  relayEnded(outcome: RelayOutcome): void;
}

/**
 * Sends the exchange's request to one upstream and its answer back, both as they come, with backpressure.
 * Never sends a request twice, and never writes an answer of its own.
 * @throws {TypeError} for a target that would break the message
 */
export function startRelay(exchange: Exchange, options: RelayOptions, user: RelayUser): void {
  new RelayCall(exchange, options, user).start();
}

/** {@link startRelay} as a promise; rejects only for a target or an added header that would break the message. */
export function relay(exchange: Exchange, options: RelayOptions): Promise<RelayOutcome> {
  return new Promise((resolve) => startRelay(exchange, options, { relayEnded: resolve }));
}
