/** Functions that are remembered; beyond it something is told a second time. */
const MOST = 10_000;

/** What was told last of each function, so that the log has it once and not each time it is met. */
export class TellOnce {
  readonly #last = new Map<string, string>();

  /** @returns false when this is what was told last. @param key `name.namespace` */
  isNew(key: string, what: string): boolean {
    if (this.#last.get(key) === what) return false;
    if (this.#last.size >= MOST) this.#last.clear();
    this.#last.set(key, what);
    return true;
  }
}
