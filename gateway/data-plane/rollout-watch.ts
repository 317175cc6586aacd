import { parseDurationMs } from '../../contract/duration.ts';
import { ROLLOUT_TIMEOUT_ANNOTATION } from '../../contract/function-annotations.ts';
import type { FunctionRef } from '../../contract/function-ref.ts';
import type { Rollout } from '../../contract/function-types.ts';
import { readyPath } from '../functions/ready-path.ts';
import type { FunctionEntry } from './function-table.ts';

export interface RolloutWatchOptions {
  /** How long replicas of a new version may run, or fail to, before one has answered. */
  readonly timeoutMs: number;
  /** Asks the cluster to go back; resolves with why that could not be. Must not reject. */
  readonly revert: (
    ref: FunctionRef,
    why: { deployedId: string; error: string },
  ) => Promise<string | undefined>;
  /** Milliseconds; default `performance.now`. */
  readonly now?: () => number;
  /** Milliseconds since 1970; default `Date.now`. */
  readonly today?: () => number;
}

/** How long after an attempt to go back the next one is made, if there has to be one. */
const REVERT_AGAIN_MS = 5000;
/**
 * A deployment that is older than its time limit and this when it is first seen is taken for good: others have watched it, and a
 * gateway that has just started and reaches no replica must not take back what serves.
 */
const SEEN_LATE_MS = 60_000;

/** One deployment, from when it was first seen. */
interface Watched {
  readonly deployedId: string;
  /** Since when replicas have had the chance to answer; a pull of the image is none. */
  waitingSince: number | undefined;
  isProven: boolean;
  failure: string | undefined;
  isReverting: boolean;
  /** No attempt to go back is made before. */
  revertAt: number;
  /** Why the last attempt was in vain. */
  obstacle: string | undefined;
}

/**
 * Looks after new versions: the cluster calls a replica running before it answers. One of whose replicas none ever answers
 * is taken back. Everything is seen anew after a restart, so any gateway finishes what another began.
 */
export class RolloutWatch {
  readonly #options: RolloutWatchOptions;
  readonly #now: () => number;
  readonly #today: () => number;
  readonly #watched = new Map<FunctionEntry, Watched>();

  constructor(options: RolloutWatchOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
    this.#today = options.today ?? Date.now;
  }

  /** The table was read, or a replica of the function has become ready. */
  observe(entry: FunctionEntry): void {
    const { deployed } = entry;
    if (deployed === undefined || entry.isRemoved) {
      this.#watched.delete(entry);
      return;
    }
    let watched = this.#watched.get(entry);
    if (watched?.deployedId !== deployed.id) {
      watched = {
        deployedId: deployed.id,
        waitingSince: undefined,
        isProven: this.#today() - Date.parse(deployed.at) > this.#timeoutMs(entry) + SEEN_LATE_MS,
        failure: undefined,
        isReverting: false,
        revertAt: Number.NEGATIVE_INFINITY,
        obstacle: undefined,
      };
      this.#watched.set(entry, watched);
    }
    if (watched.isProven) return;
    const replicas = entry.replicas.filter(({ isOutdated }) => !isOutdated);
    if (replicas.some(({ isReady }) => isReady)) {
      watched.isProven = true;
      watched.failure = undefined;
      return;
    }
    if (entry.desired === 0) {
      watched.waitingSince = undefined;
      return;
    }
    const failures = entry.failures.filter(({ isOutdated }) => !isOutdated);
    if (watched.waitingSince === undefined && replicas.length + failures.length === 0) return;
    watched.waitingSince ??= this.#now();
    const timeoutMs = this.#timeoutMs(entry);
    const isLate = this.#now() - watched.waitingSince >= timeoutMs;
    if (!isLate && deployed.isStopped !== true) return;
    const lastError = failures[0]?.error ?? replicas.find(({ probeFailure }) => probeFailure)?.probeFailure;
    const what = isLate
      ? `no replica of the new version answered ${readyPath(entry.annotations)} within ${timeoutMs / 1000} s`
      : 'a replica of the new version ended before any has answered';
    watched.failure = `${what}${lastError === undefined ? '' : ` (${lastError})`}`;
    if (deployed.isRevertible) this.#revert(entry, watched, watched.failure);
  }

  /** What the replicas tell of the last deployment; undefined when there is nothing to add to what the cluster says. */
  rolloutOf(entry: FunctionEntry): Rollout | undefined {
    const watched = this.#watched.get(entry);
    if (watched === undefined) return undefined;
    // As long as replicas of before are in the table, they are called, too.
    if (watched.isProven)
      return entry.replicas.some(({ isOutdated }) => isOutdated) ? { state: 'running' } : undefined;
    if (watched.failure !== undefined) {
      const { failure, obstacle } = watched;
      // Failed is what was taken back, and the cluster then says so itself.
      if (entry.deployed?.isRevertible === true && obstacle === undefined)
        return { state: 'running', error: failure };
      const error =
        obstacle === undefined ? failure : `${failure}; it could not be taken back yet: ${obstacle}`;
      return { state: 'failed', error };
    }
    return entry.desired === 0 ? undefined : { state: 'running' };
  }

  /** The last deployment, if a replica of it has answered; undefined also when that was long ago. */
  provenId(entry: FunctionEntry): string | undefined {
    const watched = this.#watched.get(entry);
    return watched?.isProven === true ? watched.deployedId : undefined;
  }

  #timeoutMs(entry: FunctionEntry): number {
    const text = entry.annotations[ROLLOUT_TIMEOUT_ANNOTATION];
    if (text === undefined) return this.#options.timeoutMs;
    try {
      return parseDurationMs(text);
    } catch {
      return this.#options.timeoutMs; // Checked at deployment; this service was changed by hand.
    }
  }

  #revert(entry: FunctionEntry, watched: Watched, error: string): void {
    if (watched.isReverting || this.#now() < watched.revertAt) return;
    watched.isReverting = true;
    const why = { deployedId: watched.deployedId, error: `${error}: the version before it is back` };
    void this.#options.revert(entry.ref, why).then((obstacle) => {
      watched.isReverting = false; // Where it could not be, a later look at the function asks again.
      watched.revertAt = this.#now() + REVERT_AGAIN_MS;
      watched.obstacle = obstacle;
    });
  }
}
