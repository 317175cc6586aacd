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

  constructor(onExchange: (exchange: Exchange) => void) {
    const socket = {
      write: (bytes: Uint8Array, offset = 0, length = bytes.length - offset): number => {
        if (this.hasEnded) return -1;
        this.received += Buffer.from(bytes.buffer, bytes.byteOffset + offset, length).toString('latin1');
        return length;
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

  send(text: string): void {
    this.sent += text;
    this.connection.onData(Buffer.from(text, 'latin1'));
  }
}
