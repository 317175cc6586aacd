import type { SoleTask, TaskHolder } from '../gateway-queue.ts';
import { pause } from '../pause.ts';

const AGAIN_MS = 500;

/** A task of which there is nobody else to do it. */
export function holdOwnTask({ key, logger, act }: SoleTask): TaskHolder {
  const stopping = new AbortController();
  let running: Promise<void> | undefined;
  const run = async (): Promise<void> => {
    const { signal } = stopping;
    while (!signal.aborted) {
      await act(signal).catch((error: unknown) => {
        logger.warn('will be tried again', { task: key, reason: (error as Error).message });
      });
      await pause(AGAIN_MS, signal);
    }
  };
  return {
    start: () => {
      running ??= run();
    },
    stop: async () => {
      stopping.abort();
      await running;
    },
  };
}
