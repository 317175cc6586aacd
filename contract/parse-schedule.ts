import { Cron } from 'croner';
import { MOST_REPLICAS } from './parse-requests.ts';

/** A minimum that holds in some minutes. */
export interface ScheduleWindow {
  /** Five fields as cron has them. The minutes that they name are inside the window. */
  readonly pattern: string;
  /** Fewest replicas inside it. */
  readonly min: number;
}

const MOST_WINDOWS = 32;
const FORM = 'expected windows such as "* 8-17 * * mon-fri = 5; * 10-15 * * sat,sun = 2"';

/**
 * Windows separated by `;`: each a cron pattern, `=`, and the minimum.
 * @throws {Error} that says which one is wrong
 */
export function parseSchedule(text: string): ScheduleWindow[] {
  const parts = text.split(';').map((part) => part.trim());
  if (parts.at(-1) === '') parts.pop(); // as people end a list
  if (parts.length === 0) throw new Error(FORM);
  if (parts.length > MOST_WINDOWS) throw new Error(`expected at most ${MOST_WINDOWS} windows`);
  return parts.map(parseWindow);
}

function parseWindow(text: string): ScheduleWindow {
  const [, pattern = '', count = ''] = /^([^=]+)=\s*(\d{1,9})$/.exec(text) ?? [];
  const fields = pattern.trim().split(/\s+/);
  if (fields.length !== 5) throw new Error(`${FORM} (${JSON.stringify(text.slice(0, 100))} is none)`);
  const min = Number(count);
  if (min > MOST_REPLICAS) throw new Error(`expected minimums from 0 to ${MOST_REPLICAS}`);
  return { pattern: checkPattern(fields.join(' ')), min };
}

/** Patterns that were checked: labels are read again and again, and the next time of a pattern is not found at once. */
const known = new Set<string>();
const MOST_KNOWN = 1000;

function checkPattern(pattern: string): string {
  if (known.has(pattern)) return pattern;
  let next: Date | null;
  try {
    next = new Cron(pattern, { mode: '5-part', paused: true, timezone: 'UTC' }).nextRun();
  } catch (error) {
    const reason = (error as Error).message.replace(/^CronPattern: /, '');
    throw new Error(
      `expected minutes, hours, days, months and weekdays as cron has them (${JSON.stringify(pattern)}: ${reason})`,
    );
  }
  if (next === null) throw new Error(`expected windows that come (${JSON.stringify(pattern)} never does)`);
  if (known.size < MOST_KNOWN) known.add(pattern);
  return pattern;
}

/** @throws {Error} unless it is a zone that this machine knows by that name */
export function parseTimeZone(text: string): string {
  try {
    // Offsets such as +01:00, which know no summer, are not names.
    if (/^[A-Za-z]/.test(text))
      return new Intl.DateTimeFormat('en', { timeZone: text }).resolvedOptions().timeZone;
  } catch {
    // The error below says what it may be.
  }
  throw new Error('expected the name of a time zone such as Europe/Berlin or UTC');
}
