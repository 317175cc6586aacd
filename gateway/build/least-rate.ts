import { FaasError } from '../errors.ts';

/** What a request must come in with, on average, once it has had some time to begin. */
export interface LeastRate {
  readonly graceMs: number;
  readonly bytesPerSecond: number;
}

/** Whoever is slower holds up others: 512 kbit/s. */
export const LEAST_RATE: LeastRate = { graceMs: 10_000, bytesPerSecond: 64 * 1024 };

export interface RateWatch {
  /** Aborts when what came is too little for its time, with a FaasError `invalid_request`. */
  readonly signal: AbortSignal;
  count(bytes: number): void;
  stop(): void;
}

export function watchRate({ graceMs, bytesPerSecond }: LeastRate): RateWatch {
  const controller = new AbortController();
  const began = performance.now();
  let bytes = 0;
  const timer = setInterval(
    () => {
      const needed = ((performance.now() - began - graceMs) * bytesPerSecond) / 1000;
      if (bytes >= needed) return;
      clearInterval(timer);
      controller.abort(
        new FaasError(
          'invalid_request',
          `the build request takes too long to come in: at least ${bytesPerSecond} bytes a second are expected`,
        ),
      );
    },
    Math.min(graceMs, 1000),
  );
  return {
    signal: controller.signal,
    count: (more) => {
      bytes += more;
    },
    stop: () => clearInterval(timer),
  };
}
