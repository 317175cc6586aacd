import { ContractError } from './contract-error.ts';
import { parseDurationMs } from './duration.ts';
import { MOST_REPLICAS } from './parse-requests.ts';
import { parseSchedule, parseTimeZone, type ScheduleWindow } from './parse-schedule.ts';
import { readLabel, type Texts } from './read-annotation.ts';

/** What a function's labels say about its replica count. */
export interface ScaleLabels {
  /** Label com.openfaas.scale.min, default 1: fewest replicas, and the first count; 0 lets it sleep until its first call. */
  readonly min: number;
  /** Label com.openfaas.scale.max, default 20. */
  readonly max: number;
  /** Label com.openfaas.scale.factor, default 20: the step of an alert as a percentage of `max`, 0 to 100. */
  readonly factorPercent: number;
  /** Label com.openfaas.scale.zero, default false: whether an idle function may lose its last replica. */
  readonly zero: boolean;
  /** Label com.openfaas.scale.zero-duration, default 15m: how long it is idle before that. */
  readonly zeroAfterMs: number;
  /** Label com.openfaas.scale.type: `rps`, `capacity`, `cpu`, `queue`, or the name of a custom rule. Undefined: alerts scale it. */
  readonly type: string | undefined;
  /** Label com.openfaas.scale.target: the load of one replica, in what `type` counts. Undefined: the gateway's default. */
  readonly target: number | undefined;
  /** Label com.openfaas.scale.target-proportion, default 0.9: the part of `target` at which another replica is due. */
  readonly targetProportion: number;
  /** Label com.openfaas.scale.down.window, default 0: over how long the highest count that was due is kept. */
  readonly downWindowMs: number;
  /** Label com.skep.scale.schedule: minimums that hold at certain times. */
  readonly schedule: readonly ScheduleWindow[];
  /** Label com.skep.scale.timezone, default UTC: the zone of the schedule's times, as IANA names it. */
  readonly timezone: string;
}

const MIN = 'com.openfaas.scale.min';
const MAX = 'com.openfaas.scale.max';
const FACTOR = 'com.openfaas.scale.factor';
const ZERO = 'com.openfaas.scale.zero';
const ZERO_DURATION = 'com.openfaas.scale.zero-duration';
const TYPE = 'com.openfaas.scale.type';
const TARGET = 'com.openfaas.scale.target';
const PROPORTION = 'com.openfaas.scale.target-proportion';
const DOWN_WINDOW = 'com.openfaas.scale.down.window';
const SCHEDULE = 'com.skep.scale.schedule';
const TIMEZONE = 'com.skep.scale.timezone';

const SECOND_MS = 1000;
const MINUTE_MS = 60_000;
const HIGHEST_TARGET = 1_000_000_000;
const BUILT_IN_TYPES = ['rps', 'capacity', 'cpu', 'queue'];
/** Goes into queries and metrics as a label's value. */
const TYPE_NAME = /^[A-Za-z0-9](?:[A-Za-z0-9_.:-]{0,61}[A-Za-z0-9])?$/;

/** Reads the scale labels. @throws {ContractError} that names the label and what it may be */
export function parseScaleLabels(labels: Texts): ScaleLabels {
  const min = readCount(labels, { key: MIN, least: 0, most: MOST_REPLICAS, fallback: 1 });
  const max = readCount(labels, { key: MAX, least: 1, most: MOST_REPLICAS, fallback: 20 });
  if (min > max)
    throw new ContractError(`label ${MIN} (${min}) is more than ${MAX} (${max})${maxHint(labels)}`);
  const schedule = readLabel(labels, SCHEDULE, parseSchedule) ?? [];
  for (const window of schedule) {
    if (window.min > max) {
      throw new ContractError(
        `label ${SCHEDULE}: the minimum of ${JSON.stringify(window.pattern)} (${window.min}) is more than ${MAX} (${max})${maxHint(labels)}`,
      );
    }
  }
  return {
    min,
    max,
    factorPercent: readCount(labels, { key: FACTOR, least: 0, most: 100, fallback: 20 }),
    zero: readLabel(labels, ZERO, parseFlag) ?? false,
    zeroAfterMs: readLabel(labels, ZERO_DURATION, parseZeroDuration) ?? 15 * MINUTE_MS,
    type: readLabel(labels, TYPE, parseType),
    target: readLabel(labels, TARGET, parseTarget),
    targetProportion: readLabel(labels, PROPORTION, parseProportion) ?? 0.9,
    downWindowMs: readLabel(labels, DOWN_WINDOW, parseDownWindow) ?? 0,
    schedule,
    timezone: readLabel(labels, TIMEZONE, parseTimeZone) ?? 'UTC',
  };
}

interface CountRule {
  readonly key: string;
  readonly least: number;
  readonly most: number;
  readonly fallback: number;
}

function readCount(labels: Texts, { key, least, most, fallback }: CountRule): number {
  const parse = (text: string): number => {
    const count = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
    if (!(count >= least && count <= most))
      throw new Error(`expected a whole number from ${least} to ${most}`);
    return count;
  };
  return readLabel(labels, key, parse) ?? fallback;
}

function parseFlag(text: string): boolean {
  if (text === 'false' || text === '0') return false;
  if (text === 'true' || text === '1') return true;
  throw new Error('expected true or false');
}

function parseType(text: string): string {
  // `RPS` would be taken for a custom rule of that name, and wait for its figures for ever.
  const meant = BUILT_IN_TYPES.find((type) => type === text.toLowerCase());
  if (!TYPE_NAME.test(text) || (meant !== undefined && meant !== text)) {
    throw new Error(
      'expected rps, capacity, cpu, queue or the name of a custom rule (up to 63 letters, digits, _ . : or -, a letter or digit first and last)',
    );
  }
  return text;
}

/** Fractions too: a replica of a function that takes ten seconds is full with a tenth of a call per second. */
function parseTarget(text: string): number {
  const target = parseDecimal(text);
  if (!(target > 0 && target <= HIGHEST_TARGET)) {
    throw new Error(`expected a number above 0, up to ${HIGHEST_TARGET}`);
  }
  return target;
}

function parseProportion(text: string): number {
  const proportion = parseDecimal(text);
  if (!(proportion >= 0.01 && proportion <= 1))
    throw new Error('expected a number from 0.01 to 1 such as 0.90');
  return proportion;
}

function parseDecimal(text: string): number {
  return /^(?=\.?\d)\d{0,10}(?:\.\d{0,9})?$/.test(text) ? Number(text) : Number.NaN;
}

function parseZeroDuration(text: string): number {
  return parseGoDuration(text, { leastMs: SECOND_MS, mostMs: 720 * 60 * MINUTE_MS, span: '1s to 720h' });
}

function parseDownWindow(text: string): number {
  return text === '0'
    ? 0
    : parseGoDuration(text, { leastMs: 0, mostMs: 5 * MINUTE_MS, span: '0s (off) to 5m' });
}

/** With its unit: whoever writes 15 may mean minutes. */
function parseGoDuration(
  text: string,
  { leastMs, mostMs, span }: { readonly leastMs: number; readonly mostMs: number; readonly span: string },
): number {
  let ms = Number.NaN;
  try {
    if (!/^\d+$/.test(text)) ms = parseDurationMs(text);
  } catch {
    // The error below says what it may be.
  }
  if (!(ms >= leastMs && ms <= mostMs))
    throw new Error(`expected a duration with its unit, such as 5m, from ${span}`);
  return ms;
}

function maxHint(labels: Texts): string {
  return Object.hasOwn(labels, MAX) ? '' : ' (its default): set that label, too';
}
