/** Something with a deadline, looked at by a {@link Sweep}. */
export interface Swept {
  /** On the clock of `performance.now()`. May close and remove the item. */
  check(nowMs: number): void;
}

const TICK_MS = 50;

/** One coarse timer for many deadlines: a request costs a field write, not a timer. Runs only while it has items. */
export class Sweep<Item extends Swept> {
  readonly items = new Set<Item>();
  #timer: ReturnType<typeof setInterval> | undefined;

  add(item: Item): void {
    this.items.add(item);
    this.#timer ??= setInterval(() => this.#tick(), TICK_MS);
  }

  delete(item: Item): void {
    this.items.delete(item);
    if (this.items.size > 0 || this.#timer === undefined) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #tick(): void {
    const now = performance.now();
    for (const item of this.items) item.check(now);
  }
}
