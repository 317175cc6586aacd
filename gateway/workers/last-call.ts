import type { DrainTimes } from './messages.ts';

/** How long before the end of a drain those are let go that would not end by themselves. */
export const LAST_CALL_MS = 1000;

/** The same from the drain's beginning, when there may be less time than that in all. */
export function lastCallAfterMs({ withinMs, servesOnMs }: DrainTimes): number {
  return servesOnMs + Math.max(withinMs - LAST_CALL_MS, withinMs / 2);
}
