import { flushGathered } from './outgoing.ts';
import { type ConnectionHost, ServerConnection } from './server-connection.ts';
import { Sweep } from './sweep.ts';
import type { Exchange, Listener, ListenLimits, ListenOptions } from './types.ts';
import { fieldLines } from './write-head.ts';

export const DEFAULT_LIMITS: ListenLimits = Object.freeze({
  connections: Number.POSITIVE_INFINITY,
  headBytes: 65_536,
  headerCount: 128,
  headTimeoutMs: 10_000,
  idleTimeoutMs: 120_000,
  bodyTimeoutMs: 60_000,
  writeTimeoutMs: 60_000,
});

const OVERFULL_TEXT = 'too many connections: try again soon\n';
const OVERFULL_HEAD =
  'HTTP/1.1 503 Service Unavailable\r\ncontent-type: text/plain; charset=utf-8\r\n' +
  `content-length: ${OVERFULL_TEXT.length}\r\nretry-after: 1\r\nconnection: close\r\n`;

/** How long a drain waits for the first request of a connection that was made just before. */
const FIRST_REQUEST_MS = 1000;
const MOST_LAST_TURNS = 20;

/** Nothing was answered on it yet, or part of a request is here: its client has every reason to expect an answer. */
function isExpectant(connection: ServerConnection): boolean {
  return connection.isIdle ? connection.out.sentBytes === 0 : connection.hasUnread && !connection.isBusy;
}

class SocketListener implements Listener, ConnectionHost {
  readonly limits: ListenLimits;
  readonly errorHeaders: readonly string[];
  readonly keepAliveLine: string;
  readonly port: number;
  isDraining = false;
  refusedConnections = 0;
  /** What a connection too many is told. */
  readonly #overfull: string;
  readonly #onExchange: (exchange: Exchange) => void;
  readonly #sweep = new Sweep<ServerConnection>();
  readonly #server: { stop(closeActive?: boolean): void };
  #inFlight = 0;
  /** Connections so far. */
  #taken = 0;
  #isTakingIn = false;
  /** Taken in while nothing was read. */
  readonly #takenLast: ServerConnection[] = [];
  /** Set while a drain waits. */
  #onQuieter: (() => void) | undefined;

  constructor(options: ListenOptions) {
    this.limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.errorHeaders = options.errorHeaders ?? [];
    this.#overfull = `${OVERFULL_HEAD}${fieldLines(this.errorHeaders)}\r\n${OVERFULL_TEXT}`;
    const seconds = Math.floor(this.limits.idleTimeoutMs / 1000);
    this.keepAliveLine =
      options.announceIdleTimeout && seconds > 0 ? `keep-alive: timeout=${seconds}\r\n` : '';
    this.#onExchange = options.onExchange;
    const socket: Bun.SocketHandler<ServerConnection> = {
      open: (opened) => {
        if (this.#sweep.items.size >= this.limits.connections) {
          this.refusedConnections++;
          opened.end(this.#overfull);
          return;
        }
        const connection = new ServerConnection(opened, this);
        opened.data = connection;
        this.#sweep.add(connection);
        this.#taken++;
        if (this.#isTakingIn) {
          opened.pause();
          this.#takenLast.push(connection);
        }
      },
      data: (from, bytes) => from.data?.onData(bytes),
      drain: (from) => from.data?.onDrain(),
      end: (from) => from.data?.onEnd(),
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
      const { hostname = '0.0.0.0', port = 0, reusePort = false } = options;
      // In a variable: the types do not know of `reusePort`.
      const tcp = { hostname, port, reusePort, allowHalfOpen: true, socket };
      const server = Bun.listen<ServerConnection>(tcp);
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
    this.#onQuieter?.();
  }

  closed(connection: ServerConnection): void {
    this.#sweep.delete(connection);
    this.#onQuieter?.();
  }

  async drain(withinMs: number, servesOnMs = 0): Promise<number> {
    const isFirst = !this.isDraining;
    this.isDraining = true;
    if (isFirst) {
      await new Promise((resolve) => setTimeout(resolve, servesOnMs));
      await this.#stopAccepting();
    }
    for (const connection of [...this.#sweep.items]) if (!isExpectant(connection)) connection.closeIdle();
    await this.#quiet(withinMs);
    const cutOff = this.#inFlight;
    for (const connection of [...this.#sweep.items]) connection.closeUnlessLingering();
    return cutOff;
  }

  /**
   * Stops, without a reset for those who wait in the kernel's queue: turns of the loop take them in, until one finds none.
   * Nothing new is read meanwhile, so that a turn is short and nobody can come in behind it.
   */
  async #stopAccepting(): Promise<void> {
    this.#isTakingIn = true;
    const held = [...this.#sweep.items].filter(({ isIdle }) => isIdle);
    for (const { socket } of held) socket.pause();
    let taken: number;
    let turns = 0;
    do {
      taken = this.#taken;
      await new Promise((resolve) => setImmediate(resolve));
    } while (++turns < MOST_LAST_TURNS && (turns < 2 || this.#taken > taken));
    this.#server.stop(false);
    this.#isTakingIn = false;
    for (const { socket } of [...held, ...this.#takenLast.splice(0)]) socket.resume();
    // What has come in meanwhile is read before idle connections are closed.
    for (let turn = 0; turn < 2; turn++) await new Promise((resolve) => setImmediate(resolve));
  }

  /** Until nothing is in flight and nobody who has just connected still has to be heard. */
  #quiet(withinMs: number): Promise<void> {
    let hears = true;
    const isQuiet = (): boolean =>
      this.#inFlight === 0 && (!hears || ![...this.#sweep.items].some(isExpectant));
    if (isQuiet()) return Promise.resolve();
    return new Promise((resolve) => {
      const settle = (): void => {
        clearTimeout(hearing);
        clearTimeout(limit);
        resolve();
      };
      const check = (): void => {
        if (isQuiet()) settle();
      };
      const hearing = setTimeout(
        () => {
          hears = false;
          for (const connection of [...this.#sweep.items]) connection.closeIdle();
          check();
        },
        Math.min(withinMs, FIRST_REQUEST_MS),
      );
      const limit = setTimeout(settle, withinMs);
      this.#onQuieter = check;
    });
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
