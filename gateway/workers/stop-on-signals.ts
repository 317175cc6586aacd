import type { Logger } from '../log.ts';

interface Stoppable {
  /** @returns `lost`: what waited, and nobody will ever run */
  stop(): Promise<{ readonly cutOff: number; readonly lost?: number }>;
}

export interface Signals {
  /** From now on there is something to be finished before the end. */
  started(gateway: Stoppable): void;
  /** Ends the process, in the same way, as one that failed. */
  fail(reason: Error): void;
}

/** Ends the process on SIGTERM and SIGINT: in order once it has started, at once before. Further signals change nothing. */
export function stopOnSignals(logger: Logger): Signals {
  let gateway: Stoppable | undefined;
  let isEnding = false;
  const end = async (exitCode: number): Promise<void> => {
    isEnding = true;
    const { cutOff, lost = 0 } = (await gateway?.stop()) ?? { cutOff: 0 };
    logger.info('stopped', { cutOff, ...(lost > 0 && { lost }) });
    process.exit(exitCode);
  };
  const onSignal = (signal: string): void => {
    if (isEnding) return;
    logger.info('draining', { signal });
    void end(0);
  };
  process.on('SIGTERM', () => onSignal('SIGTERM'));
  process.on('SIGINT', () => onSignal('SIGINT'));
  return {
    started: (one) => {
      gateway = one;
    },
    fail: (reason) => {
      if (isEnding) return;
      logger.error('the gateway ends: its workers do', { error: reason });
      void end(1);
    },
  };
}
