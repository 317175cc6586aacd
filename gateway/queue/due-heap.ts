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
    const items = this.#items;
    let at = items.length;
    while (at > 0) {
      const parentAt = (at - 1) >> 1;
      const parent = items[parentAt];
      if (parent === undefined || !isBefore(item, parent)) break;
      items[at] = parent;
      at = parentAt;
    }
    items[at] = item;
  }

  /** Takes the earliest. */
  pop(): Item | undefined {
    const items = this.#items;
    const first = items[0];
    const last = items.pop();
    if (last === undefined || items.length === 0) return first;
    let at = 0;
    for (;;) {
      const childAt = this.#earlierChild(at);
      const child = items[childAt];
      if (child === undefined || !isBefore(child, last)) break;
      items[at] = child;
      at = childAt;
    }
    items[at] = last;
    return first;
  }

  /** Takes one that is as wanted, wherever it is: all are looked at. */
  takeFirst(isWanted: (item: Item) => boolean): Item | undefined {
    const at = this.#items.findIndex(isWanted);
    const found = this.#items[at];
    if (found === undefined) return undefined;
    const others = this.#items.splice(0);
    for (const item of others) if (item !== found) this.push(item);
    return found;
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
