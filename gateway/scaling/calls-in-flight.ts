import { CallHistory } from './call-history.ts';
import { HighestLately } from './highest-lately.ts';
import type { MeasuredLoad } from './measured-load.ts';

export interface InFlightRules {
  /** Replicas are kept for the highest of so long. */
  readonly keptMs: number;
  /** Standard deviations, as measured over that time, above its mean that replicas are kept for: the dead band. */
  readonly removeBeyond: number;
}

export const IN_FLIGHT_RULES: InFlightRules = { keptMs: 45_000, removeBeyond: 7 };

/** Quick calls are there or not as a look has it: the mean of so many looks is what is in flight now. */
const LOOKS = 3;

/** Calls in flight: as many as there are now add replicas, the highest of a while keeps them. */
export class CallsInFlight {
  readonly #rules: InFlightRules;
  readonly #highest = new HighestLately();
  /** Sums over time, in call-seconds: of the samples and of their squares. */
  readonly #sum = new CallHistory();
  readonly #squares = new CallHistory();
  #lastMs: number | undefined;
  /** The last looks. */
  #samples: readonly number[] = [];
  #now = 0;

  constructor(rules: InFlightRules = IN_FLIGHT_RULES) {
    this.#rules = rules;
  }

  add(nowMs: number, inFlight: number): void {
    const seconds = Math.max(0, nowMs - (this.#lastMs ?? nowMs)) / 1000;
    this.#lastMs = Math.max(nowMs, this.#lastMs ?? nowMs);
    this.#samples = [...this.#samples.slice(1 - LOOKS), inFlight];
    const now = this.#samples.reduce((sum, sample) => sum + sample, 0) / this.#samples.length;
    this.#now = now;
    this.#highest.add(this.#lastMs, now);
    this.#sum.add(nowMs, now * seconds);
    this.#squares.add(nowMs, now * now * seconds);
  }

  read(): MeasuredLoad {
    const { keptMs, removeBeyond } = this.#rules;
    const ms = Math.min(keptMs, this.#sum.ageMs);
    const seconds = Math.max(0.001, ms / 1000);
    const mean = this.#sum.count({ ms }) / seconds;
    const deviation = Math.sqrt(Math.max(0, this.#squares.count({ ms }) / seconds - mean * mean));
    const highest = this.#highest.within(this.#lastMs ?? 0, keptMs);
    return {
      load: this.#now,
      atLeast: this.#now,
      atMost: Math.max(highest, mean + removeBeyond * deviation),
    };
  }
}
