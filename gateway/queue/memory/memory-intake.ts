import { randomUUID } from 'node:crypto';
import { FaasError } from '../../errors.ts';
import {
  checkLength,
  firstPlaceOf,
  firstStep,
  keyTextOf,
  noRoomForKeys,
  onlyInstanceOf,
  otherCallOfKey,
  printOf,
} from '../accepting.ts';
import type { ObjectBody, QueuedCall } from '../call.ts';
import { idOf, newInstance } from '../call-id.ts';
import { waitingRecord } from '../call-progress.ts';
import type { CallIntake, NewCall } from '../call-queue.ts';
import { bytesOf } from './item-bytes.ts';
import type { MemoryStore } from './memory-store.ts';

interface Named {
  readonly id: string;
  readonly instance: string;
  readonly revision: number;
}

const LATER_SECONDS = 5;

/** Takes calls into memory. */
export class MemoryIntake implements CallIntake {
  readonly #store: MemoryStore;

  constructor(store: MemoryStore) {
    this.#store = store;
  }

  async accept(call: NewCall): Promise<string> {
    this.#prepare(call);
    const seq = this.#store.next();
    const instance = newInstance();
    const id = idOf(firstPlaceOf(call), seq, instance);
    this.#push(call, { id, instance, revision: 0 }, seq);
    return id;
  }

  async acceptAs(id: string, call: NewCall): Promise<void> {
    this.#prepare(call);
    this.#pushTold(call, id, newInstance());
  }

  async acceptFirst(id: string, call: NewCall): Promise<boolean> {
    this.#prepare(call);
    const { records, untold } = this.#store;
    const instance = onlyInstanceOf(id);
    const there = records.get(id);
    if (there === undefined) {
      this.#pushTold(call, id, instance);
      return true;
    }
    if (there.record.instance === instance || untold.get(instance) === true) return false;
    // A client has given its call the id of this one: that call is told of, and this one is run all the same.
    untold.set(instance, true, instance.length);
    this.#push(call, { id, instance, revision: 0 });
    return true;
  }

  async acceptKeyed(key: string, call: NewCall): Promise<{ readonly id: string; readonly isFirst: boolean }> {
    this.#prepare(call);
    const { keys } = this.#store;
    const text = keyTextOf(key, call);
    const print = printOf(call);
    const known = keys.get(text);
    if (known !== undefined) {
      if (known.print !== print) throw otherCallOfKey();
      return { id: known.id, isFirst: false };
    }
    const bytes = 2 * (text.length + print.length);
    if (!keys.hasRoomFor(bytes)) throw noRoomForKeys({ retryAfterSeconds: LATER_SECONDS });
    const id = randomUUID();
    this.#pushTold(call, id, newInstance());
    keys.set(text, { id, print }, bytes);
    return { id, isFirst: true };
  }

  async storeBody(body: ReadableStream<Uint8Array>, most: number): Promise<ObjectBody> {
    this.#checkOpen();
    return this.#store.inputs.put(body, most);
  }

  async dropBody(body: ObjectBody): Promise<void> {
    await this.#store.inputs.drop(body);
  }

  #checkOpen(): void {
    if (!this.#store.isClosed) return;
    throw new FaasError(
      'queue_unavailable',
      'the queue cannot be used now (it ends with the gateway): try again',
      {
        retryAfterSeconds: 1,
      },
    );
  }

  #prepare(call: NewCall): void {
    this.#checkOpen();
    firstStep(call);
    checkLength(call);
    this.#store.rooms[firstPlaceOf(call)].check(bytesOf(call));
  }

  #pushTold(call: NewCall, id: string, instance: string): void {
    const record = waitingRecord({ ...call, id, instance, step: 0 });
    // Whatever was told of this id before.
    const revision = this.#store.records.put(record, undefined);
    this.#push(call, { id, instance, revision: revision === 'conflict' ? 0 : revision });
  }

  #push(call: NewCall, named: Named, seq = this.#store.next()): void {
    const queued: QueuedCall = { ...call, ...named, step: 0, attempt: 1 };
    if (firstPlaceOf(call) === 'later') this.#store.addLater({ kind: 'call', call: queued }, seq);
    else this.#store.pushCall(queued, seq);
  }
}
