import { qualifiedName } from '../contract/function-ref.ts';
import type { GatewayConfig } from './config.ts';
import type { TableChanges } from './data-plane/table-changes.ts';
import type { TableKeeper } from './data-plane/table-keeper.ts';
import type { Provider } from './functions/provider.ts';
import type { Logger } from './log.ts';
import type { GatewayMetrics } from './metrics/metrics.ts';
import { prometheusQuery } from './metrics/prometheus-query.ts';
import { AlertScaler } from './scaling/alerts.ts';
import { ReplicaScaler } from './scaling/apply.ts';
import { Autoscaler } from './scaling/autoscaler.ts';
import { ColdStarts } from './scaling/cold-starts.ts';
import type { Gateways, SharedAlerts } from './scaling/gateways.ts';
import { PrometheusLoads } from './scaling/prometheus-loads.ts';
import { QueueLoads } from './scaling/queue-loads.ts';
import { createWaker } from './scaling/wake-function.ts';

/** For a read and a write of the cluster, behind others of the same function: then who asked is told that it took too long. */
const LONGEST_CHANGE_MS = 40_000;

export interface ScalingParts {
  readonly config: GatewayConfig;
  readonly provider: Provider;
  readonly keeper: Pick<TableKeeper, 'find' | 'entries' | 'knowledge'>;
  readonly metrics: GatewayMetrics;
  /** Has this gateway's calls counted anew; false: not all of it could be. */
  readonly count: () => Promise<boolean>;
  readonly gateways: Gateways & SharedAlerts;
  /** What is in the queue; undefined: there is none. */
  readonly backlogs?: { loads(): Promise<ReadonlyMap<string, number>> } | undefined;
  readonly prometheusUrl: string;
  readonly logger: Logger;
}

/** Everything that changes replica counts. */
export interface ScalingLoop {
  readonly alerts: AlertScaler;
  /** Gives a function its first replicas. @param key `name.namespace` */
  wake(key: string): Promise<void>;
  /** Somebody's own count, whatever else decides: in turn with the others. */
  readonly scale: Provider['scale'];
  /** The table has changed. */
  observe(changes: TableChanges): void;
  start(): void;
  /** Leaves scaling to others; goes on telling them of the calls that are here. */
  resign(): Promise<void>;
  stop(): void;
}

export function createScaling(parts: ScalingParts): ScalingLoop {
  const { config, provider, keeper, metrics, logger, gateways } = parts;
  const scaler = new ReplicaScaler({ provider, logger, onScaled: (scaling) => metrics.scaled(scaling) });
  const alerts = new AlertScaler({
    scaler,
    logger,
    defaultNamespace: config.functionNamespace,
    known: (ref) => {
      const isThere = keeper.knowledge.isThere(ref);
      if (isThere === undefined) return 'not_read';
      return keeper.find(qualifiedName(ref))?.labels ?? 'no_such_function';
    },
    onHandled: (handled) => metrics.alert(handled),
    onNews: (news) => gateways.share(news),
  });
  gateways.onShared((news) => alerts.heard(news));
  const coldStarts = new ColdStarts({
    onBegun: (key) => metrics.coldStart(key),
    onReady: (key, seconds) => metrics.coldStarted(key, seconds),
  });
  const wake = createWaker({
    scaler,
    refOf: (key) => keeper.find(key)?.ref,
    onWoken: (key, askedAt) => coldStarts.begun(key, askedAt),
  });
  const prometheus = new PrometheusLoads({ query: prometheusQuery({ url: parts.prometheusUrl }), logger });
  const { backlogs } = parts;
  const queue = backlogs && new QueueLoads({ read: () => backlogs.loads(), logger });
  const autoscaler = new Autoscaler({
    functions: () => keeper.entries(),
    count: parts.count,
    loads: () => metrics.loads(),
    gateways,
    prometheus,
    queue,
    scaler,
    settings: { defaultTarget: config.defaultTarget, maintainMinReplicas: config.maintainMinReplicas },
    alertedMs: (key) => alerts.firedMs(key),
    logger,
    onLoad: (key, load) => metrics.scalingLoad(key, load),
    onMinimum: (key, minimum) => metrics.scheduledMinimum(key, minimum),
  });
  metrics.watchGateways(gateways);
  return {
    alerts,
    wake,
    scale: async (ref, desired) =>
      void (await scaler.change(ref, {
        cause: 'manual',
        limit: AbortSignal.timeout(LONGEST_CHANGE_MS),
        decide: () => desired,
      })),
    observe: ({ changed, removed }) => {
      for (const key of removed) coldStarts.gone(key);
      for (const { ref, replicas } of changed)
        coldStarts.observe(
          qualifiedName(ref),
          replicas.some(({ isReady }) => isReady),
        );
    },
    start: () => {
      if (!config.autoscaler) void autoscaler.resign();
      autoscaler.start();
    },
    resign: () => autoscaler.resign(),
    stop: () => {
      autoscaler.stop();
      prometheus.stop();
      queue?.stop();
    },
  };
}
