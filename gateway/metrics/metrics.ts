import { Counter, Histogram, Registry } from 'prom-client';
import { qualifiedName } from '../../contract/function-ref.ts';
import type { FunctionSnapshot } from '../functions/provider.ts';
import type { QueueView } from '../queue/call-queue.ts';
import { type AcceptDelta, AcceptTotals } from './accept-counters.ts';
import { BuildMetrics } from './build-metrics.ts';
import { ClusterMetrics, type ClusterRead } from './cluster-metrics.ts';
import type { InvocationDelta } from './invocation-counters.ts';
import { InvocationTotals } from './invocation-totals.ts';
import { invocationsText } from './invocations-text.ts';
import { registerProcessMetrics } from './process-metrics.ts';
import { QueueMetrics, type TickResult } from './queue-metrics.ts';
import {
  type GatewaysView,
  type HandledAlert,
  type Scaling,
  type ScalingLoad,
  ScalingMetrics,
} from './scaling-metrics.ts';
import { type WorkerFigures, WorkerMetrics } from './worker-metrics.ts';

/** One answered request of the control plane. `path` is the route's pattern, never the path itself. */
export interface ApiRequest {
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly seconds: number;
}

export interface MetricsOptions {
  /** Load of one replica of functions that say how they scale and not to what target. Default 50. */
  readonly defaultTarget?: number;
}

const DEFAULT_TARGET = 50;

/** Everything on the metrics page. Names and labels are an interface: alerts and dashboards are written against them. */
class GatewayMetrics {
  readonly #registry = new Registry();
  readonly #totals = new InvocationTotals();
  readonly #accepts = new AcceptTotals();
  readonly #queue = new QueueMetrics();
  /** As they were read last. */
  #functions: ReadonlySet<string> = new Set();
  /** Functions that the read before had. */
  #gone: ReadonlySet<string> = new Set();
  /** What happened to functions that no read has told of yet, and how many reads there were since. */
  readonly #early: { readonly key: string; readonly tell: () => void; readonly reads: number }[] = [];
  /** Where builds are counted. */
  readonly builds: BuildMetrics;
  readonly #workers: WorkerMetrics;
  readonly #scaling: ScalingMetrics;
  readonly #cluster: ClusterMetrics;
  readonly #apiTotal: Counter<'method' | 'path' | 'status'>;
  readonly #apiSeconds: Histogram<'method' | 'path' | 'status'>;

  constructor({ defaultTarget = DEFAULT_TARGET }: MetricsOptions) {
    const registers = [this.#registry];
    const labelNames = ['method', 'path', 'status'] as const;
    this.#apiTotal = new Counter({
      name: 'http_requests_total',
      help: 'Requests to the control plane.',
      labelNames,
      registers,
    });
    this.#apiSeconds = new Histogram({
      name: 'http_request_duration_seconds',
      help: 'Duration of requests to the control plane.',
      labelNames,
      registers,
    });
    registerProcessMetrics(this.#registry);
    this.builds = new BuildMetrics(this.#registry);
    this.#workers = new WorkerMetrics(this.#registry);
    this.#scaling = new ScalingMetrics(this.#registry, defaultTarget);
    this.#cluster = new ClusterMetrics(this.#registry);
  }

  /** What a worker has counted since it told last. @param worker its number, from 1 */
  add(worker: number, deltas: readonly InvocationDelta[], figures?: WorkerFigures): void {
    this.#totals.add(worker, deltas);
    if (figures !== undefined) this.#workers.set(worker, figures);
  }

  /** Calls to be run later that a worker was sent since it told last. */
  addAccepts(delta: AcceptDelta): void {
    this.#accepts.add(delta);
  }

  /** A worker has ended: what it had in flight is no more, what it had counted stays. */
  workerEnded(worker: number): void {
    this.#totals.dropWorker(worker);
    this.#workers.drop(worker);
  }

  /** A worker that had ended by itself was replaced. */
  workerReplaced(): void {
    this.#workers.restarted();
  }

  /** Tells what is deployed now, once for each read of the cluster: new functions get series at 0, removed ones lose theirs. */
  sync(snapshots: readonly FunctionSnapshot[]): void {
    const present = new Set(snapshots.map(({ ref }) => qualifiedName(ref)));
    this.#gone = new Set([...this.#functions].filter((key) => !present.has(key)));
    this.#functions = present;
    this.#totals.keepOnly(this.#functions);
    this.#scaling.sync(snapshots);
    this.#cluster.sync(snapshots);
    const early = this.#early.splice(0);
    for (const event of early) this.#tellOf(event.key, event.tell, event.reads + 1);
  }

  /** Counts what happened to a function. One that was just deployed has no series yet: then when a read has told of it. */
  #tellOf(key: string, tell: () => void, reads = 0): void {
    if (this.#functions.has(key)) tell();
    // A read may have begun before the deployment; what two of them do not have was removed.
    else if (reads < 2 && !this.#gone.has(key)) this.#early.push({ key, tell, reads });
  }

  /** Completed calls since the gateway began, by `name.namespace`. */
  completedCalls(): ReadonlyMap<string, number> {
    const calls = new Map<string, number>();
    for (const [key, { completed }] of this.#totals.entries()) {
      let sum = 0;
      for (const { count } of completed.values()) sum += count;
      calls.set(key, sum);
    }
    return calls;
  }

  /** Calls of each function, by `name.namespace`, since the gateway began and now. */
  loads(): Map<string, { readonly started: number; readonly inFlight: number }> {
    const loads = new Map<string, { readonly started: number; readonly inFlight: number }>();
    for (const [key, { started, inFlight }] of this.#totals.entries()) loads.set(key, { started, inFlight });
    return loads;
  }

  /** The cluster has accepted another replica count. */
  scaled(scaling: Scaling): void {
    this.#tellOf(qualifiedName(scaling.ref), () => this.#scaling.scaled(scaling));
  }

  /** One alert of a notification was dealt with. */
  alert(alert: HandledAlert): void {
    this.#scaling.alert(alert);
  }

  /** What the scaler has measured of a function, at each tick; undefined: nothing any more. @param key `name.namespace` */
  scalingLoad(key: string, load: ScalingLoad | undefined): void {
    this.#scaling.load(key, load);
  }

  /** The fewest replicas that a schedule asks for now; undefined: the label holds. @param key `name.namespace` */
  scheduledMinimum(key: string, minimum: number | undefined): void {
    this.#scaling.minimum(key, minimum);
  }

  /** Who scales is read from here whenever the page is asked for. Until this was called: this gateway, alone. */
  watchGateways(gateways: GatewaysView): void {
    this.#scaling.watchGateways(gateways);
  }

  /** All functions and replicas were read, or could not be. */
  clusterRead(read: ClusterRead): void {
    this.#cluster.read(read);
  }

  /** A call has woken a function that had no replicas. @param key `name.namespace` */
  coldStart(key: string): void {
    this.#tellOf(key, () => this.#cluster.coldStart(key));
  }

  /** Its first replica takes calls now. */
  coldStarted(key: string, seconds: number): void {
    this.#tellOf(key, () => this.#cluster.coldStarted(key, seconds));
  }

  /** What came of a moment at which a schedule says that a function is called. @param key `name.namespace` */
  scheduleTick(key: string, result: TickResult): void {
    this.#queue.tick(key, result);
  }

  /** What is in the queue, right before the page is asked for; undefined: nobody can tell. */
  queueView(view: QueueView | undefined): void {
    this.#queue.show(view);
  }

  apiRequest({ method, path, status, seconds }: ApiRequest): void {
    const labels = { method, path, status: String(status) };
    this.#apiTotal.inc(labels);
    this.#apiSeconds.observe(labels, seconds);
  }

  /** The page in Prometheus' text format. */
  async page(): Promise<string> {
    const keys = [...this.#totals.entries()].map(([key]) => key);
    const parts = [
      this.#scaling.text(),
      invocationsText(this.#totals),
      this.#accepts.text(keys),
      this.#queue.text(this.#functions),
    ];
    return `${await this.#registry.metrics()}\n${parts.join('')}`;
  }
}

/** One per process: a page of its own registry. */
export function createMetrics(options: MetricsOptions = {}): GatewayMetrics {
  return new GatewayMetrics(options);
}

export type { GatewayMetrics };
