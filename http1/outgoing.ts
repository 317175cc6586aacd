import type { Socket } from 'bun';
import { endEvent, isInEvent } from './event.ts';
import { type Holder, hold, letGo } from './held-bytes.ts';
import type { HeadOut } from './types.ts';

// Small writes are gathered in one buffer shared by all sockets and go out in one system call when the socket's event
// has been handled (or in a microtask, outside of events). Only one socket owns the buffer at a time.
const GATHER_BYTES = 65_536;
/** Node's and Bun's own way past the choice of an encoding. */
interface Latin1Buffer extends Buffer {
  latin1Write(text: string, offset: number, length: number): number;
}
const gather = Buffer.allocUnsafeSlow(GATHER_BYTES) as Latin1Buffer;
/** Up to here a loop is quicker than a call of the runtime. */
const SHORT_BYTES = 32;
const SHORT_TEXT = 16;
let gathered = 0;
let owner: Outgoing | undefined;
let isFlushPlanned = false;

/** Sends what was gathered; to be called at the end of every socket event. */
export function flushGathered(): void {
  endEvent();
  owner?.flush();
}

function flushPlanned(): void {
  isFlushPlanned = false;
  owner?.flush();
}

/** The write side of a socket: gathers small writes, keeps what the kernel did not take, tells when it is full. */
export class Outgoing implements HeadOut, Holder {
  readonly #socket: Socket<unknown>;
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  /** When the kernel last took something, or the queue began; on the clock of `performance.now()`. */
  progressMs = 0;
  heldBytes = 0;
  /** Bytes the kernel took. */
  sentBytes = 0;
  isClosed = false;

  constructor(socket: Socket<unknown>) {
    this.#socket = socket;
  }

  /** Bytes that wait for the other side to read. */
  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  /** Latin-1 text: a head, a chunk's frame. */
  text(text: string): void {
    const { length } = text;
    if (length > GATHER_BYTES) {
      this.bytes(Buffer.from(text, 'latin1'));
      return;
    }
    if (length === 0) return;
    this.#own(length);
    if (length > SHORT_TEXT) gather.latin1Write(text, gathered, length);
    else for (let i = 0; i < length; i++) gather[gathered + i] = text.charCodeAt(i);
    gathered += length;
  }

  /** Small pieces are copied at once; large ones are written at once, so the caller may reuse its buffer either way. */
  bytes(bytes: Uint8Array): void {
    if (bytes.length > GATHER_BYTES / 2) {
      if (owner === this) this.flush();
      this.#send(bytes);
      return;
    }
    this.#own(bytes.length);
    gather.set(bytes, gathered);
    gathered += bytes.length;
  }

  /** The same for a part of a buffer. */
  range(bytes: Uint8Array, start: number, end: number): void {
    const length = end - start;
    if (length > GATHER_BYTES / 2) {
      this.bytes(bytes.subarray(start, end));
      return;
    }
    this.#own(length);
    if (length <= SHORT_BYTES) {
      for (let i = 0; i < length; i++) gather[gathered + i] = bytes[start + i] ?? 0;
    } else if (bytes instanceof Buffer) bytes.copy(gather, gathered, start, end);
    else gather.set(bytes.subarray(start, end), gathered);
    gathered += length;
  }

  #own(length: number): void {
    if (owner !== this) {
      owner?.flush();
      owner = this;
    } else if (gathered + length > GATHER_BYTES) {
      this.flush();
      owner = this;
    }
    if (!isInEvent() && !isFlushPlanned) {
      isFlushPlanned = true;
      queueMicrotask(flushPlanned);
    }
  }

  /** Hands what was gathered to the kernel now. */
  flush(): void {
    if (owner !== this) return;
    owner = undefined;
    const length = gathered;
    gathered = 0;
    if (length > 0) this.#send(gather, length);
  }

  #send(bytes: Uint8Array, length = bytes.length): void {
    if (this.isClosed) return;
    let sent = 0;
    if (this.#pendingBytes === 0) {
      sent = this.#socket.write(bytes, 0, length);
      // Closed: its close event tells whoever needs to know.
      if (sent < 0) return;
      this.sentBytes += sent;
      if (sent === length) return;
      this.progressMs = performance.now();
    }
    this.#pending.push(Buffer.from(bytes.subarray(sent, length)));
    this.#pendingBytes += length - sent;
    hold(this, length - sent);
  }

  giveUp(): void {
    // The one that writes now may be meant, and is in the middle of it.
    queueMicrotask(() => this.#socket.terminate());
  }

  /** The socket can take more: returns whether everything is out. */
  drain(): boolean {
    let first = this.#pending[0];
    while (first !== undefined) {
      const sent = this.#socket.write(first);
      if (sent < 0) return false;
      this.sentBytes += sent;
      this.#pendingBytes -= sent;
      if (sent > 0) {
        this.progressMs = performance.now();
        letGo(this, sent);
      }
      if (sent < first.length) {
        this.#pending[0] = first.subarray(sent);
        return false;
      }
      this.#pending.shift();
      first = this.#pending[0];
    }
    return true;
  }

  /** Forgets everything: the socket is gone. */
  discard(): void {
    if (owner === this) {
      owner = undefined;
      gathered = 0;
    }
    this.isClosed = true;
    letGo(this, this.heldBytes);
    this.#pending = [];
    this.#pendingBytes = 0;
  }
}
