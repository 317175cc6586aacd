import { Cron } from 'croner';
import type { ScaleLabels } from '../../contract/parse-scale-labels.ts';
import type { ScheduleWindow } from '../../contract/parse-schedule.ts';

const MINUTE_MS = 60_000;

type Schedule = Pick<ScaleLabels, 'schedule' | 'timezone'>;

interface Compiled {
  readonly patterns: readonly Cron[];
  /** What held in this minute: many ask, and patterns in a time zone are slow to match. */
  minuteMs: number;
  highest: number | undefined;
}

/** Patterns are compiled once for each set of labels that was parsed. */
const compiled = new WeakMap<readonly ScheduleWindow[], Compiled>();
/** Many functions have the same ones, and each costs a formatter of its zone. */
const patternsByText = new Map<string, WeakRef<Cron>>();

/**
 * The minimum that the schedule asks for at a time: the highest of the windows that it is in. Undefined outside all of them.
 * @param atMs milliseconds since 1970
 */
export function scheduledMinimum({ schedule, timezone }: Schedule, atMs: number): number | undefined {
  if (schedule.length === 0) return undefined;
  // A pattern names minutes; it matches at their first second.
  const minuteMs = Math.floor(atMs / MINUTE_MS) * MINUTE_MS;
  let known = compiled.get(schedule);
  if (known === undefined) {
    const patterns = schedule.map(({ pattern }) => compile(pattern, timezone));
    known = { patterns, minuteMs: Number.NaN, highest: undefined };
    compiled.set(schedule, known);
  }
  if (known.minuteMs !== minuteMs) {
    known.highest = highestAt(schedule, known.patterns, new Date(minuteMs));
    known.minuteMs = minuteMs;
  }
  return known.highest;
}

function highestAt(
  schedule: readonly ScheduleWindow[],
  patterns: readonly Cron[],
  minute: Date,
): number | undefined {
  let highest: number | undefined;
  for (const [index, { min }] of schedule.entries()) {
    if (min > (highest ?? -1) && patterns[index]?.match(minute) === true) highest = min;
  }
  return highest;
}

function compile(pattern: string, timezone: string): Cron {
  const text = `${timezone} ${pattern}`;
  const known = patternsByText.get(text)?.deref();
  if (known !== undefined) return known;
  const cron = new Cron(pattern, { mode: '5-part', paused: true, timezone });
  for (const [other, kept] of patternsByText) if (kept.deref() === undefined) patternsByText.delete(other);
  patternsByText.set(text, new WeakRef(cron));
  return cron;
}

/** Fewest replicas at a time: what the schedule asks for, or the label's minimum. Alerts and waking go by it, too. */
export function minimumAt(labels: Pick<ScaleLabels, 'min' | 'schedule' | 'timezone'>, atMs: number): number {
  return scheduledMinimum(labels, atMs) ?? labels.min;
}
