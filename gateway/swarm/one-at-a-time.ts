/** Runs the jobs of one key one after the other, those of different keys side by side. */
export function oneAtATime(): <T>(key: string, job: () => Promise<T>) => Promise<T> {
  const tails = new Map<string, Promise<unknown>>();
  return async (key, job) => {
    const before = tails.get(key);
    // A job that failed told its own caller; the next one starts all the same.
    const mine = before === undefined ? job() : before.then(job, job);
    tails.set(key, mine);
    try {
      return await mine;
    } finally {
      if (tails.get(key) === mine) tails.delete(key);
    }
  };
}
