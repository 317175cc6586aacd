import type { Socket } from 'bun';
import { DEFAULT_LIMITS } from '../../http1/listener.ts';
import { type ConnectionHost, ServerConnection } from '../../http1/server-connection.ts';
import type { Exchange } from '../../http1/types.ts';

/** A client's connection without a kernel in between: every event is a call, so that a hundred thousand a second can be tried. */
export class FakeClient {
  readonly connection: ServerConnection;
  sent = '';
  /** What the client was sent, in latin1. */
  received = '';
  /** The server sends no more. */
  hasEnded = false;
  /** Our connection has let go of it. */
  isClosed = false;
  isPaused = false;

  #hasBacklog = false;

  /** @param takes how many bytes the kernel has room for at the next write; by default for all */
  constructor(
    onExchange: (exchange: Exchange) => void,
    takes: () => number = () => Number.POSITIVE_INFINITY,
  ) {
    const socket = {
      write: (bytes: Uint8Array, offset = 0, length = bytes.length - offset): number => {
        if (this.hasEnded) return -1;
        const taken = Math.min(length, takes());
        this.#hasBacklog = taken < length;
        this.received += Buffer.from(bytes.buffer, bytes.byteOffset + offset, taken).toString('latin1');
        return taken;
      },
      end: () => this.#end(),
      shutdown: () => this.#end(),
      terminate: () => this.#end(),
      pause: () => {
        this.isPaused = true;
      },
      resume: () => {
        this.isPaused = false;
      },
      setKeepAlive: () => true,
      flush: () => {},
      cork: () => {},
      readyState: 1,
      remoteAddress: '127.0.0.1',
      remotePort: 1,
    };
    const host: ConnectionHost = {
      limits: DEFAULT_LIMITS,
      errorHeaders: [],
      isDraining: false,
      keepAliveLine: '',
      onExchange,
      started: () => {},
      finished: () => {},
      closed: () => {
        this.isClosed = true;
      },
    };
    this.connection = new ServerConnection(socket as unknown as Socket<ServerConnection>, host);
  }

  #end(): void {
    this.hasEnded = true;
  }

  /** The kernel has room again, if it had none. */
  drain(): void {
    if (!this.#hasBacklog) return;
    this.#hasBacklog = false;
    this.connection.onDrain();
  }

  send(text: string): void {
    this.sent += text;
    this.connection.onData(Buffer.from(text, 'latin1'));
  }
}
