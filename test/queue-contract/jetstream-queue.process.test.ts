import { randomUUID } from 'node:crypto';
import { NatsLink } from '../../gateway/nats/nats-link.ts';
import { openJetStreamQueue } from '../../gateway/nats/queue/jetstream-queue.ts';
import { queueNames } from '../../gateway/nats/queue/names.ts';
import { JetStreamSessions } from '../../gateway/nats/queue/session.ts';
import { loadQueueWorkerConfig } from '../../gateway/queue-worker/config.ts';
import { startQueueWorker } from '../../gateway/queue-worker/start-queue-worker.ts';
import { SMALL_LIMITS } from '../gateway/nats/queue/fixtures/test-queue.ts';
import { type NatsServer, startNats } from '../support/nats-server.ts';
import { createQuietLogger } from '../support/quiet-logger.ts';
import { describeQueue } from './queue-contract.ts';

const cluster = `contract-${randomUUID().slice(0, 8)}`;
let nats: NatsServer;
let link: NatsLink;

before(async () => {
  nats = await startNats();
  link = new NatsLink({ ...nats, name: 'contract', logger: createQuietLogger().logger });
  link.start();
});
after(async () => {
  await link.stop();
  await nats.close();
});

describeQueue('JetStream', async ({ gateway, settings, limits }) => {
  const { logger, lines } = createQuietLogger();
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
  const isUsable = (): Promise<boolean> =>
    queue.look(AbortSignal.timeout(5000)).then(
      () => true,
      () => false,
    );
  while (!(await isUsable())) await Bun.sleep(20);
  const worker = await startQueueWorker({ config, logger, servesMetrics: false });
  return {
    queue,
    lines,
    stop: async () => {
      await worker.stop();
      await queue.stop();
      await empty();
    },
  };
});

/** One cluster serves all tests: in a new one it takes seconds until somebody moves what is due. */
async function empty(): Promise<void> {
  const { manager } = await new JetStreamSessions(link).get();
  const { queue, later, records, keys, dead, bodies, results } = queueNames(cluster);
  const streams = [queue, later, records, keys, dead, `OBJ_${bodies}`, `OBJ_${results}`];
  await Promise.all(streams.map((stream) => manager.streams.purge(stream)));
}
