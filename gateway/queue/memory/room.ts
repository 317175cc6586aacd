import { queueFull } from '../accepting.ts';

/** Part that is for what workers send on: a full queue that took no follower of a call would never be empty again. */
const KEPT_FOR_WORKERS = 0.05;
/** What an item takes as objects, beside its length as it is stored: measured. */
const ITEM_BYTES = 2048;

/** How much of one kind is kept. */
export class Room {
  readonly #mostBytes: number;
  #bytes = 0;

  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes;
  }

  /** 0 to 1. */
  get share(): number {
    return this.#bytes / this.#mostBytes;
  }

  /** Of a call that is new. @throws {FaasError} `queue_full` */
  check(bytes: number): void {
    if (this.#bytes + bytes + ITEM_BYTES > this.#mostBytes * (1 - KEPT_FOR_WORKERS)) throw queueFull();
  }

  /** @returns what is to be given back. @throws {FaasError} `queue_full` */
  take(bytes: number): number {
    const taken = bytes + ITEM_BYTES;
    if (this.#bytes + taken > this.#mostBytes) throw queueFull();
    this.#bytes += taken;
    return taken;
  }

  give(taken: number): void {
    this.#bytes -= taken;
  }
}
