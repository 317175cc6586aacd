/** How many calls there were between two moments of the last five minutes: finely of the last half minute, coarsely before. */
export class CallHistory {
  readonly #fine = new Points(72, 400);
  readonly #coarse = new Points(68, 4500);
  #bornMs: number | undefined;
  #nowMs = 0;
  #total = 0;

  /** The first calls that are added came within the second before. */
  add(nowMs: number, calls: number): void {
    if (this.#bornMs === undefined) {
      this.#bornMs = nowMs - 1000;
      this.#nowMs = this.#bornMs;
      this.#store();
    }
    // A clock that went back stands still here until it has caught up.
    this.#nowMs = Math.max(nowMs, this.#nowMs);
    this.#total += calls;
    this.#store();
  }

  /** How long there have been looks. */
  get ageMs(): number {
    return this.#bornMs === undefined ? 0 : this.#nowMs - this.#bornMs;
  }

  /** Calls in the last `ms` before `agoMs` ago. Between two looks they are taken to have come evenly. */
  count({ ms, agoMs = 0 }: { readonly ms: number; readonly agoMs?: number }): number {
    return this.#totalAt(this.#nowMs - agoMs) - this.#totalAt(this.#nowMs - agoMs - ms);
  }

  /**
   * How uneven the calls were in the last ten seconds before `agoMs` ago: the variance of their counts by the mean. 0: like clockwork; 1: by
   * chance, each for itself. Four and a half standard deviations of its own are laid on, so that what is below 1 is seldom chance. 1 where too little is known.
   */
  unevenness(agoMs: number): number {
    return this.#fine.unevenness(this.#nowMs - agoMs);
  }

  #store(): void {
    this.#fine.add(this.#nowMs, this.#total);
    this.#coarse.add(this.#nowMs, this.#total);
  }

  #totalAt(atMs: number): number {
    if (atMs >= this.#nowMs) return this.#total;
    const points = atMs >= this.#fine.firstMs ? this.#fine : this.#coarse;
    return points.valueAt(atMs, { atMs: this.#nowMs, value: this.#total });
  }
}

/** For an unevenness that means something; and so few that a load which began lately is alone in them. */
const FEWEST_SPANS = 12;
const MOST_SPANS = 20;

/** A ring of what a growing total was, at least `apartMs` apart. */
class Points {
  readonly #apartMs: number;
  readonly #at: Float64Array;
  readonly #values: Float64Array;
  /** How many were ever added. */
  #added = 0;

  constructor(size: number, apartMs: number) {
    this.#apartMs = apartMs;
    this.#at = new Float64Array(size);
    this.#values = new Float64Array(size);
  }

  get firstMs(): number {
    return this.#atOf(Math.max(0, this.#added - this.#at.length));
  }

  add(atMs: number, value: number): void {
    if (this.#added > 0 && atMs - this.#atOf(this.#added - 1) < this.#apartMs) return;
    this.#at[this.#added % this.#at.length] = atMs;
    this.#values[this.#added % this.#at.length] = value;
    this.#added++;
  }

  /** Of the differences between the points up to a moment. See {@link CallHistory.unevenness}. */
  unevenness(untilMs: number): number {
    let last = this.#added - 1;
    while (last > this.#added - this.#at.length && last > 0 && this.#atOf(last) > untilMs) last--;
    const first = Math.max(0, this.#added - this.#at.length, last - MOST_SPANS);
    const spans = last - first;
    const calls = this.#valueOf(last) - this.#valueOf(first);
    if (spans < FEWEST_SPANS || calls < FEWEST_SPANS) return 1;
    const perMs = calls / (this.#atOf(last) - this.#atOf(first));
    let squares = 0;
    for (let index = first; index < last; index++) {
      const due = perMs * (this.#atOf(index + 1) - this.#atOf(index));
      squares += (this.#valueOf(index + 1) - this.#valueOf(index) - due) ** 2 / due;
    }
    return (squares / (spans - 1)) * (1 + 4.5 * Math.sqrt(2 / (spans - 1)));
  }

  /** Evenly between the points around; before the first one what that has. */
  valueAt(atMs: number, now: { readonly atMs: number; readonly value: number }): number {
    let before = Math.max(0, this.#added - this.#at.length);
    if (atMs <= this.#atOf(before)) return this.#valueOf(before);
    let after = this.#added; // which is now
    while (after - before > 1) {
      const middle = (before + after) >> 1;
      if (this.#atOf(middle) <= atMs) before = middle;
      else after = middle;
    }
    const [fromMs, from] = [this.#atOf(before), this.#valueOf(before)];
    const isLast = after === this.#added;
    const toMs = isLast ? now.atMs : this.#atOf(after);
    const to = isLast ? now.value : this.#valueOf(after);
    return toMs <= fromMs ? to : from + ((to - from) * (atMs - fromMs)) / (toMs - fromMs);
  }

  #atOf(index: number): number {
    return this.#at[index % this.#at.length] ?? 0;
  }

  #valueOf(index: number): number {
    return this.#values[index % this.#values.length] ?? 0;
  }
}
