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
  const candidates = replicas.filter((replica) => replica.isReady && !tried.includes(replica));
  if (candidates.length <= 1) return candidates[0];
  const first = Math.floor(random() * candidates.length);
  // The second is drawn from the others, so that the two always differ.
  const second = (first + 1 + Math.floor(random() * (candidates.length - 1))) % candidates.length;
  const [a, b] = [candidates[first], candidates[second]];
  if (a === undefined || b === undefined) return a ?? b;
  return b.inFlight < a.inFlight ? b : a;
}
