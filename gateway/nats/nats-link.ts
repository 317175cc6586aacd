import type { NatsConnection } from '@nats-io/transport-node';
import type { Logger } from '../log.ts';
import { pause } from '../queue/pause.ts';
import { lookAtNats, type NatsAddress } from './look-at-nats.ts';

export interface NatsLinkOptions extends NatsAddress {
  /** What NATS shows this client as. */
  readonly name: string;
  readonly logger: Logger;
}

/** How long a try to connect may take, and how long NATS may be silent: a ping each second, and two may be unanswered. */
const TRY_MS = 3000;
const PING_MS = 1000;
const PINGS_UNANSWERED = 2;
const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 5000;

/**
 * A connection to NATS that comes back for ever. The client's own reconnecting is not used: it stands still when the clock is set
 * back, gives up after errors of authorization, and cannot be ended before it has connected once. So each connection is a new one,
 * and whoever uses it sets up what it needs on each.
 */
export class NatsLink {
  readonly #options: NatsLinkOptions;
  readonly #stopping = new AbortController();
  readonly #listeners = new Set<(connection: NatsConnection) => void>();
  #connection: NatsConnection | undefined;
  #running: Promise<void> | undefined;
  #isTold = false;

  constructor(options: NatsLinkOptions) {
    this.#options = options;
  }

  /** The connection, while there is one. */
  get connection(): NatsConnection | undefined {
    return this.#connection;
  }

  /** @param listener is called on each new connection, before anything has come over it. It must not throw. */
  onConnection(listener: (connection: NatsConnection) => void): void {
    this.#listeners.add(listener);
    if (this.#connection !== undefined) listener(this.#connection);
  }

  /** Begins to connect. Waits for nothing. */
  start(): void {
    this.#running ??= this.#run();
  }

  /** What was sent is sent on for at most half a second. Never throws. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    let waitMs = FIRST_WAIT_MS;
    while (!signal.aborted) {
      try {
        const connection = await this.#connect(signal);
        waitMs = FIRST_WAIT_MS;
        const reason = await this.#use(connection, signal);
        if (!signal.aborted) this.#tellAway(reason);
      } catch (error) {
        if (!signal.aborted) this.#tellAway((error as Error).message);
      }
      // Not all gateways at the same moment.
      await pause(waitMs * (0.75 + Math.random() / 2), signal);
      waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS);
    }
  }

  async #connect(signal: AbortSignal): Promise<NatsConnection> {
    const { host, port, name } = this.#options;
    // A try at a server that greets nobody cannot be taken back in the client: it would keep a socket for each.
    await lookAtNats({ host, port }, AbortSignal.any([signal, AbortSignal.timeout(TRY_MS)]));
    const { connect } = await import('@nats-io/transport-node');
    return connect({
      servers: `${host.includes(':') ? `[${host}]` : host}:${port}`,
      name,
      timeout: TRY_MS,
      reconnect: false,
      pingInterval: PING_MS,
      maxPingOut: PINGS_UNANSWERED,
      noAsyncTraces: true,
    });
  }

  /** @returns why it ended */
  async #use(connection: NatsConnection, signal: AbortSignal): Promise<string> {
    const { host, port, logger } = this.#options;
    const version = connection.info?.version;
    logger.info(this.#isTold ? 'NATS is back' : 'connected to NATS', { nats: `${host}:${port}`, version });
    this.#isTold = false;
    this.#connection = connection;
    for (const listener of this.#listeners) listener(connection);
    const aborted = Promise.withResolvers<void>();
    const onAbort = (): void => aborted.resolve();
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    try {
      const error = await Promise.race([connection.closed(), aborted.promise]);
      return error instanceof Error ? error.message : 'the connection was lost';
    } finally {
      signal.removeEventListener('abort', onAbort);
      this.#connection = undefined;
      await close(connection);
    }
  }

  #tellAway(reason: string): void {
    if (this.#isTold) return;
    this.#isTold = true;
    const { host, port, logger } = this.#options;
    logger.warn('NATS is away: it is tried on and on', { nats: `${host}:${port}`, reason });
  }
}

async function close(connection: NatsConnection): Promise<void> {
  if (connection.isClosed()) return;
  const isFlushed = connection.flush().catch(() => undefined);
  await Promise.race([isFlushed, pause(500)]);
  await connection.close().catch(() => undefined);
}
