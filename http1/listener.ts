import { flushGathered } from './outgoing.ts';
import { type ConnectionHost, ServerConnection } from './server-connection.ts';
import { Sweep } from './sweep.ts';
import type { Exchange, Listener, ListenLimits, ListenOptions } from './types.ts';
import { fieldLines } from './write-head.ts';

export const DEFAULT_LIMITS: ListenLimits = Object.freeze({
  headBytes: 65_536,
  headerCount: 128,
  headTimeoutMs: 10_000,
  idleTimeoutMs: 120_000,
  bodyTimeoutMs: 60_000,
  writeTimeoutMs: 60_000,
});

class SocketListener implements Listener, ConnectionHost {
  readonly limits: ListenLimits;
  readonly errorHeaders: readonly string[];
  readonly keepAliveLine: string;
  readonly port: number;
  isDraining = false;
  readonly #onExchange: (exchange: Exchange) => void;
  readonly #sweep = new Sweep<ServerConnection>();
  readonly #server: { stop(closeActive?: boolean): void };
  #inFlight = 0;
  #onIdle: (() => void) | undefined;

  constructor(options: ListenOptions) {
    this.limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.errorHeaders = options.errorHeaders ?? [];
    fieldLines(this.errorHeaders);
    const seconds = Math.floor(this.limits.idleTimeoutMs / 1000);
    this.keepAliveLine =
      options.announceIdleTimeout && seconds > 0 ? `keep-alive: timeout=${seconds}\r\n` : '';
    this.#onExchange = options.onExchange;
    const socket: Bun.SocketHandler<ServerConnection> = {
      open: (opened) => {
        const connection = new ServerConnection(opened, this);
        opened.data = connection;
        this.#sweep.add(connection);
      },
      data: (from, bytes) => from.data.onData(bytes),
      drain: (from) => from.data.onDrain(),
      end: (from) => from.data.onEnd(),
      close: (from) => from.data?.onClose(),
      error: (from, error) => {
        // A handler of ours threw: that is a bug, and only this connection pays for it.
        console.error(error);
        from.data?.closeNow();
        flushGathered();
      },
    };
    if (options.unix !== undefined) {
      this.#server = Bun.listen<ServerConnection>({ unix: options.unix, allowHalfOpen: true, socket });
      this.port = 0;
    } else {
      const { hostname = '0.0.0.0', port = 0 } = options;
      const server = Bun.listen<ServerConnection>({ hostname, port, allowHalfOpen: true, socket });
      this.#server = server;
      this.port = server.port;
    }
  }

  get connections(): number {
    return this.#sweep.items.size;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  onExchange(exchange: Exchange): void {
    this.#onExchange(exchange);
  }

  started(): void {
    this.#inFlight++;
  }

  finished(): void {
    this.#inFlight--;
    if (this.#inFlight === 0) this.#onIdle?.();
  }

  closed(connection: ServerConnection): void {
    this.#sweep.delete(connection);
  }

  async drain(withinMs: number): Promise<number> {
    if (!this.isDraining) {
      this.isDraining = true;
      this.#server.stop(false);
    }
    for (const connection of [...this.#sweep.items]) connection.closeIdle();
    if (this.#inFlight > 0) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, withinMs);
        this.#onIdle = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      this.#onIdle = undefined;
    }
    const cutOff = this.#inFlight;
    for (const connection of [...this.#sweep.items]) connection.closeUnlessLingering();
    return cutOff;
  }

  close(): void {
    this.isDraining = true;
    this.#server.stop(false);
    for (const connection of [...this.#sweep.items]) connection.closeNow();
  }
}

/**
 * Listens for HTTP/1.1 and 1.0 over TCP or a Unix socket, and hands out one {@link Exchange} per request.
 * @throws the engine's error when the address is taken or not ours (`EADDRINUSE`, `EACCES`)
 */
export function listen(options: ListenOptions): Listener {
  return new SocketListener(options);
}
