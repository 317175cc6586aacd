import { FaasError } from '../errors.ts';

/** As long as one answer of the engine may take: whoever waits longer would mostly find that its client has left. */
const LONGEST_WAIT_MS = 20_000;

/**
 * Runs the jobs of one key one after the other, those of different keys side by side. A job whose turn does not come
 * within `longestWaitMs` is never run: its caller gets `provider_unavailable`.
 */
export function oneAtATime(
  longestWaitMs: number = LONGEST_WAIT_MS,
): <T>(key: string, job: () => Promise<T>) => Promise<T> {
  const tails = new Map<string, Promise<unknown>>();
  return <T>(key: string, job: () => Promise<T>): Promise<T> => {
    const before = tails.get(key) ?? Promise.resolve();
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    let hasGivenUp = false;
    const giveUp = (): void => {
      hasGivenUp = true;
      reject(
        new FaasError(
          'provider_unavailable',
          `another change of ${key} has been under way for ${longestWaitMs / 1000} s; this one was not begun: ask again later`,
        ),
      );
    };
    const timer = setTimeout(giveUp, longestWaitMs);
    const mine = before.then(async () => {
      if (hasGivenUp) return;
      clearTimeout(timer);
      // A job that failed tells its own caller; the next one starts all the same.
      await Promise.try(job).then(resolve, reject);
    });
    tails.set(key, mine);
    void mine.then(() => {
      if (tails.get(key) === mine) tails.delete(key);
    });
    return promise;
  };
}
