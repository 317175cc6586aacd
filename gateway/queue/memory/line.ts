import { DueHeap, type DueItem } from '../due-heap.ts';

/** What was given to a worker, which has to say what becomes of it. */
export interface Given<Item> {
  readonly item: Item;
  readonly seq: number;
  /** How often it was given, this time included. */
  readonly deliveries: number;
}

interface Message<Item> {
  readonly item: Item;
  /** When it came here; milliseconds since 1970. */
  readonly at: number;
  /** To be called when it has gone. */
  readonly onGone: () => void;
  deliveries: number;
  /** Somebody has it. */
  isGiven: boolean;
}

/** Items in the order in which they came: each stays until whoever was given it is done with it. */
export class Line<Item> {
  /** Those that were given, too. */
  readonly #messages = new Map<number, Message<Item>>();
  readonly #ready = new DueHeap<DueItem>();
  readonly #timers = new Map<number, ReturnType<typeof setTimeout>>();
  /** Told that there is something to be given. */
  onReady: () => void = () => undefined;

  /** Those that wait, and those that were given. */
  get size(): number {
    return this.#messages.size;
  }

  get waiting(): number {
    return this.#ready.size;
  }

  /** Since when the first one that waits has been here. */
  get waitingSince(): number | undefined {
    const first = this.#ready.peek();
    return first && this.#messages.get(first.seq)?.at;
  }

  push(seq: number, item: Item, { at, onGone }: { readonly at: number; readonly onGone: () => void }): void {
    this.#messages.set(seq, { item, at, onGone, deliveries: 0, isGiven: true });
    this.#toReady(seq);
  }

  /** The oldest that waits. */
  take(): Given<Item> | undefined {
    const next = this.#ready.pop();
    const message = next && this.#messages.get(next.seq);
    if (next === undefined || message === undefined) return undefined;
    message.deliveries++;
    message.isGiven = true;
    return { item: message.item, seq: next.seq, deliveries: message.deliveries };
  }

  /** One that was given is to be given again, after so long. */
  giveBack(seq: number, delayMs: number): void {
    if (!this.#messages.has(seq) || this.#timers.has(seq)) return;
    const back = (): void => {
      this.#timers.delete(seq);
      this.#toReady(seq);
    };
    // Not at once: who gives it back may be about to ask.
    this.#timers.set(seq, setTimeout(back, delayMs));
  }

  /** It goes, whether it was given or not. @returns false: it is not here */
  remove(seq: number): boolean {
    const message = this.#messages.get(seq);
    if (message === undefined) return false;
    this.#messages.delete(seq);
    clearTimeout(this.#timers.get(seq));
    this.#timers.delete(seq);
    // Each one that is done with comes here: only of those that still wait the heap is searched.
    if (!message.isGiven) this.#ready.takeFirst((one) => one.seq === seq);
    message.onGone();
    return true;
  }

  /** @returns undefined: it is not here */
  get(seq: number): Item | undefined {
    return this.#messages.get(seq)?.item;
  }

  isWaiting(seq: number): boolean {
    return this.#messages.get(seq)?.isGiven === false;
  }

  /** The oldest first. */
  entries(): [seq: number, item: Item][] {
    return [...this.#messages].map(([seq, { item }]) => [seq, item]);
  }

  stop(): void {
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
  }

  #toReady(seq: number): void {
    const message = this.#messages.get(seq);
    if (message === undefined) return;
    message.isGiven = false;
    // All at one time: by their sequence.
    this.#ready.push({ seq, runAt: 0 });
    this.onReady();
  }
}
