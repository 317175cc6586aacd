import { randomUUID } from 'node:crypto';
import { openJetStreamQueue } from '../../gateway/nats/queue/jetstream-queue.ts';
import { loadQueueWorkerConfig } from '../../gateway/queue-worker/config.ts';
import { startQueueWorker } from '../../gateway/queue-worker/start-queue-worker.ts';
import { SMALL_LIMITS } from '../gateway/nats/queue/fixtures/test-queue.ts';
import { type NatsServer, startNats } from '../support/nats-server.ts';
import { createQuietLogger } from '../support/quiet-logger.ts';
import { describeQueue } from './queue-contract.ts';

let nats: NatsServer;

before(async () => {
  nats = await startNats();
});
after(() => nats.close());

describeQueue('JetStream', async ({ gateway, settings, limits }) => {
  const { logger, lines } = createQuietLogger();
  const cluster = `contract-${randomUUID().slice(0, 8)}`;
  const { host, port } = nats;
  const queue = openJetStreamQueue({
    host,
    port,
    name: 'contract',
    cluster,
    limits: { ...SMALL_LIMITS, ...limits },
    isDeployed: () => true,
    logger,
  });
  const config = loadQueueWorkerConfig({
    nats_host: host,
    nats_port: String(port),
    cluster_name: cluster,
    gateway_url: gateway.url,
    ...settings,
  });
  const worker = await startQueueWorker({ config, logger, servesMetrics: false });
  const isUsable = (): Promise<boolean> =>
    queue.look(AbortSignal.timeout(5000)).then(
      () => true,
      () => false,
    );
  while (!(await isUsable())) await Bun.sleep(20);
  return {
    queue,
    lines,
    stop: async () => {
      await worker.stop();
      await queue.stop();
    },
  };
});
