import type { Socket } from 'bun';
import { BadMessage } from './bad-message.ts';
import { beginEvent, eventTime } from './event.ts';
import { type Holder, hold, letGo } from './held-bytes.ts';
import { flushGathered, Outgoing } from './outgoing.ts';
import { checkUnfinishedHead, findHeadEnd, parseRequestHead } from './parse-head.ts';
import { type ExchangeConnection, ServerExchange } from './server-exchange.ts';
import type { Swept } from './sweep.ts';
import type { BodySink, Exchange, ListenLimits, RawHeaders } from './types.ts';
import { TUNNEL_PROBE_MS } from './upstream-connection.ts';
import { reasonPhrase } from './write-head.ts';

const EMPTY = Buffer.alloc(0);
const CR = 0x0d;
const LF = 0x0a;
/** Received and not yet used (pipelined requests, an unread body): beyond it the socket is not read. */
const UNREAD_BYTES = 65_536;
/** Clients of old sent one; without end they would hold a connection past every time limit. */
const MOST_EMPTY_LINES = 4;
const LINGER_MS = 2_000;
/** How long a client that shut down its sending side may be silent before we find out whether it still listens. */
const HALF_CLOSE_GRACE_MS = 100;
/** How long a client is not read until we find out whether it is there, and how much longer each further time. */
const PAUSED_GRACE_MS = 1_000;
const GRACE_GROWTH = 1.6;

/** What the connections of one listener share. */
export interface ConnectionHost {
  readonly limits: ListenLimits;
  readonly errorHeaders: RawHeaders;
  readonly isDraining: boolean;
  /** The `keep-alive` field line announced to clients; empty for none. */
  readonly keepAliveLine: string;
  onExchange(exchange: Exchange): void;
  started(): void;
  finished(): void;
  closed(connection: ServerConnection): void;
}

type State = 'open' | 'tunnel' | 'lingering' | 'closed';

/** One client's connection: requests one at a time and in order, however they were sent. */
export class ServerConnection implements ExchangeConnection, Holder, Swept {
  readonly socket: Socket<ServerConnection>;
  readonly out: Outgoing;
  readonly #host: ConnectionHost;
  #remoteAddress: string | undefined;
  #state: State = 'open';
  #exchange: ServerExchange | undefined;
  #received: Buffer = EMPTY;
  heldBytes = 0;
  #position = 0;
  #searched = 0;
  /** Before the next request. */
  #emptyLines = 0;
  #isConsuming = false;
  #isPaused = false;
  #isHalfClosed = false;
  #closeWhenSent = false;
  #probeMs = Number.POSITIVE_INFINITY;
  #sentAtHalfClose = 0;
  /** Next look for a client that is not read; 0: it is read, or no wait has begun. */
  #pausedProbeMs = 0;
  #pausedGraceMs = PAUSED_GRACE_MS;
  #tunnel: BodySink | undefined;
  #isTunnelEnded = false;
  /** When the present wait ends: for a request, a head, or the lingering. */
  #deadlineMs: number;
  #bodyDeadlineMs = 0;

  constructor(socket: Socket<ServerConnection>, host: ConnectionHost) {
    this.socket = socket;
    this.out = new Outgoing(socket);
    this.#host = host;
    this.#deadlineMs = performance.now() + host.limits.idleTimeoutMs;
  }

  get remoteAddress(): string {
    this.#remoteAddress ??= formatAddress(this.socket.remoteAddress, this.socket.remotePort);
    return this.#remoteAddress;
  }

  /** No request is in progress, not even part of a head. */
  get isIdle(): boolean {
    return this.#state === 'open' && this.#exchange === undefined && !this.hasUnread;
  }

  get hasUnread(): boolean {
    return this.#position < this.#received.length;
  }

  get isBusy(): boolean {
    return this.#exchange !== undefined && !this.#exchange.isFinished;
  }

  /** The connection will not serve another request. */
  get closesSoon(): boolean {
    return this.#isHalfClosed || this.#host.isDraining;
  }

  keepAliveLines(isOld: boolean): string {
    return isOld ? `connection: keep-alive\r\n${this.#host.keepAliveLine}` : this.#host.keepAliveLine;
  }

  // --- socket events -------------------------------------------------------------------------------------------

  onData(bytes: Buffer): void {
    beginEvent();
    if (this.#state === 'tunnel') {
      if (this.#tunnel?.write(bytes) === false) this.#setPaused(true);
    } else if (this.#state === 'open') {
      this.#received = this.hasUnread
        ? Buffer.concat([this.#received.subarray(this.#position), bytes])
        : bytes;
      this.#searched = this.#searched > this.#position ? this.#searched - this.#position : 0;
      this.#position = 0;
      this.consume();
    }
    flushGathered();
  }

  onDrain(): void {
    if (this.out.pendingBytes === 0 || !this.out.drain()) return;
    const exchange = this.#exchange;
    if (this.#isTunnelEnded) this.#finishTunnel();
    else if (exchange?.hasEnded) this.answerEnded(exchange);
    else if (this.#closeWhenSent) this.#finishClosing();
    else exchange?.drained();
    flushGathered();
  }

  /** The client shut down its sending side; it may well wait for its answer. */
  onEnd(): void {
    this.#isHalfClosed = true;
    const exchange = this.#exchange;
    if (this.#state === 'tunnel') {
      this.#tunnel?.end();
      if (this.#isTunnelEnded && this.out.pendingBytes === 0) this.#close();
    } else if (this.#state === 'lingering' || exchange === undefined) this.#close();
    else if (!exchange.isBodyComplete && !this.hasUnread) this.#close();
    else {
      this.#sentAtHalfClose = this.out.sentBytes;
      this.#probeMs = performance.now() + HALF_CLOSE_GRACE_MS;
    }
    flushGathered();
  }

  onClose(): void {
    if (this.#state === 'closed') return;
    const tunnel = this.#tunnel;
    this.#state = 'closed';
    this.out.discard();
    letGo(this, this.heldBytes);
    this.#host.closed(this);
    const exchange = this.#exchange;
    this.#exchange = undefined;
    this.#tunnel = undefined;
    exchange?.leave();
    tunnel?.abort(new Error('the client has gone'));
    if (exchange !== undefined) this.#host.finished();
    flushGathered();
  }

  // --- requests ------------------------------------------------------------------------------------------------

  /** Uses what was received as far as it can be used now. */
  consume(): void {
    if (this.#isConsuming) return;
    this.#isConsuming = true;
    try {
      while (this.#state === 'open' && !this.#closeWhenSent && this.hasUnread) {
        const before = this.#position;
        const exchange = this.#exchange;
        if (exchange === undefined) {
          if (!this.#beginExchange()) break;
        } else if (!exchange.isBodyComplete) {
          this.#position = exchange.takeBody(this.#received, before);
          if (this.#position === before) break;
          // What is thrown away after the answer has one time limit for all of it.
          if (!exchange.hasEnded) this.#bodyDeadlineMs = 0;
          if (exchange.isBodyComplete || exchange.closes) this.#settle(exchange);
        } else break;
      }
    } catch (error) {
      if (!(error instanceof BadMessage)) throw error;
      this.#refuse(error);
    } finally {
      this.#isConsuming = false;
    }
    if (this.#state !== 'open') return;
    if (!this.hasUnread) {
      this.#received = EMPTY;
      this.#position = this.#searched = 0;
    }
    if (this.#received.length !== this.heldBytes) this.#holdReceived();
    const exchange = this.#exchange;
    if (this.#isHalfClosed && exchange !== undefined && !exchange.isBodyComplete && !this.hasUnread)
      this.#close();
    else {
      this.#setPaused(
        exchange !== undefined &&
          (exchange.isBodyBlocked || this.#received.length - this.#position > UNREAD_BYTES),
      );
    }
  }

  /** An unfinished head, or what came ahead of its turn, counts as held: thousands of slow clients must not fill the memory. */
  #holdReceived(): void {
    const more = this.#received.length - this.heldBytes;
    if (more > 0) hold(this, more);
    else letGo(this, -more);
  }

  giveUp(): void {
    queueMicrotask(() => this.closeNow());
  }

  /** Returns false when the head is not whole yet. @throws {BadMessage} */
  #beginExchange(): boolean {
    const { limits } = this.#host;
    // An empty line before a request is passed over (RFC 9112 2.2).
    while (this.#received[this.#position] === CR && this.#received[this.#position + 1] === LF) {
      this.#position += 2;
      if (++this.#emptyLines > MOST_EMPTY_LINES)
        throw new BadMessage(400, 'empty lines in place of a request');
    }
    const start = this.#position;
    if (!this.hasUnread) return false;
    const end = findHeadEnd(this.#received, start, this.#searched);
    if (end === -1 || end - start > limits.headBytes) {
      checkUnfinishedHead(this.#received, start, this.#searched);
      if (this.#received.length - start > limits.headBytes) {
        throw new BadMessage(431, `the request head is longer than ${limits.headBytes} bytes`);
      }
      if (this.#searched === 0) this.#deadlineMs = performance.now() + limits.headTimeoutMs;
      this.#searched = this.#received.length;
      return false;
    }
    const request = parseRequestHead(this.#received, start, end, limits.headerCount);
    this.#position = end;
    this.#searched = this.#emptyLines = 0;
    const exchange = new ServerExchange(this, request);
    this.#exchange = exchange;
    this.#bodyDeadlineMs = 0;
    this.#pausedGraceMs = PAUSED_GRACE_MS;
    this.#host.started();
    try {
      this.#host.onExchange(exchange);
    } catch (error) {
      console.error(error);
      if (exchange.isAnswered) exchange.abort(new Error('the handler failed'));
      else exchange.respond(this.#errorHead(500), 'internal error\n');
    }
    return true;
  }

  #errorHead(status: number): { status: number; headers: string[] } {
    return { status, headers: ['content-type', 'text/plain; charset=utf-8', ...this.#host.errorHeaders] };
  }

  /** The client broke the protocol or a limit: it is told why, once, and the connection closes. */
  #refuse(error: BadMessage): void {
    const exchange = this.#exchange;
    const body = `${error.message}\n`;
    if (exchange === undefined) {
      const { headers } = this.#errorHead(error.status);
      let text = `HTTP/1.1 ${error.status} ${reasonPhrase(error.status)}\r\n`;
      for (let i = 0; i + 1 < headers.length; i += 2) text += `${headers[i]}: ${headers[i + 1]}\r\n`;
      this.out.text(`${text}content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`);
      this.#closeSoon();
      return;
    }
    exchange.closes = true;
    if (exchange.hasEnded) {
      this.#settle(exchange);
      return;
    }
    if (exchange.isAnswered) {
      this.cut(false);
      return;
    }
    exchange.lose(error);
    if (!exchange.isAnswered) exchange.respond(this.#errorHead(error.status), body);
  }

  /** The answer is handed over whole; the exchange ends when it is sent and the request body is out of the way. */
  answerEnded(exchange: ServerExchange): void {
    this.out.flush();
    if (this.out.pendingBytes > 0) return;
    exchange.finish();
    this.#settle(exchange);
    this.consume();
  }

  #settle(exchange: ServerExchange): void {
    if (this.#exchange !== exchange || !exchange.hasEnded || this.out.pendingBytes > 0) return;
    if (!exchange.isBodyComplete && !exchange.closes) return;
    this.#exchange = undefined;
    this.#host.finished();
    if (exchange.closes || this.closesSoon) {
      if (exchange.isBodyComplete && !this.hasUnread) this.#close();
      else this.#closeSoon();
      return;
    }
    this.#deadlineMs = eventTime() + this.#host.limits.idleTimeoutMs;
  }

  // --- tunnel --------------------------------------------------------------------------------------------------

  startTunnel(sink: BodySink): void {
    this.#state = 'tunnel';
    this.#tunnel = sink;
    this.socket.setKeepAlive(true, TUNNEL_PROBE_MS);
    this.out.flush();
    const rest = this.#received.subarray(this.#position);
    this.#received = EMPTY;
    this.#position = 0;
    this.#setPaused(false);
    if (rest.length > 0 && !sink.write(rest)) this.#setPaused(true);
    if (this.#isHalfClosed) sink.end();
  }

  // --- closing -------------------------------------------------------------------------------------------------

  /** Ends the connection in the middle of an answer. `hard`: with a reset. */
  cut(hard: boolean): void {
    this.out.flush();
    if (hard) {
      this.socket.terminate();
      this.onClose();
    } else this.#close();
  }

  /** For an idle or lingering connection: nothing that anybody waits for is lost. */
  #close(): void {
    this.out.flush();
    this.socket.end();
    this.onClose();
  }

  closeNow(): void {
    this.cut(true);
  }

  /** At the end of a drain: what was answered may still be read by a slow client. */
  closeUnlessLingering(): void {
    if (this.#state !== 'lingering') this.closeNow();
  }

  closeIdle(): void {
    if (this.isIdle) this.#close();
  }

  /** Sends what is left, then shuts down our side and reads on for a while: closing over unread bytes would reset the answer away. */
  #closeSoon(): void {
    this.#closeWhenSent = true;
    this.out.flush();
    if (this.out.pendingBytes === 0) this.#finishClosing();
  }

  #finishClosing(): void {
    if (this.#state === 'closed') return;
    if (this.#isHalfClosed) {
      this.#close();
      return;
    }
    this.#state = 'lingering';
    this.#received = EMPTY;
    this.#deadlineMs = performance.now() + LINGER_MS;
    this.#setPaused(false);
    this.socket.shutdown();
  }

  #setPaused(isPaused: boolean): void {
    if (this.#isPaused === isPaused || this.#state === 'closed') return;
    this.#isPaused = isPaused;
    this.#pausedProbeMs = 0;
    if (isPaused) this.socket.pause();
    else this.socket.resume();
  }

  /** The tunnel's other side sends no more. */
  endTunnel(): void {
    this.#isTunnelEnded = true;
    this.out.flush();
    if (this.out.pendingBytes === 0) this.#finishTunnel();
  }

  #finishTunnel(): void {
    if (this.#isHalfClosed) this.#close();
    else this.socket.shutdown();
  }

  /** The tunnel's other side takes bytes again. */
  resumeTunnel(): void {
    this.#setPaused(false);
  }

  // --- deadlines -----------------------------------------------------------------------------------------------

  check(nowMs: number): void {
    const { limits } = this.#host;
    const exchange = this.#exchange;
    if (this.#state !== 'tunnel' && this.out.pendingBytes > 0) {
      if (nowMs - this.out.progressMs > limits.writeTimeoutMs) this.closeNow();
    } else if (this.#state === 'lingering') {
      if (nowMs > this.#deadlineMs) this.#close();
    } else if (this.#state === 'open' && exchange === undefined) {
      if (nowMs > this.#deadlineMs) {
        if (this.hasUnread) this.#refuse(new BadMessage(408, 'the request head took too long'));
        else this.#close();
      }
    } else if (exchange !== undefined) this.#checkExchange(exchange, nowMs);
    flushGathered();
  }

  #checkExchange(exchange: ServerExchange, nowMs: number): void {
    if (exchange.awaitsBody) {
      if (this.#bodyDeadlineMs === 0) this.#bodyDeadlineMs = nowMs + this.#host.limits.bodyTimeoutMs;
      else if (nowMs > this.#bodyDeadlineMs) {
        this.#refuse(new BadMessage(408, 'the request body stalled'));
        return;
      }
    }
    if (this.#state !== 'open') return;
    if (this.#isPaused) this.#probePaused(exchange, nowMs);
    if (nowMs <= this.#probeMs) return;
    this.#probeMs = Number.POSITIVE_INFINITY;
    // After the client's FIN only a write tells whether it waits for its answer or has left. In a silent stream where none is possible it counts as gone.
    if (this.out.sentBytes !== this.#sentAtHalfClose) return;
    if (!exchange.probeClient() && exchange.isAnswered) this.#close();
  }

  /** While a socket is not read, nothing is heard of a client that closes it: its FIN stands behind the bytes that it sent. */
  #probePaused(exchange: ServerExchange, nowMs: number): void {
    if (this.#pausedProbeMs === 0) this.#pausedProbeMs = nowMs + this.#pausedGraceMs;
    else if (nowMs > this.#pausedProbeMs) {
      if (!exchange.probeClient()) return;
      this.#pausedGraceMs *= GRACE_GROWTH;
      this.#pausedProbeMs = nowMs + this.#pausedGraceMs;
    }
  }
}

/** `ip:port`, brackets around IPv6; empty for a Unix socket. */
function formatAddress(address: string | undefined, port: number | undefined): string {
  if (address === undefined) return '';
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}
