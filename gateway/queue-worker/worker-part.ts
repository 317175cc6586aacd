import type { Logger } from '../log.ts';
import type { WorkerQueue } from '../queue/worker-queue.ts';
import type { QueueWorkerConfig } from './config.ts';
import type { WorkerMetrics } from './metrics.ts';

/** What each part of the worker is given. */
export interface PartOptions {
  readonly config: QueueWorkerConfig;
  readonly logger: Logger;
  readonly queue: WorkerQueue;
  readonly metrics: WorkerMetrics;
}

/** One of the things that a worker does. */
export interface WorkerPart {
  /** Never throws. @param withinMs what runs is to be finished. @returns how much it had to cut off */
  stop(withinMs: number): Promise<number>;
}
