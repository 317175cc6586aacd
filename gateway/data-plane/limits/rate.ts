import type { RateLimit } from '../../../contract/parse-call-limits.ts';

const MICROS_PER_SECOND = 1_000_000;
/** The clock tells whole milliseconds: what a millisecond allows must fit the burst, or a quick rate would never be reached. */
const TICKS_PER_SECOND = 1000;
/** Covers the rounding of many small additions. */
const SLACK_MICROS = 1;

/** A rate in the units of its clock, microseconds. */
export interface RateRule {
  /** From one call to the next at the full rate. */
  readonly gapMicros: number;
  /** How far ahead of the clock calls may be reckoned: the burst. */
  readonly aheadMicros: number;
}

export function toRateRule({ perSecond, burst }: RateLimit): RateRule {
  const gapMicros = MICROS_PER_SECOND / perSecond;
  return {
    gapMicros,
    aheadMicros: Math.max(burst, Math.ceil(perSecond / TICKS_PER_SECOND)) * gapMicros,
  };
}

export type RateDecision =
  | { readonly isAllowed: true; readonly fullAtMicros: number }
  | { readonly isAllowed: false; readonly retryAfterMs: number };

/**
 * Whether a call may pass, by the generic cell rate algorithm: a token bucket kept in one number, the time at which it will
 * be full again (0 at first). Pure: the caller keeps the new `fullAtMicros`.
 */
export function decideRate(rule: RateRule, fullAtMicros: number, nowMicros: number): RateDecision {
  const { gapMicros, aheadMicros } = rule;
  // Farther ahead than any call puts it: the clock was set back, or the limit was another one.
  const isSane = fullAtMicros <= nowMicros + aheadMicros + SLACK_MICROS;
  const next = (isSane ? Math.max(fullAtMicros, nowMicros) : nowMicros) + gapMicros;
  const overMicros = next - nowMicros - aheadMicros;
  if (overMicros <= SLACK_MICROS) return { isAllowed: true, fullAtMicros: next };
  return { isAllowed: false, retryAfterMs: Math.ceil(overMicros / 1000) };
}
