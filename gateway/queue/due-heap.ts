/** Something that is to be done at a time. */
export interface DueItem {
  /** Milliseconds since 1970. */
  readonly runAt: number;
  /** Of its message. */
  readonly seq: number;
}

/** A binary heap: the earliest first, and of one time the one that was stored first. */
export class DueHeap<Item extends DueItem> {
  readonly #items: Item[] = [];

  get size(): number {
    return this.#items.length;
  }

  /** The earliest, left where it is. */
  peek(): Item | undefined {
    return this.#items[0];
  }

  push(item: Item): void {
    this.#raise(this.#items.length, item);
  }

  /** Takes the earliest. */
  pop(): Item | undefined {
    const [first] = this.#items;
    if (first !== undefined) this.#removeAt(0);
    return first;
  }

  /** Takes one that is as wanted, wherever it is: all are looked at. */
  takeFirst(isWanted: (item: Item) => boolean): Item | undefined {
    const at = this.#items.findIndex(isWanted);
    const found = this.#items[at];
    if (found !== undefined) this.#removeAt(at);
    return found;
  }

  #removeAt(at: number): void {
    const last = this.#items.pop();
    if (last === undefined || at === this.#items.length) return;
    // It may belong above the one that is gone as well as below.
    this.#raise(this.#lower(at, last), last);
  }

  /** Makes room for `item` at or above `at`. */
  #raise(from: number, item: Item): void {
    const items = this.#items;
    let at = from;
    while (at > 0) {
      const parentAt = (at - 1) >> 1;
      const parent = items[parentAt];
      if (parent === undefined || !isBefore(item, parent)) break;
      items[at] = parent;
      at = parentAt;
    }
    items[at] = item;
  }

  /** Makes room for `item` at or below `at`. @returns where */
  #lower(from: number, item: Item): number {
    const items = this.#items;
    let at = from;
    for (;;) {
      const childAt = this.#earlierChild(at);
      const child = items[childAt];
      if (child === undefined || !isBefore(child, item)) return at;
      items[at] = child;
      at = childAt;
    }
  }

  #earlierChild(at: number): number {
    const leftAt = 2 * at + 1;
    const left = this.#items[leftAt];
    const right = this.#items[leftAt + 1];
    return left !== undefined && right !== undefined && isBefore(right, left) ? leftAt + 1 : leftAt;
  }
}

function isBefore(a: DueItem, b: DueItem): boolean {
  return a.runAt < b.runAt || (a.runAt === b.runAt && a.seq < b.seq);
}
