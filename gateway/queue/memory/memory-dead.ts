import { FaasError } from '../../errors.ts';
import { currentStep, type QueuedCall } from '../call.ts';
import { nextInstance } from '../call-id.ts';
import { waitingRecord } from '../call-progress.ts';
import type { DeadFilter, DeadLetter, DeadPage, DeadQuery } from '../call-queue.ts';
import { bytesOf } from './item-bytes.ts';
import type { MemoryStore } from './memory-store.ts';

interface Found {
  readonly seq: number;
  readonly letter: DeadLetter;
}

const NOTHING = new Uint8Array(0);

/** What becomes of dead letters in memory. */
export class MemoryDead {
  readonly #store: MemoryStore;

  constructor(store: MemoryStore) {
    this.#store = store;
  }

  list({ function: name, limit, cursor }: DeadQuery): DeadPage {
    const from = cursor === undefined ? 0 : parseCursor(cursor);
    const found = this.find({ function: name }).filter(({ seq }) => seq >= from);
    const next = found[limit];
    return {
      letters: found.slice(0, limit).map(({ letter }) => withoutBody(letter)),
      ...(next !== undefined && { cursor: next.seq.toString(36) }),
    };
  }

  /** The one that died first comes first. */
  find({ id, function: name }: DeadFilter): Found[] {
    return this.#store.dead
      .entries()
      .map(([seq, letter]) => ({ seq, letter }))
      .filter(
        ({ letter: { call } }) =>
          (id === undefined || call.id === id) && (name === undefined || currentStep(call).function === name),
      );
  }

  redrive(filter: DeadFilter, perSecond: number): number {
    const from = Date.now();
    let sent = 0;
    for (const [index, found] of this.#wanted(filter).entries()) {
      const runAt = perSecond === 0 ? undefined : Math.round(from + (index * 1000) / perSecond);
      if (this.#sendAgain(found, runAt)) sent++;
    }
    return sent;
  }

  purge(filter: DeadFilter): number {
    const found = this.#wanted(filter);
    for (const { seq, letter } of found) {
      this.#store.dead.remove(seq);
      this.#store.dropInput(letter.call);
    }
    return found.length;
  }

  /** Of several letters of one id the one that its record tells of, where it tells of one. */
  #wanted(filter: DeadFilter): Found[] {
    const found = this.find(filter);
    if (filter.id === undefined) return found;
    const told = this.#store.records.get(filter.id)?.record.deadLetter;
    const one = found.filter(({ seq }) => seq === told);
    return one.length > 0 ? one : found;
  }

  /** @returns false: it is not yet settled that it is dead */
  #sendAgain({ seq, letter }: Found, runAt: number | undefined): boolean {
    const { records, dead } = this.#store;
    const { runAt: _was, ...died } = letter.call;
    const again: QueuedCall = {
      ...died,
      instance: nextInstance(died.instance),
      attempt: 1,
      revision: 0,
      ...(runAt !== undefined && { runAt }),
    };
    const stored = records.get(again.id);
    const { instance, state } = stored?.record ?? {};
    if (instance === died.instance && (state === 'queued' || state === 'running')) return false;
    // Before anything is told of it.
    this.#store.rooms[runAt === undefined ? 'queue' : 'later'].check(bytesOf(again));
    // Where its id is another call's by now, it runs, and is not told of.
    const isTold = stored === undefined || instance === died.instance;
    const revision = isTold ? records.put(waitingRecord(again), undefined) : 0;
    const call = { ...again, revision: revision === 'conflict' ? 0 : revision };
    if (runAt === undefined) this.#store.pushCall(call);
    else this.#store.addLater({ kind: 'call', call });
    dead.remove(seq);
    return true;
  }
}

function withoutBody(letter: DeadLetter): DeadLetter {
  const { call } = letter;
  return call.body instanceof Uint8Array ? { ...letter, call: { ...call, body: NOTHING } } : letter;
}

function parseCursor(text: string): number {
  if (!/^[0-9a-z]{1,10}$/.test(text))
    throw new FaasError('invalid_request', 'cursor: it is none that came with a page before');
  return Number.parseInt(text, 36);
}
