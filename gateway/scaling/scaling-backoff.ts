import { FaasError } from '../errors.ts';
import type { Logger } from '../log.ts';

/** How long nothing is asked of a cluster that took no change. */
const AWAY_PAUSE_MS = 2000;
/** How long a function is left alone whose count the cluster refuses to change: asking again at once would help nobody. */
const REFUSED_PAUSE_MS = 60_000;

/** Keeps those who scale from asking a cluster again and again that takes no changes now, and the log from saying so each time. */
export class ScalingBackoff {
  readonly #logger: Logger;
  readonly #now: () => number;
  #awayUntil = Number.NEGATIVE_INFINITY;
  #isAway = false;
  /** Functions whose changes were refused. */
  readonly #refused = new Map<string, { readonly until: number; readonly reason: string }>();

  /** @param now milliseconds that only grow */
  constructor(logger: Logger, now: () => number) {
    this.#logger = logger;
    this.#now = now;
  }

  /** @param key `name.namespace` */
  mayTry(key: string): boolean {
    const now = this.#now();
    return now >= this.#awayUntil && now >= (this.#refused.get(key)?.until ?? now);
  }

  succeeded(key: string): void {
    this.#refused.delete(key);
    if (!this.#isAway) return;
    this.#isAway = false;
    this.#logger.info('the cluster takes changes of replica counts again');
  }

  failed(key: string, error: unknown): void {
    // Removed since the cluster was read.
    if (error instanceof FaasError && error.code === 'function_not_found') return;
    const reason = error instanceof Error ? error.message : String(error);
    if (error instanceof FaasError && error.code === 'provider_unavailable') {
      this.#awayUntil = this.#now() + AWAY_PAUSE_MS;
      if (!this.#isAway) {
        this.#logger.error('the cluster takes no changes of replica counts: functions keep theirs', {
          reason,
        });
      }
      this.#isAway = true;
      return;
    }
    const before = this.#refused.get(key);
    this.#refused.set(key, { until: this.#now() + REFUSED_PAUSE_MS, reason });
    if (before?.reason !== reason)
      this.#logger.error('a function cannot be scaled', { function: key, error });
  }

  gone(key: string): void {
    this.#refused.delete(key);
  }
}
