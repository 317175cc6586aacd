import { createHash } from 'node:crypto';
import { CliError } from '../cli/errors.ts';
import type { GatewayConfig } from '../gateway/config.ts';
import type { Logger } from '../gateway/log.ts';
import type { GatewayQueue } from '../gateway/queue/gateway-queue.ts';
import { queueLimitsOf } from '../gateway/queue-limits-of.ts';
import { loadQueueWorkerConfig, type QueueWorkerConfig } from '../gateway/queue-worker/config.ts';
import { openMemoryQueue } from '../gateway/queue-worker/memory-queue.ts';
import { startQueueWorker } from '../gateway/queue-worker/start-queue-worker.ts';
import { LOCAL_NATS, natsTrouble, parseNatsAddress } from './find-nats.ts';

/** Where asynchronous calls wait, and who runs them. */
export interface DevQueue {
  /** For the user, in one line. */
  readonly description: string;
  /** Settings that the gateway needs to find it. */
  readonly settings: Readonly<Record<string, string>>;
  /** One in this process; undefined: the gateway finds it by its settings. */
  open(parts: QueueParts): GatewayQueue | undefined;
  /** Begins to run its calls, where the queue itself does not. */
  work(parts: QueueParts): Promise<{ stop(): Promise<unknown> } | undefined>;
}

export interface QueueParts {
  readonly config: GatewayConfig;
  readonly gatewayUrl: string;
  readonly logger: Logger;
}

/**
 * @param wanted `HOST:PORT` of a NATS server; `none`: in memory; undefined: the server on this machine, where there is one
 * @param project folder: on one server each has a queue of its own
 * @throws {CliError} when the server that is wanted cannot be the queue
 */
export async function findQueue(wanted: string | undefined, project: string): Promise<DevQueue> {
  if (wanted === 'none') return inMemory('as wanted');
  const address = wanted === undefined ? LOCAL_NATS : parseNatsAddress(wanted);
  const at = `${address.host}:${address.port}`;
  const trouble = await natsTrouble(address);
  if (trouble !== undefined) {
    if (wanted !== undefined) throw new CliError(`The NATS server at ${at} cannot be the queue: ${trouble}`);
    return inMemory(trouble === 'nothing listens there' ? `no NATS server at ${at}` : `${at}: ${trouble}`);
  }
  const cluster = `dev-${createHash('sha256').update(project).digest('hex').slice(0, 12)}`;
  const settings = {
    faas_nats_address: address.host,
    faas_nats_port: String(address.port),
    cluster_name: cluster,
  };
  return {
    description: `NATS JetStream at ${at}: asynchronous calls are kept when this ends`,
    settings,
    open: () => undefined,
    work: (parts) =>
      startQueueWorker({ config: workerConfig(parts), logger: parts.logger, servesMetrics: false }),
  };
}

function inMemory(why: string): DevQueue {
  return {
    description: `in memory (${why}): asynchronous calls that wait are lost when this ends`,
    settings: {},
    open: (parts) =>
      openMemoryQueue({
        worker: workerConfig(parts),
        limits: queueLimitsOf(parts.config),
        logger: parts.logger,
      }),
    work: async () => undefined,
  };
}

function workerConfig({ config, gatewayUrl }: QueueParts): QueueWorkerConfig {
  return loadQueueWorkerConfig({
    gateway_url: gatewayUrl,
    nats_host: config.natsHost,
    nats_port: String(config.natsPort),
    cluster_name: config.clusterName,
    callback_allow: config.callbackAllow,
    upstream_timeout: `${config.upstreamTimeoutMs + 10_000}ms`,
  });
}
