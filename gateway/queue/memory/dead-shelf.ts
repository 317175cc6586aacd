import type { CallRecord } from '../call.ts';
import { type DeadLetter, MOST_RESPONSE_BYTES } from '../call-queue.ts';
import { brief, fitRecord } from '../fit-record.ts';
import { storedCallBytes } from '../stored-call.ts';
import { MOST_STORED_BYTES, storedBytes } from '../stored-size.ts';
import { Room } from './room.ts';

interface Kept {
  readonly letter: DeadLetter;
  readonly taken: number;
}

const MOST_REASON_BYTES = 2000;

/** Dead letters: each stays until somebody sends it again or throws it away. */
export class DeadShelf {
  readonly #letters = new Map<number, Kept>();
  readonly #room: Room;

  constructor(mostBytes: number) {
    this.#room = new Room(mostBytes);
  }

  /** Of its room that is used: 0 to 1. */
  get share(): number {
    return this.#room.share;
  }

  /** @throws {FaasError} `queue_full` */
  add(seq: number, { response, record, ...letter }: DeadLetter): void {
    const kept: DeadLetter = {
      ...letter,
      reason: brief(letter.reason, MOST_REASON_BYTES),
      record: record && fitted(record),
      response: new Uint8Array(response.subarray(0, MOST_RESPONSE_BYTES)),
    };
    this.#letters.set(seq, { letter: kept, taken: this.#room.take(bytesOf(kept)) });
  }

  get(seq: number): DeadLetter | undefined {
    return this.#letters.get(seq)?.letter;
  }

  remove(seq: number): boolean {
    const kept = this.#letters.get(seq);
    if (kept === undefined) return false;
    this.#room.give(kept.taken);
    return this.#letters.delete(seq);
  }

  /** The one that died first comes first. */
  entries(): [seq: number, letter: DeadLetter][] {
    return [...this.#letters].map(([seq, { letter }]) => [seq, letter]);
  }
}

function fitted(record: CallRecord): CallRecord {
  return fitRecord(record, MOST_STORED_BYTES);
}

function bytesOf({ call, record, reason, response }: DeadLetter): number {
  const { body } = call;
  const inline = body instanceof Uint8Array ? body.length : 0;
  return storedCallBytes(call) + inline + storedBytes(record ?? null) + reason.length + response.length;
}
