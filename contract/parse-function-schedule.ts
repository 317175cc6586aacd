import { Cron } from 'croner';
import { ContractError } from './contract-error.ts';
import { parseDurationMs } from './duration.ts';
import { parseTimeZone } from './parse-schedule.ts';
import { readAnnotation, shown, type Texts } from './read-annotation.ts';

/** One of the schedules that a function is called by. */
export type ScheduleRule =
  /** Five fields as cron has them, and the zone of their times. */
  | { readonly kind: 'cron'; readonly pattern: string; readonly timezone: string }
  /** Counted from when the schedule was first seen. */
  | { readonly kind: 'every'; readonly everyMs: number };

/** What a function's annotations say about when it is called by itself. */
export interface FunctionSchedule {
  /** Annotation schedule. */
  readonly rules: readonly ScheduleRule[];
  /** Annotation com.skep.schedule.body, default empty. */
  readonly body: string;
  /** Annotation com.skep.schedule.on-missed, default `skip`: what becomes of ticks at which nobody could call. */
  readonly onMissed: 'skip' | 'once';
}

export const TOPIC_ANNOTATION = 'topic';
export const SCHEDULE_ANNOTATION = 'schedule';
export const SCHEDULE_TIMEZONE_ANNOTATION = 'com.skep.schedule.timezone';
export const SCHEDULE_BODY_ANNOTATION = 'com.skep.schedule.body';
export const SCHEDULE_ON_MISSED_ANNOTATION = 'com.skep.schedule.on-missed';
export const CRON_TOPIC = 'cron-function';

const OWN_ANNOTATIONS = [
  SCHEDULE_TIMEZONE_ANNOTATION,
  SCHEDULE_BODY_ANNOTATION,
  SCHEDULE_ON_MISSED_ANNOTATION,
] as const;
/** All that a schedule is read from. */
export const SCHEDULE_ANNOTATIONS = [TOPIC_ANNOTATION, SCHEDULE_ANNOTATION, ...OWN_ANNOTATIONS] as const;
const NICKNAMES: Readonly<Record<string, string>> = {
  '@hourly': '0 * * * *',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@weekly': '0 0 * * 0',
  '@monthly': '0 0 1 * *',
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
};
const MOST_RULES = 32;
const LEAST_EVERY_MS = 1000;
const MOST_EVERY_MS = 366 * 24 * 3_600_000;
const MOST_BODY_BYTES = 16 * 1024;
const FORM = 'expected five cron fields such as "*/5 8-17 * * mon-fri", "@every 10m" or "@daily"';

/**
 * The schedule of a function with the topic `cron-function`; undefined: it has not that topic.
 * @throws {ContractError} that names the annotation and what it may be
 */
export function parseFunctionSchedule(annotations: Texts): FunctionSchedule | undefined {
  if (!topicsOf(annotations).includes(CRON_TOPIC)) {
    const stray = OWN_ANNOTATIONS.find((key) => Object.hasOwn(annotations, key));
    if (stray === undefined) return undefined;
    throw new ContractError(
      `annotations: ${stray}: the function has no schedule: it needs the annotation ${TOPIC_ANNOTATION} with ${CRON_TOPIC}`,
    );
  }
  const timezone = readAnnotation(annotations, SCHEDULE_TIMEZONE_ANNOTATION, parseTimeZone) ?? 'UTC';
  const rules = readAnnotation(annotations, SCHEDULE_ANNOTATION, (text) => parseRules(text, timezone));
  if (rules === undefined) {
    throw new ContractError(
      `annotations: ${SCHEDULE_ANNOTATION}: missing, and the topic ${CRON_TOPIC} needs it: ${FORM}`,
    );
  }
  return {
    rules,
    body: readAnnotation(annotations, SCHEDULE_BODY_ANNOTATION, parseBody) ?? '',
    onMissed: readAnnotation(annotations, SCHEDULE_ON_MISSED_ANNOTATION, parseOnMissed) ?? 'skip',
  };
}

function topicsOf(annotations: Texts): string[] {
  const text = Object.hasOwn(annotations, TOPIC_ANNOTATION) ? annotations[TOPIC_ANNOTATION] : undefined;
  return (text ?? '').split(',').map((topic) => topic.trim());
}

function parseRules(text: string, timezone: string): readonly ScheduleRule[] {
  const parts = text.split(';').map((part) => part.trim());
  if (parts.at(-1) === '') parts.pop(); // as people end a list
  if (parts.length === 0) throw new Error(FORM);
  if (parts.length > MOST_RULES) throw new Error(`expected at most ${MOST_RULES} schedules`);
  return parts.map((part) => parseRule(part, timezone));
}

function parseRule(text: string, timezone: string): ScheduleRule {
  const [first = '', ...rest] = text.split(/\s+/);
  if (first === '@every') return { kind: 'every', everyMs: parseEvery(rest) };
  // As the cron connector's parser takes it, too.
  const [, zone] = /^(?:CRON_)?TZ=(.+)$/.exec(first) ?? [];
  if (zone !== undefined) return parseCron(rest, parseTimeZone(zone));
  return parseCron([first, ...rest], timezone);
}

function parseEvery([duration = '', ...rest]: readonly string[]): number {
  let everyMs = Number.NaN;
  try {
    if (rest.length === 0 && !/^\d+$/.test(duration)) everyMs = parseDurationMs(duration);
  } catch {
    // The error below says what it may be.
  }
  if (!(everyMs >= LEAST_EVERY_MS && everyMs <= MOST_EVERY_MS)) {
    throw new Error('expected a duration with its unit after @every, such as 10m, from 1s to 8784h');
  }
  return Math.floor(everyMs / LEAST_EVERY_MS) * LEAST_EVERY_MS;
}

function parseCron(words: readonly string[], timezone: string): ScheduleRule {
  const text = words.join(' ');
  const pattern = Object.hasOwn(NICKNAMES, text) ? (NICKNAMES[text] ?? '') : text;
  if (pattern.startsWith('@') || pattern.split(' ').length !== 5) {
    throw new Error(`${FORM} (${shown(text)} is none)`);
  }
  let next: Date | null;
  try {
    next = new Cron(pattern, { mode: '5-part', paused: true, timezone }).nextRun();
  } catch (error) {
    const reason = (error as Error).message.replace(/^CronPattern: /, '');
    throw new Error(`${FORM} (${shown(text)}: ${reason})`);
  }
  if (next === null) {
    throw new Error(`expected a time that comes (${shown(text)} never does)`);
  }
  return { kind: 'cron', pattern, timezone };
}

function parseBody(text: string): string {
  if (Buffer.byteLength(text) > MOST_BODY_BYTES) throw new Error(`expected at most ${MOST_BODY_BYTES} bytes`);
  return text;
}

function parseOnMissed(text: string): 'skip' | 'once' {
  if (text !== 'skip' && text !== 'once') throw new Error('expected skip or once');
  return text;
}
