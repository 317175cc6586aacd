export interface RestOptions {
  /** Default 0: each one is tried. */
  readonly restMs?: number;
  /** Milliseconds that only grow. */
  readonly now?: () => number;
}

/**
 * Runs reads of one source, but after one that failed they fail at once for a while, with the same error: whoever lists functions
 * need not wait each time for a Prometheus that does not answer. That a caller left is no failure.
 */
export function restingAfterFailure({
  restMs = 0,
  now = () => performance.now(),
}: RestOptions = {}): <T>(read: () => Promise<T>, signal?: AbortSignal) => Promise<T> {
  let failed: { readonly atMs: number; readonly error: unknown } | undefined;
  return async (read, signal) => {
    if (failed !== undefined && now() - failed.atMs < restMs) throw failed.error;
    try {
      const result = await read();
      failed = undefined;
      return result;
    } catch (error) {
      if (signal?.aborted !== true) failed = { atMs: now(), error };
      throw error;
    }
  };
}
