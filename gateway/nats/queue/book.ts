import { type CallRecord, type CallResult, ENDED } from '../../queue/call.ts';
import { waitingRecord } from '../../queue/call-progress.ts';
import type {
  CallBook,
  CallPage,
  CallQuery,
  DeadFilter,
  DeadLetter,
  DeadPage,
  DeadQuery,
} from '../../queue/call-queue.ts';
import type { CallbackRecord } from '../../queue/callback.ts';
import { Bodies } from './bodies.ts';
import { listCalls } from './call-list.ts';
import { CallbackStore } from './callback-store.ts';
import { DeadLetters } from './dead-letters.ts';
import { lookAgain } from './look-again.ts';
import type { QueueNames } from './names.ts';
import type { QueueConsumers } from './queue-consumers.ts';
import { CallRecords } from './records.ts';
import { queueRefusal } from './refusal.ts';
import type { JetStreamSessions } from './session.ts';
import { deleteStored } from './stored-messages.ts';
import { waitingCall } from './waiting-calls.ts';

/** Tries to change a call that others change at the same time. */
const MOST_TRIES = 10;

/** What JetStream has of the calls. It keeps nothing itself. */
export class JetStreamCallBook implements CallBook {
  readonly #sessions: JetStreamSessions;
  readonly #names: QueueNames;
  readonly #records: CallRecords;
  readonly #bodies: Bodies;
  readonly #results: Bodies;
  readonly #callbacks: Pick<CallbackStore, 'told'>;
  readonly #dead: DeadLetters;

  constructor(sessions: JetStreamSessions, names: QueueNames, consumers: QueueConsumers) {
    this.#sessions = sessions;
    this.#names = names;
    this.#records = new CallRecords(sessions, names);
    this.#bodies = new Bodies(sessions, names.bodies);
    this.#results = new Bodies(sessions, names.results);
    this.#callbacks = new CallbackStore(sessions, names);
    this.#dead = new DeadLetters({
      sessions,
      names,
      consumers,
      records: this.#records,
      bodies: this.#bodies,
    });
  }

  read(
    id: string,
    { waitMs = 0, signal }: { readonly waitMs?: number; readonly signal?: AbortSignal } = {},
  ): Promise<CallRecord | undefined> {
    return told(async () => {
      const look = (): Promise<CallRecord | undefined> => this.#look(id);
      if (waitMs <= 0) return look();
      const { connection } = await this.#sessions.get();
      const isOver = (found: CallRecord | undefined): boolean =>
        found === undefined || ENDED.has(found.state);
      const subject = this.#names.record(id);
      return lookAgain(look, isOver, { connection, subject, withinMs: waitMs, signal });
    });
  }

  result(
    id: string,
  ): Promise<
    { readonly result: CallResult; readonly body: ReadableStream<Uint8Array> | Uint8Array } | undefined
  > {
    return told(async () => {
      const stored = await this.#records.read(id);
      const result = stored?.record.result;
      if (stored === undefined || result === undefined || result.kept === 'dropped') return undefined;
      if (result.kept === 'message') return { result, body: stored.body };
      const body = await this.#results.open(result.kept);
      return body && { result, body };
    });
  }

  callback(id: string): Promise<CallbackRecord | undefined> {
    return told(() => this.#callbacks.told(id));
  }

  list(query: CallQuery): Promise<CallPage> {
    return told(async () =>
      listCalls({ session: await this.#sessions.get(), names: this.#names, records: this.#records }, query),
    );
  }

  cancel(id: string): Promise<'cancelled' | 'ended' | 'unknown'> {
    return told(() => this.#cancel(id));
  }

  listDead(query: DeadQuery): Promise<DeadPage> {
    return told(() => this.#dead.list(query));
  }

  readDead(id: string): Promise<DeadLetter | undefined> {
    return told(() => this.#dead.read(id));
  }

  redrive(filter: DeadFilter, perSecond: number): Promise<number> {
    return told(() => this.#dead.redrive(filter, perSecond));
  }

  purgeDead(filter: DeadFilter): Promise<number> {
    return told(() => this.#dead.purge(filter));
  }

  async #look(id: string): Promise<CallRecord | undefined> {
    const stored = await this.#records.read(id);
    if (stored !== undefined) return stored.record;
    const waiting = await waitingCall(await this.#sessions.get(), this.#names, id);
    if (waiting !== undefined) return waitingRecord(waiting.call);
    // It may have begun between the two looks.
    return (await this.#records.read(id))?.record;
  }

  async #cancel(id: string): Promise<'cancelled' | 'ended' | 'unknown'> {
    const session = await this.#sessions.get();
    for (let tries = 0; tries < MOST_TRIES; tries++) {
      const stored = await this.#records.read(id);
      const waiting = stored === undefined ? await waitingCall(session, this.#names, id) : undefined;
      const record = stored?.record ?? (waiting && waitingRecord(waiting.call));
      if (record === undefined) {
        // Without a record and gone from where it waited: it has begun in between, or there is none.
        if ((await this.#records.read(id)) === undefined) return 'unknown';
        continue;
      }
      if (record.state === 'cancelled') return 'cancelled';
      if (ENDED.has(record.state)) return 'ended';
      const { runAt: _over, ...rest } = record;
      const cancelled: CallRecord = {
        ...rest,
        state: 'cancelled',
        endedAt: Date.now(),
        reason: 'it was cancelled',
      };
      const written = await this.#records.write(cancelled, stored?.revision ?? 0, stored?.body);
      if (written === 'conflict') continue;
      // Whoever runs it, or keeps it for later, ends that.
      session.connection.publish(this.#names.cancel, JSON.stringify({ id, instance: record.instance }));
      if (waiting !== undefined) {
        // Nobody has it in hand; a worker that was just given it drops it for its record.
        await deleteStored(session, waiting.stream, waiting.seq);
        const { body } = waiting.call;
        if (!(body instanceof Uint8Array)) await this.#bodies.drop(body);
      }
      return 'cancelled';
    }
    throw new Error('the call changes all the time');
  }
}

/** What goes wrong is told as the queue's failure. */
async function told<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw queueRefusal(error);
  }
}
