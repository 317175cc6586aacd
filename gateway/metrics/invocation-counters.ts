import { countedAs } from './status-label.ts';

/** Upper bounds of the duration buckets in seconds; the last bucket has none. */
export const BUCKET_BOUNDS_SECONDS: readonly number[] = [
  0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
];
export const BUCKETS = BUCKET_BOUNDS_SECONDS.length + 1;

/** Calls of a function that ended with one status since they were taken last, in plain data. */
export interface CompletedCalls {
  /** See `countedAs`. */
  readonly status: number;
  readonly count: number;
  readonly sumSeconds: number;
  /** Calls by bucket, each call in one bucket only. */
  readonly buckets: readonly number[];
}

/** What has happened to a function's calls in one process since it was taken last. */
export interface InvocationDelta {
  /** `name.namespace` */
  readonly key: string;
  readonly started: number;
  /** Not since, but now. */
  readonly inFlight: number;
  readonly completed: readonly CompletedCalls[];
}

class Durations {
  readonly buckets = new Float64Array(BUCKETS);
  count = 0;
  sumSeconds = 0;

  observe(seconds: number): void {
    let bucket = 0;
    while (bucket < BUCKETS - 1 && seconds > (BUCKET_BOUNDS_SECONDS[bucket] ?? 0)) bucket++;
    this.buckets[bucket] = (this.buckets[bucket] ?? 0) + 1;
    this.count++;
    this.sumSeconds += seconds;
  }

  clear(): void {
    this.buckets.fill(0);
    this.count = 0;
    this.sumSeconds = 0;
  }
}

class FunctionCounters {
  started = 0;
  inFlight = 0;
  isTouched = false;
  readonly completed = new Map<number, Durations>();
}

/**
 * Counts invocations on the hot path: numbers in maps and nothing else. They are taken from here from time to time, and become a
 * metrics page elsewhere.
 */
export class InvocationCounters {
  readonly #functions = new Map<string, FunctionCounters>();
  #inFlight = 0;

  /** Calls of all functions, accepted and not finished. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** A call was accepted. @param key `name.namespace` */
  started(key: string): void {
    const counters = this.#of(key);
    counters.started++;
    counters.inFlight++;
    counters.isTouched = true;
    this.#inFlight++;
  }

  /** A call that was accepted has ended. @param status what the client was answered */
  completed(key: string, status: number, seconds: number): void {
    const counters = this.#of(key);
    counters.inFlight--;
    counters.isTouched = true;
    this.#inFlight--;
    const counted = countedAs(status);
    let durations = counters.completed.get(counted);
    if (durations === undefined) {
      durations = new Durations();
      counters.completed.set(counted, durations);
    }
    durations.observe(seconds);
  }

  /** What has happened since this was called last. */
  take(): InvocationDelta[] {
    const deltas: InvocationDelta[] = [];
    for (const [key, counters] of this.#functions) {
      if (!counters.isTouched) {
        // Rests since the last time: a function that is gone is never called again.
        if (counters.inFlight === 0) this.#functions.delete(key);
        continue;
      }
      counters.isTouched = false;
      const completed: CompletedCalls[] = [];
      for (const [status, durations] of counters.completed) {
        if (durations.count === 0) continue;
        const { count, sumSeconds } = durations;
        completed.push({ status, count, sumSeconds, buckets: [...durations.buckets] });
        durations.clear();
      }
      deltas.push({ key, started: counters.started, inFlight: counters.inFlight, completed });
      counters.started = 0;
    }
    return deltas;
  }

  #of(key: string): FunctionCounters {
    let counters = this.#functions.get(key);
    if (counters === undefined) {
      counters = new FunctionCounters();
      this.#functions.set(key, counters);
    }
    return counters;
  }
}
