import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { listen } from '../http1/listener.ts';
import type { Listener } from '../http1/types.ts';
import { ContainerUsage } from './container-usage.ts';

const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE']);
/** Who asks for metrics: a Prometheus or two, a gateway. Others must not use up the descriptors that calls need. */
const MOST_CONNECTIONS = 32;
const IDLE_TIMEOUT_MS = 30_000;
const BUCKETS_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** What the watchdog counts, by the names the contract gives. */
export class WatchdogMetrics {
  readonly #registry = new Registry();
  readonly #requests = new Counter({
    name: 'http_requests_total',
    help: 'Total number of HTTP requests',
    labelNames: ['code', 'method'],
    registers: [this.#registry],
  });
  readonly #durations = new Histogram({
    name: 'http_request_duration_seconds',
    help: 'Time spent on HTTP requests',
    labelNames: ['code', 'method'],
    buckets: BUCKETS_SECONDS,
    registers: [this.#registry],
  });
  readonly #inFlight = new Gauge({
    name: 'http_requests_in_flight',
    help: 'Number of HTTP requests in-flight',
    registers: [this.#registry],
  });

  /** @param functionName `name.namespace`; undefined where nobody said which function this is: the series go without */
  constructor(functionName?: string) {
    const registers = [this.#registry];
    this.#registerContainer(functionName);
    new Gauge({
      name: 'process_resident_memory_bytes',
      help: 'Resident memory size in bytes',
      registers,
      collect() {
        this.set(process.memoryUsage.rss());
      },
    });
    new Gauge({
      name: 'process_start_time_seconds',
      help: 'Start time of the process since the Unix epoch',
      registers,
    }).set(Math.round(performance.timeOrigin / 1000));
  }

  /** Read when the page is asked for: a request costs nothing. What can not be read has no series. */
  #registerContainer(functionName: string | undefined): void {
    const registers = [this.#registry];
    const labelNames = ['function_name', 'namespace'] as const;
    const labels =
      functionName === undefined
        ? {}
        : { function_name: functionName, namespace: functionName.slice(functionName.indexOf('.') + 1) };
    const usage = new ContainerUsage();
    new Counter({
      name: 'pod_cpu_usage_seconds_total',
      help: 'CPU time used by the container',
      labelNames,
      registers,
      async collect() {
        const seconds = await usage.cpuSeconds();
        this.reset();
        if (seconds !== undefined) this.inc(labels, seconds);
      },
    });
    new Gauge({
      name: 'pod_memory_working_set_bytes',
      help: 'Memory of the container without inactive file pages',
      labelNames,
      registers,
      async collect() {
        const bytes = await usage.workingSetBytes();
        this.reset();
        if (bytes !== undefined) this.set(labels, bytes);
      },
    });
  }

  /** Processes started ahead (`prefork`), read when the page is asked for. */
  showPool(pool: { readonly waiting: number; readonly starting: number }): void {
    new Gauge({
      name: 'watchdog_prefork_processes',
      help: 'Processes started ahead of a request',
      labelNames: ['state'],
      registers: [this.#registry],
      collect() {
        this.set({ state: 'waiting' }, pool.waiting);
        this.set({ state: 'starting' }, pool.starting);
      },
    });
  }

  requestStarted(): void {
    this.#inFlight.inc();
  }

  requestFinished(method: string, status: number, seconds: number): void {
    this.#inFlight.dec();
    const labels = { code: status, method: METHODS.has(method) ? method.toLowerCase() : 'unknown' };
    this.#requests.inc(labels);
    this.#durations.observe(labels, seconds);
  }

  /** Serves `/metrics` on a port of its own; without `hostname`, at every address. @throws when the port is taken */
  listen(port: number, hostname?: string): Listener {
    return listen({
      ...(hostname !== undefined && { hostname }),
      port,
      limits: {
        connections: MOST_CONNECTIONS,
        headTimeoutMs: 500,
        bodyTimeoutMs: 500,
        idleTimeoutMs: IDLE_TIMEOUT_MS,
      },
      onExchange: (exchange) => {
        if (exchange.request.target.split('?')[0] !== '/metrics') {
          exchange.respond(
            { status: 404, headers: ['Content-Type', 'text/plain'] },
            'metrics are at /metrics\n',
          );
          return;
        }
        this.#registry.metrics().then(
          (page) =>
            exchange.respond({ status: 200, headers: ['Content-Type', this.#registry.contentType] }, page),
          (error: Error) => exchange.respond({ status: 500, headers: [] }, `${error.message}\n`),
        );
      },
    });
  }
}
