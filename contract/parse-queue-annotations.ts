import { ContractError } from './contract-error.ts';
import { parseDurationMs } from './duration.ts';
import { readAnnotation, shown, type Texts } from './read-annotation.ts';

/** What a function's annotations say about its asynchronous calls; what is absent is the queue worker's own setting. */
export interface QueueAnnotations {
  /** Annotation com.openfaas.queue: the queue whose workers run them. */
  readonly queue?: string;
  /** Annotations com.openfaas.retry.*; all of them absent: no such field. */
  readonly retry?: RetryAnnotations;
  /** Annotation com.skep.then: functions that are each called with the result of the one before, as paths name them. */
  readonly followers?: readonly string[];
}

export interface RetryAnnotations {
  /** com.openfaas.retry.attempts: retries after the first attempt, 0 to 1000. */
  readonly retries?: number;
  /** com.openfaas.retry.codes: statuses of the function that are retried, 300 to 599. */
  readonly codes?: readonly number[];
  /** com.openfaas.retry.min_wait and com.openfaas.retry.max_wait: at most a week. */
  readonly minWaitMs?: number;
  readonly maxWaitMs?: number;
}

export const QUEUE_ANNOTATION = 'com.openfaas.queue';
export const FOLLOWERS_ANNOTATION = 'com.skep.then';
export const RETRIES_ANNOTATION = 'com.openfaas.retry.attempts';
export const RETRY_CODES_ANNOTATION = 'com.openfaas.retry.codes';
export const MIN_WAIT_ANNOTATION = 'com.openfaas.retry.min_wait';
export const MAX_WAIT_ANNOTATION = 'com.openfaas.retry.max_wait';

/** Functions that may follow one another in one call. */
const MOST_FOLLOWERS = 15;
const MOST_RETRIES = 1000;
const LONGEST_WAIT_MS = 7 * 24 * 3_600_000;
const QUEUE = /^[a-z0-9_-]{1,64}$/;
/** As a path may write it, with or without a namespace. */
const FUNCTION = /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)?$/;

/** @throws {ContractError} that names the annotation and what it may be */
export function parseQueueAnnotations(annotations: Texts): QueueAnnotations {
  const queue = readAnnotation(annotations, QUEUE_ANNOTATION, parseQueueName);
  const followers = readAnnotation(annotations, FOLLOWERS_ANNOTATION, parseFollowers);
  const retry = parseRetry(annotations);
  return {
    ...(queue !== undefined && { queue }),
    ...(retry !== undefined && { retry }),
    ...(followers !== undefined && { followers }),
  };
}

/** @throws {Error} that says what the name of a queue may be */
function parseQueueName(text: string): string {
  if (!QUEUE.test(text)) {
    throw new Error(
      'expected the name of a queue: lower-case letters, digits, dashes and underscores, at most 64',
    );
  }
  return text;
}

/**
 * Functions that follow one another, separated by commas. @returns their names as they were written
 * @throws {Error} that says which one is wrong
 */
export function parseFollowers(text: string): readonly string[] {
  const names = text.split(',').map((name) => name.trim());
  if (names.length > MOST_FOLLOWERS) throw new Error(`expected at most ${MOST_FOLLOWERS} functions`);
  const wrong = names.find((name) => name.length > 127 || !FUNCTION.test(name));
  if (wrong !== undefined) {
    throw new Error(`expected names of functions separated by commas (${shown(wrong)} is none)`);
  }
  return names;
}

function parseRetry(annotations: Texts): RetryAnnotations | undefined {
  const retries = readAnnotation(annotations, RETRIES_ANNOTATION, parseRetries);
  const codes = readAnnotation(annotations, RETRY_CODES_ANNOTATION, parseCodes);
  const minWaitMs = readAnnotation(annotations, MIN_WAIT_ANNOTATION, parseWait);
  const maxWaitMs = readAnnotation(annotations, MAX_WAIT_ANNOTATION, parseWait);
  if (minWaitMs !== undefined && maxWaitMs !== undefined && minWaitMs > maxWaitMs) {
    throw new ContractError(
      `annotations: ${MIN_WAIT_ANNOTATION}: expected no more than ${MAX_WAIT_ANNOTATION}, ${shown(annotations[MAX_WAIT_ANNOTATION] ?? '')}`,
    );
  }
  const retry = {
    ...(retries !== undefined && { retries }),
    ...(codes !== undefined && { codes }),
    ...(minWaitMs !== undefined && { minWaitMs }),
    ...(maxWaitMs !== undefined && { maxWaitMs }),
  };
  return Object.keys(retry).length === 0 ? undefined : retry;
}

function parseRetries(text: string): number {
  const count = /^\d{1,4}$/.test(text) ? Number(text) : Number.NaN;
  if (!(count <= MOST_RETRIES)) throw new Error(`expected a whole number from 0 to ${MOST_RETRIES}`);
  return count;
}

function parseCodes(text: string): readonly number[] {
  const codes = text.split(',').map((part) => {
    const code = part.trim();
    if (!/^[345]\d\d$/.test(code)) {
      throw new Error('expected statuses from 300 to 599 separated by commas, such as 429,503');
    }
    return Number(code);
  });
  return [...new Set(codes)];
}

function parseWait(text: string): number {
  const waitMs = parseDurationMs(text);
  if (waitMs > LONGEST_WAIT_MS) throw new Error('expected at most 168h');
  return waitMs;
}
