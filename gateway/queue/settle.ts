import type { RetryRules } from './call.ts';
import { retryAfterMs } from './retry-after.ts';

/** How an attempt ended. */
export type Outcome =
  /** Somebody answered. */
  | {
      readonly kind: 'answered';
      readonly status: number;
      /** It carries `X-OpenFaaS-Internal`: gateway or watchdog have answered, and not the function. */
      readonly isInternal: boolean;
      /** The code of what gateway or watchdog say, where they do. */
      readonly code?: string | undefined;
      /** As it came. */
      readonly retryAfter?: string | undefined;
    }
  /** Nobody did, though the call may have reached the function; or the worker that ran it was lost. */
  | { readonly kind: 'lost'; readonly reason: string };

/** What becomes of the call. */
export type Settlement =
  | { readonly kind: 'succeeded' }
  /** The function refused it: not to be retried. */
  | { readonly kind: 'failed' }
  | { readonly kind: 'retry'; readonly delayMs: number }
  /** It was tried as often as it may be. */
  | { readonly kind: 'dead'; readonly reason: string };

/** `exponential`: no jitter; `full`: 0 to 100 %; `equal`: 50 to 100 %. */
export type Backoff = 'exponential' | 'full' | 'equal';

export interface SettleRules extends Required<RetryRules> {
  readonly backoff: Backoff;
}

const TOO_MANY_REQUESTS = 429;
const UNAVAILABLE = 503;

/**
 * Decides what becomes of a call after one attempt.
 * @param attempt which one it was, from 1
 * @param random from 0 up to 1
 * @param nowMs milliseconds since 1970, for a `Retry-After` that is a date
 */
export function settle(
  outcome: Outcome,
  attempt: number,
  rules: SettleRules,
  { random, nowMs }: { readonly random: number; readonly nowMs: number },
): Settlement {
  if (outcome.kind === 'answered' && !isRetried(outcome, rules)) {
    return { kind: outcome.status < 400 ? 'succeeded' : 'failed' };
  }
  if (attempt > rules.retries) {
    const what = outcome.kind === 'answered' ? nameOf(outcome) : outcome.reason;
    return { kind: 'dead', reason: `${what}, after ${attempt} ${attempt === 1 ? 'attempt' : 'attempts'}` };
  }
  const asked = outcome.kind === 'answered' ? askedWaitMs(outcome, nowMs) : undefined;
  if (asked !== undefined) return { kind: 'retry', delayMs: Math.max(asked, rules.minWaitMs) };
  return { kind: 'retry', delayMs: backedOffMs(attempt, rules, random) };
}

type Answered = Extract<Outcome, { kind: 'answered' }>;

function isRetried({ isInternal, status }: Answered, { codes }: SettleRules): boolean {
  return (isInternal && status >= 400) || codes.includes(status);
}

function nameOf({ isInternal, status, code }: Answered): string {
  if (!isInternal) return `the function answered ${status}`;
  return `the platform answered ${status} for it${code === undefined ? '' : ` (${code})`}`;
}

function askedWaitMs({ status, retryAfter }: Answered, nowMs: number): number | undefined {
  if (status !== TOO_MANY_REQUESTS && status !== UNAVAILABLE) return undefined;
  return retryAfterMs(retryAfter, nowMs);
}

function backedOffMs(
  attempt: number,
  { backoff, minWaitMs, maxWaitMs }: SettleRules,
  random: number,
): number {
  // 2 ** 50 of anything but nothing is beyond every limit.
  const grown = minWaitMs * 2 ** Math.min(attempt - 1, 50);
  const whole = Math.min(grown, Math.max(minWaitMs, maxWaitMs));
  const part = backoff === 'full' ? random : backoff === 'equal' ? (1 + random) / 2 : 1;
  return Math.round(whole * part);
}
