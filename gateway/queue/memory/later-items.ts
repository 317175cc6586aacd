import type { QueuedCall } from '../call.ts';
import type { QueuedCallback } from '../callback.ts';
import { DueHeap, type DueItem } from '../due-heap.ts';

export type LaterItem =
  | { readonly kind: 'call'; readonly call: QueuedCall }
  | { readonly kind: 'callback'; readonly callback: QueuedCallback };

interface Kept {
  readonly item: LaterItem;
  /** To be called when it has gone. */
  readonly onGone: () => void;
}

/** The clock is looked at at least so often: it may jump. */
const LOOK_MS = 250;
/** Before somebody else is let do something. */
const MOST_AT_ONCE = 100;
/** What could not be moved is tried again after so long. */
const AGAIN_MS = 1000;

/** What is to be run at a time. */
export class LaterItems {
  readonly #items = new Map<number, Kept>();
  readonly #due = new DueHeap<DueItem>();
  readonly #now: () => number;
  #move: ((item: LaterItem, seq: number) => void) | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** @param now milliseconds since 1970 */
  constructor(now: () => number) {
    this.#now = now;
  }

  get size(): number {
    return this.#items.size;
  }

  add(seq: number, item: LaterItem, onGone: () => void): void {
    const { runAt = 0 } = item.kind === 'call' ? item.call : item.callback;
    this.#items.set(seq, { item, onGone });
    this.#due.push({ seq, runAt });
    this.#schedule();
  }

  get(seq: number): LaterItem | undefined {
    return this.#items.get(seq)?.item;
  }

  /** The one that was stored first comes first. */
  entries(): [seq: number, item: LaterItem][] {
    return [...this.#items].map(([seq, { item }]) => [seq, item]);
  }

  remove(seq: number): void {
    this.#due.takeFirst((one) => one.seq === seq);
    this.#drop(seq);
  }

  /** @param move puts an item whose time has come where it is run; what it throws means that it cannot be done now */
  start(move: (item: LaterItem, seq: number) => void): void {
    this.#move = move;
    this.#schedule();
  }

  stop(): void {
    this.#move = undefined;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #drop(seq: number): void {
    this.#items.get(seq)?.onGone();
    this.#items.delete(seq);
  }

  #schedule(): void {
    clearTimeout(this.#timer);
    const next = this.#due.peek();
    if (this.#move === undefined || next === undefined) return;
    const waitMs = Math.max(0, Math.min(LOOK_MS, next.runAt - this.#now()));
    this.#timer = setTimeout(() => this.#moveDue(), waitMs);
  }

  #moveDue(): void {
    for (let count = 0; count < MOST_AT_ONCE; count++) {
      const next = this.#due.peek();
      const kept = next && this.#items.get(next.seq);
      if (this.#move === undefined || next === undefined || next.runAt > this.#now()) break;
      this.#due.pop();
      if (kept === undefined) continue;
      try {
        this.#move(kept.item, next.seq);
        this.#drop(next.seq);
      } catch {
        // There is no room for it.
        this.#due.push({ seq: next.seq, runAt: this.#now() + AGAIN_MS });
      }
    }
    this.#schedule();
  }
}
