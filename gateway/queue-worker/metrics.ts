import { Counter, Gauge, Registry } from 'prom-client';
import { registerProcessMetrics } from '../metrics/process-metrics.ts';

/** What became of an attempt. */
export type AttemptOutcome = 'succeeded' | 'failed' | 'retried' | 'chained' | 'dead' | 'cancelled' | 'lost';

/** A worker's figures, under the names that dashboards for such workers know. */
export class WorkerMetrics {
  readonly #registry = new Registry();
  readonly #queue: string;
  readonly #host: string;
  readonly #pending: Gauge;
  readonly #inflight: Gauge;
  readonly #processed: Counter;
  readonly #submitted: Gauge;
  readonly #attempts: Counter;
  readonly #callbacks: Counter;
  readonly #reconnects: Counter;
  #connections = 0;

  constructor({ queue, host }: { readonly queue: string; readonly host: string }) {
    this.#queue = queue;
    this.#host = host;
    const registers = [this.#registry];
    const byFunction = ['queue_name', 'function_name'];
    // The name of a label that dashboards ask for; it holds the container's.
    const byWorker = ['queue_name', 'kubernetes_pod_name'];
    this.#pending = new Gauge({
      name: 'queue_worker_pending_messages',
      help: 'Calls that wait for a worker.',
      labelNames: byFunction,
      registers,
    });
    this.#inflight = new Gauge({
      name: 'queue_worker_function_invocation_inflight',
      help: 'Calls that this worker runs.',
      labelNames: byFunction,
      registers,
    });
    this.#processed = new Counter({
      name: 'queue_worker_messages_processed_total',
      help: 'Messages of the queue that this worker is done with.',
      labelNames: byWorker,
      registers,
    });
    this.#submitted = new Gauge({
      name: 'queue_worker_messages_submitted_total',
      help: 'Messages of the queue that this worker was given.',
      labelNames: byWorker,
      registers,
    });
    this.#attempts = new Counter({
      name: 'queue_worker_attempts_total',
      help: 'Attempts that are over, by what became of the call.',
      labelNames: [...byFunction, 'outcome'],
      registers,
    });
    this.#callbacks = new Counter({
      name: 'queue_worker_callbacks_total',
      help: 'Results that were posted to their address, by what became of it.',
      labelNames: ['queue_name', 'outcome'],
      registers,
    });
    this.#reconnects = new Counter({
      name: 'queue_worker_nats_reconnect_total',
      help: 'Connections to NATS after the first one.',
      registers,
    });
    registerProcessMetrics(this.#registry);
  }

  page(): Promise<string> {
    return this.#registry.metrics();
  }

  connected(): void {
    if (this.#connections++ > 0) this.#reconnects.inc();
  }

  /** @param pending by function, of all that have ever had a call */
  waiting(pending: ReadonlyMap<string, number>): void {
    this.#pending.reset();
    for (const [name, count] of pending) {
      this.#pending.set({ queue_name: this.#queue, function_name: name }, count);
    }
  }

  inflight(name: string, count: number): void {
    this.#inflight.set({ queue_name: this.#queue, function_name: name }, count);
  }

  submitted(): void {
    this.#submitted.inc({ queue_name: this.#queue, kubernetes_pod_name: this.#host });
  }

  processed(): void {
    this.#processed.inc({ queue_name: this.#queue, kubernetes_pod_name: this.#host });
  }

  /** @param outcome `put_off`: it was not posted, for its host has too many already */
  callbackEnded(outcome: 'delivered' | 'retried' | 'failed' | 'put_off'): void {
    this.#callbacks.inc({ queue_name: this.#queue, outcome });
  }

  attemptEnded(name: string, outcome: AttemptOutcome): void {
    this.#attempts.inc({ queue_name: this.#queue, function_name: name, outcome });
  }
}
