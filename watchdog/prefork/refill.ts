// When processes are started ahead. Pure: counts and times in, decisions out.

export interface PoolState {
  /** How many are to wait: `prefork=N`. */
  readonly size: number;
  readonly waiting: number;
  /** Started, and not ready yet. */
  readonly starting: number;
  /** Calls now being served, by whatever process. */
  readonly running: number;
  readonly cores: number;
}

/**
 * How many processes to start now. Never more than are missing; at most one start for each core, fewer where calls keep
 * the cores busy. One start may always go on, so that the pool fills under constant load, too.
 */
export function startsNow({ size, waiting, starting, running, cores }: PoolState): number {
  const missing = size - waiting - starting;
  const slots = Math.max(1, cores - running) - starting;
  return Math.max(0, Math.min(missing, slots));
}

export interface Backoff {
  /** Wait after the first failure; twice as long after each further one. */
  readonly firstMs: number;
  readonly mostMs: number;
}

/** How long to wait after `failures` in a row, at least one. */
export function backoffMs(failures: number, { firstMs, mostMs }: Backoff): number {
  return Math.min(mostMs, firstMs * 2 ** (failures - 1));
}
