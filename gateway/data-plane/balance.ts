import type { LiveReplica } from './function-table.ts';

/**
 * Fewest in flight of two ready replicas picked at random: near to the best choice without looking at all of them.
 * @param tried replicas that this call has already failed to reach
 * @param random a number in [0, 1), passed in for tests
 * @returns undefined when no untried replica is ready
 */
export function pickReplica(
  replicas: readonly LiveReplica[],
  tried: readonly LiveReplica[],
  random: () => number = Math.random,
): LiveReplica | undefined {
  if (replicas.length === 1) {
    const only = replicas[0];
    return only?.isReady && !tried.includes(only) ? only : undefined;
  }
  // Nearly always two of all of them will do, and no list of those that are ready needs to be made.
  if (replicas.length > 1 && tried.length === 0) {
    const first = Math.floor(random() * replicas.length);
    const a = replicas[first];
    const b = replicas[another(first, replicas.length, random)];
    if (a?.isReady && b?.isReady) return lessBusy(a, b);
  }
  const candidates = replicas.filter((replica) => replica.isReady && !tried.includes(replica));
  if (candidates.length <= 1) return candidates[0];
  const first = Math.floor(random() * candidates.length);
  const [a, b] = [candidates[first], candidates[another(first, candidates.length, random)]];
  return a === undefined || b === undefined ? (a ?? b) : lessBusy(a, b);
}

/** Drawn from the others, so that the two always differ. */
function another(first: number, count: number, random: () => number): number {
  return (first + 1 + Math.floor(random() * (count - 1))) % count;
}

function lessBusy(a: LiveReplica, b: LiveReplica): LiveReplica {
  return b.inFlight < a.inFlight ? b : a;
}
