import { randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { qualifiedName } from '../contract/function-ref.ts';
import { VERSION } from '../contract/version.ts';
import { type BuildKeys, NO_BUILD_KEYS } from './build/build-keys.ts';
import type { ImageBuilder } from './build/image-builder.ts';
import type { GatewayConfig } from './config.ts';
import { createControlPlane } from './control-plane/app.ts';
import type { Credentials } from './control-plane/credentials.ts';
import { createHealthChecks } from './control-plane/health/health-checks.ts';
import { lookAtPrometheus } from './control-plane/health/look-at-prometheus.ts';
import { listenOnSocket } from './control-plane/server.ts';
import { createCountsFile, openCountsFile } from './data-plane/limits/shared-counts.ts';
import type { RolloutWatchOptions } from './data-plane/rollout-watch.ts';
import { TableKeeper } from './data-plane/table-keeper.ts';
import { FaasError } from './errors.ts';
import type { LogSource } from './functions/log-source.ts';
import type { NamespaceStore } from './functions/namespace-store.ts';
import { inNamespaces, Namespaces } from './functions/namespaces.ts';
import { notifying } from './functions/notifying-provider.ts';
import type { FunctionSnapshot, Provider } from './functions/provider.ts';
import type { SecretStore } from './functions/secret-store.ts';
import { tidying } from './functions/tidying-provider.ts';
import { withKnowledge } from './functions/with-knowledge.ts';
import type { Logger } from './log.ts';
import { createMetrics } from './metrics/metrics.ts';
import { prometheusCounts, prometheusUsage } from './metrics/prometheus-query.ts';
import { ReplicaMetrics } from './metrics/replica-metrics.ts';
import { startMetricsServer } from './metrics/server.ts';
import { lookAtNats } from './nats/look-at-nats.ts';
import { NatsGateways } from './nats/nats-gateways.ts';
import { NatsLink } from './nats/nats-link.ts';
import { openJetStreamQueue } from './nats/queue/jetstream-queue.ts';
import type { GatewayQueue } from './queue/gateway-queue.ts';
import { queueLimitsOf } from './queue-limits-of.ts';
import { describeGateways } from './scaling/gateways.ts';
import { oneGateway } from './scaling/one-gateway.ts';
import { createBuilds } from './start-builds.ts';
import { createScaling, type ScalingLoop } from './start-scaling.ts';
import { createSchedules } from './start-schedules.ts';
import { lastCallAfterMs } from './workers/last-call.ts';
import { controlSocketIn, createOwnFolder } from './workers/own-folder.ts';
import { OwnWorker } from './workers/own-worker.ts';
import { WorkerPool, type WorkerPoolOptions } from './workers/worker-pool.ts';
import { giveToWorkers } from './workers/worker-user.ts';
import type { Workers } from './workers/workers.ts';

/** Every function's watchdog listens here. */
const FUNCTION_PORT = 8080;

/** Lists do not wait each time for a Prometheus that does not answer. */
const PROMETHEUS_REST_MS = 5000;

/** The metrics page waits for NATS no longer than Prometheus waits for the page. */
const QUEUE_LOOK_MS = 1000;

export interface GatewayParts {
  readonly config: GatewayConfig;
  /** Address to listen on. Default: every one. */
  readonly host?: string;
  /** Names and addresses that clients may call it by, without a port; absent: any. */
  readonly hosts?: readonly string[];
  /** The public port, which nobody else has. */
  readonly port: number;
  readonly logger: Logger;
  readonly credentials: Credentials | 'open';
  readonly cluster: Provider;
  readonly secrets: SecretStore;
  readonly namespaces: NamespaceStore;
  readonly builder: ImageBuilder;
  /** Default: none, so that builds are taken with basic auth alone. */
  readonly buildKeys?: BuildKeys;
  readonly logSource: LogSource;
  /** The address on which the metrics are served; undefined: every one. */
  readonly metricsHost: () => Promise<string | undefined>;
  /** Starts a worker process; `own`: this process serves clients itself. */
  readonly workerCommand: readonly string[] | 'own';
  /** Port of every function's watchdog. Default 8080. */
  readonly functionPort?: number;
  /** Of asynchronous calls. Default: in NATS, where that is configured; otherwise there is none. It is stopped with the gateway. */
  readonly queue?: GatewayQueue;
  /** Default true. False: calls are counted from the gateway's start on, and nobody knows what functions use. */
  readonly hasPrometheus?: boolean;
  /** Workers end as soon as they begin. */
  readonly onHopeless: (reason: Error) => void;
}

export interface Gateway {
  readonly metricsPort: number;
  /**
   * Finishes what is in flight, within `write_timeout`. May be called at any time and more than once.
   * @returns `lost`: asynchronous calls and callbacks that waited, and that nobody will ever run
   */
  stop(): Promise<StopReport>;
}

export interface StopReport {
  readonly cutOff: number;
  readonly lost: number;
}

/** Puts the control process together and starts its workers. @throws {Error} when the gateway cannot serve */
export async function startGateway(parts: GatewayParts): Promise<Gateway> {
  const { config, logger, secrets, functionPort = FUNCTION_PORT, buildKeys = NO_BUILD_KEYS } = parts;
  const { hasPrometheus = true } = parts;
  const metrics = createMetrics({ defaultTarget: config.defaultTarget });
  const replicaMetrics = new ReplicaMetrics();
  let isStopping = false;
  let lastRead: Date | undefined;
  const stopping = new AbortController();
  const endBuilds = new AbortController();

  const folder = createOwnFolder();
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  const controlSocket = controlSocketIn(folder);
  const countsFile = join(folder, 'counts');
  createCountsFile(countsFile, config.gatewayWorkers);
  const counts = openCountsFile(countsFile, { workers: config.gatewayWorkers, worker: 0 });

  const workerOptions: Omit<WorkerPoolOptions, 'command'> = {
    count: config.gatewayWorkers,
    task: () => ({
      config,
      host: parts.host ?? '0.0.0.0',
      hosts: parts.hosts,
      port: parts.port,
      controlSocket,
      countsFile,
      keepsRights,
      functionPort,
      version: VERSION.release,
    }),
    table: () => keeper.whole(),
    wake: (key) => scaling.wake(key),
    onNudge: () => keeper.nudge(),
    onUnreachable: (replica) => keeper.unreachable(replica),
    onReport: (worker, deltas, figures) => metrics.add(worker, deltas, figures),
    onAccepts: (delta) => metrics.addAccepts(delta),
    onGone: (worker) => {
      counts.clearWorker(worker - 1);
      metrics.workerEnded(worker);
    },
    onReplaced: () => metrics.workerReplaced(),
    onHopeless: parts.onHopeless,
    logger,
  };
  const { workerCommand: command } = parts;
  const inMemory = parts.queue?.kind === 'memory' ? parts.queue : undefined;
  if (inMemory !== undefined && command !== 'own')
    throw new Error(
      'a queue in memory is of one process: workers that are processes of their own cannot reach it',
    );
  // First of all: they load while the cluster is read.
  const workers: Workers =
    command === 'own'
      ? new OwnWorker({ ...workerOptions, intake: inMemory?.intake })
      : new WorkerPool({ ...workerOptions, command });

  const swarm = withKnowledge(
    parts.cluster,
    {
      isThere: (ref) => keeper.knowledge.isThere(ref),
      rolloutOf: (ref) => keeper.knowledge.rolloutOf(ref),
      provenId: (ref) => keeper.knowledge.provenId(ref),
    },
    config.functionNamespace,
  );
  // What a caller was told is deployed can be called: every worker knows of it before the answer goes out.
  const called = notifying(swarm, config.functionNamespace, async (ref) => {
    await keeper.refresh(ref);
    await workers.sync();
  });
  const namespaces = new Namespaces({
    store: parts.namespaces,
    secrets,
    provider: called,
    defaultNamespace: config.functionNamespace,
  });
  const provider = tidying(inNamespaces(called, namespaces), () => {
    secrets.removeUnused().catch((error: Error) => {
      logger.warn('replaced versions of secrets are still there', { reason: error.message });
    });
  });
  const gatewayId = `${hostname().slice(0, 64)}-${randomUUID().slice(0, 8)}`;
  const natsAddress = { host: config.natsHost, port: config.natsPort };
  const prometheusUrl = `http://${config.prometheusHost}:${config.prometheusPort}`;

  const keeper: TableKeeper = new TableKeeper({
    snapshot: async (): Promise<FunctionSnapshot[]> => {
      const snapshots = await timed(
        () => provider.snapshot(),
        (isOk, seconds) => metrics.clusterRead({ isOk, seconds }),
      );
      lastRead = new Date();
      metrics.sync(snapshots);
      replicaMetrics.sync(snapshots);
      return snapshots;
    },
    look: (ref) => provider.look(ref),
    onTableHealth: (error) =>
      error === undefined
        ? logger.info('the cluster can be read again')
        : logger.error('the cluster cannot be read: the last known functions are served', { error }),
    functionPort,
    connectTimeoutMs: config.connectTimeoutMs,
    defaultNamespace: config.functionNamespace,
    counts,
    replicaMaxInflight: config.replicaMaxInflight,
    onLimitProblem: (key, why) => logger.warn('a limit of a function cannot be kept', { function: key, why }),
    rollouts: { timeoutMs: config.rolloutTimeoutMs, revert: revertRollout(provider, logger) },
    onChanges: (changes) => {
      workers.tell(changes);
      scaling.observe(changes);
    },
  });
  const nats = config.natsHost === '' ? undefined : new NatsLink({ ...natsAddress, name: gatewayId, logger });
  const gateways =
    nats === undefined
      ? oneGateway()
      : new NatsGateways({ link: nats, cluster: config.clusterName, id: gatewayId, logger });
  const queue =
    parts.queue ??
    (nats &&
      openJetStreamQueue({
        ...natsAddress,
        name: `${gatewayId}-queue`,
        cluster: config.clusterName,
        limits: queueLimitsOf(config),
        isDeployed: (ref) => keeper.knowledge.isThere(ref),
        logger,
      }));
  const schedules =
    queue &&
    createSchedules({
      queue,
      isEnabled: config.schedules,
      id: gatewayId,
      keeper,
      onTick: (key, result) => metrics.scheduleTick(key, result),
      logger,
    });
  const scaling: ScalingLoop = createScaling({
    config,
    provider,
    keeper,
    metrics,
    count: () => workers.count(),
    gateways,
    backlogs: queue?.load,
    prometheusUrl,
    logger,
  });

  const metricsPage = async (): Promise<string> => {
    const [view] = await Promise.all([queue?.load.lookWithin(QUEUE_LOOK_MS), workers.count()]);
    metrics.queueView(view);
    return metrics.page();
  };
  const controlPlane = createControlPlane({
    metricsPage,
    provider: { ...provider, scale: scaling.scale },
    secrets,
    namespaces,
    credentials: parts.credentials,
    counts: hasPrometheus
      ? prometheusCounts({ url: prometheusUrl, restMs: PROMETHEUS_REST_MS })
      : {
          read: async () => {
            await workers.count();
            return metrics.completedCalls();
          },
        },
    usage: hasPrometheus
      ? prometheusUsage({ url: prometheusUrl, restMs: PROMETHEUS_REST_MS })
      : { read: async () => new Map() },
    alerts: scaling.alerts,
    builds: createBuilds({
      config,
      builder: parts.builder,
      keys: buildKeys,
      provider,
      metrics: metrics.builds,
      stopping: endBuilds.signal,
    }),
    logSource: parts.logSource,
    onRequest: (request) => metrics.apiRequest(request),
    logger,
    version: VERSION,
    defaultNamespace: config.functionNamespace,
    isHealthy: () => !isStopping,
    health: createHealthChecks({
      needed: {
        ...(provider.pingEngine && { engine: provider.pingEngine }),
        [provider.kind]: () => provider.ping(),
      },
      wanted: {
        workers: () => workers.look(),
        nats: async (signal) => {
          const queued = queue === undefined ? 'not configured' : await queue.look(signal);
          if (nats === undefined) return queued;
          return `${await lookAtNats(natsAddress, signal)}; ${describeGateways(gateways)}; ${queued}`;
        },
        queue_workers: async (signal) =>
          queue === undefined ? 'not configured' : queue.lookAtWorkers(signal),
        prometheus: async (signal) =>
          hasPrometheus ? lookAtPrometheus(prometheusUrl, signal) : 'not configured',
      },
      lastRead: () => lastRead,
      version: VERSION,
    }),
    calls: queue?.book,
    stopping: stopping.signal,
  });
  const controlServer = await listenOnSocket(controlPlane.callback(), controlSocket);
  const keepsRights = command === 'own' || !canWorkersHave(controlSocket, logger);

  const unwatch = provider.watch(() => keeper.nudge());
  const metricsHost = await parts.metricsHost();
  const metricsServer = await startMetricsServer({
    ...(metricsHost !== undefined && { host: metricsHost }),
    port: config.metricsPort,
    page: metricsPage,
    isHealthy: () => !isStopping && workers.isServing,
    replicas: replicaMetrics,
  });
  await keeper.start();
  await workers.begin();
  scaling.start();
  nats?.start();
  schedules?.start();

  const stop = async (): Promise<StopReport> => {
    isStopping = true;
    stopping.abort();
    // Another one takes over now, and hears of the calls that are finished here until they are.
    void scaling.resign();
    const drainTimes = { servesOnMs: config.shutdownDelayMs, withinMs: config.writeTimeoutMs };
    const lastCall = setTimeout(
      () =>
        endBuilds.abort(new FaasError('shutting_down', 'the gateway is being stopped: send the build again')),
      lastCallAfterMs(drainTimes),
    );
    const [cutOff] = await Promise.all([workers.drain(drainTimes), queue?.drain(config.writeTimeoutMs)]);
    clearTimeout(lastCall);
    scaling.stop();
    keeper.stop();
    unwatch();
    // Calls of schedules are made as long as this one may be the last.
    await Promise.race([schedules?.stop(), sleep(1000)]);
    const left = await Promise.race([queue?.stop(), sleep(1000)]);
    await Promise.race([gateways.stop(), sleep(1000)]);
    await Promise.race([nats?.stop(), sleep(1000)]);
    await Promise.race([controlServer.close(1000), sleep(2000)]);
    await Promise.race([metricsServer.close(), sleep(1000)]);
    return { cutOff, lost: left?.lost ?? 0 };
  };
  let stopped: Promise<StopReport> | undefined;
  return {
    metricsPort: metricsServer.port,
    stop: () => {
      stopped ??= stop();
      return stopped;
    },
  };
}

/** @param onEnd told whether it succeeded, and how long it took */
async function timed<T>(work: () => Promise<T>, onEnd: (isOk: boolean, seconds: number) => void): Promise<T> {
  const began = performance.now();
  let isOk = false;
  try {
    const result = await work();
    isOk = true;
    return result;
  } finally {
    onEnd(isOk, (performance.now() - began) / 1000);
  }
}

function canWorkersHave(path: string, logger: Logger): boolean {
  try {
    giveToWorkers(path);
    return true;
  } catch (error) {
    logger.warn('workers keep the rights of the gateway: it may not change owners', { error });
    return false;
  }
}

/** Takes a version back that never answered; resolves with why that could not be. */
function revertRollout(provider: Provider, logger: Logger): RolloutWatchOptions['revert'] {
  return async (ref, why) => {
    const about = { function: qualifiedName(ref), reason: why.error };
    try {
      if (await provider.revert(ref, why)) logger.warn('a new version was taken back', about);
    } catch (error) {
      logger.error('a new version could not be taken back', { ...about, error });
      return (error as Error).message;
    }
    return undefined;
  };
}
