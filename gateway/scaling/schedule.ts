import { Cron } from 'croner';
import type { ScaleLabels } from '../../contract/parse-scale-labels.ts';
import type { ScheduleWindow } from '../../contract/parse-schedule.ts';

const MINUTE_MS = 60_000;

type Schedule = Pick<ScaleLabels, 'schedule' | 'timezone'>;

/** Patterns are compiled once for each set of labels that was parsed. */
const compiled = new WeakMap<readonly ScheduleWindow[], readonly Cron[]>();

/**
 * The minimum that the schedule asks for at a time: the highest of the windows that it is in. Undefined outside all of them.
 * @param atMs milliseconds since 1970
 */
export function scheduledMinimum({ schedule, timezone }: Schedule, atMs: number): number | undefined {
  if (schedule.length === 0) return undefined;
  let patterns = compiled.get(schedule);
  if (patterns === undefined) {
    patterns = schedule.map(({ pattern }) => new Cron(pattern, { mode: '5-part', paused: true, timezone }));
    compiled.set(schedule, patterns);
  }
  // A pattern names minutes; it matches at their first second.
  const minute = new Date(Math.floor(atMs / MINUTE_MS) * MINUTE_MS);
  let highest: number | undefined;
  for (const [index, { min }] of schedule.entries()) {
    if (min > (highest ?? -1) && patterns[index]?.match(minute) === true) highest = min;
  }
  return highest;
}

/** Fewest replicas at a time: what the schedule asks for, or the label's minimum. Alerts and waking go by it, too. */
export function minimumAt(labels: Pick<ScaleLabels, 'min' | 'schedule' | 'timezone'>, atMs: number): number {
  return scheduledMinimum(labels, atMs) ?? labels.min;
}
