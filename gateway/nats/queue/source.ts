import type { ConsumerInfo } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { type FunctionRef, isFunctionName, qualifiedName } from '../../../contract/function-ref.ts';
import type { Logger } from '../../log.ts';
import type { QueuedCall } from '../../queue/call.ts';
import { pause, waitAtMost } from '../../queue/pause.ts';
import type { CallFeed, CallTaker, Delivery } from '../../queue/worker-queue.ts';
import type { NatsLink } from '../nats-link.ts';
import { decodeCall } from './call-codec.ts';
import { HeldMessages } from './held-messages.ts';
import type { QueueNames } from './names.ts';
import { type Delivered, Pull } from './pull.ts';
import { ACK_WAIT_MS } from './queue-consumers.ts';
import type { JetStreamSessions } from './session.ts';

export interface CallSourceOptions extends CallTaker {
  readonly link: NatsLink;
  readonly sessions: JetStreamSessions;
  readonly names: QueueNames;
  readonly queue: string;
  readonly logger: Logger;
}

/** How often it is looked which functions have calls, beside what is told. */
const LOOK_MS = 5000;
/** How long a message that cannot be read waits for somebody who can. */
const UNREADABLE_WAIT_MS = 60_000;
/** How long one in doubt waits for the word of another worker, which comes at each third of that time: part of the time after which the server gives a message up. */
const DOUBT_SHARE = 0.4;
const TELLING_LOOK_MS = 500;
const NANOS_PER_MS = 1_000_000;

/** The calls of one queue, from a consumer for each function, over one connection to NATS after the other. */
export class CallSource implements CallFeed {
  readonly #options: CallSourceOptions;
  readonly #stopping = new AbortController();
  readonly #pulls = new Map<string, Pull>();
  /** Functions that were told of: also of a connection before. */
  readonly #told = new Set<string>();
  readonly #held: HeldMessages;
  #ackWaitMs = ACK_WAIT_MS;
  #isDraining = false;
  #isBlindTold = false;
  #looking: Promise<void> | undefined;
  #telling: Promise<void> | undefined;

  constructor(options: CallSourceOptions) {
    this.#options = options;
    this.#held = new HeldMessages(options.link);
  }

  start(): void {
    this.#options.link.onConnection((connection) => this.#connected(connection));
    this.#looking = this.#keepLooking();
    this.#telling = this.#keepTelling();
  }

  /** Asks for no more; calls that are on their way are still given. Those that are there are kept until they are done with. */
  async drain(): Promise<void> {
    this.#isDraining = true;
    const { connection } = this.#options.link;
    const pulls = [...this.#pulls.values()];
    this.#pulls.clear();
    await waitAtMost(Promise.all(pulls.map((pull) => pull.drain())), 1000);
    if (connection !== undefined)
      await waitAtMost(
        connection.flush().catch(() => undefined),
        500,
      );
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await Promise.all([this.#looking, this.#telling]);
  }

  #connected(connection: NatsConnection): void {
    for (const pull of this.#pulls.values()) pull.close();
    this.#pulls.clear();
    this.#held.connected();
    if (this.#isDraining || connection.isClosed()) return;
    connection.subscribe(this.#options.names.consumerMade, {
      callback: (error, message) => {
        if (error === null) this.#consumerMade(connection, message.data);
      },
    });
    void this.#look();
  }

  async #keepLooking(): Promise<void> {
    const { signal } = this.#stopping;
    for (;;) {
      await pause(LOOK_MS, signal);
      if (signal.aborted) return;
      await this.#look();
    }
  }

  async #look(): Promise<void> {
    const { link, sessions, names, logger, onWaiting, onFunction } = this.#options;
    const { connection } = link;
    if (connection === undefined || this.#isDraining) return;
    const before = [...this.#pulls];
    try {
      const { manager } = await sessions.get();
      const waiting = new Map<string, number>();
      for await (const info of manager.consumers.list(names.queue)) {
        const ref = this.#functionOf(info.name);
        if (ref === undefined) continue;
        waiting.set(qualifiedName(ref), info.num_pending);
        this.#know(connection, ref, info);
      }
      if (connection !== link.connection) return;
      for (const [name, pull] of before) {
        if (waiting.has(name) || this.#pulls.get(name) !== pull) continue;
        pull.close();
        this.#pulls.delete(name);
      }
      for (const name of this.#told) {
        if (this.#pulls.has(name)) continue;
        this.#told.delete(name);
        onFunction(name, undefined);
      }
      this.#isBlindTold = false;
      onWaiting(waiting);
    } catch (error) {
      // The gateway makes the stream: until then there is nothing to run.
      if (link.connection === connection && !this.#isBlindTold) {
        this.#isBlindTold = true;
        logger.warn('it cannot be seen what there is to run', { reason: (error as Error).message });
      }
    }
  }

  /** `call_<queue>_<namespace>_<function>`: those of this queue. */
  #functionOf(consumer: string): FunctionRef | undefined {
    const prefix = `call_${this.#options.queue}_`;
    if (!consumer.startsWith(prefix)) return undefined;
    const [namespace = '', name = '', ...more] = consumer.slice(prefix.length).split('_');
    return more.length === 0 && isFunctionName(namespace) && isFunctionName(name)
      ? { name, namespace }
      : undefined;
  }

  #consumerMade(connection: NatsConnection, data: Uint8Array): void {
    const { queue, function: name } = readNews(data);
    if (queue !== this.#options.queue || name === undefined) return;
    const dot = name.lastIndexOf('.');
    const ref = { name: name.slice(0, dot), namespace: name.slice(dot + 1) };
    if (!isFunctionName(ref.name) || !isFunctionName(ref.namespace)) return;
    const known = this.#pulls.get(name);
    if (known === undefined) {
      this.#know(connection, ref);
      return;
    }
    // One that was removed and made anew knows nothing of what the one before was asked.
    known.forget();
    this.#options.onFunction(name, known);
  }

  #know(connection: NatsConnection, ref: FunctionRef, info?: ConsumerInfo): void {
    const { link, names, queue, onFunction, onCall } = this.#options;
    if (connection !== link.connection || connection.isClosed() || this.#isDraining) return;
    const ackWaitNanos = info?.config.ack_wait ?? 0;
    if (ackWaitNanos > 0) this.#ackWaitMs = Math.min(this.#ackWaitMs, ackWaitNanos / NANOS_PER_MS);
    const name = qualifiedName(ref);
    if (this.#pulls.has(name)) return;
    const pull = new Pull({
      connection,
      stream: names.queue,
      consumer: names.consumer(queue, ref),
      onMessage: (message) => {
        const delivery = this.#receive(message);
        if (delivery !== undefined) onCall(name, delivery, message.pending > 0);
        else onFunction(name, pull);
      },
      onEnded: () => {
        if (this.#pulls.get(name) === pull) onFunction(name, pull);
      },
    });
    this.#pulls.set(name, pull);
    this.#told.add(name);
    onFunction(name, pull);
  }

  /** @returns undefined: it is nothing to run */
  #receive(message: Delivered): Delivery | undefined {
    let call: QueuedCall;
    try {
      call = decodeCall(message, 'queue');
    } catch (error) {
      this.#options.logger.error('a message of the queue cannot be read: is it of a newer version?', {
        sequence: message.seq,
        reason: (error as Error).message,
      });
      this.#held.refuse(message, UNREADABLE_WAIT_MS);
      return undefined;
    }
    const held = this.#held.take(message, call.instance);
    if (held === undefined) return undefined;
    const { seq, deliveries } = message;
    return { ...held, call, seq, deliveries, doubt: () => held.refuse(this.#ackWaitMs * DOUBT_SHARE) };
  }

  async #keepTelling(): Promise<void> {
    const { signal } = this.#stopping;
    for (let toldAtMs = performance.now(); !signal.aborted; ) {
      // In small steps: a consumer may turn out to be one that waits for less.
      await pause(Math.min(this.#ackWaitMs / 3, TELLING_LOOK_MS), signal);
      if (signal.aborted || performance.now() - toldAtMs < this.#ackWaitMs / 3) continue;
      toldAtMs = performance.now();
      this.#held.tellWorking();
    }
  }
}

function readNews(data: Uint8Array): { readonly queue?: unknown; readonly function?: string } {
  try {
    const news = JSON.parse(new TextDecoder().decode(data)) as Record<string, unknown> | null;
    const name = news?.['function'];
    return { queue: news?.['queue'], ...(typeof name === 'string' && { function: name }) };
  } catch {
    return {};
  }
}
