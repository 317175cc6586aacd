import { startCallbacks } from './callbacks/start-callbacks.ts';
import { startCalls } from './calls.ts';
import type { PartOptions, WorkerPart } from './worker-part.ts';

/** In the order in which they are started; all are stopped at the same time. */
const PARTS: readonly ((options: PartOptions) => WorkerPart)[] = [startCallbacks, startUpkeep, startCalls];

/** All that a worker does, wherever its queue is. @throws {Error} when the secret of callbacks cannot be read */
export function startWorkerParts(options: PartOptions): WorkerPart {
  const parts = PARTS.map((start) => start(options));
  return {
    stop: async (withinMs) => {
      const cutOff = await Promise.all(parts.map((part) => part.stop(withinMs)));
      return cutOff.reduce((sum, count) => sum + count, 0);
    },
  };
}

function startUpkeep({ queue }: PartOptions): WorkerPart {
  const upkeep = queue.keepUp();
  return {
    stop: async () => {
      await upkeep.stop();
      return 0;
    },
  };
}
