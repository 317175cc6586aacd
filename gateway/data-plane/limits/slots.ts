/** How long the slot of something that is gone stays empty: every worker has heard of it by then. */
const REST_MS = 60_000;

export interface SlotsOptions {
  readonly count: number;
  /** Slots below are for what is no function and no replica. */
  readonly first: number;
  /** Calls in flight in a slot, in all workers. */
  readonly inFlight: (slot: number) => number;
  /** Makes the slot ready for another owner. */
  readonly clear: (slot: number) => void;
}

interface Resting {
  readonly slot: number;
  readonly sinceMs: number;
}

/**
 * Which slot of the shared counts is whose. One process assigns them: a name keeps its slot as long as it is there, and a slot
 * gets another owner only after it has been nobody's for a while and nothing of the old one's is in flight.
 */
export class Slots {
  readonly #options: SlotsOptions;
  readonly #slotByName = new Map<string, number>();
  /** In the order in which they were given back. */
  readonly #resting: Resting[] = [];
  #next: number;

  constructor(options: SlotsOptions) {
    this.#options = options;
    this.#next = options.first;
  }

  get used(): number {
    return this.#slotByName.size;
  }

  /** @returns undefined when there are no more */
  assign(name: string, nowMs: number): number | undefined {
    const known = this.#slotByName.get(name);
    if (known !== undefined) return known;
    const slot = this.#rested(nowMs) ?? (this.#next < this.#options.count ? this.#next++ : undefined);
    if (slot !== undefined) this.#slotByName.set(name, slot);
    return slot;
  }

  /** The name is gone. */
  release(name: string, nowMs: number): void {
    const slot = this.#slotByName.get(name);
    if (slot === undefined) return;
    this.#slotByName.delete(name);
    this.#resting.push({ slot, sinceMs: nowMs });
  }

  /** The first slot that has rested long enough; one with a long call in flight goes to the end of the row. */
  #rested(nowMs: number): number | undefined {
    for (let looked = this.#resting.length; looked > 0; looked--) {
      const first = this.#resting[0];
      if (first === undefined || nowMs - first.sinceMs < REST_MS) return undefined;
      this.#resting.shift();
      if (this.#options.inFlight(first.slot) === 0) {
        this.#options.clear(first.slot);
        return first.slot;
      }
      this.#resting.push({ slot: first.slot, sinceMs: nowMs });
    }
    return undefined;
  }
}
