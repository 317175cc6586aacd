import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { BuildProgress } from '../../contract/function-types.ts';
import { FaasError } from '../errors.ts';

const BUCKETS_SECONDS = [1, 2.5, 5, 10, 30, 60, 120, 300, 600, 900];
/** `failed`: answered with a reason. `refused`: the request was wrong. `left`: the client went away. `broke_off`: an error of the gateway or the engine. */
const RESULTS = ['success', 'failed', 'refused', 'left', 'broke_off'] as const;

/** Builds through the gateway. Those that are refused a place are requests of the API only. */
export class BuildMetrics {
  readonly #total: Counter<'result'>;
  readonly #seconds: Histogram<'result'>;
  readonly #inflight: Gauge;

  constructor(registry: Registry) {
    const registers = [registry];
    this.#total = new Counter({
      name: 'gateway_builds_total',
      help: 'Builds that this gateway has done with.',
      labelNames: ['result'],
      registers,
    });
    for (const result of RESULTS) this.#total.inc({ result }, 0);
    this.#seconds = new Histogram({
      name: 'gateway_build_seconds',
      help: 'Duration of builds that succeeded or failed, deployment included.',
      labelNames: ['result'],
      buckets: BUCKETS_SECONDS,
      registers,
    });
    for (const result of ['success', 'failed']) this.#seconds.zero({ result });
    this.#inflight = new Gauge({
      name: 'gateway_builds_inflight',
      help: 'Builds that go on now.',
      registers,
    });
  }

  /** Counts one build, whatever its end is. @param signal of its client */
  async during(build: () => Promise<BuildProgress>, signal: AbortSignal): Promise<BuildProgress> {
    const began = performance.now();
    this.#inflight.inc();
    try {
      const last = await build();
      const result = last.status === 'success' ? 'success' : 'failed';
      this.#total.inc({ result });
      this.#seconds.observe({ result }, (performance.now() - began) / 1000);
      return last;
    } catch (error) {
      const isRefused = error instanceof FaasError && error.status < 500;
      this.#total.inc({ result: signal.aborted ? 'left' : isRefused ? 'refused' : 'broke_off' });
      throw error;
    } finally {
      this.#inflight.dec();
    }
  }
}
