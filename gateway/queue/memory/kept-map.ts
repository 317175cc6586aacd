export interface KeptMapOptions {
  readonly mostBytes: number;
  /** Since its last change. */
  readonly ttlMs: number;
  /** Milliseconds that only grow. */
  readonly now: () => number;
}

interface Entry<Value> {
  readonly value: Value;
  readonly bytes: number;
  readonly changedAtMs: number;
}

/** What an entry takes beside what it says it does, about. */
const ENTRY_BYTES = 256;

/** Values by name, for a while, and while there is room: the one that has not changed for longest goes first. */
export class KeptMap<Value> {
  readonly #options: KeptMapOptions;
  /** In the order of their last change. */
  readonly #entries = new Map<string, Entry<Value>>();
  #bytes = 0;

  constructor(options: KeptMapOptions) {
    this.#options = options;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Whether one more can be kept without another one being forgotten for it. */
  hasRoomFor(bytes: number): boolean {
    this.#forgetOld();
    return this.#bytes + bytes + ENTRY_BYTES <= this.#options.mostBytes;
  }

  get(key: string): Value | undefined {
    this.#forgetOld();
    return this.#entries.get(key)?.value;
  }

  /** @param bytes that the value takes */
  set(key: string, value: Value, bytes: number): void {
    this.delete(key);
    const entry = { value, bytes: bytes + ENTRY_BYTES, changedAtMs: this.#options.now() };
    this.#entries.set(key, entry);
    this.#bytes += entry.bytes;
    this.#forgetOld();
  }

  delete(key: string): boolean {
    const entry = this.#entries.get(key);
    if (entry === undefined) return false;
    this.#bytes -= entry.bytes;
    return this.#entries.delete(key);
  }

  /** What has not changed for longest comes first. */
  values(): Value[] {
    this.#forgetOld();
    return [...this.#entries.values()].map(({ value }) => value);
  }

  #forgetOld(): void {
    const { mostBytes, ttlMs, now } = this.#options;
    const since = now() - ttlMs;
    for (const [key, { changedAtMs }] of this.#entries) {
      if (this.#bytes <= mostBytes && changedAtMs >= since) return;
      this.delete(key);
    }
  }
}
