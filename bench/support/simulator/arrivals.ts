/** Calls that came in the `seconds` up to now, at `perSecond` on average. */
export type Arrivals = (perSecond: number, seconds: number) => number;

/** Calls one after the other at even distances. */
export function evenly(): Arrivals {
  let due = 0;
  return (perSecond, seconds) => {
    due += perSecond * seconds;
    // A sum of binary fractions falls a little short of the whole number that it means.
    const calls = Math.floor(due + 1e-9);
    due -= calls;
    return calls;
  };
}

/** Calls of many who know nothing of each other (a Poisson process). The same seed gives the same calls. */
export function byChance(seed: number): Arrivals {
  const random = randomNumbers(seed);
  let untilNext = -Math.log(1 - random());
  return (perSecond, seconds) => {
    let expected = perSecond * seconds;
    let calls = 0;
    while (untilNext < expected) {
      expected -= untilNext;
      untilNext = -Math.log(1 - random());
      calls++;
    }
    untilNext -= expected;
    return calls;
  };
}

/** Numbers from 0 up to 1 (mulberry32). */
export function randomNumbers(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
