import { CallHistory } from './call-history.ts';
import type { MeasuredLoad } from './measured-load.ts';

/** How the rate of calls is read from their history. Tried in bench/scaling-simulator.bench.ts. */
export interface CallRateRules {
  /** The stable window, and those that take its place while the rate stays the same. */
  readonly stableMs: readonly number[];
  /** How many standard deviations of chance apart two parts of a window may be that count as the same rate. */
  readonly steadyWithin: number;
  /** The panic windows. */
  readonly burstMs: readonly number[];
  /** How many standard deviations such a window must be above the half minute before it: of chance, or of how even the seconds before were. */
  readonly burstBeyond: number;
  /** The least unevenness (variance by mean; 1: by chance) that is believed of a load: below are the looks' own inexactness and a call more or less. */
  readonly leastUnevenness: number;
  /** Standard deviations taken off a rate before replicas are added for it: of the stable window, of a burst. */
  readonly addBeyond: number;
  readonly addBeyondInBurst: number;
  /** The same of the shortest stable window while a longer one is in its place: a load that rises slowly shows there first. */
  readonly addBeyondLately: number;
  /** Standard deviations laid on a rate before replicas are taken for it: the dead band. */
  readonly removeBeyond: number;
}

export const CALL_RATE_RULES: CallRateRules = {
  stableMs: [30_000, 60_000, 120_000, 300_000],
  steadyWithin: 4.5,
  burstMs: [1000, 2000, 3000, 5000, 8000, 15_000],
  burstBeyond: 5,
  leastUnevenness: 0.2,
  addBeyond: 0.5,
  addBeyondInBurst: 1,
  addBeyondLately: 2.5,
  removeBeyond: 9,
};

/** Fewer calls may be one person's page. */
const FEWEST_IN_BURST = 8;
/** What a burst is compared with. */
const BEFORE_MS = 30_000;

/** Calls accepted per second. Calls that come by chance are never quite evenly spread: `atLeast` and `atMost` allow for that. */
export class CallRate {
  readonly #history = new CallHistory();
  readonly #rules: CallRateRules;

  constructor(rules: CallRateRules = CALL_RATE_RULES) {
    this.#rules = rules;
  }

  add(nowMs: number, calls: number): void {
    this.#history.add(nowMs, calls);
  }

  /** @param enough calls per second that the replicas asked for are to take */
  read(enough: number): MeasuredLoad {
    const { addBeyond, addBeyondInBurst, addBeyondLately, removeBeyond } = this.#rules;
    const stable = this.#stableWindow();
    let { rate: load } = stable;
    let atLeast = 0;
    const shortest = this.#rules.stableMs[0] ?? 0;
    // The first seconds of a gateway say little: what is there is taken to be right, unless it is clearly too little.
    if (this.#history.ageMs >= shortest) {
      // A window holds one call more or less as it begins just before or just after one: calls that come evenly are counted evenly.
      atLeast = load - stable.ofOneCall - addBeyond * stable.deviation;
      const lately = rateOf(this.#history.count({ ms: shortest }), shortest);
      atLeast = Math.max(atLeast, lately.rate - addBeyondLately * lately.deviation);
    }
    for (const ms of this.#rules.burstMs) {
      const calls = this.#history.count({ ms });
      const burst = rateOf(calls, ms);
      if (burst.rate <= load || !this.#isBurst(calls, ms, enough)) continue;
      load = Math.max(load, burst.rate);
      atLeast = Math.max(atLeast, burst.rate - addBeyondInBurst * burst.deviation);
    }
    return {
      load,
      atLeast: Math.max(0, atLeast),
      atMost: Math.max(load, stable.rate + removeBeyond * stable.deviation),
    };
  }

  /** The longest over which the rate was the same: of a steady load, more and more is known. */
  #stableWindow(): Rate {
    const { stableMs, steadyWithin } = this.#rules;
    const age = this.#history.ageMs;
    const shortest = Math.max(1, Math.min(age, stableMs[0] ?? 0));
    let longest: Span = { calls: this.#history.count({ ms: shortest }), ms: shortest };
    const parts = [longest];
    for (const ms of stableMs.slice(1)) {
      if (ms > age) break;
      const calls = this.#history.count({ ms });
      const isSteady = parts.every((part) => {
        const before = { calls: calls - part.calls, ms: ms - part.ms };
        return deviationsApart(part, before) <= steadyWithin;
      });
      if (!isSteady) break;
      longest = { calls, ms };
      parts.push(longest);
    }
    return rateOf(longest.calls, longest.ms);
  }

  /** More than before, or more than the replicas are for, and more so than chance explains. */
  #isBurst(calls: number, ms: number, enough: number): boolean {
    const beforeMs = Math.min(BEFORE_MS, this.#history.ageMs - ms);
    if (beforeMs < 0) return false;
    if (calls < FEWEST_IN_BURST) return false;
    const isBeyond = (before: Span): boolean => {
      if (calls / ms <= before.calls / before.ms) return false;
      const apart = deviationsApart({ calls, ms }, before);
      const { burstBeyond, leastUnevenness } = this.#rules;
      if (apart >= burstBeyond) return true;
      // Calls that came evenly need less to tell that there are more of them.
      if (apart < burstBeyond * Math.sqrt(leastUnevenness)) return false;
      return apart >= burstBeyond * Math.sqrt(Math.max(this.#history.unevenness(ms), leastUnevenness));
    };
    return (
      (beforeMs >= ms &&
        isBeyond({ calls: this.#history.count({ ms: beforeMs, agoMs: ms }), ms: beforeMs })) ||
      isBeyond({ calls: (enough * BEFORE_MS) / 1000, ms: BEFORE_MS })
    );
  }
}

interface Rate {
  /** Per second. */
  readonly rate: number;
  /** Standard deviation of that, for calls that come by chance. */
  readonly deviation: number;
  /** What one call more makes. */
  readonly ofOneCall: number;
}

function rateOf(calls: number, ms: number): Rate {
  return { rate: (calls / ms) * 1000, deviation: (Math.sqrt(calls) / ms) * 1000, ofOneCall: 1000 / ms };
}

interface Span {
  readonly calls: number;
  readonly ms: number;
}

/**
 * How many standard deviations of chance two counts differ, as rates: the root of their deviance, which is right for small counts, too.
 * Never negative.
 */
function deviationsApart(one: Span, other: Span): number {
  const all = { calls: one.calls + other.calls, ms: one.ms + other.ms };
  const surprise = ({ calls, ms }: Span): number =>
    calls === 0 ? 0 : calls * Math.log((calls / ms / all.calls) * all.ms);
  return Math.sqrt(Math.max(0, 2 * (surprise(one) + surprise(other))));
}
