import { ContractError } from './contract-error.ts';
import { parseDurationMs } from './duration.ts';
import { TIMEOUT_ANNOTATION } from './function-annotations.ts';
import { readAnnotation, readLabel, type Texts } from './read-annotation.ts';

/** Requests a second, and how many may come at once after a pause. */
export interface RateLimit {
  /** Label com.skep.limit.rate: 0.001 to 1000000, at most three decimals. */
  readonly perSecond: number;
  /** Label com.skep.limit.burst: a whole number, 1 to 1000000; default one second's worth, at least 1. */
  readonly burst: number;
}

/** What a function's labels and annotations say about its calls. */
export interface CallLimits {
  readonly rate?: RateLimit;
  /** Label com.skep.limit.concurrency: calls in flight at a time, over all replicas; 1 to 1000000. */
  readonly concurrency?: number;
  /** Annotation com.skep.timeout: longest call. */
  readonly timeoutMs?: number;
}

export const RATE_LABEL = 'com.skep.limit.rate';
export const BURST_LABEL = 'com.skep.limit.burst';
export const CONCURRENCY_LABEL = 'com.skep.limit.concurrency';
const MOST = 1_000_000;
const LEAST_RATE = 0.001;

/** Reads the limits of a function's calls. @throws {ContractError} that names the label or annotation and what it may be */
export function parseCallLimits(labels: Texts, annotations: Texts): CallLimits {
  const rate = parseRateLimit(labels);
  const concurrency = parseConcurrency(labels);
  const timeoutMs = parseTimeout(annotations);
  return {
    ...(rate !== undefined && { rate }),
    ...(concurrency !== undefined && { concurrency }),
    ...(timeoutMs !== undefined && { timeoutMs }),
  };
}

/** @throws {ContractError} */
export function parseRateLimit(labels: Texts): RateLimit | undefined {
  const perSecond = readLabel(labels, RATE_LABEL, parseRate);
  if (perSecond === undefined && Object.hasOwn(labels, BURST_LABEL))
    throw new ContractError(`label ${BURST_LABEL}: there is no ${RATE_LABEL} that it could belong to`);
  if (perSecond === undefined) return undefined;
  const burst = readLabel(labels, BURST_LABEL, parseWhole) ?? Math.max(1, Math.ceil(perSecond));
  return { perSecond, burst };
}

/** @throws {ContractError} */
export function parseConcurrency(labels: Texts): number | undefined {
  return readLabel(labels, CONCURRENCY_LABEL, parseWhole);
}

/** In milliseconds. @throws {ContractError} */
export function parseTimeout(annotations: Texts): number | undefined {
  return readAnnotation(annotations, TIMEOUT_ANNOTATION, parseTimeoutMs);
}

function parseRate(text: string): number {
  const perSecond = /^\d{1,7}(?:\.\d{1,3})?$/.test(text) ? Number(text) : Number.NaN;
  if (perSecond >= LEAST_RATE && perSecond <= MOST) return perSecond;
  throw new Error(`expected requests a second from ${LEAST_RATE} to ${MOST}, with at most three decimals`);
}

function parseTimeoutMs(text: string): number {
  try {
    const timeoutMs = parseDurationMs(text);
    if (timeoutMs > 0 && Number.isFinite(timeoutMs)) return timeoutMs;
  } catch {
    // The error below says what it may be.
  }
  throw new Error('expected a duration above 0 such as 30s or 2m');
}

function parseWhole(text: string): number {
  const count = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (count >= 1 && count <= MOST) return count;
  throw new Error(`expected a whole number from 1 to ${MOST}`);
}
