/** Upper bounds of the duration buckets in seconds; the last bucket has none. */
export const BUCKET_BOUNDS_SECONDS: readonly number[] = [
  0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
];
const BUCKETS = BUCKET_BOUNDS_SECONDS.length + 1;

/** Durations of one function's calls that ended with one status. */
export class DurationHistogram {
  /** Calls by bucket, each call in one bucket only. */
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
}

export interface FunctionCounters {
  started: number;
  inFlight: number;
  /** By HTTP status. */
  readonly completed: Map<number, DurationHistogram>;
}

/**
 * Counts invocations on the hot path: numbers in maps and nothing else. They become a metrics page when one is asked
 * for. Keys are `name.namespace`.
 */
export class InvocationCounters {
  readonly #functions = new Map<string, FunctionCounters>();

  started(key: string): void {
    const counters = this.#of(key);
    counters.started++;
    counters.inFlight++;
  }

  completed(key: string, status: number, seconds: number): void {
    const counters = this.#of(key);
    // A call that outlived its function's series (removed, then deployed again) was started on another one.
    if (counters.inFlight > 0) counters.inFlight--;
    let histogram = counters.completed.get(status);
    if (histogram === undefined) {
      histogram = new DurationHistogram();
      counters.completed.set(status, histogram);
    }
    histogram.observe(seconds);
  }

  /** Series for exactly these functions: new ones begin at 0, so that their first call counts as an increase. */
  keepOnly(keys: ReadonlySet<string>): void {
    for (const key of this.#functions.keys()) if (!keys.has(key)) this.#functions.delete(key);
    for (const key of keys) this.#of(key);
  }

  entries(): IterableIterator<[string, FunctionCounters]> {
    return this.#functions.entries();
  }

  #of(key: string): FunctionCounters {
    let counters = this.#functions.get(key);
    if (counters === undefined) {
      counters = { started: 0, inFlight: 0, completed: new Map([[200, new DurationHistogram()]]) };
      this.#functions.set(key, counters);
    }
    return counters;
  }
}
