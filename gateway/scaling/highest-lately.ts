/** The highest of the values of a while: those that a later and higher one hides are forgotten. */
export class HighestLately {
  /** Falling, oldest first. */
  #values: { readonly atMs: number; readonly value: number }[] = [];

  add(nowMs: number, value: number): void {
    const values = this.#values;
    while ((values.at(-1)?.value ?? Number.POSITIVE_INFINITY) <= value) values.pop();
    values.push({ atMs: nowMs, value });
  }

  /** 0 when there was none in the last `ms`. What is older is forgotten. */
  within(nowMs: number, ms: number): number {
    const values = this.#values;
    const first = values.findIndex(({ atMs }) => nowMs - atMs <= ms);
    if (first === -1) this.#values = [];
    else if (first > 0) values.splice(0, first);
    return this.#values[0]?.value ?? 0;
  }
}
