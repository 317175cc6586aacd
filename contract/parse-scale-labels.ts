import { ContractError } from './contract-error.ts';
import { MOST_REPLICAS } from './parse-requests.ts';

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
}

const MIN = 'com.openfaas.scale.min';
const MAX = 'com.openfaas.scale.max';
const FACTOR = 'com.openfaas.scale.factor';
const ZERO = 'com.openfaas.scale.zero';

/** Reads the scale labels. @throws {ContractError} that names the label and what it may be */
export function parseScaleLabels(labels: Readonly<Record<string, string>>): ScaleLabels {
  const min = readCount(labels, { key: MIN, least: 0, most: MOST_REPLICAS, fallback: 1 });
  const max = readCount(labels, { key: MAX, least: 1, most: MOST_REPLICAS, fallback: 20 });
  if (min > max) {
    const hint = labelValue(labels, MAX) === undefined ? ' (its default): set that label, too' : '';
    throw new ContractError(`label ${MIN} (${min}) is more than ${MAX} (${max})${hint}`);
  }
  const factorPercent = readCount(labels, { key: FACTOR, least: 0, most: 100, fallback: 20 });
  return { min, max, factorPercent, zero: readFlag(labels, ZERO) };
}

interface CountRule {
  readonly key: string;
  readonly least: number;
  readonly most: number;
  readonly fallback: number;
}

function readCount(labels: Readonly<Record<string, string>>, rule: CountRule): number {
  const text = labelValue(labels, rule.key);
  if (text === undefined) return rule.fallback;
  const count = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (!(count >= rule.least && count <= rule.most)) {
    throw new ContractError(
      `label ${rule.key}: expected a whole number from ${rule.least} to ${rule.most}, not ${JSON.stringify(text)}`,
    );
  }
  return count;
}

function readFlag(labels: Readonly<Record<string, string>>, key: string): boolean {
  const text = labelValue(labels, key);
  if (text === undefined || text === 'false' || text === '0') return false;
  if (text === 'true' || text === '1') return true;
  throw new ContractError(`label ${key}: expected true or false, not ${JSON.stringify(text)}`);
}

function labelValue(labels: Readonly<Record<string, string>>, key: string): string | undefined {
  return Object.hasOwn(labels, key) ? labels[key] : undefined;
}
