// A program: a gateway that is a single process, its functions processes of this machine, its queue in memory. Settings come from the
// environment as for the gateway, with `folder` and, as JSON, `images` beside them: what stands for each image.

import { loadConfig } from '../../gateway/config.ts';
import { FaasError } from '../../gateway/errors.ts';
import { createLogger } from '../../gateway/log.ts';
import { createProcessCluster } from '../../gateway/processes/create-process-cluster.ts';
import type { Runnable } from '../../gateway/processes/runnable.ts';
import { loadQueueWorkerConfig } from '../../gateway/queue-worker/config.ts';
import { openMemoryQueue } from '../../gateway/queue-worker/memory-queue.ts';
import { startGateway } from '../../gateway/start-gateway.ts';
import { claimPort } from '../../gateway/workers/claim-port.ts';
import { WATCHDOG_COMMAND } from '../provider-contract/open-processes.ts';

const env = process.env;
const logger = createLogger((line) => process.stderr.write(line));
const images = new Map(Object.entries(JSON.parse(env['images'] ?? '{}') as Record<string, Runnable>));
const config = loadConfig({ port: '0', metrics_port: '0', nats_host: '', ...env, images: '', folder: '' });
const cluster = createProcessCluster({
  sources: {
    find: async (image) => {
      const runnable = images.get(image);
      if (runnable === undefined) throw new FaasError('invalid_request', `nothing here makes ${image}`);
      return runnable;
    },
  },
  watchdogCommand: WATCHDOG_COMMAND,
  defaultNamespace: config.functionNamespace,
  folder: env['folder'] ?? '',
  environment: env,
  logger,
});
const port = claimPort('127.0.0.1', config.port);
const gateway = await startGateway({
  config,
  host: '127.0.0.1',
  port,
  logger,
  credentials: { username: 'admin', password: env['password'] ?? '' },
  cluster: cluster.provider,
  secrets: cluster.secrets,
  namespaces: cluster.namespaces,
  builder: cluster.builder,
  logSource: cluster.logSource,
  metricsHost: async () => '127.0.0.1',
  workerCommand: 'own',
  queue: openMemoryQueue({
    worker: loadQueueWorkerConfig({ gateway_url: `http://127.0.0.1:${port}` }),
    logger,
  }),
  onHopeless: (reason) => {
    throw reason;
  },
});
process.send?.({ port });
process.on('SIGTERM', () => {
  void (async () => {
    await gateway.stop();
    await cluster.stop(1000);
    process.exit(0);
  })();
});
