import type { ConsumerMessages, JsMsg, StoredMsg } from '@nats-io/jetstream';
import { splitFunctionName } from '../../../contract/function-ref.ts';
import { ownValue, parseJson, parseObject } from '../../../contract/parse-json.ts';
import type { Logger } from '../../log.ts';
import { currentStep, type QueuedCall } from '../../queue/call.ts';
import { placeOf } from '../../queue/call-id.ts';
import { waitingRecord } from '../../queue/call-progress.ts';
import { DueHeap, type DueItem } from '../../queue/due-heap.ts';
import { pause } from '../../queue/pause.ts';
import { decodeCall, encodeCall } from './call-codec.ts';
import { decodeCallback, encodeCallback, isCallback } from './callback-codec.ts';
import type { QueueNames } from './names.ts';
import type { QueueConsumers } from './queue-consumers.ts';
import type { CallRecords } from './records.ts';
import { Room } from './room.ts';
import type { JetStreamSession, JetStreamSessions } from './session.ts';

export interface MoverOptions {
  readonly sessions: JetStreamSessions;
  readonly names: QueueNames;
  readonly records: CallRecords;
  readonly consumers: QueueConsumers;
  /** Of a call that was cancelled before it began. Never throws. */
  readonly dropBody: (name: string) => Promise<void>;
  readonly logger: Logger;
  /** Default: the system's clock. */
  readonly now?: () => number;
}

interface Waiting extends DueItem {
  /** Of the call; empty: it is what the sequence says, or there is none. */
  readonly id: string;
  /** How often it could not be moved. */
  readonly failures: number;
}

/** Moved at the same time. */
const MOST_AT_ONCE = 32;
/** The clock is looked at at least so often: it may jump, and what comes may be due sooner than what is there. */
const LOOK_MS = 250;
/** What could not be moved is tried again after so long, and twice as long each time. */
const AGAIN_MS = 1000;
const LONGEST_AGAIN_MS = 30_000;
const COMPLAINT_EVERY_MS = 60_000;
/** Less than a record is kept: what is due sooner is found to be cancelled when its time comes. */
const RECORDS_LAST_MS = 30_000;

/**
 * Moves what is to be run later into the queue when its time has come. It keeps nothing that is not in the stream, and each of its
 * steps may be made twice: it goes on after any loss, and two of them at once do no harm.
 */
export class LaterMover {
  readonly #options: MoverOptions;
  readonly #now: () => number;
  /** The last of it is for what workers send on. */
  readonly #room: Room;
  #waiting = new DueHeap<Waiting>();
  #complainedAtMs = Number.NEGATIVE_INFINITY;
  #moved = 0;

  constructor(options: MoverOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.#room = new Room(options.sessions, options.names);
  }

  /** How many wait for their time, as far as is known here. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** How many were moved, since this process began. */
  get moved(): number {
    return this.#moved;
  }

  /** Moves what is due until `signal` is aborted or the connection is lost. @throws {Error} when the stream cannot be read */
  async run(signal: AbortSignal): Promise<void> {
    const session = await this.#options.sessions.get();
    await this.#room.refresh();
    const waiting = new DueHeap<Waiting>();
    this.#waiting = waiting;
    // Nothing is listened to before there is something to move: where there is no stream, this is tried again and again.
    const messages = await this.#follow(session);
    const ending = new AbortController();
    const end = (): void => ending.abort();
    signal.addEventListener('abort', end, { once: true });
    if (signal.aborted) end();
    void session.connection.closed().then(end);
    const unwatch = this.#watchCancels(session, waiting);
    const unsure: Waiting[] = [];
    ending.signal.addEventListener('abort', () => messages.stop(), { once: true });
    if (ending.signal.aborted) messages.stop();
    try {
      await Promise.all([
        this.#collect(messages, waiting, unsure).finally(end),
        this.#dropCancelled(session, { waiting, unsure }, ending.signal),
        this.#moveDue(session, waiting, ending.signal).finally(end),
      ]);
    } finally {
      signal.removeEventListener('abort', end);
      messages.stop();
      unwatch();
      this.#waiting = new DueHeap();
    }
  }

  async #follow({ js }: JetStreamSession): Promise<ConsumerMessages> {
    const consumer = await js.consumers.get(this.#options.names.later, { headers_only: true });
    return consumer.consume({ max_messages: 1000, abort_on_missing_resource: true });
  }

  /** @param unsure is given those that somebody may have cancelled while nobody was there to hear of it */
  async #collect(messages: ConsumerMessages, waiting: DueHeap<Waiting>, unsure: Waiting[]): Promise<void> {
    for await (const message of messages) {
      try {
        const item = this.#toWaiting(message);
        waiting.push(item);
        if (item.id !== '' && item.runAt > this.#now() + RECORDS_LAST_MS) unsure.push(item);
      } catch (error) {
        // Left where it is: it may be of a newer version.
        this.#options.logger.error('what is to be run later cannot be read', {
          sequence: message.seq,
          reason: (error as Error).message,
        });
      }
    }
  }

  #toWaiting(message: JsMsg): Waiting {
    const { seq, headers, data } = message;
    if (isCallback(headers)) {
      return { seq, id: '', failures: 0, runAt: decodeCallback({ seq, headers, data }).runAt ?? 0 };
    }
    const { id, runAt = 0 } = decodeCall({ seq, headers, data }, 'later');
    const first = placeOf(id);
    const isFirst = first?.place === 'later' && first.sequence === seq;
    return { seq, id: isFirst ? '' : id, runAt, failures: 0 };
  }

  /** A cancelled call does not wait for its time: what tells that it was cancelled may be forgotten by then. */
  #watchCancels(session: JetStreamSession, waiting: DueHeap<Waiting>): () => void {
    const subscription = session.connection.subscribe(this.#options.names.cancel, {
      callback: (error, message) => {
        const id = error === null ? idOfCancel(message.data) : undefined;
        if (id === undefined) return;
        const { place, sequence } = placeOf(id) ?? {};
        const item = waiting.takeFirst(
          (one) => one.id === id || (place === 'later' && one.seq === sequence && one.id === ''),
        );
        if (item === undefined) return;
        this.#dropIfCancelled(session, item, id).then(
          (isDropped) => {
            if (!isDropped) waiting.push(item);
          },
          () => waiting.push(item), // its time will tell
        );
      },
    });
    return () => subscription.unsubscribe();
  }

  /** What tells that they were cancelled may be forgotten when their time comes. */
  async #dropCancelled(
    session: JetStreamSession,
    { waiting, unsure }: { readonly waiting: DueHeap<Waiting>; readonly unsure: Waiting[] },
    signal: AbortSignal,
  ): Promise<void> {
    while (!signal.aborted) {
      const item = unsure.shift();
      if (item === undefined) {
        await pause(LOOK_MS, signal);
        continue;
      }
      // Where it cannot be known now, its time will tell.
      const isDropped = await this.#dropIfCancelled(session, item, item.id).catch(() => false);
      if (isDropped) waiting.takeFirst(({ seq }) => seq === item.seq);
    }
  }

  async #dropIfCancelled(session: JetStreamSession, { seq }: Waiting, id: string): Promise<boolean> {
    const { names, records, dropBody } = this.#options;
    const found = await records.read(id);
    const message = await session.manager.streams.getMessage(names.later, { seq });
    if (message === null) return true;
    if (isCallback(message.header)) return false;
    const call = decodeCall({ seq, headers: message.header, data: message.data }, 'later');
    const { instance, state } = found?.record ?? {};
    if (instance !== call.instance || state !== 'cancelled') return false;
    if (!(call.body instanceof Uint8Array)) await dropBody(call.body.name);
    await this.#delete(session, seq);
    return true;
  }

  async #moveDue(session: JetStreamSession, waiting: DueHeap<Waiting>, signal: AbortSignal): Promise<void> {
    const takeDue = (): Waiting | undefined => {
      const next = waiting.peek();
      return next !== undefined && next.runAt <= this.#now() ? waiting.pop() : undefined;
    };
    const lane = async (): Promise<void> => {
      while (!signal.aborted) {
        const item = takeDue();
        if (item === undefined) return;
        await this.#move(session, item.seq).catch((error: unknown) => {
          if (!session.connection.isClosed()) this.#complain(error);
          waiting.push(again(item, this.#now()));
        });
      }
    };
    while (!signal.aborted) {
      await Promise.all(Array.from({ length: MOST_AT_ONCE }, lane));
      const waitMs = (waiting.peek()?.runAt ?? Number.POSITIVE_INFINITY) - this.#now();
      await pause(Math.max(1, Math.min(LOOK_MS, waitMs)), signal);
    }
  }

  async #move(session: JetStreamSession, seq: number): Promise<void> {
    const { names } = this.#options;
    // Before it is read: while there is no room it is tried again and again.
    await this.#room.check();
    const message = await session.manager.streams.getMessage(names.later, { seq });
    if (message === null) return; // moved by the one before, or deleted
    await this.#room.check(message.data.length);
    if (isCallback(message.header)) await this.#moveCallback(session, message);
    else await this.#moveCall(session, message);
    await this.#delete(session, seq);
    this.#moved++;
  }

  async #delete({ manager }: JetStreamSession, seq: number): Promise<void> {
    const { later } = this.#options.names;
    await manager.streams.deleteMessage(later, seq, false).catch(async (error: unknown) => {
      const isGone = (await manager.streams.getMessage(later, { seq })) === null;
      if (!isGone) throw error;
    });
  }

  async #moveCallback(session: JetStreamSession, message: StoredMsg): Promise<void> {
    const { names, consumers } = this.#options;
    const { seq, header, data } = message;
    const callback = decodeCallback({ seq, headers: header, data });
    const { queue, instance, attempt } = callback;
    const { headers, payload } = encodeCallback(callback, session.newHeaders());
    await consumers.ensureCallbacks(queue);
    await session.js.publish(names.callback(queue), payload, {
      headers,
      msgID: `${instance}.callback.${attempt}.later-${seq}`,
    });
  }

  async #moveCall(session: JetStreamSession, message: StoredMsg): Promise<void> {
    const { names, consumers } = this.#options;
    const { seq, header, data } = message;
    const call = decodeCall({ seq, headers: header, data }, 'later');
    const first = placeOf(call.id);
    const isFirst = first?.place === 'later' && first.sequence === seq && first.instance === call.instance;
    const revision = isFirst && call.revision === 0 ? await this.#firstRecord(call) : call.revision;
    if (revision === 'begun') return;
    const step = currentStep(call);
    const { headers, payload } = encodeCall({ ...call, revision }, session.newHeaders());
    await consumers.ensure(step.queue, step.function);
    await session.js.publish(names.call(step.queue, splitFunctionName(step.function)), payload, {
      headers,
      msgID: `${call.instance}.${call.step}.${call.attempt}.later-${seq}`,
    });
  }

  /**
   * The call leaves the place that its id tells of, so from here on a record tells of it.
   * @returns its revision; `begun`: it was moved before, or has been cancelled
   */
  async #firstRecord(call: QueuedCall): Promise<number | 'begun'> {
    const { records, dropBody } = this.#options;
    const { id, instance, body } = call;
    const written = await records.write(waitingRecord(call), 0);
    if (written !== 'conflict') return written;
    const found = await records.read(id);
    // Written, and forgotten before it could be read: nothing is known of it, and it is run.
    if (found === undefined) return 0;
    // Another call has taken the id, and is told of; this one runs as it would have.
    if (found.record.instance !== instance) return 0;
    if (found.record.state === 'queued' && found.record.attempt === 0) return found.revision;
    if (found.record.state === 'cancelled' && !(body instanceof Uint8Array)) await dropBody(body.name);
    return 'begun';
  }

  #complain(error: unknown): void {
    const now = performance.now();
    if (now - this.#complainedAtMs < COMPLAINT_EVERY_MS) return;
    this.#complainedAtMs = now;
    this.#options.logger.warn(
      'a call whose time has come cannot be moved into the queue: it is tried again',
      {
        reason: (error as Error).message,
      },
    );
  }
}

function again(item: Waiting, now: number): Waiting {
  const waitMs = Math.min(AGAIN_MS * 2 ** item.failures, LONGEST_AGAIN_MS);
  return { ...item, failures: item.failures + 1, runAt: now + waitMs };
}

/** @returns undefined: it is none of ours */
function idOfCancel(data: Uint8Array): string | undefined {
  try {
    const id = ownValue(parseObject(parseJson(Buffer.from(data).toString()), 'a cancellation'), 'id');
    return typeof id === 'string' ? id : undefined;
  } catch {
    return undefined;
  }
}
