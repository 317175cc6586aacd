import { Counter, Gauge, type Registry } from 'prom-client';

/** What a worker process tells of itself. */
export interface WorkerFigures {
  readonly residentBytes: number;
  /** Since it began. */
  readonly cpuSeconds: number;
  /** Longest time that its event loop was late in the last 15 s. */
  readonly lagSeconds: number;
  /** Open connections of clients, and to functions and the control plane. */
  readonly connections: number;
  readonly upstreamConnections: number;
  /** Connections of clients that were one too many, since it began. */
  readonly refusedConnections: number;
  /** What it holds for clients and functions that do not read, and of unfinished heads. */
  readonly heldBytes: number;
  /** Calls accepted and not finished, and how many of them wait for a first replica. */
  readonly inFlight: number;
  readonly waiting: number;
  /** Where calls are traced: spans that the collector took since the worker began, and spans that were lost. */
  readonly spans?: { readonly exported: number; readonly dropped: number };
}

/** The worker processes' own figures, by the number of their place: a worker that replaces another has its number. */
export class WorkerMetrics {
  readonly #figures = new Map<number, WorkerFigures>();
  readonly #restarts: Counter;

  constructor(registry: Registry) {
    const registers = [registry];
    const labelNames = ['worker'] as const;
    const figures = this.#figures;
    this.#restarts = new Counter({
      name: 'gateway_worker_restarts_total',
      help: 'Worker processes that ended by themselves and were replaced.',
      registers,
    });
    new Counter({
      name: 'gateway_worker_cpu_seconds_total',
      help: 'User and system CPU time a worker process has spent.',
      labelNames,
      registers,
      collect() {
        this.reset();
        for (const [worker, { cpuSeconds }] of figures) this.inc({ worker }, cpuSeconds);
      },
    });
    const gauge = (name: string, help: string, read: (of: WorkerFigures) => number): void => {
      new Gauge({
        name: `gateway_worker_${name}`,
        help,
        labelNames,
        registers,
        collect() {
          this.reset();
          for (const [worker, of] of figures) this.set({ worker }, read(of));
        },
      });
    };
    new Counter({
      name: 'gateway_worker_connections_refused_total',
      help: 'Connections of clients beyond max_connections.',
      labelNames,
      registers,
      collect() {
        this.reset();
        for (const [worker, { refusedConnections }] of figures) this.inc({ worker }, refusedConnections);
      },
    });
    for (const fate of ['exported', 'dropped'] as const) {
      new Counter({
        name: `gateway_spans_${fate}_total`,
        help: `Spans of traced calls that were ${fate}.`,
        labelNames,
        registers,
        collect() {
          this.reset();
          for (const [worker, { spans }] of figures)
            if (spans !== undefined) this.inc({ worker }, spans[fate]);
        },
      });
    }
    gauge('resident_memory_bytes', 'Resident memory of a worker process.', (of) => of.residentBytes);
    gauge(
      'event_loop_lag_seconds',
      'Longest time a worker was busy with one thing, of late.',
      (of) => of.lagSeconds,
    );
    gauge('connections', 'Open connections of clients.', (of) => of.connections);
    gauge(
      'upstream_connections',
      'Open connections to functions and the control plane.',
      (of) => of.upstreamConnections,
    );
    gauge('held_bytes', 'Bytes held for others that do not read.', (of) => of.heldBytes);
    gauge('inflight', 'Calls a worker has accepted and not finished.', (of) => of.inFlight);
    gauge('waiting', 'Calls in a worker that wait for a first replica.', (of) => of.waiting);
  }

  set(worker: number, figures: WorkerFigures): void {
    this.#figures.set(worker, figures);
  }

  /** The process has ended. */
  drop(worker: number): void {
    this.#figures.delete(worker);
  }

  restarted(): void {
    this.#restarts.inc();
  }
}
