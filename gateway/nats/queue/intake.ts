import { randomUUID } from 'node:crypto';
import { splitFunctionName } from '../../../contract/function-ref.ts';
import { FaasError } from '../../errors.ts';
import {
  checkLength,
  firstPlaceOf,
  firstStep,
  keyTextOf,
  onlyInstanceOf,
  otherCallOfKey,
  printOf,
} from '../../queue/accepting.ts';
import type { CallRecord, ObjectBody } from '../../queue/call.ts';
import { type FirstPlace, idOf, newInstance } from '../../queue/call-id.ts';
import { waitingRecord } from '../../queue/call-progress.ts';
import type { CallIntake, NewCall } from '../../queue/call-queue.ts';
import type { Stored } from './acked-publisher.ts';
import { Bodies } from './bodies.ts';
import { encodeCall } from './call-codec.ts';
import { CallKeys } from './call-keys.ts';
import { KnownQueues } from './known-queues.ts';
import type { QueueNames } from './names.ts';
import { QueueConsumers } from './queue-consumers.ts';
import { CallRecords } from './records.ts';
import { isRefused, queueRefusal } from './refusal.ts';
import { Room } from './room.ts';
import type { JetStreamSessions } from './session.ts';

export interface QueueIntakeOptions {
  readonly sessions: JetStreamSessions;
  readonly names: QueueNames;
  readonly now?: () => number;
}

/** A call that has a name of its own, as it is stored. */
interface Named {
  readonly id: string;
  readonly instance: string;
  readonly revision: number;
}

/** How often, and how long after one another, it is tried to take a record back whose call was not stored. */
const TAKE_BACK_TRIES = 10;
const TAKE_BACK_EVERY_MS = 2000;

/** Takes calls into JetStream. One that nobody has named costs one message. */
export class QueueIntake implements CallIntake {
  readonly #sessions: JetStreamSessions;
  readonly #names: QueueNames;
  readonly #now: () => number;
  readonly #consumers: QueueConsumers;
  readonly #queues: KnownQueues;
  readonly #records: CallRecords;
  readonly #keys: CallKeys;
  readonly #bodies: Bodies;
  readonly #rooms: Readonly<Record<FirstPlace, Room>>;

  constructor({ sessions, names, now = Date.now }: QueueIntakeOptions) {
    this.#sessions = sessions;
    this.#names = names;
    this.#now = now;
    this.#consumers = new QueueConsumers(sessions, names);
    this.#queues = new KnownQueues(sessions, names);
    this.#records = new CallRecords(sessions, names);
    this.#keys = new CallKeys(sessions, names);
    this.#bodies = new Bodies(sessions, names.bodies);
    this.#rooms = { queue: new Room(sessions, names), later: new Room(sessions, names, 'later') };
  }

  accept(call: NewCall): Promise<string> {
    return told(async () => {
      await this.#prepare(call);
      const instance = newInstance();
      const { seq } = await this.#publish(call, { instance, revision: 0 });
      return idOf(firstPlaceOf(call), seq, instance);
    });
  }

  acceptAs(id: string, call: NewCall): Promise<void> {
    return told(async () => {
      await this.#prepare(call);
      const instance = newInstance();
      const revision = await this.#records.write(queuedRecord(call, { id, instance }), undefined);
      // Without an expected revision there is none that it could conflict with.
      if (revision === 'conflict') throw new Error('a record was refused');
      await this.#publishNamed(call, { id, instance, revision });
    });
  }

  acceptFirst(id: string, call: NewCall): Promise<boolean> {
    return told(async () => {
      await this.#prepare(call);
      return this.#acceptOnce(call, { id, instance: onlyInstanceOf(id) });
    });
  }

  acceptKeyed(key: string, call: NewCall): Promise<{ readonly id: string; readonly isFirst: boolean }> {
    return told(async () => {
      await this.#prepare(call);
      const text = keyTextOf(key, call);
      const print = printOf(call);
      const kept = await this.#keys.keep(text, { id: randomUUID(), instance: newInstance(), print });
      if (kept.print !== print) {
        throw otherCallOfKey();
      }
      if (kept.isStored) return { id: kept.id, isFirst: false };
      const isFirst = await this.#acceptOnce(call, kept);
      this.#keys.markStored(text, kept);
      return { id: kept.id, isFirst };
    });
  }

  storeBody(body: ReadableStream<Uint8Array>, most: number): Promise<ObjectBody> {
    return told(() => this.#bodies.put(body, most));
  }

  async dropBody(body: ObjectBody): Promise<void> {
    // What stays is removed by who looks for bodies that no call has.
    await this.#bodies.drop(body).catch(() => undefined);
  }

  /** What a call needs to be run one day. */
  async #prepare(call: NewCall): Promise<void> {
    const { steps, body } = call;
    const first = firstStep(call);
    checkLength(call);
    await this.#rooms[firstPlaceOf(call)].check(body instanceof Uint8Array ? body.length : 0);
    for (const { queue } of steps) await this.#queues.check(queue);
    await this.#consumers.ensure(first.queue, first.function);
  }

  /**
   * The record decides who is first. One that says that the call waits may be all that was written before its writer was lost: the call is
   * stored again, and refused by the stream where it has it, or dropped by the worker as a copy.
   * @returns whether it was stored now
   */
  async #acceptOnce(call: NewCall, { id, instance }: Omit<Named, 'revision'>): Promise<boolean> {
    const revision = await this.#records.write(queuedRecord(call, { id, instance }), 0);
    if (revision !== 'conflict') {
      await this.#publishNamed(call, { id, instance, revision }, instance);
      return true;
    }
    const there = await this.#records.read(id);
    if (there === undefined)
      throw new FaasError('queue_unavailable', 'the call was forgotten while it was accepted: try again');
    const isOwn = there.record.instance === instance;
    // A client may have given its call the id of a tick: that call is told of, and the tick is run all the same. The id of a keyed call
    // is known to nobody before it was accepted.
    if (!isOwn && instance !== onlyInstanceOf(id)) return false;
    if (isOwn && !isUntouched(there.record)) return false;
    const named = { id, instance, revision: isOwn ? there.revision : 0 };
    const { isDuplicate } = await this.#publish(call, named, instance);
    return !isDuplicate;
  }

  /** @param messageId of one that the stream is to have once */
  async #publishNamed(call: NewCall, named: Named, messageId?: string): Promise<void> {
    try {
      await this.#publish(call, named, messageId);
    } catch (error) {
      const isSure = isRefused(error);
      // The caller is told that it was not accepted, so it is not to be told of, nor to run. One that is to be stored once is tried
      // again by the same name: where nobody knows whether it was stored, that try must find it as it is.
      if (messageId === undefined || isSure)
        void this.#takeBack(queuedRecord(call, named), named.revision, isSure);
      throw error;
    }
  }

  async #publish(
    call: NewCall,
    { id, instance, revision }: Omit<Named, 'id'> & { readonly id?: string },
    messageId?: string,
  ): Promise<Stored> {
    const first = firstStep(call);
    const { publisher, newHeaders } = await this.#sessions.get();
    const { headers, payload } = encodeCall(
      { ...call, ...(id !== undefined && { id }), instance, revision, step: 0, attempt: 1 },
      newHeaders(),
    );
    const ref = splitFunctionName(first.function);
    const subject =
      firstPlaceOf(call) === 'queue'
        ? this.#names.call(first.queue, ref)
        : this.#names.laterCall(first.queue, ref);
    if (messageId !== undefined) headers.set('Nats-Msg-Id', messageId);
    return publisher.publish(subject, payload, headers);
  }

  /** @param isSure that the call was not stored; otherwise its worker finds that it has ended */
  async #takeBack(record: CallRecord, revision: number, isSure: boolean): Promise<void> {
    for (let tries = 0; tries < TAKE_BACK_TRIES; tries++) {
      try {
        if (isSure) {
          const { manager } = await this.#sessions.get();
          await manager.streams.deleteMessage(this.#names.records, revision, false);
        } else {
          const endedAt = this.#now();
          const reason = 'it was not accepted: nobody could tell whether it was stored';
          await this.#records.write({ ...record, state: 'cancelled', endedAt, reason }, revision);
        }
        return;
      } catch (error) {
        // Somebody else has replaced it.
        if (isRefused(error)) return;
        // NATS is away, most likely: what is left tells of a call that waits, until it is forgotten.
        await Bun.sleep(TAKE_BACK_EVERY_MS);
      }
    }
  }
}

function queuedRecord(call: NewCall, named: { readonly id: string; readonly instance: string }): CallRecord {
  return waitingRecord({ ...call, ...named, step: 0 });
}

/** It may be that its message was never stored. */
function isUntouched({ state, step, attempt, attempts }: CallRecord): boolean {
  return state === 'queued' && step === 0 && attempt === 0 && attempts.length === 0;
}

async function told<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw queueRefusal(error);
  }
}
