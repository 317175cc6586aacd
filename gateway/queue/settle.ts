import type { RetryRules } from './call.ts';

/** How an attempt ended. */
export type Outcome =
  /** Somebody answered. */
  | {
      readonly kind: 'answered';
      readonly status: number;
      /** It carries `X-OpenFaaS-Internal`: gateway or watchdog have answered, and not the function. */
      readonly isInternal: boolean;
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
