import { BUCKETS, type CompletedCalls, type InvocationDelta } from './invocation-counters.ts';

/** Durations of one function's calls that were counted as one status. */
export interface DurationTotals {
  /** Calls by bucket, each call in one bucket only. */
  readonly buckets: Float64Array;
  count: number;
  sumSeconds: number;
}

interface FunctionTotals {
  /** A read of the cluster has told of it. */
  isRead: boolean;
  /** Reads that did not have it, before one had. */
  missed: number;
  started: number;
  /** Calls in flight by the process that has them; none is no entry. */
  readonly inFlight: Map<number, number>;
  /** By what the status is counted as. */
  readonly completed: Map<number, DurationTotals>;
}

const OK = 200;

/** What all processes have counted, since the gateway began: a process that ends takes nothing of it away but what it had in flight. */
export class InvocationTotals {
  readonly #functions = new Map<string, FunctionTotals>();
  /** Functions that the read before had: what still comes of them is late. */
  #gone: ReadonlySet<string> = new Set();

  /** @param worker which process counted it */
  add(worker: number, deltas: readonly InvocationDelta[]): void {
    for (const { key, started, inFlight, completed } of deltas) {
      const totals = this.#of(key);
      totals.started += started;
      if (inFlight === 0) totals.inFlight.delete(worker);
      else totals.inFlight.set(worker, inFlight);
      for (const calls of completed) addCalls(totals, calls);
    }
  }

  /** The process has ended, and its calls with it. */
  dropWorker(worker: number): void {
    for (const { inFlight } of this.#functions.values()) inFlight.delete(worker);
  }

  /** Series for exactly these functions: new ones begin at 0, so that their first call counts as an increase. */
  keepOnly(keys: ReadonlySet<string>): void {
    const gone = new Set<string>();
    for (const [key, totals] of this.#functions) {
      if (keys.has(key)) continue;
      if (totals.isRead) gone.add(key);
      // A read may have begun before a deployment whose first calls are counted, and in flight, already.
      if (totals.isRead || ++totals.missed > 1) this.#functions.delete(key);
    }
    this.#gone = gone;
    for (const key of keys) this.#of(key).isRead = true;
  }

  *entries(): Generator<
    [string, { started: number; inFlight: number; completed: ReadonlyMap<number, DurationTotals> }]
  > {
    for (const [key, { started, inFlight, completed }] of this.#functions) {
      let sum = 0;
      for (const count of inFlight.values()) sum += count;
      yield [key, { started, inFlight: sum, completed }];
    }
  }

  #of(key: string): FunctionTotals {
    let totals = this.#functions.get(key);
    if (totals === undefined) {
      totals = {
        isRead: false,
        missed: this.#gone.has(key) ? 1 : 0,
        started: 0,
        inFlight: new Map(),
        completed: new Map([[OK, noCalls()]]),
      };
      this.#functions.set(key, totals);
    }
    return totals;
  }
}

function addCalls(totals: FunctionTotals, { status, count, sumSeconds, buckets }: CompletedCalls): void {
  let calls = totals.completed.get(status);
  if (calls === undefined) {
    calls = noCalls();
    totals.completed.set(status, calls);
  }
  calls.count += count;
  calls.sumSeconds += sumSeconds;
  for (const [index, more] of buckets.entries()) {
    calls.buckets[index] = (calls.buckets[index] ?? 0) + more;
  }
}

function noCalls(): DurationTotals {
  return { buckets: new Float64Array(BUCKETS), count: 0, sumSeconds: 0 };
}
