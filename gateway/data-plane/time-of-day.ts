/** How long the time of day is believed to go as `performance.now()` does. */
const BELIEVED_MS = 1000;
/** Less than this is how finely `Date.now()` can tell, and no reason to go another way. */
const OFF_MS = 2;

let originMs = performance.timeOrigin;
let lookedAtMs = 0;

/**
 * Milliseconds since 1970 of a moment on the clock of `performance.now()`, with its fractions. A process lives for months; its machine's
 * clock is set and corrected meanwhile, which what was true at its start knows nothing of.
 */
export function timeOfDay(ms: number): number {
  if (Math.abs(ms - lookedAtMs) > BELIEVED_MS) {
    lookedAtMs = ms;
    const now = Date.now() - performance.now();
    if (Math.abs(now - originMs) > OFF_MS) originMs = now;
  }
  return originMs + ms;
}
