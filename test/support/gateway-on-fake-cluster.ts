// A program: the gateway's control process with real workers, on a cluster in memory. Settings come from the environment as for
// the gateway, with `function_port` beside them, `queue`, which may be `memory`: then it is a single process, `deployed`, the functions that are there when it starts, and `deployed_at`, since when
// functions are there, `builder`, which may be `endless`: its steps say nothing and end with their client; who started it reads and changes the cluster over the channel of processes.

import { once } from 'node:events';
import type { FunctionDeployment } from '../../contract/function-types.ts';
import { loadBuildKeys } from '../../gateway/build/build-keys.ts';
import type { ImageBuilder } from '../../gateway/build/image-builder.ts';
import { loadConfig } from '../../gateway/config.ts';
import { createLogger, type Logger } from '../../gateway/log.ts';
import { NO_IMAGE_BUILDER } from '../../gateway/processes/no-image-builder.ts';
import { loadQueueWorkerConfig } from '../../gateway/queue-worker/config.ts';
import { openMemoryQueue } from '../../gateway/queue-worker/memory-queue.ts';
import { startGateway } from '../../gateway/start-gateway.ts';
import { claimPort } from '../../gateway/workers/claim-port.ts';
import { stopOnSignals } from '../../gateway/workers/stop-on-signals.ts';
import { workerCommand } from '../../gateway/workers/worker-command.ts';
import { createFakeLogs } from './fake-logs.ts';
import { createFakeNamespaces } from './fake-namespaces.ts';
import { createFakeProvider, type ProviderCall } from './fake-provider.ts';
import { createFakeSecrets } from './fake-secrets.ts';

/** What the starter may ask. `scaleDelayMs`: how long the cluster takes for a scale call. */
export type ToGateway =
  | { readonly kind: 'run'; readonly name: string; readonly count: number }
  | { readonly kind: 'fail'; readonly name: string; readonly error: string }
  | { readonly kind: 'refuse'; readonly reason: string }
  /** The cluster cannot be read or changed, or can again. */
  | { readonly kind: 'away'; readonly isAway: boolean }
  /** While it is held the cluster does not answer questions about one function, nor changes. */
  | { readonly kind: 'hold'; readonly isHeld: boolean };

export type FromGateway =
  | { readonly kind: 'started'; readonly port: number; readonly metricsPort: number }
  | { readonly kind: 'call'; readonly call: ProviderCall };

const endless = (to: Logger): ImageBuilder => ({
  whyNot: async () => undefined,
  build: async ({ context }, _onLine, signal) => {
    context.resume();
    to.info('the build has begun');
    await once(signal, 'abort');
    to.info('the build was ended');
    throw signal.reason;
  },
});

const tell = (message: FromGateway): void => {
  if (process.connected) process.send?.(message);
};
const env = process.env;
const logger = createLogger();
try {
  const config = loadConfig({ port: '0', metrics_port: '0', basic_auth: 'false', ...env });
  const provider = createFakeProvider({
    replicasRun: env['replicas_run'] === 'by_hand' ? 'by_hand' : 'soon',
    addressOf: (_ref, index) => `127.0.0.${index + 1}`,
    createdAt: env['deployed_at'],
  });
  const deployed = JSON.parse(env['deployed'] ?? '[]') as FunctionDeployment[];
  for (const deployment of deployed) await provider.create(deployment);
  let refusal: string | undefined;
  let held = Promise.resolve();
  let release = (): void => {};
  provider.cluster.beforeCall = async (call) => {
    tell({ kind: 'call', call });
    await held;
    if (refusal !== undefined) throw new Error(refusal);
  };
  const { read } = provider;
  provider.read = async (ref) => {
    await held;
    return read(ref);
  };
  process.on('message', (message: ToGateway) => {
    if (message.kind === 'hold') {
      release();
      if (message.isHeld)
        held = new Promise((resolve) => {
          release = resolve;
        });
      return;
    }
    if (message.kind === 'away') {
      if (message.isAway) provider.cluster.goDown();
      else provider.cluster.comeBack();
      return;
    }
    if (message.kind === 'refuse') {
      refusal = message.reason;
      return;
    }
    const ref = { name: message.name, namespace: config.functionNamespace };
    if (message.kind === 'run') provider.cluster.run(ref, message.count);
    else provider.cluster.fail(ref, message.error);
  });
  const port = claimPort('0.0.0.0', config.port);
  const signals = stopOnSignals(logger);
  const isAlone = env['queue'] === 'memory';
  const worker = loadQueueWorkerConfig({
    gateway_url: `http://127.0.0.1:${port}`,
    initial_retry_wait: '10ms',
  });
  const gateway = await startGateway({
    config,
    ...(isAlone && { host: '127.0.0.1', queue: openMemoryQueue({ worker, logger }) }),
    port,
    logger,
    credentials: 'open',
    cluster: provider,
    secrets: createFakeSecrets(provider),
    namespaces: createFakeNamespaces(),
    builder: env['builder'] === 'endless' ? endless(logger) : NO_IMAGE_BUILDER,
    buildKeys: await loadBuildKeys(config.secretMountPath),
    logSource: createFakeLogs(),
    metricsHost: async () => '127.0.0.1',
    workerCommand: isAlone ? 'own' : (env['worker_command']?.split(' ') ?? workerCommand()),
    functionPort: Number(env['function_port']),
    onHopeless: (reason) => signals.fail(reason),
  });
  signals.started(gateway);
  tell({ kind: 'started', port, metricsPort: gateway.metricsPort });
} catch (error) {
  logger.error('the gateway did not start', { error });
  process.exit(1);
}
