import type { QueuedCall } from '../call.ts';
import type { LaneSource } from '../lanes.ts';
import type { CallbackFeed, CallbackTaker, CallFeed, CallTaker, Delivery } from '../worker-queue.ts';
import type { Given } from './line.ts';
import type { CallLine, MemoryStore } from './memory-store.ts';

/** How long one that nothing is said of any more waits. */
const ABANDONED_MS = 30_000;
/** How often it is told what waits. */
const LOOK_MS = 1000;

/** Gives the calls of all lines to the one worker that there is. */
export class MemoryCallFeed implements CallFeed {
  readonly #store: MemoryStore;
  readonly #taker: CallTaker;
  #isDraining = false;
  #looking: ReturnType<typeof setInterval> | undefined;

  constructor(store: MemoryStore, taker: CallTaker) {
    this.#store = store;
    this.#taker = taker;
  }

  start(): void {
    this.#store.onLine = (line) => this.#know(line);
    for (const line of this.#store.lines) this.#know(line);
    this.#looking = setInterval(() => this.#look(), LOOK_MS);
  }

  async drain(): Promise<void> {
    this.#isDraining = true;
  }

  async stop(): Promise<void> {
    this.#isDraining = true;
    clearInterval(this.#looking);
  }

  #look(): void {
    const { lines } = this.#store;
    this.#taker.onWaiting(new Map(lines.map(({ function: name, calls }) => [name, calls.waiting])));
  }

  #know({ function: name, calls }: CallLine): void {
    let asked = 0;
    let isGiving = false;
    const give = (): void => {
      isGiving = false;
      while (asked > 0 && !this.#isDraining) {
        const given = calls.take();
        if (given === undefined) return;
        asked--;
        this.#taker.onCall(name, toDelivery(given, calls), calls.waiting > 0);
      }
    };
    // Never while somebody asks, or stores a call: who does is not done with that.
    const giveSoon = (): void => {
      if (isGiving) return;
      isGiving = true;
      setImmediate(give);
    };
    calls.onReady = giveSoon;
    const source: LaneSource = {
      get asked() {
        return asked;
      },
      ask: (count) => {
        asked += count;
        giveSoon();
      },
    };
    this.#taker.onFunction(name, source);
  }
}

function toDelivery({ item: call, seq, deliveries }: Given<QueuedCall>, calls: CallLine['calls']): Delivery {
  return {
    call,
    seq,
    deliveries,
    ack: () => void calls.remove(seq),
    refuse: (delayMs) => calls.giveBack(seq, delayMs),
    // There is nobody else.
    doubt: () => calls.giveBack(seq, 0),
    abandon: () => calls.giveBack(seq, ABANDONED_MS),
  };
}

/** Gives callbacks as there is room for them. */
export class MemoryCallbackFeed implements CallbackFeed {
  readonly #store: MemoryStore;
  readonly #taker: CallbackTaker;
  #isDraining = false;
  #isGiving = false;

  constructor(store: MemoryStore, taker: CallbackTaker) {
    this.#store = store;
    this.#taker = taker;
  }

  start(): void {
    this.#store.callbacks.onReady = () => this.ask();
    this.ask();
  }

  ask(): void {
    if (this.#isGiving) return;
    this.#isGiving = true;
    setImmediate(() => this.#give());
  }

  async drain(): Promise<void> {
    this.#isDraining = true;
  }

  async stop(): Promise<void> {
    this.#isDraining = true;
  }

  #give(): void {
    this.#isGiving = false;
    const { callbacks } = this.#store;
    while (!this.#isDraining && this.#taker.room() > 0) {
      const given = callbacks.take();
      if (given === undefined) return;
      const { item: callback, seq } = given;
      this.#taker.onCallback({
        callback,
        seq,
        ack: () => void callbacks.remove(seq),
        refuse: () => callbacks.giveBack(seq, 0),
        abandon: () => callbacks.giveBack(seq, ABANDONED_MS),
      });
    }
  }
}
