import { FaasError } from '../../errors.ts';
import type { FunctionEntry, LiveReplica } from '../function-table.ts';
import type { CallRules } from './call-rules.ts';
import type { SharedCounts } from './shared-counts.ts';

/** No slot is held. */
export const NO_SLOT = -1;

/**
 * Counts a call in where the function's rate and concurrency allow it; where there is a concurrency, its slot is held until the
 * caller leaves it.
 * @returns the slot held or {@link NO_SLOT}; or the refusal
 */
export function admit(entry: FunctionEntry, rules: CallRules, counts: SharedCounts): number | FaasError {
  const { slot } = entry;
  // The cluster has more limited functions than there are slots: the control process has said so in the log.
  if (slot === undefined) return NO_SLOT;
  const { concurrency, rate } = rules;
  if (concurrency > 0 && !counts.tryEnter(slot, concurrency)) {
    return new FaasError(
      'function_concurrency_limited',
      `${entry.key} has ${concurrency} calls in flight, its limit`,
      { retryAfterSeconds: 1 },
    );
  }
  if (rate !== undefined) {
    const decision = counts.take(slot, rate);
    if (!decision.isAllowed) {
      if (concurrency > 0) counts.leave(slot);
      return new FaasError(
        'function_rate_limited',
        `${entry.key} takes ${roundedRate(rate.gapMicros)} calls a second, and these have been made`,
        { retryAfterSeconds: Math.max(1, Math.ceil(decision.retryAfterMs / 1000)) },
      );
    }
  }
  return concurrency > 0 ? slot : NO_SLOT;
}

function roundedRate(gapMicros: number): number {
  return Math.round(1e9 / gapMicros) / 1000;
}

/**
 * The less busy of two ready replicas with room for another call, or any other that has room; the call is counted in there.
 * @param limit calls in flight at one replica, in all workers
 * @returns undefined when no untried replica is ready, `full` when none of those has room
 */
export function enterReplica(
  replicas: readonly LiveReplica[],
  options: {
    readonly tried: readonly LiveReplica[];
    readonly limit: number;
    readonly counts: SharedCounts;
    readonly random?: () => number;
  },
): LiveReplica | 'full' | undefined {
  const { tried, limit, counts, random = Math.random } = options;
  const candidates = replicas.filter((replica) => replica.isReady && !tried.includes(replica));
  if (candidates.length === 0) return undefined;
  const first = Math.floor(random() * candidates.length);
  const second = (first + 1 + Math.floor(random() * (candidates.length - 1))) % candidates.length;
  const isSecondBetter = busyness(candidates[second], counts) < busyness(candidates[first], counts);
  const start = isSecondBetter ? second : first;
  // From the better one on through all of them.
  for (let step = 0; step < candidates.length; step++) {
    const candidate = candidates[(start + step) % candidates.length];
    if (candidate === undefined) continue;
    if (candidate.slot === undefined || counts.tryEnter(candidate.slot, limit)) return candidate;
  }
  return 'full';
}

function busyness(replica: LiveReplica | undefined, counts: SharedCounts): number {
  if (replica === undefined) return Number.POSITIVE_INFINITY;
  return replica.slot === undefined ? replica.inFlight : counts.count(replica.slot);
}
