import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { Logger } from '../log.ts';
import { type MetricsServer, startMetricsServer } from '../metrics/server.ts';
import { NatsLink } from '../nats/nats-link.ts';
import { openJetStreamWorkerQueue } from '../nats/queue/jetstream-worker-queue.ts';
import type { QueueWorkerConfig } from './config.ts';
import { WorkerMetrics } from './metrics.ts';
import { startWorkerParts } from './worker-parts.ts';

export interface QueueWorker {
  /** Undefined: they are not served. */
  readonly metricsPort: number | undefined;
  /** Takes no more, and finishes what runs. @returns how many calls it could not finish */
  stop(): Promise<{ readonly cutOff: number }>;
}

/** Runs calls until it is stopped, whether NATS and the gateway are there or not. Rejects when the metrics' port can not be had. */
export async function startQueueWorker(options: {
  readonly config: QueueWorkerConfig;
  readonly logger: Logger;
  /** Not where it shares a process with a gateway. Default true. */
  readonly servesMetrics?: boolean;
}): Promise<QueueWorker> {
  const { config, logger, servesMetrics = true } = options;
  const metrics = new WorkerMetrics({ queue: config.queueName, host: hostname() });
  let isStopping = false;
  const server: MetricsServer | undefined = servesMetrics
    ? await startMetricsServer({
        port: config.metricsPort,
        page: () => metrics.page(),
        isHealthy: () => !isStopping,
      })
    : undefined;
  const link = new NatsLink({
    host: config.natsHost,
    port: config.natsPort,
    name: `skep queue worker ${config.queueName}`,
    logger,
  });
  link.onConnection(() => metrics.connected());
  const queue = openJetStreamWorkerQueue({
    link,
    cluster: config.clusterName,
    queue: config.queueName,
    id: randomUUID(),
    logger,
  });
  const parts = startWorkerParts({ config, logger, queue, metrics });
  link.start();
  const stop = async (): Promise<{ cutOff: number }> => {
    isStopping = true;
    const cutOff = await parts.stop(config.shutdownTimeoutMs);
    await link.stop();
    await server?.close();
    return { cutOff };
  };
  let stopped: Promise<{ cutOff: number }> | undefined;
  return {
    metricsPort: server?.port,
    stop: () => {
      stopped ??= stop();
      return stopped;
    },
  };
}
