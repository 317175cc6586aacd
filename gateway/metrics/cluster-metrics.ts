import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { qualifiedName } from '../../contract/function-ref.ts';
import type { FunctionSnapshot } from '../functions/provider.ts';

const READ_BUCKETS_SECONDS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const COLD_START_BUCKETS_SECONDS = [0.25, 0.5, 1, 2, 5, 10, 30, 60];

/** One read of all functions and replicas. */
export interface ClusterRead {
  readonly isOk: boolean;
  readonly seconds: number;
}

/** What the cluster does: how it is read, how functions wake up, which replicas ended by themselves. */
export class ClusterMetrics {
  readonly #reads: Counter<'result'>;
  readonly #readSeconds: Histogram;
  readonly #coldStarts: Counter<'function_name'>;
  readonly #coldStartSeconds: Histogram<'function_name'>;
  readonly #failures: Counter<'function_name'>;
  /** By `performance.now`. */
  #lastRead = performance.now();
  #functions: ReadonlySet<string> = new Set();
  /** Functions that have been seen without replicas. */
  readonly #slept = new Set<string>();

  constructor(registry: Registry) {
    const registers = [registry];
    this.#reads = new Counter({
      name: 'gateway_cluster_reads_total',
      help: 'Reads of all functions and replicas from the cluster.',
      labelNames: ['result'],
      registers,
    });
    for (const result of ['ok', 'failed']) this.#reads.inc({ result }, 0);
    this.#readSeconds = new Histogram({
      name: 'gateway_cluster_read_seconds',
      help: 'Duration of reads from the cluster, failed ones included.',
      buckets: READ_BUCKETS_SECONDS,
      registers,
    });
    const ageSeconds = (): number => (performance.now() - this.#lastRead) / 1000;
    new Gauge({
      name: 'gateway_cluster_read_age_seconds',
      help: 'Time since the cluster was last read with success, or since the gateway began.',
      registers,
      collect() {
        this.set(ageSeconds());
      },
    });
    const labelNames = ['function_name'] as const;
    this.#coldStarts = new Counter({
      name: 'gateway_cold_starts_total',
      help: 'Times that a call has woken a function which had no replicas.',
      labelNames,
      registers,
    });
    this.#coldStartSeconds = new Histogram({
      name: 'gateway_cold_start_seconds',
      help: 'From the call that woke a function to its first ready replica.',
      labelNames,
      buckets: COLD_START_BUCKETS_SECONDS,
      registers,
    });
    this.#failures = new Counter({
      name: 'gateway_replica_failures_total',
      help: 'Replicas that ended by themselves or could not start.',
      labelNames,
      registers,
    });
  }

  read({ isOk, seconds }: ClusterRead): void {
    this.#reads.inc({ result: isOk ? 'ok' : 'failed' });
    this.#readSeconds.observe(seconds);
    if (isOk) this.#lastRead = performance.now();
  }

  /** @param functionName `name.namespace` */
  coldStart(functionName: string): void {
    if (!this.#functions.has(functionName)) return;
    this.#coldStarts.inc({ function_name: functionName });
    this.#begin(functionName);
  }

  /** The end of a cold start that had one. */
  coldStarted(functionName: string, seconds: number): void {
    if (this.#functions.has(functionName))
      this.#coldStartSeconds.observe({ function_name: functionName }, seconds);
  }

  /** New functions begin at 0, removed ones lose their series. Each snapshot's endings are counted, so it must come here once. */
  sync(snapshots: readonly FunctionSnapshot[]): void {
    const present = new Set(snapshots.map(({ ref }) => qualifiedName(ref)));
    for (const function_name of present) {
      if (this.#functions.has(function_name)) continue;
      this.#coldStarts.inc({ function_name }, 0);
      this.#failures.inc({ function_name }, 0);
    }
    for (const function_name of this.#functions) {
      if (present.has(function_name)) continue;
      this.#coldStarts.remove({ function_name });
      this.#coldStartSeconds.remove({ function_name });
      this.#slept.delete(function_name);
      this.#failures.remove({ function_name });
    }
    this.#functions = present;
    for (const { ref, ended, desired } of snapshots) {
      const function_name = qualifiedName(ref);
      if (ended !== undefined) this.#failures.inc({ function_name }, ended);
      // A histogram is eleven series: only functions that sleep get one ahead of their first cold start.
      if (desired === 0) this.#begin(function_name);
    }
  }

  /** Begins the durations at 0. */
  #begin(function_name: string): void {
    if (this.#slept.has(function_name)) return;
    this.#slept.add(function_name);
    this.#coldStartSeconds.zero({ function_name });
  }
}
