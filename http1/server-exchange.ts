import { ChunkedDecoder } from './chunked-decoder.ts';
import { DATE } from './field-names.ts';
import { listHas, parseLength } from './grammar.ts';
import type { HeaderFilter } from './hop-by-hop.ts';
import type { Outgoing } from './outgoing.ts';
import type { ParsedRequest } from './parsed-request.ts';
import type { ParsedResponse } from './parsed-response.ts';
import { passFields } from './pass-fields.ts';
import type { BodySink, Exchange, OwnFields, RawHeaders, ResponseHead } from './types.ts';
import { dateLine, fieldLine, fieldLines, statusLine } from './write-head.ts';

/** An unread request body up to this size is read and thrown away to keep the connection; a longer one closes it. */
const DISCARD_BYTES = 262_144;
/** What every answer begins with, whatever it will be. */
const HEAD_START = 'HTTP/1.1 ';
/** `HTTP/1.1 200` and its CR LF, as servers write it that leave out the space before an empty reason. */
const BARE_STATUS_LINE_BYTES = 14;
/** Zeros before the sizes of chunks, of which readers take some digits only. */
const MOST_ZEROS = 4;

type AnswerState = 'none' | 'streaming' | 'ended';
type Framing = 'length' | 'chunked' | 'close' | 'none';

/** What an exchange needs of the connection that it came by. */
export interface ExchangeConnection {
  readonly remoteAddress: string;
  readonly out: Outgoing;
  /** Bytes were received that nobody has used yet. */
  readonly hasUnread: boolean;
  /** It will not serve another request. */
  readonly closesSoon: boolean;
  /** The header lines that keep it open: with `connection` itself for HTTP/1.0. */
  keepAliveLines(isOld: boolean): string;
  /** Uses what was received as far as it can be used now. */
  consume(): void;
  /** The answer is handed over whole. */
  answerEnded(exchange: ServerExchange): void;
  /** Ends it in the middle of an answer. `hard`: with a reset. */
  cut(hard: boolean): void;
  startTunnel(sink: BodySink): void;
  resumeTunnel(): void;
  endTunnel(): void;
}

/** Where a relayed answer comes from. */
export interface AnswerSource {
  /** The client went away before the answer was completed. */
  onClientGone(): void;
  /** A write of the answer returned false, and more can be taken now. */
  onAnswerDrain(): void;
}

/** One request on a connection; also the sink of its own streamed answer. */
export class ServerExchange implements Exchange, BodySink {
  readonly request: ParsedRequest;
  readonly #connection: ExchangeConnection;
  #sink: BodySink | undefined;
  #wasRead = false;
  #decoder: ChunkedDecoder | undefined;
  #bodyLeft: number;
  #isDiscarding = false;
  #discarded = 0;
  isBodyComplete: boolean;
  /** The sink is full: nothing is read until `resumeBody`. */
  isBodyBlocked = false;
  #sentContinue = false;

  /** Characters of {@link HEAD_START} that are with the client already. */
  #sentAhead = 0;
  #zeros = 0;

  #answer: AnswerState = 'none';
  #framing: Framing = 'none';
  #answerLeft = 0;
  #onDrain: (() => void) | undefined;
  #source: AnswerSource | undefined;
  #isTunnel = false;
  /** The connection closes after this answer. */
  closes: boolean;
  isFinished = false;
  #isGone = false;
  #goneListeners: (() => void)[] | undefined;
  #finishedListeners: (() => void)[] | undefined;

  constructor(connection: ExchangeConnection, request: ParsedRequest) {
    this.#connection = connection;
    this.request = request;
    this.#bodyLeft = request.contentLength;
    this.isBodyComplete = request.contentLength === 0;
    this.closes = !request.keepAlive;
  }

  get remoteAddress(): string {
    return this.#connection.remoteAddress;
  }

  get isAnswered(): boolean {
    return this.#answer !== 'none';
  }

  get hasEnded(): boolean {
    return this.#answer === 'ended';
  }

  header(lowerCaseName: string): string | undefined {
    return this.request.find(lowerCaseName);
  }

  setRequestHeader(name: string, value: string): void {
    fieldLine(name, value);
    this.request.replace(name, value);
  }

  readBody(sink: BodySink): void {
    if (this.#wasRead) throw new Error('the body of this request is being read already');
    this.#wasRead = true;
    if (this.isFinished || this.#isGone) {
      sink.abort(new Error('the client has gone'));
      return;
    }
    if (this.isBodyComplete) {
      sink.end();
      return;
    }
    this.#sink = sink;
    if (
      this.request.expectsContinue &&
      !this.#sentContinue &&
      !this.isAnswered &&
      !this.#connection.hasUnread
    ) {
      this.#sentContinue = true;
      this.#writeHead('HTTP/1.1 100 Continue\r\n\r\n');
    }
    this.#connection.consume();
  }

  resumeBody(): void {
    if (this.#isTunnel) this.#connection.resumeTunnel();
    if (!this.isBodyBlocked) return;
    this.isBodyBlocked = false;
    this.#connection.consume();
  }

  /** Whether body bytes are waited for, so that their silence counts. */
  get awaitsBody(): boolean {
    return !this.isBodyComplete && !this.isBodyBlocked && (this.#sink !== undefined || this.#isDiscarding);
  }

  /** Takes body bytes from `bytes` at `start`; returns how far it came (`start`: no progress). @throws {BadMessage} */
  takeBody(bytes: Buffer, start: number): number {
    if (this.isBodyBlocked || (this.#sink === undefined && !this.#isDiscarding)) return start;
    if (this.request.contentLength !== -1) {
      const end = Math.min(bytes.length, start + this.#bodyLeft);
      this.#bodyLeft -= end - start;
      this.#deliver(bytes, start, end);
      if (this.#bodyLeft === 0) this.#completeBody(undefined);
      return end;
    }
    this.#decoder ??= new ChunkedDecoder();
    const decoder = this.#decoder;
    const end = decoder.step(bytes, start);
    if (decoder.dataEnd > decoder.dataStart) this.#deliver(bytes, decoder.dataStart, decoder.dataEnd);
    if (decoder.isDone) this.#completeBody(decoder.trailers);
    return end;
  }

  #deliver(bytes: Buffer, start: number, end: number): void {
    if (start === end) return;
    const sink = this.#sink;
    if (sink === undefined) {
      this.#discarded += end - start;
      if (this.#discarded > DISCARD_BYTES) this.closes = true;
      return;
    }
    const canTakeMore =
      sink.writeRange !== undefined
        ? sink.writeRange(bytes, start, end)
        : sink.write(start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end));
    if (!canTakeMore && this.#sink === sink) this.isBodyBlocked = true;
  }

  #completeBody(trailers: RawHeaders | undefined): void {
    this.isBodyComplete = true;
    this.isBodyBlocked = false;
    const sink = this.#sink;
    this.#sink = undefined;
    if (trailers !== undefined && trailers.length > 0) sink?.end(trailers);
    else sink?.end();
  }

  /** Who answers from now on hears of the client, at once when it has gone already. */
  serveBy(source: AnswerSource): void {
    if (this.#isGone) source.onClientGone();
    else if (!this.isFinished) this.#source = source;
  }

  onClientGone(listener: () => void): void {
    if (this.#isGone) listener();
    else if (!this.isFinished) {
      this.#goneListeners ??= [];
      this.#goneListeners.push(listener);
    }
  }

  onFinished(listener: () => void): void {
    if (this.isFinished) listener();
    else {
      this.#finishedListeners ??= [];
      this.#finishedListeners.push(listener);
    }
  }

  respond(head: ResponseHead, body?: Uint8Array | string): void {
    if (this.isFinished) return;
    const bytes = typeof body === 'string' ? Buffer.from(body) : body;
    this.#begin(head, bytes?.length ?? 0);
    if (bytes !== undefined && bytes.length > 0) this.write(bytes);
    this.end();
  }

  startResponse(head: ResponseHead, onDrain?: () => void): BodySink {
    if (this.isFinished) return this;
    this.#onDrain = onDrain;
    this.#begin(head, -1);
    return this;
  }

  /** Passes an interim (1xx) answer to the client; left out for HTTP/1.0, which knows none. */
  sendInterim(head: ResponseHead): void {
    if (this.isFinished || this.isAnswered || this.request.version === '1.0') return;
    if (head.status === 100) this.#sentContinue = true;
    this.#writeHead(`${statusLine(head.status, head.reason)}${fieldLines(head.headers)}\r\n`);
  }

  /**
   * Writes one byte that changes nothing: of what every answer begins with, or a zero before a chunk's size. Nothing else
   * tells whether a client that we do not read, or that has shut down its side, is there still: the kernel of one that
   * has left answers with a reset.
   * @returns false when no such byte can be written now
   */
  probeClient(): boolean {
    const { out } = this.#connection;
    if (this.#answer === 'none' && this.#sentAhead < HEAD_START.length) {
      out.text(HEAD_START.charAt(this.#sentAhead++));
      return true;
    }
    if (this.#answer !== 'streaming' || this.#framing !== 'chunked' || this.#zeros === MOST_ZEROS)
      return false;
    this.#zeros++;
    out.text('0');
    return true;
  }

  #writeHead(text: string): void {
    this.#connection.out.text(this.#sentAhead === 0 ? text : text.slice(this.#sentAhead));
    this.#sentAhead = 0;
  }

  /** Writes the head of a 101, but for `lines`' empty line, and hands the connection over as it is: bytes from the client go to `sink` from now on. */
  startTunnel(lines: string, ownFields: OwnFields | undefined, sink: BodySink): BodySink {
    this.#answer = 'streaming';
    this.closes = true;
    this.#framing = 'close';
    this.#isTunnel = true;
    const { out } = this.#connection;
    this.#writeHead(lines);
    ownFields?.writeResponseFields(out);
    out.text('\r\n');
    this.#connection.startTunnel(sink);
    return this;
  }

  /** `bodyLength` -1: given by a content-length among the headers, or unknown. */
  #begin(head: ResponseHead, bodyLength: number): void {
    if (this.#answer !== 'none') throw new Error('this request is answered already');
    const { status, headers } = head;
    if (status < 200) throw new RangeError(`${status} is no final status`);
    let text = statusLine(status, head.reason);
    let length = bodyLength;
    let hasDate = false;
    const hidesLength = status === 204;
    for (let i = 0; i + 1 < headers.length; i += 2) {
      const name = headers[i] ?? '';
      const value = headers[i + 1] ?? '';
      const lower = isFramingLength(name.length) ? name.toLowerCase() : '';
      if (lower === 'transfer-encoding' || lower === 'keep-alive') continue;
      if (lower === 'connection') {
        if (listHas(value, 'close')) this.closes = true;
        continue;
      }
      if (lower === 'content-length') {
        if (bodyLength === -1) length = lengthOf(value);
        if (Number.isNaN(length)) throw new TypeError(`invalid content-length ${JSON.stringify(value)}`);
        if (bodyLength !== -1 || hidesLength) continue;
      } else if (lower === 'date') hasDate = true;
      text += fieldLine(name, value);
    }
    if (!hasDate) text += dateLine();
    if (bodyLength !== -1 && !hidesLength && status !== 304) text += `content-length: ${bodyLength}\r\n`;
    text += this.#frame(status, length);
    // A streamed answer may read the body yet; a whole one is the end of it, even where somebody was reading.
    if (bodyLength !== -1) {
      this.#sink = undefined;
      if (!this.isBodyComplete && !this.#canDiscard()) this.closes = true;
    }
    this.#writeHead(`${text}${this.#closing()}\r\n`);
  }

  /**
   * Begins an answer that came from an upstream: its fields are passed on as bytes, then come those added, which say nothing of
   * framing, and what is ours to say.
   */
  startRelayed(
    head: ParsedResponse,
    filter: HeaderFilter,
    ownFields: OwnFields | undefined,
    added: string,
  ): BodySink {
    if (this.isFinished) return this;
    if (this.#answer !== 'none') throw new Error('this request is answered already');
    const { fields, status } = head;
    const { out } = this.#connection;
    let from = head.start + this.#sentAhead;
    if (head.version !== '1.1' || fields.fieldsStart - head.start === BARE_STATUS_LINE_BYTES) {
      this.#writeHead(statusLine(status, head.reason));
      from = fields.fieldsStart;
    }
    this.#sentAhead = 0;
    const passed = status === 204 ? filter.with('content-length') : filter;
    passFields(out, fields, passed, from, fields.end - 2);
    ownFields?.writeResponseFields(out);
    out.text(added);
    if (!fields.has(DATE)) out.text(dateLine());
    out.text(this.#frame(status, head.isChunked ? -1 : head.contentLength));
    out.text(this.#closing());
    out.text('\r\n');
    return this;
  }

  /** Decides how the answer's body is framed; `length` -1: it is not known. @returns the line that says so, or none */
  #frame(status: number, length: number): string {
    this.#answer = 'streaming';
    if (this.request.method === 'HEAD' || status === 204 || status === 304) this.#framing = 'none';
    else if (length !== -1) {
      this.#framing = 'length';
      this.#answerLeft = length;
    } else if (this.request.version === '1.0') {
      this.#framing = 'close';
      this.closes = true;
    } else {
      this.#framing = 'chunked';
      return 'transfer-encoding: chunked\r\n';
    }
    return '';
  }

  /** The lines that say whether the connection stays. */
  #closing(): string {
    // An answer may end before so much of the request's body has come, and the connection with it: the client must know now.
    if (this.#connection.closesSoon || this.#bodyLeft > DISCARD_BYTES) this.closes = true;
    if (this.closes) return 'connection: close\r\n';
    return this.#connection.keepAliveLines(this.request.version === '1.0');
  }

  /** Whether the rest of the request body is being read by someone, or short enough to be thrown away. */
  #canDiscard(): boolean {
    if (this.#sink !== undefined) return true;
    if (this.#bodyLeft > DISCARD_BYTES) return false;
    // Without a 100 the client may send the body or leave it out: nobody can tell where the next request begins.
    return !this.request.expectsContinue || this.#sentContinue;
  }

  write(bytes: Uint8Array): boolean {
    return this.writeRange(bytes, 0, bytes.length);
  }

  writeRange(bytes: Uint8Array, start: number, end: number): boolean {
    if (this.isFinished || this.#answer !== 'streaming') return true;
    const { out } = this.#connection;
    const length = end - start;
    if (length === 0) return out.pendingBytes === 0;
    switch (this.#framing) {
      case 'none':
        return true;
      case 'length':
        if (length > this.#answerLeft) {
          this.abort(new Error('the answer is longer than its content-length'));
          return true;
        }
        this.#answerLeft -= length;
        out.range(bytes, start, end);
        break;
      case 'chunked':
        out.text(`${length.toString(16)}\r\n`);
        out.range(bytes, start, end);
        out.text('\r\n');
        break;
      case 'close':
        out.range(bytes, start, end);
        break;
    }
    return out.pendingBytes === 0;
  }

  end(trailers?: RawHeaders): void {
    if (this.isFinished || this.#answer !== 'streaming') return;
    if (this.#isTunnel) {
      this.#connection.endTunnel();
      return;
    }
    if (this.#framing === 'length' && this.#answerLeft > 0) {
      this.abort(new Error('the answer is shorter than its content-length'));
      return;
    }
    if (this.#framing === 'chunked') {
      this.#connection.out.text(trailers === undefined ? '0\r\n\r\n' : `0\r\n${fieldLines(trailers)}\r\n`);
    }
    this.#answer = 'ended';
    if (!this.isBodyComplete) {
      this.#sink = undefined;
      if (!this.#canDiscard()) this.closes = true;
      this.isBodyBlocked = false;
      this.#isDiscarding = true;
    }
    this.#connection.answerEnded(this);
  }

  abort(_cause: Error): void {
    if (this.isFinished) return;
    // Without a frame only a reset tells the client that the answer is cut short.
    this.#connection.cut(this.#framing === 'close');
  }

  /** The client reads again. */
  drained(): void {
    this.#onDrain?.();
    this.#source?.onAnswerDrain();
  }

  /** The answer is written whole. */
  finish(): void {
    if (this.isFinished) return;
    this.isFinished = true;
    this.#goneListeners = undefined;
    this.#onDrain = undefined;
    this.#source = undefined;
    const listeners = this.#finishedListeners;
    this.#finishedListeners = undefined;
    if (listeners !== undefined) for (const listener of listeners) listener();
  }

  /** The client left before the answer was completed. */
  leave(): void {
    this.lose(new Error('the client has gone'));
    this.finish();
  }

  /** The request can not be served to its end; tells whoever serves it, while the client may still be told why. */
  lose(cause: Error): void {
    if (this.isFinished || this.#isGone) return;
    this.#isGone = true;
    const listeners = this.#goneListeners;
    this.#goneListeners = undefined;
    const sink = this.#sink;
    this.#sink = undefined;
    this.isBodyBlocked = false;
    sink?.abort(cause);
    const source = this.#source;
    this.#source = undefined;
    source?.onClientGone();
    if (listeners !== undefined) for (const listener of listeners) listener();
  }
}

function lengthOf(text: string): number {
  const bytes = Buffer.from(text, 'latin1');
  return parseLength(bytes, 0, bytes.length);
}

/** Lengths of the names that the framing of an answer depends on: date, connection and keep-alive, content-length, transfer-encoding. */
function isFramingLength(length: number): boolean {
  return length === 4 || length === 10 || length === 14 || length === 17;
}
