import { VERSION } from '../../contract/version.ts';
import { createLogger } from '../log.ts';
import { stopOnSignals } from '../workers/stop-on-signals.ts';
import { loadQueueWorkerConfig } from './config.ts';
import { startQueueWorker } from './start-queue-worker.ts';

/** @throws {Error} when it cannot start */
export async function runQueueWorker(env: Readonly<Record<string, string | undefined>>): Promise<void> {
  const logger = createLogger();
  const config = loadQueueWorkerConfig(env);
  const signals = stopOnSignals(logger);
  const worker = await startQueueWorker({ config, logger });
  logger.info('running calls', {
    queue: config.queueName,
    maxInflight: config.maxInflight,
    metricsPort: worker.metricsPort,
    ...VERSION,
  });
  signals.started(worker);
}
