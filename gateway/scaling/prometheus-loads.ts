import type { Logger } from '../log.ts';

const EVERY_MS = 5000;
/** Several answers in a row may fail before what was measured last says nothing any more. */
const STALE_MS = 20_000;

/** Milli-CPU of all replicas of a function: counters of replicas that have gone, but have samples in the window, are left out. */
const CPU =
  'sum by (function_name) (deriv(pod_cpu_usage_seconds_total[1m]) and pod_cpu_usage_seconds_total) * 1000';

export interface PrometheusLoadsOptions {
  /** An instant query that yields one number for each `name.namespace`. */
  readonly query: (promql: string, signal: AbortSignal) => Promise<ReadonlyMap<string, number>>;
  readonly logger: Logger;
  /** Between two readings. Default 5 s. */
  readonly everyMs?: number;
  /** Milliseconds; default `performance.now`. */
  readonly now?: () => number;
}

interface Reading {
  readonly loads: ReadonlyMap<string, number>;
  readonly at: number;
}

/**
 * Loads that the gateway does not count itself: CPU, and whatever rules of the operator's measure. Read while there are functions
 * that scale on them, and only then. While Prometheus is away the functions keep their replicas.
 */
export class PrometheusLoads {
  readonly #options: PrometheusLoadsOptions;
  readonly #now: () => number;
  readonly #readings = new Map<string, Reading>();
  readonly #stopping = new AbortController();
  #types: ReadonlySet<string> = new Set();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isReading = false;
  #isAway = false;

  constructor(options: PrometheusLoadsOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
  }

  /** @param types the scaling types that functions have now and somebody else measures */
  want(types: ReadonlySet<string>): void {
    const isNew = [...types].some((type) => !this.#types.has(type));
    this.#types = types;
    for (const type of this.#readings.keys()) if (!types.has(type)) this.#readings.delete(type);
    if (isNew) void this.#read();
  }

  /**
   * Of a function over all gateways and replicas, in the type's unit; undefined: Prometheus was not read lately; `missing`: it was, and has none.
   * @param key `name.namespace`
   */
  load(type: string, key: string): number | 'missing' | undefined {
    const reading = this.#readings.get(type);
    if (reading === undefined || this.#now() - reading.at > STALE_MS) return undefined;
    return reading.loads.get(key) ?? 'missing';
  }

  stop(): void {
    this.#stopping.abort();
    clearTimeout(this.#timer);
  }

  async #read(): Promise<void> {
    if (this.#isReading || this.#stopping.signal.aborted) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#types.size === 0) return;
    this.#isReading = true;
    const results = await Promise.allSettled([...this.#types].map((type) => this.#readType(type)));
    this.#isReading = false;
    if (this.#stopping.signal.aborted) return;
    this.#tell(results.find((result) => result.status === 'rejected')?.reason);
    this.#timer = setTimeout(() => void this.#read(), this.#options.everyMs ?? EVERY_MS);
  }

  async #readType(type: string): Promise<void> {
    const promql =
      type === 'cpu' ? CPU : `job:function_current_load:sum{scaling_type=${JSON.stringify(type)}}`;
    const at = this.#now();
    const loads = await this.#options.query(promql, this.#stopping.signal);
    if (this.#types.has(type)) this.#readings.set(type, { loads, at });
  }

  #tell(failure: unknown): void {
    if (failure === undefined && this.#isAway) {
      this.#options.logger.info('Prometheus can be read again: functions scale on its loads');
    }
    if (failure !== undefined && !this.#isAway) {
      this.#options.logger.warn(
        'Prometheus cannot be read: functions that scale on its loads keep their replicas',
        {
          types: [...this.#types],
          reason: failure instanceof Error ? failure.message : String(failure),
        },
      );
    }
    this.#isAway = failure !== undefined;
  }
}
