import type { NatsConnection } from '@nats-io/transport-node';

export interface LookAgainOptions {
  readonly connection: NatsConnection;
  /** A message on it says that something may have changed. It may come before what it tells of is stored. */
  readonly subject: string;
  readonly withinMs: number;
  readonly signal?: AbortSignal | undefined;
}

const SOONEST_MS = 5;
const LATEST_MS = 2000;

/**
 * Looks until it is enough, time is up, or whoever waits has gone: at once after each message, and by itself, ever less often.
 * @returns the last look
 */
export async function lookAgain<T>(
  look: () => Promise<T>,
  isEnough: (found: T) => boolean,
  { connection, subject, withinMs, signal }: LookAgainOptions,
): Promise<T> {
  const until = performance.now() + withinMs;
  let stir = Promise.withResolvers<void>();
  let hasNews = true;
  const wake = (): void => {
    hasNews = true;
    stir.resolve();
  };
  const subscription = connection.subscribe(subject, { callback: wake });
  signal?.addEventListener('abort', wake, { once: true });
  let waitMs = SOONEST_MS;
  try {
    for (;;) {
      const found = await look();
      const leftMs = until - performance.now();
      if (isEnough(found) || leftMs <= 0 || signal?.aborted) return found;
      if (hasNews) waitMs = SOONEST_MS;
      hasNews = false;
      stir = Promise.withResolvers();
      const timer = setTimeout(stir.resolve, Math.min(waitMs, leftMs));
      await stir.promise;
      clearTimeout(timer);
      waitMs = Math.min(waitMs * 2, LATEST_MS);
    }
  } finally {
    signal?.removeEventListener('abort', wake);
    subscription.unsubscribe();
  }
}
