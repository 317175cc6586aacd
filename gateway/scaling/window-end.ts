import type { ScaleLabels } from '../../contract/parse-scale-labels.ts';
import type { ScalingLook } from './scaling-look.ts';
import { minimumAt } from './schedule.ts';

const MINUTE_MS = 60_000;
/** How long after a window's end replicas that it asked for are still taken: a gateway may have been away at the moment itself. */
const LATE_MS = 10 * MINUTE_MS;
/** Alertmanager repeats an alert every half minute: one that fired in this time still fires. */
const STILL_FIRING_MS = 60_000;

/** Whether a function that alerts scale may lose the replicas of a window that has ended. */
export class WindowEnd {
  /** The minimum of the look before. */
  #minimum: number | undefined;
  #ended: { readonly minimum: number; readonly atMs: number } | undefined;

  /** True while it has more replicas than its minimum, and no more than the window that ended asked for. */
  lowers({
    labels,
    minimum,
    look: { nowMs, todayMs, desired, alertedMs },
  }: {
    readonly labels: ScaleLabels;
    readonly minimum: number;
    readonly look: ScalingLook;
  }): boolean {
    if (labels.schedule.length === 0) {
      this.#minimum = undefined;
      this.#ended = undefined;
      return false;
    }
    const before = this.#minimum ?? highestLately(labels, todayMs);
    this.#minimum = minimum;
    if (minimum < before) this.#ended = { minimum: before, atMs: nowMs };
    const ended = this.#ended;
    if (ended === undefined) return false;
    if (desired <= Math.max(1, minimum) || minimum >= ended.minimum || nowMs - ended.atMs > LATE_MS) {
      this.#ended = undefined;
      return false;
    }
    const stillFires = alertedMs !== undefined && nowMs - alertedMs < STILL_FIRING_MS;
    // More than the window asked for is an alert's, or somebody's by hand: what raised it lowers it.
    return desired <= ended.minimum && !stillFires;
  }
}

function highestLately(labels: ScaleLabels, todayMs: number): number {
  let highest = 0;
  for (let agoMs = 0; agoMs <= LATE_MS; agoMs += MINUTE_MS) {
    highest = Math.max(highest, minimumAt(labels, todayMs - agoMs));
  }
  return highest;
}
