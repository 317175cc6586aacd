import { loadQueueWorkerConfig } from '../../gateway/queue-worker/config.ts';
import { openMemoryQueue } from '../../gateway/queue-worker/memory-queue.ts';
import { createQuietLogger } from '../support/quiet-logger.ts';
import { describeQueue } from './queue-contract.ts';

describeQueue('one process', async ({ gateway, settings, limits }) => {
  const { logger, lines } = createQuietLogger();
  const worker = loadQueueWorkerConfig({ gateway_url: gateway.url, ...settings });
  const queue = openMemoryQueue({ worker, limits, logger });
  return { queue, lines, stop: async () => void (await queue.stop()) };
});
