import { eventTime } from './event.ts';
import { Sweep } from './sweep.ts';
import type { PoolOptions, UpstreamAddress, UpstreamPool } from './types.ts';
import { type ConnectionOwner, UpstreamConnection, type UpstreamUser } from './upstream-connection.ts';

/** An upstream that announced `Keep-Alive: timeout=…` is left alone this long before that time ends. */
const CLOSE_AHEAD_MS = 2_000;
const LONGEST_IDLE_MS = 600_000;

/** The pool as the relay sees it. */
export class ConnectionPool implements UpstreamPool, ConnectionOwner {
  readonly headBytes: number;
  readonly #connectTimeoutMs: number;
  readonly #idleTimeoutMs: number;
  readonly #sweep = new Sweep<UpstreamConnection>();
  /** Last in, first out: what is not needed grows old at the front and expires. */
  readonly #idle = new Map<string, UpstreamConnection[]>();
  #isClosed = false;

  constructor(options: PoolOptions = {}) {
    this.headBytes = options.headBytes ?? 262_144;
    this.#connectTimeoutMs = options.connectTimeoutMs ?? 1_000;
    this.#idleTimeoutMs = options.idleTimeoutMs ?? 5_000;
  }

  get connections(): number {
    return this.#sweep.items.size;
  }

  /** An idle connection at once, or undefined: then `user.onConnected` or `user.onConnectFailed` is called later. */
  acquire(address: UpstreamAddress, user: UpstreamUser): UpstreamConnection | undefined {
    const key = keyOf(address);
    const idle = this.#idle.get(key);
    if (idle !== undefined) {
      let connection = idle.pop();
      while (connection !== undefined) {
        if (connection.take(user)) return connection;
        connection = idle.pop();
      }
    }
    const fresh = new UpstreamConnection(key, user, this, this.#connectTimeoutMs);
    this.#sweep.add(fresh);
    fresh.connect(address);
    return undefined;
  }

  /** Gives back a connection whose last message ended exactly. `keepAliveSeconds`: as announced, -1 when it was not. */
  release(connection: UpstreamConnection, keepAliveSeconds: number): void {
    const idleMs =
      keepAliveSeconds === -1
        ? this.#idleTimeoutMs
        : Math.min(keepAliveSeconds * 1000 - CLOSE_AHEAD_MS, LONGEST_IDLE_MS);
    if (idleMs <= 0 || connection.isSpent || this.#isClosed) {
      connection.close();
      return;
    }
    connection.rest(eventTime() + idleMs);
    const idle = this.#idle.get(connection.key);
    if (idle === undefined) this.#idle.set(connection.key, [connection]);
    else idle.push(connection);
  }

  removed(connection: UpstreamConnection): void {
    this.#sweep.delete(connection);
    const idle = this.#idle.get(connection.key);
    if (idle === undefined) return;
    const index = idle.indexOf(connection);
    if (index !== -1) idle.splice(index, 1);
    if (idle.length === 0) this.#idle.delete(connection.key);
  }

  forget(address: UpstreamAddress): void {
    const key = keyOf(address);
    for (const connection of [...this.#sweep.items]) {
      if (connection.key !== key) continue;
      connection.isSpent = true;
      if (connection.isIdle) connection.close();
    }
  }

  close(): void {
    this.#isClosed = true;
    for (const connection of [...this.#sweep.items]) {
      connection.isSpent = true;
      if (connection.isIdle) connection.close();
    }
  }
}

const keys = new WeakMap<UpstreamAddress, string>();

function keyOf(address: UpstreamAddress): string {
  let key = keys.get(address);
  if (key === undefined) {
    key = 'unix' in address ? address.unix : `${address.hostname}:${address.port}`;
    keys.set(address, key);
  }
  return key;
}

/** Kept-alive connections to any number of upstreams; one for the whole process. */
export function createPool(options?: PoolOptions): UpstreamPool {
  return new ConnectionPool(options);
}
