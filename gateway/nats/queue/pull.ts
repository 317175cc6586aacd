import { randomUUID } from 'node:crypto';
import type { Msg, MsgHdrs, NatsConnection, Subscription } from '@nats-io/transport-node';

/** A message as a consumer has given it. */
export interface Delivered {
  /** In its stream. */
  readonly seq: number;
  /** How often it was given to somebody, this time included. */
  readonly deliveries: number;
  /** Messages that wait behind it for the same consumer. */
  readonly pending: number;
  readonly headers: MsgHdrs | undefined;
  readonly data: Uint8Array;
  /** Where acknowledgements of it go, over whatever connection there is. */
  readonly reply: string;
}

export const ACKNOWLEDGED = '+ACK';
/** Somebody is at it still: it is not to be given to another one. */
export const WORKING = '+WPI';
/** To be given to somebody at once, or after `{"delay": <ns>}`. */
export const REFUSED = '-NAK';

export interface PullOptions {
  readonly connection: NatsConnection;
  readonly stream: string;
  readonly consumer: string;
  readonly onMessage: (message: Delivered) => void;
  /** A request has ended without as many messages as it was for: more may be asked for. */
  readonly onEnded: () => void;
}

/** How long a request for messages stands; what it brought no message for is asked for again. */
const EXPIRES_MS = 30_000;
/** After its end at the server, before it counts no more here. */
const GRACE_MS = 2000;
const NANOS_PER_MS = 1_000_000;

interface Request {
  readonly subject: string;
  readonly untilMs: number;
  left: number;
}

/**
 * Asks one consumer for as many messages as are wanted, and for no more. The client's own way of consuming asks for a fixed number
 * ahead, whatever there is to do.
 */
export class Pull {
  readonly #options: PullOptions;
  readonly #inbox = `_INBOX.skep.${randomUUID()}`;
  readonly #subscription: Subscription;
  /** The server serves them in this order. */
  #requests: Request[] = [];
  #count = 0;

  constructor(options: PullOptions) {
    this.#options = options;
    this.#subscription = options.connection.subscribe(`${this.#inbox}.*`, {
      callback: (error, message) => {
        if (error === null) this.#receive(message);
      },
    });
  }

  /** Messages that were asked for and have not come. */
  get asked(): number {
    if (this.#requests.length === 0) return 0;
    const now = performance.now();
    this.#requests = this.#requests.filter(({ left, untilMs }) => left > 0 && untilMs > now);
    return this.#requests.reduce((sum, { left }) => sum + left, 0);
  }

  ask(count: number): void {
    const { connection, stream, consumer } = this.#options;
    if (connection.isClosed() || this.#subscription.isClosed()) return;
    const subject = `${this.#inbox}.${++this.#count}`;
    this.#requests.push({ subject, left: count, untilMs: performance.now() + EXPIRES_MS + GRACE_MS });
    const body = JSON.stringify({ batch: count, expires: EXPIRES_MS * NANOS_PER_MS });
    connection.publish(`$JS.API.CONSUMER.MSG.NEXT.${stream}.${consumer}`, body, { reply: subject });
  }

  /** What was asked for is not waited for any more, but taken if it comes: the consumer may be another one of the same name. */
  forget(): void {
    this.#requests = [];
  }

  /** Wants none any more; those that are on their way still come. Never throws. */
  async drain(): Promise<void> {
    this.#requests = [];
    if (!this.#subscription.isClosed()) await this.#subscription.drain().catch(() => undefined);
  }

  close(): void {
    this.#requests = [];
    if (!this.#subscription.isClosed()) this.#subscription.unsubscribe();
  }

  #receive(message: Msg): void {
    const place = placeOf(message.reply ?? '');
    if (place === undefined) {
      // No message but a word of the server: that request is over.
      this.#requests = this.#requests.filter(({ subject }) => subject !== message.subject);
      this.#options.onEnded();
      return;
    }
    const first = this.#requests.find(({ left }) => left > 0);
    if (first !== undefined) first.left--;
    const { headers, data, reply = '' } = message;
    this.#options.onMessage({ ...place, headers, data, reply });
  }
}

/** `$JS.ACK.<stream>.<consumer>.<deliveries>.<seq>.<seq of consumer>.<time>.<pending>`, or with domain and account before the stream. */
function placeOf(reply: string): Pick<Delivered, 'seq' | 'deliveries' | 'pending'> | undefined {
  if (!reply.startsWith('$JS.ACK.')) return undefined;
  const tokens = reply.split('.');
  const [deliveries, seq, , , pending] = tokens.slice(tokens.length >= 11 ? 6 : 4).map(Number);
  if (deliveries === undefined || seq === undefined || pending === undefined) return undefined;
  return { seq, deliveries, pending };
}
