import { splitFunctionName } from '../../../contract/function-ref.ts';
import { FaasError } from '../../errors.ts';
import { type CallRecord, currentStep, type ObjectBody, type QueuedCall } from '../../queue/call.ts';
import { nextInstance } from '../../queue/call-id.ts';
import { waitingRecord } from '../../queue/call-progress.ts';
import type { DeadFilter, DeadLetter, DeadPage, DeadQuery } from '../../queue/call-queue.ts';
import type { Bodies } from './bodies.ts';
import { encodeCall } from './call-codec.ts';
import { decodeDead } from './dead-codec.ts';
import type { QueueNames } from './names.ts';
import type { QueueConsumers } from './queue-consumers.ts';
import type { CallRecords } from './records.ts';
import type { JetStreamSession, JetStreamSessions } from './session.ts';
import { deleteStored, headersOf, type StoredMessage, storedMessage } from './stored-messages.ts';

export interface DeadLettersOptions {
  readonly sessions: JetStreamSessions;
  readonly names: QueueNames;
  readonly consumers: QueueConsumers;
  readonly records: CallRecords;
  readonly bodies: Bodies;
}

/** Of a letter, as much as is kept of all of them at once. */
interface Found {
  readonly seq: number;
  readonly id: string;
  readonly instance: string;
  readonly object: ObjectBody | undefined;
}

/** Sent again, or thrown away, at the same time. */
const AT_ONCE = 32;
const MOST_TRIES = 10;

/** The stream of dead letters: what has died stays until somebody sends it again or throws it away. */
export class DeadLetters {
  readonly #options: DeadLettersOptions;

  constructor(options: DeadLettersOptions) {
    this.#options = options;
  }

  async list({ function: name, limit, cursor }: DeadQuery): Promise<DeadPage> {
    const session = await this.#options.sessions.get();
    const from = cursor === undefined ? 1 : parseCursor(cursor);
    const letters: DeadLetter[] = [];
    for await (const { seq, letter } of this.#letters(session, { function: name }, from)) {
      if (letters.length === limit) return { letters, cursor: seq.toString(36) };
      letters.push(letter);
    }
    return { letters };
  }

  /** Of several with one id the one that died last. */
  async read(id: string): Promise<DeadLetter | undefined> {
    const session = await this.#options.sessions.get();
    const last = (await this.#find(session, { id })).at(-1);
    return last && (await this.#whole(session, last.seq));
  }

  async redrive(filter: DeadFilter, perSecond: number): Promise<number> {
    const session = await this.#options.sessions.get();
    const found = await this.#find(session, filter);
    const from = Date.now();
    return this.#each(found, async ({ seq }, index) => {
      const letter = await this.#whole(session, seq);
      if (letter === undefined) return false;
      const runAt = perSecond === 0 ? undefined : Math.round(from + (index * 1000) / perSecond);
      return this.#sendAgain(session, { seq, letter, runAt });
    });
  }

  async purge(filter: DeadFilter): Promise<number> {
    const session = await this.#options.sessions.get();
    const { names, bodies, records } = this.#options;
    return this.#each(await this.#find(session, filter), async ({ seq, id, instance, object }) => {
      await deleteStored(session, names.dead, seq);
      // Whoever sent it again may have been killed before the letter was gone: that call has the body now.
      const stored = object && (await records.read(id));
      if (object !== undefined && stored?.record.instance !== nextInstance(instance))
        await bodies.drop(object);
      return true;
    });
  }

  /** @returns how many times `work` was true */
  async #each(
    found: readonly Found[],
    work: (each: Found, index: number) => Promise<boolean>,
  ): Promise<number> {
    const queue = found.entries();
    let done = 0;
    const take = async (): Promise<void> => {
      for (const [index, each] of queue) if (await work(each, index)) done++;
    };
    await Promise.all(Array.from({ length: AT_ONCE }, take));
    return done;
  }

  /** The oldest first. */
  async #find(session: JetStreamSession, filter: DeadFilter): Promise<Found[]> {
    const told = filter.id === undefined ? undefined : await this.#toldOf(session, filter.id);
    if (told !== undefined) return [told];
    const found: Found[] = [];
    for await (const { seq, letter } of this.#letters(session, filter, 1)) found.push(toFound(seq, letter));
    return found;
  }

  /** The letter that a call's record tells of: no search finds it sooner. */
  async #toldOf(session: JetStreamSession, id: string): Promise<Found | undefined> {
    const seq = (await this.#options.records.read(id))?.record.deadLetter;
    if (seq === undefined) return undefined;
    const letter = await this.#whole(session, seq);
    return letter?.call.id === id ? toFound(seq, letter) : undefined;
  }

  /** The oldest first, without bodies. */
  async *#letters(
    session: JetStreamSession,
    { id, function: name }: DeadFilter,
    from: number,
  ): AsyncGenerator<{ readonly seq: number; readonly letter: DeadLetter }> {
    const { names } = this.#options;
    const subject = name === undefined ? undefined : names.deadLetter(splitFunctionName(name));
    for await (const message of headersOf(session, names.dead, { from, subject })) {
      const letter = readLetter(message);
      if (letter !== undefined && (id === undefined || letter.call.id === id))
        yield { seq: message.seq, letter };
    }
  }

  async #whole(session: JetStreamSession, seq: number): Promise<DeadLetter | undefined> {
    const message = await storedMessage(session, this.#options.names.dead, { seq });
    return message && readLetter(message);
  }

  /**
   * Each of its steps may be made twice: whoever was killed in between, or two at once, send one and the same call.
   * @returns false: it is not yet settled that it is dead
   */
  async #sendAgain(
    session: JetStreamSession,
    {
      seq,
      letter,
      runAt,
    }: { readonly seq: number; readonly letter: DeadLetter; readonly runAt: number | undefined },
  ): Promise<boolean> {
    const { names, consumers } = this.#options;
    const { runAt: _was, ...dead } = letter.call;
    const again: QueuedCall = {
      ...dead,
      instance: nextInstance(dead.instance),
      attempt: 1,
      ...(runAt !== undefined && { runAt }),
    };
    const settled = await this.#record(again, dead.instance);
    if (settled === 'still runs') return false;
    if (settled !== 'has begun') {
      const { queue, function: name } = currentStep(again);
      const ref = splitFunctionName(name);
      await consumers.ensure(queue, name);
      const subject = runAt === undefined ? names.call(queue, ref) : names.laterCall(queue, ref);
      const { headers, payload } = encodeCall({ ...again, revision: settled.revision }, session.newHeaders());
      await session.js.publish(subject, payload, { headers, msgID: `${again.instance}.again` });
    }
    await deleteStored(session, names.dead, seq);
    return true;
  }

  /** Writes that it waits again. `has begun`: somebody has sent it, and it has run since. */
  async #record(
    again: QueuedCall,
    died: string,
  ): Promise<{ readonly revision: number } | 'has begun' | 'still runs'> {
    const { records } = this.#options;
    for (let tries = 0; tries < MOST_TRIES; tries++) {
      const stored = await records.read(again.id);
      const record = stored?.record;
      if (stored !== undefined && record?.instance === again.instance)
        return record.state === 'queued' && record.attempts.length === 0
          ? { revision: stored.revision }
          : 'has begun';
      if (record?.instance === died && isOnItsWay(record)) return 'still runs';
      // Its id is another call's by now: it runs, and is not told of.
      if (record !== undefined && record.instance !== died) return { revision: 0 };
      const revision = await records.write(waitingRecord(again), stored?.revision ?? 0);
      if (revision !== 'conflict') return { revision };
    }
    throw new Error('the call changes all the time');
  }
}

function toFound(seq: number, { call: { id, instance, body } }: DeadLetter): Found {
  return { seq, id, instance, object: body instanceof Uint8Array ? undefined : body };
}

/** The letter is written before the record says that the call is dead. */
function isOnItsWay({ state }: CallRecord): boolean {
  return state === 'queued' || state === 'running';
}

function readLetter(message: StoredMessage): DeadLetter | undefined {
  try {
    return decodeDead(message);
  } catch {
    return undefined; // of another version: left where it is
  }
}

function parseCursor(text: string): number {
  if (!/^[0-9a-z]{1,10}$/.test(text))
    throw new FaasError('invalid_request', 'cursor: it is none that came with a page before');
  return Number.parseInt(text, 36);
}
