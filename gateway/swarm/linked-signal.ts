/** A signal that follows another one until it is released. */
export interface LinkedSignal {
  readonly signal: AbortSignal;
  /** From now on the other signal's abort goes nowhere. */
  release(): void;
}

/**
 * For streams of the engine: under Bun, a request whose signal aborts after its answer was read to the end throws where
 * nobody can catch it. So the link is cut when the stream has ended.
 */
export function linkSignal(followed: AbortSignal): LinkedSignal {
  const controller = new AbortController();
  const abort = (): void => controller.abort(followed.reason);
  if (followed.aborted) abort();
  else followed.addEventListener('abort', abort, { once: true });
  return { signal: controller.signal, release: () => followed.removeEventListener('abort', abort) };
}
