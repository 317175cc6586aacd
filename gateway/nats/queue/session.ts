import type { JetStreamClient, JetStreamManager } from '@nats-io/jetstream';
import type { MsgHdrs, NatsConnection } from '@nats-io/transport-node';
import { FaasError } from '../../errors.ts';
import type { NatsLink } from '../nats-link.ts';
import { AckedPublisher } from './acked-publisher.ts';

/** JetStream over one connection; the next connection has another one. */
export interface JetStreamSession {
  readonly connection: NatsConnection;
  readonly js: JetStreamClient;
  readonly manager: JetStreamManager;
  /** For what is published much; `js` does the same. */
  readonly publisher: AckedPublisher;
  newHeaders(): MsgHdrs;
}

/** How long NATS may take for an answer. */
const ANSWER_MS = 5000;

/** Opens one on each new connection, and says so to whoever cannot go on without. */
export class JetStreamSessions {
  readonly #link: NatsLink;
  #opened: { readonly connection: NatsConnection; readonly session: Promise<JetStreamSession> } | undefined;

  constructor(link: NatsLink) {
    this.#link = link;
  }

  get isConnected(): boolean {
    return this.#link.connection !== undefined;
  }

  /** @throws {FaasError} `queue_unavailable` while NATS is away */
  async get(): Promise<JetStreamSession> {
    const { connection } = this.#link;
    if (connection === undefined || connection.isClosed()) throw queueAway('NATS is away');
    if (this.#opened?.connection !== connection) {
      this.#opened = { connection, session: open(connection) };
    }
    return this.#opened.session;
  }
}

export function queueAway(reason: string, cause?: unknown): FaasError {
  return new FaasError('queue_unavailable', `the queue cannot be used now (${reason}): try again`, {
    cause,
    retryAfterSeconds: 1,
  });
}

async function open(connection: NatsConnection): Promise<JetStreamSession> {
  const [{ jetstream, jetstreamManager }, { createInbox, headers }] = await Promise.all([
    import('@nats-io/jetstream'),
    import('@nats-io/transport-node'),
  ]);
  // What it can do is asked of no one: whether there is JetStream at all, the first use tells.
  const manager = await jetstreamManager(connection, { timeout: ANSWER_MS, checkAPI: false });
  return {
    connection,
    js: jetstream(connection, { timeout: ANSWER_MS }),
    manager,
    publisher: new AckedPublisher(connection, { inbox: createInbox(), timeoutMs: ANSWER_MS }),
    newHeaders: () => headers(),
  };
}

/** JSON in a header's value: nothing but printable ASCII. */
export function toHeaderJson(value: unknown): string {
  return JSON.stringify(value).replace(
    /[^\u0020-\u007e]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** @throws {SyntaxError} when it is none */
export function fromHeaderJson(headers: MsgHdrs | undefined, name: string): unknown {
  return JSON.parse(headers?.get(name) ?? '');
}
