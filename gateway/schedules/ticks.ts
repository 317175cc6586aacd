import { Cron } from 'croner';
import type { FunctionSchedule, ScheduleRule } from '../../contract/parse-function-schedule.ts';

/** How late a call may still be made for its tick: longer than it takes to start a gateway or NATS anew. */
export const LATE_MS = 120_000;
/** A clock that was set back by more is believed, and the ticks from there on are met again; after less they are waited for, as cron does. */
export const SET_BACK_MS = 3 * 3_600_000;

/** How far a schedule has been worked off. Milliseconds since 1970, all of them. */
export interface Progress {
  /** When the schedule was first seen: `@every` counts from here. */
  readonly from: number;
  /** All ticks up to here are dealt with. */
  readonly until: number;
}

export interface DueTicks {
  /** The first of those at which nobody could call, and for which it is too late. */
  readonly missed: number | undefined;
  /** Those to be called for, the earliest first. */
  readonly due: readonly number[];
}

/** What is to be done at `now`. A moment that several rules name is one tick. */
export function dueTicks(rules: FunctionSchedule['rules'], { from, until }: Progress, now: number): DueTicks {
  const tooLate = now - LATE_MS;
  let next = nextTick(rules, { from, until });
  const missed = next !== undefined && next < tooLate ? next : undefined;
  if (missed !== undefined) next = nextTick(rules, { from, until: tooLate - 1 });
  const due: number[] = [];
  while (next !== undefined && next <= now) {
    due.push(next);
    next = nextTick(rules, { from, until: next });
  }
  return { missed, due };
}

/** The first tick after `until`; undefined: none comes any more. */
export function nextTick(rules: FunctionSchedule['rules'], { from, until }: Progress): number | undefined {
  let next: number | undefined;
  for (const rule of rules) {
    const tick =
      rule.kind === 'every'
        ? from + (Math.max(0, Math.floor((until - from) / rule.everyMs)) + 1) * rule.everyMs
        : compiled(rule).nextRun(new Date(until))?.getTime();
    if (tick !== undefined && (next === undefined || tick < next)) next = tick;
  }
  return next;
}

const cronByText = new Map<string, Cron>();
const MOST_COMPILED = 2000;

function compiled({ pattern, timezone }: Extract<ScheduleRule, { kind: 'cron' }>): Cron {
  const text = `${timezone} ${pattern}`;
  const known = cronByText.get(text);
  if (known !== undefined) return known;
  // Times that summer time leaves out come right after the gap, and those that it repeats come once.
  const options = { mode: '5-part', paused: true, timezone, fixedTimeRule: 'no-wildcard' } as const;
  const cron = new Cron(pattern, options);
  if (cronByText.size >= MOST_COMPILED) cronByText.clear();
  cronByText.set(text, cron);
  return cron;
}

/**
 * The call of one tick, whoever makes it: `cron-report.openfaas-fn-20261122T011500Z`.
 * @param key `name.namespace`, with a dot as no name has one
 */
export function tickId(key: string, tick: number): string {
  const time = new Date(tick).toISOString().replace(/\.000Z$/, 'Z');
  return `cron-${key}-${time.replace(/[-:]/g, '')}`;
}
