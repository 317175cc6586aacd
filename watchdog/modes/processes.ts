import { availableParallelism } from 'node:os';
import { log } from '../log.ts';
import { PreforkPool } from '../prefork/prefork-pool.ts';
import { preforkRunner } from '../prefork/prefork-runner.ts';
import { WaitingProcess } from '../prefork/waiting-process.ts';
import { forkRunner, type ProcessRunner } from '../process-runner.ts';
import { notFoundText, startErrorText } from '../start-error.ts';
import type { ModeOptions, RunningMode } from './mode.ts';

/** Where a mode of one process per request gets its processes, and what else the watchdog is to know of it. */
export interface Processes extends Pick<RunningMode, 'terminate' | 'pool'> {
  readonly run: ProcessRunner;
}

/**
 * Processes forked for their request, and with `prefork` such as wait for it.
 * @param combinesOutput stdout and stderr of a process are one pipe
 * @param isLogged each request's process is noted in the log, as the classic watchdog does
 */
export function processesFor(
  options: ModeOptions,
  { combinesOutput, isLogged }: { readonly combinesOutput: boolean; readonly isLogged: boolean },
): Processes {
  const { command, baseEnv, config } = options;
  const fork = forkRunner({
    command,
    baseEnv,
    ...(isLogged && { onFork: () => log('Forking fprocess.') }),
  });
  if (config.prefork === 0) return { run: fork };
  const pool = new PreforkPool({
    size: config.prefork,
    cores: availableParallelism(),
    start: (events) => {
      const resolved = command();
      try {
        // With a limit on calls a process counts until it has gone.
        const heedsDone = config.maxInflight === 0;
        return new WaitingProcess({ command: resolved, baseEnv, combinesOutput, heedsDone, ...events });
      } catch (error) {
        const text =
          resolved.path === undefined ? notFoundText(resolved.name) : startErrorText(resolved, error);
        throw new Error(text, { cause: error });
      }
    },
  });
  return {
    run: preforkRunner({
      pool,
      fork,
      ...(isLogged && { onTaken: (pid: number) => log(`Taking process ${pid}, started ahead.`) }),
    }),
    terminate: () => pool.close(),
    pool,
  };
}
