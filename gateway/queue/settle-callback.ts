import { retryAfterMs } from './retry-after.ts';
/** How one try to deliver a callback ended. */
export type PostOutcome =
  | { readonly kind: 'answered'; readonly status: number; readonly retryAfter?: string | undefined }
  /** Nobody answered; it may have been received. */
  | { readonly kind: 'lost'; readonly reason: string }
  /** It must not go there. */
  | { readonly kind: 'refused'; readonly reason: string };

export type CallbackSettlement =
  | { readonly kind: 'delivered' }
  | { readonly kind: 'retry'; readonly delayMs: number }
  | { readonly kind: 'failed'; readonly reason: string };

export interface CallbackRules {
  /** After the first attempt, 0 or more. */
  readonly retries: number;
  readonly minWaitMs: number;
  readonly maxWaitMs: number;
}

/** 303: it was taken, and what came of it is somewhere else. */
const SEE_OTHER = 303;
/** Of refusals, those that pass. */
const PASSING = new Set([408, 421, 425, 429]);

/**
 * @param attempt from 1
 * @param now milliseconds since 1970
 * @param random 0 to 1: waits are from a half to the whole, so that not all come at the same moment to a host that is back
 */
export function settleCallback(
  outcome: PostOutcome,
  attempt: number,
  { retries, minWaitMs, maxWaitMs }: CallbackRules,
  { now, random }: { readonly now: number; readonly random: number },
): CallbackSettlement {
  if (outcome.kind === 'refused') return { kind: 'failed', reason: outcome.reason };
  if (outcome.kind === 'answered') {
    const { status } = outcome;
    if ((status >= 200 && status < 300) || status === SEE_OTHER) return { kind: 'delivered' };
    if (status < 500 && !PASSING.has(status)) return { kind: 'failed', reason: `it answered ${status}` };
  }
  if (attempt > retries) {
    const last = outcome.kind === 'answered' ? `it answered ${outcome.status}` : outcome.reason;
    return { kind: 'failed', reason: `${last}, the last of ${attempt} attempts` };
  }
  const longest = Math.min(minWaitMs * 2 ** (attempt - 1), maxWaitMs);
  const asked = outcome.kind === 'answered' ? retryAfterMs(outcome.retryAfter, now) : undefined;
  const delayMs =
    asked === undefined ? longest * (0.5 + random / 2) : Math.min(Math.max(asked, minWaitMs), maxWaitMs);
  return { kind: 'retry', delayMs: Math.round(delayMs) };
}
