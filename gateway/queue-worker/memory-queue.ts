import type { Logger } from '../log.ts';
import type { GatewayQueue } from '../queue/gateway-queue.ts';
import type { QueueLimits } from '../queue/queue-limits.ts';
import type { QueueWorkerConfig } from './config.ts';

export interface MemoryQueueOptions {
  /**
   * How its calls are run, and through which gateway: that of `loadQueueWorkerConfig({ gateway_url: 'http://127.0.0.1:8080' })`, for example.
   * What it says of NATS, of the queue's name and of metrics means nothing here: the calls of all queues are run.
   */
  readonly worker: QueueWorkerConfig;
  /** Where they are not as they are by default. */
  readonly limits?: Partial<QueueLimits>;
  readonly logger: Logger;
}

/** Makes a queue in this process, and begins to run its calls: for {@link GatewayParts.queue} of a gateway whose `workerCommand` is `own`. */
export type OpenMemoryQueue = (options: MemoryQueueOptions) => GatewayQueue;
