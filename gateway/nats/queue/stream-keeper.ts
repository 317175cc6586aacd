import type { NatsConnection } from '@nats-io/transport-node';
import type { FunctionRef } from '../../../contract/function-ref.ts';
import type { Logger } from '../../log.ts';
import { pause } from '../../queue/pause.ts';
import type { NatsLink } from '../nats-link.ts';
import { makeMissingConsumers } from './missing-consumers.ts';
import type { QueueNames } from './names.ts';
import type { JetStreamSessions } from './session.ts';
import { ensureStreams, type StreamLimits } from './streams.ts';
import { UnusedConsumers } from './unused-consumers.ts';

export interface StreamKeeperOptions {
  readonly link: NatsLink;
  readonly sessions: JetStreamSessions;
  readonly names: QueueNames;
  readonly limits: StreamLimits;
  /** Undefined: nobody knows. */
  readonly isDeployed: (ref: FunctionRef) => boolean | undefined;
  readonly logger: Logger;
}

const RETRY_MS = 2000;
/** Somebody may have removed a stream, or NATS its volume without its connections. */
const LOOK_EVERY_MS = 30_000;

/** NATS's own default. */
const LEAST_PAYLOAD_BYTES = 1024 * 1024;
const LOST_IN_A_ROW = 2;
const STREAMS_HANG =
  'NATS does not answer what is asked of its streams: when its disk is full, make room and start it anew';

/** Sees to it that the queue's streams are there, on each connection anew. */
export class StreamKeeper {
  readonly #options: StreamKeeperOptions;
  readonly #stopping = new AbortController();
  readonly #unused: UnusedConsumers;
  #problem: string | undefined = 'its streams are not looked at yet';
  #toldProblem: string | undefined;
  /** Connections in a row that were lost while streams were asked for. */
  #lost = 0;

  constructor(options: StreamKeeperOptions) {
    this.#options = options;
    this.#unused = new UnusedConsumers({ ...options, now: () => performance.now() });
    options.link.onConnection((connection) => void this.#keep(connection));
  }

  /** For people, how the queue is. @throws {Error} when it cannot be used, with the reason */
  async look(): Promise<string> {
    const { sessions, names } = this.#options;
    if (this.#problem !== undefined) throw new Error(`the queue cannot be used: ${this.#problem}`);
    const { manager } = await sessions.get();
    const { state, config } = await manager.streams.info(names.queue);
    const percent = Math.round((100 * state.bytes) / config.max_bytes);
    return `${state.messages} waiting or running asynchronously (${percent} % of the queue's room)`;
  }

  stop(): void {
    this.#stopping.abort();
  }

  async #keep(connection: NatsConnection): Promise<void> {
    const { link, sessions, names, limits, logger } = this.#options;
    const { signal } = this.#stopping;
    const isOver = (): boolean => signal.aborted || connection.isClosed() || link.connection !== connection;
    // A stream that hangs takes the connection with it that asked for it: it is not asked at once on the next one.
    await pause(Math.min(this.#lost * RETRY_MS, LOOK_EVERY_MS), signal);
    while (!isOver()) {
      try {
        checkPayload(connection);
        await ensureStreams(await sessions.get(), names, limits);
        const made = await makeMissingConsumers(sessions, names);
        if (made.length > 0) logger.warn('calls waited for consumers that were gone', { made });
        const removed = await this.#unused.look();
        if (removed.length > 0) logger.info('consumers of functions that are gone were removed', { removed });
        this.#tell(undefined);
        this.#lost = 0;
      } catch (error) {
        if (signal.aborted) return;
        if (!isOver()) this.#tell((error as Error).message);
        else if (++this.#lost >= LOST_IN_A_ROW) this.#tell(STREAMS_HANG);
      }
      await pause(this.#problem === undefined ? LOOK_EVERY_MS : RETRY_MS, signal);
    }
  }

  #tell(problem: string | undefined): void {
    const { logger } = this.#options;
    if (problem !== undefined && problem !== this.#toldProblem) {
      logger.error('the queue cannot be used', { reason: problem });
    } else if (problem === undefined && this.#toldProblem !== undefined) {
      logger.info('the queue can be used again');
    }
    this.#problem = problem;
    this.#toldProblem = problem;
  }
}

/** @throws {Error} when a call with its headers and a body that is no object would not fit into a message */
function checkPayload({ info }: NatsConnection): void {
  const most = info?.max_payload ?? 0;
  if (most < LEAST_PAYLOAD_BYTES) {
    throw new Error(`max_payload of NATS is ${most}: it must be at least ${LEAST_PAYLOAD_BYTES}`);
  }
}
