import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { Logger } from '../log.ts';
import { type MetricsServer, startMetricsServer } from '../metrics/server.ts';
import { NatsLink } from '../nats/nats-link.ts';
import { queueNames } from '../nats/queue/names.ts';
import { JetStreamSessions } from '../nats/queue/session.ts';
import { startCallbacks } from './callbacks/start-callbacks.ts';
import { startCalls } from './calls.ts';
import type { QueueWorkerConfig } from './config.ts';
import { startLater } from './later.ts';
import { WorkerMetrics } from './metrics.ts';
import type { PartOptions, WorkerPart } from './worker-part.ts';

export interface QueueWorker {
  readonly metricsPort: number;
  /** Takes no more, and finishes what runs. @returns how many calls it could not finish */
  stop(): Promise<{ readonly cutOff: number }>;
}

/** In the order in which they are started; all are stopped at the same time. */
const PARTS: readonly ((options: PartOptions) => WorkerPart)[] = [startCallbacks, startLater, startCalls];

/** Runs calls until it is stopped, whether NATS and the gateway are there or not. Rejects when the metrics' port can not be had. */
export async function startQueueWorker(options: {
  readonly config: QueueWorkerConfig;
  readonly logger: Logger;
}): Promise<QueueWorker> {
  const { config, logger } = options;
  const metrics = new WorkerMetrics({ queue: config.queueName, host: hostname() });
  let isStopping = false;
  const server: MetricsServer = await startMetricsServer({
    port: config.metricsPort,
    page: () => metrics.page(),
    isHealthy: () => !isStopping,
  });
  const link = new NatsLink({
    host: config.natsHost,
    port: config.natsPort,
    name: `skep queue worker ${config.queueName}`,
    logger,
  });
  link.onConnection(() => metrics.connected());
  const sessions = new JetStreamSessions(link);
  const names = queueNames(config.clusterName);
  const part: PartOptions = { config, logger, link, sessions, names, id: randomUUID(), metrics };
  const parts = PARTS.map((start) => start(part));
  link.start();
  const stop = async (): Promise<{ cutOff: number }> => {
    isStopping = true;
    const cutOff = await Promise.all(parts.map((one) => one.stop()));
    await link.stop();
    await server.close();
    return { cutOff: cutOff.reduce((sum, count) => sum + count, 0) };
  };
  let stopped: Promise<{ cutOff: number }> | undefined;
  return {
    metricsPort: server.port,
    stop: () => {
      stopped ??= stop();
      return stopped;
    },
  };
}
