import type { Msg, MsgHdrs, NatsConnection } from '@nats-io/transport-node';
import { ownValue, parseObject } from '../../../contract/parse-json.ts';

/** Where a message was stored. */
export interface Stored {
  readonly seq: number;
  /** The stream had a message of the same `Nats-Msg-Id` already: this is its place. */
  readonly isDuplicate: boolean;
}

/** The stream did not take it, or there is no stream: it was not stored. */
export class PublishRefused extends Error {
  override readonly name = 'PublishRefused';
  /** Of JetStream; 503: there is no such stream. */
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

/** Nobody knows whether it was stored. */
class PublishUnanswered extends Error {
  override readonly name = 'PublishUnanswered';
}

interface Waiting {
  readonly sinceMs: number;
  readonly resolve: (stored: Stored) => void;
  readonly reject: (error: Error) => void;
}

interface Unsent extends Omit<Waiting, 'sinceMs'> {
  readonly subject: string;
  readonly payload: Uint8Array;
  readonly headers: MsgHdrs | undefined;
}

const NO_RESPONDERS = 503;

/**
 * Publishes and waits for the stream’s word, over one connection. One subscription and one timer serve all that wait: measured at 1 KiB
 * and 32 at a time, a message costs a process 7 µs this way and 17 µs by the client's own.
 */
export class AckedPublisher {
  readonly #connection: NatsConnection;
  readonly #timeoutMs: number;
  readonly #inbox: string;
  /** The oldest first. */
  readonly #waiting = new Map<string, Waiting>();
  readonly #unsent: Unsent[] = [];
  #count = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** @param inbox a subject of this publisher's own, and all below it */
  constructor(connection: NatsConnection, { inbox, timeoutMs }: { inbox: string; timeoutMs: number }) {
    this.#connection = connection;
    this.#timeoutMs = timeoutMs;
    this.#inbox = `${inbox}.`;
    connection.subscribe(`${this.#inbox}*`, {
      callback: (error, message) => {
        if (error === null) this.#hear(message);
      },
    });
    void connection.closed().then(() => this.#end('the connection to NATS was lost'));
  }

  /**
   * @throws {PublishRefused} it was not stored @throws {PublishUnanswered} nobody knows
   * @throws {Error} it was not sent: the client's own `InvalidArgumentError` when it is too long
   */
  publish(subject: string, payload: Uint8Array, headers?: MsgHdrs): Promise<Stored> {
    return new Promise((resolve, reject) => {
      if (this.#unsent.length === 0) setImmediate(() => this.#send());
      this.#unsent.push({ subject, payload, headers, resolve, reject });
    });
  }

  /** What has come within one turn of the event loop goes out by one write: a write of its own would cost more than all else. */
  #send(): void {
    for (const { subject, payload, headers, resolve, reject } of this.#unsent.splice(0)) {
      const key = (this.#count++).toString(36);
      try {
        this.#connection.publish(subject, payload, {
          reply: this.#inbox + key,
          ...(headers !== undefined && { headers }),
        });
      } catch (error) {
        reject(error as Error);
        continue;
      }
      this.#waiting.set(key, { sinceMs: performance.now(), resolve, reject });
    }
    if (this.#waiting.size > 0) this.#timer ??= setTimeout(() => this.#lookForLate(), this.#timeoutMs);
  }

  #hear(message: Msg): void {
    const key = message.subject.slice(this.#inbox.length);
    const waiting = this.#waiting.get(key);
    if (waiting === undefined) return;
    this.#waiting.delete(key);
    try {
      waiting.resolve(parseAnswer(message));
    } catch (error) {
      waiting.reject(error as Error);
    }
  }

  #lookForLate(): void {
    const now = performance.now();
    for (const [key, { sinceMs, reject }] of this.#waiting) {
      const leftMs = sinceMs + this.#timeoutMs - now;
      if (leftMs > 0) {
        this.#timer = setTimeout(() => this.#lookForLate(), leftMs);
        return;
      }
      this.#waiting.delete(key);
      reject(new PublishUnanswered(`NATS did not answer within ${this.#timeoutMs} ms`));
    }
    this.#timer = undefined;
  }

  #end(reason: string): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    for (const { reject } of this.#waiting.values()) reject(new PublishUnanswered(reason));
    this.#waiting.clear();
  }
}

/** @throws {PublishRefused} */
function parseAnswer(message: Msg): Stored {
  if (message.data.length === 0 && message.headers?.code === NO_RESPONDERS) {
    throw new PublishRefused(NO_RESPONDERS, 'NATS has no such stream');
  }
  const answer = parseObject(JSON.parse(message.string()), 'the answer of JetStream');
  const error = ownValue(answer, 'error');
  if (error !== undefined) {
    const told = parseObject(error, 'the error of JetStream');
    throw new PublishRefused(Number(ownValue(told, 'err_code') ?? 0), String(ownValue(told, 'description')));
  }
  const seq = Number(ownValue(answer, 'seq'));
  if (!Number.isSafeInteger(seq) || seq < 1)
    throw new PublishUnanswered('JetStream answered without a place');
  return { seq, isDuplicate: ownValue(answer, 'duplicate') === true };
}
