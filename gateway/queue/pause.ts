/** Resolves after so many milliseconds, or as soon as `signal` is aborted. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal?.addEventListener('abort', end, { once: true });
    if (signal?.aborted === true) end();
  });
}

/** Resolves with what is waited for, or after so many milliseconds; leaves no timer behind. */
export async function waitAtMost(work: Promise<unknown>, ms: number): Promise<void> {
  const isOver = new AbortController();
  await Promise.race([work, pause(ms, isOver.signal)]);
  isOver.abort();
}
