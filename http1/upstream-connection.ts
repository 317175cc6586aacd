import type { Socket, SocketHandler } from 'bun';
import { beginEvent } from './event.ts';
import { flushGathered, Outgoing } from './outgoing.ts';
import type { Swept } from './sweep.ts';
import type { UpstreamAddress } from './types.ts';

const LINGER_MS = 5_000;
/** Silence in a tunnel after which the kernel asks whether the other side is there. */
export const TUNNEL_PROBE_MS = 30_000;

/** The one call that a busy connection serves. */
export interface UpstreamUser {
  onConnected(connection: UpstreamConnection): void;
  /** No byte was sent. */
  onConnectFailed(cause: Error): void;
  onUpstreamData(bytes: Buffer): void;
  /** All that was written is out. */
  onUpstreamDrain(): void;
  /** The upstream sends no more. */
  onUpstreamEnd(): void;
  /** The connection is lost in both directions. */
  onUpstreamClosed(cause: Error): void;
  checkTime(nowMs: number): void;
}

/** What a connection tells its pool. */
export interface ConnectionOwner {
  removed(connection: UpstreamConnection): void;
}

type State = 'connecting' | 'busy' | 'idle' | 'closing' | 'closed';

const HANDLERS: SocketHandler<UpstreamConnection> = {
  open: (socket) => socket.data.onOpen(socket),
  data: (socket, bytes) => {
    beginEvent();
    socket.data.onData(bytes);
    flushGathered();
  },
  drain: (socket) => {
    socket.data.onDrain();
    flushGathered();
  },
  end: (socket) => {
    socket.data.onEnd();
    flushGathered();
  },
  close: (socket, error) => {
    socket.data.onClose(error);
    flushGathered();
  },
  error: (socket, error) => {
    // A handler of ours threw: that is a bug, and only this call pays for it.
    console.error(error);
    socket.data.fail(error);
    flushGathered();
  },
  connectError: (socket, error) => socket.data.onClose(error),
};

/** One connection to an upstream: connecting, serving one call, or idle in its pool. */
export class UpstreamConnection implements Swept {
  readonly key: string;
  readonly #owner: ConnectionOwner;
  #socket: Socket<UpstreamConnection> | undefined;
  #out: Outgoing | undefined;
  #user: UpstreamUser | undefined;
  #state: State = 'connecting';
  #isPaused = false;
  #endsWhenSent = false;
  /** Connecting: when it takes too long; idle: when it is dropped; closing: when it is over. */
  #deadlineMs: number;
  /** It has sent its FIN, or its address is gone: not to be used again. */
  isSpent = false;

  constructor(key: string, user: UpstreamUser, owner: ConnectionOwner, connectTimeoutMs: number) {
    this.key = key;
    this.#user = user;
    this.#owner = owner;
    this.#deadlineMs = performance.now() + connectTimeoutMs;
  }

  connect(address: UpstreamAddress): void {
    const shared = { data: this as UpstreamConnection, socket: HANDLERS, allowHalfOpen: true };
    // Failures come by `connectError`; what is thrown at once (a port out of range) must not reach the user before `acquire` has returned.
    const failed = (error: unknown): void =>
      this.onClose(error instanceof Error ? error : new Error(String(error)));
    try {
      const connecting =
        'unix' in address
          ? Bun.connect<UpstreamConnection>({ ...shared, unix: address.unix })
          : Bun.connect<UpstreamConnection>({ ...shared, hostname: address.hostname, port: address.port });
      connecting.catch(failed);
    } catch (error) {
      queueMicrotask(() => failed(error));
    }
  }

  /** Only while it is connected. */
  get out(): Outgoing {
    if (this.#out === undefined) throw new Error('not connected');
    return this.#out;
  }

  get isIdle(): boolean {
    return this.#state === 'idle';
  }

  // --- used by the pool ----------------------------------------------------------------------------------------

  /** Takes an idle connection into use; false when it died unnoticed. */
  take(user: UpstreamUser): boolean {
    if (this.#state !== 'idle' || this.isSpent || this.#socket?.readyState !== 1) {
      this.terminate();
      return false;
    }
    this.#state = 'busy';
    this.#user = user;
    return true;
  }

  rest(untilMs: number): void {
    this.#state = 'idle';
    this.#user = undefined;
    this.#deadlineMs = untilMs;
    this.resume();
  }

  // --- used by the call ----------------------------------------------------------------------------------------

  pause(): void {
    if (this.#isPaused) return;
    this.#isPaused = true;
    this.#socket?.pause();
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#socket?.resume();
  }

  /** Drops the connection now; its call hears no more of it. */
  terminate(): void {
    if (this.#state === 'closed') return;
    this.#user = undefined;
    const socket = this.#socket;
    this.onClose();
    socket?.terminate();
  }

  /** Closes a connection that nobody uses, without a reset: the upstream has nothing to complain of. */
  close(): void {
    if (this.#state === 'closed') return;
    this.#user = undefined;
    const socket = this.#socket;
    this.onClose();
    socket?.end();
  }

  /** Has the kernel find out when the other side is gone without a word: a tunnel may be silent for hours. */
  watchPeer(): void {
    this.#socket?.setKeepAlive(true, TUNNEL_PROBE_MS);
  }

  /** Shuts down our side once all is written; the upstream may go on sending. */
  shutdownWhenSent(): void {
    this.#endsWhenSent = true;
    const { out } = this;
    out.flush();
    if (out.pendingBytes === 0) this.#socket?.shutdown();
  }

  /** For the end of a tunnel: sends what is left, then closes; no call listens any more. */
  closeWhenSent(): void {
    this.#user = undefined;
    this.#state = 'closing';
    this.#deadlineMs = performance.now() + LINGER_MS;
    this.shutdownWhenSent();
    this.resume();
  }

  // --- socket events -------------------------------------------------------------------------------------------

  onOpen(socket: Socket<UpstreamConnection>): void {
    if (this.#state !== 'connecting') {
      socket.terminate();
      return;
    }
    this.#socket = socket;
    this.#out = new Outgoing(socket);
    this.#state = 'busy';
    this.#user?.onConnected(this);
    flushGathered();
  }

  onData(bytes: Buffer): void {
    if (this.#user !== undefined) this.#user.onUpstreamData(bytes);
    // Bytes that nobody asked for: the next answer could not be told from them.
    else if (this.#state === 'idle') this.close();
  }

  onDrain(): void {
    const out = this.#out;
    if (out === undefined || out.pendingBytes === 0 || !out.drain()) return;
    if (this.#endsWhenSent) this.#socket?.shutdown();
    else this.#user?.onUpstreamDrain();
  }

  onEnd(): void {
    this.isSpent = true;
    if (this.#user !== undefined) this.#user.onUpstreamEnd();
    else if (this.#state !== 'closing' || this.#out?.pendingBytes === 0) this.close();
  }

  onClose(error?: Error): void {
    if (this.#state === 'closed') return;
    const wasConnecting = this.#state === 'connecting';
    const user = this.#user;
    this.#state = 'closed';
    this.#user = undefined;
    this.#out?.discard();
    this.#owner.removed(this);
    const cause = error ?? new Error('the upstream closed the connection');
    if (wasConnecting) user?.onConnectFailed(cause);
    else user?.onUpstreamClosed(cause);
  }

  fail(cause: Error): void {
    const socket = this.#socket;
    this.onClose(cause);
    socket?.terminate();
  }

  check(nowMs: number): void {
    if (this.#state === 'busy') this.#user?.checkTime(nowMs);
    else if (nowMs > this.#deadlineMs) {
      if (this.#state === 'connecting') this.onClose(new Error('connecting took too long'));
      else this.close();
    } else if (this.#state === 'connecting') this.#user?.checkTime(nowMs);
    flushGathered();
  }
}
