import { HighestLately } from './highest-lately.ts';
import type { MeasuredLoad } from './measured-load.ts';

/** Of a load that somebody else measures only its figure is known: replicas are kept for a tenth more. */
const DEAD_BAND = 1.1;
const KEPT_MS = 30_000;

/** A load that Prometheus tells. */
export class ToldLoad {
  readonly #highest = new HighestLately();
  #nowMs = 0;
  #load: number | undefined;

  add(nowMs: number, load: number | undefined): void {
    this.#nowMs = Math.max(nowMs, this.#nowMs);
    // A rule that divides by nothing yields no number: that is no news either.
    this.#load = Number.isFinite(load) ? load : undefined;
    if (this.#load !== undefined) this.#highest.add(this.#nowMs, this.#load);
  }

  /** Undefined when nothing is known: then nothing changes. */
  read(): MeasuredLoad | undefined {
    const load = this.#load;
    if (load === undefined) return undefined;
    return { load, atLeast: load, atMost: this.#highest.within(this.#nowMs, KEPT_MS) * DEAD_BAND };
  }
}
