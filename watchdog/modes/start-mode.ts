import { log } from '../log.ts';
import { forkRunner } from '../process-runner.ts';
import { forkHandler } from './fork.ts';
import type { ModeOptions, RunningMode } from './mode.ts';
import { serializingHandler } from './serializing.ts';
import { streamingHandler } from './streaming.ts';

/** Starts what the configured mode needs. @throws {Error} when it cannot be started */
export function startMode(options: ModeOptions): RunningMode {
  const { config } = options;
  switch (config.mode) {
    case 'fork':
      return {
        handler: forkHandler({
          config,
          run: forkRunner({ ...options, onFork: () => log('Forking fprocess.') }),
        }),
      };
    case 'serializing':
      return { handler: serializingHandler({ config, run: forkRunner(options) }) };
    case 'streaming':
      return { handler: streamingHandler({ config, run: forkRunner(options) }) };
    case 'zygote':
    case 'http':
    case 'static':
      throw new Error(`mode ${config.mode} is not supported yet`);
  }
}
