import { forkHandler } from './fork.ts';
import type { ModeOptions, RunningMode } from './mode.ts';
import { serializingHandler } from './serializing.ts';
import { streamingHandler } from './streaming.ts';

/** Starts what the configured mode needs. @throws {Error} when it cannot be started */
export function startMode(options: ModeOptions): RunningMode {
  const { mode } = options.config;
  switch (mode) {
    case 'fork':
      return { handler: forkHandler(options) };
    case 'serializing':
      return { handler: serializingHandler(options) };
    case 'streaming':
      return { handler: streamingHandler(options) };
    case 'zygote':
    case 'http':
    case 'static':
      throw new Error(`mode ${mode} is not supported yet`);
  }
}
