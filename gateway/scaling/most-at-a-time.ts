/** Runs jobs in the order in which they came, so many at a time. */
export function mostAtATime(most: number): <T>(job: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = [];
  let next = 0;
  let running = 0;
  const free = (): void => {
    const begin = waiting[next];
    if (begin === undefined) {
      running -= 1;
      return;
    }
    next += 1;
    // Taken off in one go: a shift for each would move thousands each time.
    if (next === waiting.length || next === 1000) {
      waiting.splice(0, next);
      next = 0;
    }
    begin();
  };
  return async (job) => {
    if (running < most) running += 1;
    else await new Promise<void>((resolve) => void waiting.push(resolve));
    try {
      return await job();
    } finally {
      free();
    }
  };
}
