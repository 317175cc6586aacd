import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { qualifiedName } from '../contract/function-ref.ts';
import { VERSION } from '../contract/version.ts';
import { listen } from '../http1/listener.ts';
import { createPool } from '../http1/pool.ts';
import { runBuild } from './build/run-build.ts';
import { type GatewayConfig, loadConfig } from './config.ts';
import { createControlPlane } from './control-plane/app.ts';
import { loadCredentials } from './control-plane/credentials.ts';
import { createHealthChecks } from './control-plane/health/health-checks.ts';
import { lookAtNats } from './control-plane/health/look-at-nats.ts';
import { lookAtPrometheus } from './control-plane/health/look-at-prometheus.ts';
import { listenOnSocket } from './control-plane/server.ts';
import { createDataPlane } from './data-plane/data-plane.ts';
import type { InvocationRecord } from './data-plane/invoke.ts';
import type { RolloutWatchOptions } from './data-plane/rollout-watch.ts';
import { inNamespaces, Namespaces } from './functions/namespaces.ts';
import { notifying } from './functions/notifying-provider.ts';
import type { FunctionSnapshot, Provider } from './functions/provider.ts';
import { tidying } from './functions/tidying-provider.ts';
import { withKnowledge } from './functions/with-knowledge.ts';
import { createLogger, type Logger } from './log.ts';
import { createMetrics } from './metrics/metrics.ts';
import { prometheusCounts, prometheusUsage } from './metrics/prometheus-query.ts';
import { ReplicaMetrics } from './metrics/replica-metrics.ts';
import { startMetricsServer } from './metrics/server.ts';
import { wakeFunction } from './scaling/wake-function.ts';
import { connectEngine } from './swarm/connect-engine.ts';
import { createEngineImageBuilder } from './swarm/engine-image-builder.ts';
import { ownAddress } from './swarm/own-address.ts';
import { createSwarmLogs } from './swarm/swarm-logs.ts';
import { createSwarmNamespaces } from './swarm/swarm-namespaces.ts';
import { createSwarmProvider } from './swarm/swarm-provider.ts';
import { createSwarmSecrets } from './swarm/swarm-secrets.ts';

/** Every function's watchdog listens here. */
const FUNCTION_PORT = 8080;
/** How long before the end of a drain those who wait for a replica are let go. */
const LAST_CALL_MS = 1000;

async function main(): Promise<void> {
  const logger = createLogger();
  const config = loadConfig(process.env);
  const credentials = config.basicAuth ? await loadCredentials(config.secretMountPath) : 'open';
  const docker = connectEngine(process.env);
  const cluster = createSwarmProvider({
    docker,
    functionsNetwork: config.functionsNetwork,
    defaultNamespace: config.functionNamespace,
    version: VERSION,
  });
  const swarm = withKnowledge(
    cluster,
    {
      isThere: (ref) => dataPlane.knowledge.isThere(ref),
      rolloutOf: (ref) => dataPlane.knowledge.rolloutOf(ref),
      provenId: (ref) => dataPlane.knowledge.provenId(ref),
    },
    config.functionNamespace,
  );
  // What a caller was told is deployed can be called: the table is read before the answer goes out.
  const called = notifying(swarm, config.functionNamespace, (ref) => dataPlane.refresh(ref));
  const secrets = createSwarmSecrets({ docker, defaultNamespace: config.functionNamespace });
  const namespaces = new Namespaces({
    store: createSwarmNamespaces({ docker }),
    secrets,
    provider: called,
    defaultNamespace: config.functionNamespace,
  });
  const provider = tidying(inNamespaces(called, namespaces), () => {
    secrets.removeUnused().catch((error: Error) => {
      logger.warn('replaced versions of secrets are still there', { reason: error.message });
    });
  });
  const builder = createEngineImageBuilder({ docker });
  const metrics = createMetrics();
  const replicaMetrics = new ReplicaMetrics();
  const pool = createPool();
  const prometheusUrl = `http://${config.prometheusHost}:${config.prometheusPort}`;
  let isStopping = false;
  let lastRead: Date | undefined;
  const stopping = new AbortController();

  // A folder of its own, mode 0700: nobody else on the machine can reach the socket in it.
  const controlSocket = join(mkdtempSync(join(tmpdir(), 'skep-gateway-')), 'control.sock');
  const controlPlane = createControlPlane({
    provider,
    secrets,
    namespaces,
    credentials,
    counts: prometheusCounts({ url: prometheusUrl }),
    usage: prometheusUsage({ url: prometheusUrl }),
    runBuild: (tar, options) =>
      runBuild(tar, {
        ...options,
        builder,
        provider,
        limits: { bytes: config.buildLimitBytes },
        timeoutMs: config.buildTimeoutMs,
      }),
    logSource: createSwarmLogs({ docker, defaultNamespace: config.functionNamespace }),
    onRequest: (request) => metrics.apiRequest(request),
    logger,
    version: VERSION,
    defaultNamespace: config.functionNamespace,
    isHealthy: () => !isStopping,
    health: createHealthChecks({
      needed: { engine: () => provider.pingEngine(), swarm: () => provider.ping() },
      wanted: {
        nats: async (signal) =>
          config.natsHost === ''
            ? 'not configured'
            : lookAtNats({ host: config.natsHost, port: config.natsPort }, signal),
        prometheus: (signal) => lookAtPrometheus(prometheusUrl, signal),
      },
      lastRead: () => lastRead,
      version: VERSION,
    }),
    stopping: stopping.signal,
  });
  const controlServer = await listenOnSocket(controlPlane.callback(), controlSocket);

  const dataPlane = createDataPlane({
    pool,
    recorder: metrics,
    onRecord: accessLog(config, logger),
    snapshot: async (): Promise<FunctionSnapshot[]> => {
      const snapshots = await provider.snapshot();
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
    scaleUp: (entry) => wakeFunction(provider, entry.ref),
    controlSocket,
    functionPort: FUNCTION_PORT,
    defaultNamespace: config.functionNamespace,
    upstreamTimeoutMs: config.upstreamTimeoutMs,
    maxInflight: config.maxInflight,
    coldStart: {
      capacity: config.coldStartWaiting,
      timeoutMs: config.coldStartTimeoutMs,
      scaleFromZero: config.scaleFromZero,
    },
    rollouts: { timeoutMs: config.rolloutTimeoutMs, revert: revertRollout(provider, logger) },
    version: VERSION.release,
  });
  const unwatch = provider.watch(() => dataPlane.nudge());
  await dataPlane.start();

  const listener = listen({
    hostname: '0.0.0.0',
    port: config.port,
    limits: { bodyTimeoutMs: config.readTimeoutMs, writeTimeoutMs: config.writeTimeoutMs },
    onExchange: dataPlane.onExchange,
  });
  const metricsServer = await startMetricsServer({
    ...(config.platformNetwork !== '' && { host: await ownAddress(docker, config.platformNetwork) }),
    port: config.metricsPort,
    page: () => metrics.page(),
    isHealthy: () => !isStopping,
    replicas: replicaMetrics,
  });
  logger.info('listening', { port: config.port, metricsPort: config.metricsPort, ...VERSION });

  const stop = async (signal: string): Promise<void> => {
    if (isStopping) return;
    isStopping = true;
    stopping.abort();
    logger.info('draining', { signal, inFlight: listener.inFlight });
    // Who still waits for a replica near the end is told so, rather than cut off.
    const lastCall = setTimeout(
      () => dataPlane.stop(),
      Math.max(config.writeTimeoutMs - LAST_CALL_MS, config.writeTimeoutMs / 2),
    );
    const cutOff = await listener.drain(config.writeTimeoutMs);
    clearTimeout(lastCall);
    dataPlane.stop();
    unwatch();
    await Promise.race([controlServer.close(1000), sleep(2000)]);
    await Promise.race([metricsServer.close(), sleep(1000)]);
    pool.close();
    logger.info('stopped', { cutOff });
    process.exit(0);
  };
  process.on('SIGTERM', () => void stop('SIGTERM'));
  process.on('SIGINT', () => void stop('SIGINT'));
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

function accessLog(config: GatewayConfig, logger: Logger): (record: InvocationRecord) => void {
  const log = ({ key, durationMs, ...rest }: InvocationRecord): void =>
    logger.info('invocation', { function: key, durationMs: Math.round(durationMs * 1000) / 1000, ...rest });
  switch (config.accessLog) {
    case 'all':
      return log;
    case 'errors':
      return (record) => {
        if (record.status >= 500) log(record);
      };
    case 'off':
      return () => {};
  }
}

process.on('uncaughtException', (error: Error) => {
  const logger = createLogger();
  // Bun throws this for a request that was ended on purpose, where nobody can catch it: it concerns no other call.
  if (error.name === 'AbortError') {
    logger.warn('a request to the engine was ended', { error });
    return;
  }
  logger.error('the gateway ends: this must not happen', { error });
  process.exit(1);
});

main().catch((error: unknown) => {
  createLogger().error('the gateway did not start', { error });
  process.exit(1);
});
