import { hostname } from 'node:os';
import type { Logger } from '../log.ts';
import type { QueueView } from '../queue/call-queue.ts';
import type { GatewayQueue } from '../queue/gateway-queue.ts';
import { MemoryCallBook } from '../queue/memory/memory-book.ts';
import { MemoryIntake } from '../queue/memory/memory-intake.ts';
import { MemoryProgress } from '../queue/memory/memory-progress.ts';
import { MEMORY_LIMITS, MemoryStore } from '../queue/memory/memory-store.ts';
import { memoryWorkerQueue } from '../queue/memory/memory-worker-queue.ts';
import { holdOwnTask } from '../queue/memory/own-task.ts';
import type { QueueLimits } from '../queue/queue-limits.ts';
import type { QueueWorkerConfig } from './config.ts';
import { WorkerMetrics } from './metrics.ts';
import { startWorkerParts } from './worker-parts.ts';

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

/**
 * Makes a queue in this process, and begins to run its calls: for a gateway that is a single process. What is in it is lost with the process.
 * @throws {Error} when the secret of callbacks cannot be read
 */
export function openMemoryQueue({ worker: config, limits, logger }: MemoryQueueOptions): GatewayQueue {
  const store = new MemoryStore({ ...MEMORY_LIMITS, ...limits });
  const metrics = new WorkerMetrics({ queue: config.queueName, host: hostname() });
  const parts = startWorkerParts({ config, logger, metrics, queue: memoryWorkerQueue(store) });
  let drained: Promise<number> | undefined;
  const drain = async (withinMs: number): Promise<void> => {
    // What would be taken now would be lost.
    store.isClosed = true;
    drained ??= parts.stop(withinMs);
    await drained;
  };
  return {
    kind: 'memory',
    intake: new MemoryIntake(store),
    book: new MemoryCallBook(store),
    load: {
      loads: async () => new Map(store.lines.map(({ function: name, calls }) => [name, calls.size])),
      lookWithin: async () => viewOf(store),
    },
    progress: new MemoryProgress(),
    holdAlone: holdOwnTask,
    look: async () =>
      `${store.left} waiting or running asynchronously, in memory (${Math.round(100 * store.rooms.queue.share)} % of the queue's room)`,
    lookAtWorkers: async () => 'in this process',
    drain,
    stop: async () => {
      await drain(0);
      store.close();
      return { lost: store.left };
    },
  };
}

function viewOf(store: MemoryStore): QueueView {
  const callbacks = new Map<string, number>();
  for (const [, { queue }] of store.callbacks.entries())
    callbacks.set(queue, (callbacks.get(queue) ?? 0) + 1);
  const dead = new Map<string, number>();
  for (const name of store.deadFunctions()) dead.set(name, (dead.get(name) ?? 0) + 1);
  return {
    backlogs: store.lines.map(({ function: name, queue, calls }) => {
      const { waiting, waitingSince } = calls;
      const running = calls.size - waiting;
      return { function: name, queue, waiting, running, ...(waitingSince !== undefined && { waitingSince }) };
    }),
    later: store.later.size,
    callbacks,
    dead,
  };
}
