import { Zygote } from '../zygote/zygote.ts';
import { forkHandler } from './fork.ts';
import { startHttp } from './http.ts';
import type { ModeOptions, RunningMode } from './mode.ts';
import { processesFor } from './processes.ts';
import { serializingHandler } from './serializing.ts';
import { staticHandler } from './static.ts';
import { streamingHandler } from './streaming.ts';

/** Starts what the configured mode needs. @throws {Error} when it cannot be started */
export function startMode(options: ModeOptions): RunningMode {
  const { config } = options;
  switch (config.mode) {
    case 'fork': {
      const processes = processesFor(options, { combinesOutput: config.combineOutput, isLogged: true });
      return { ...processes, handler: forkHandler({ config, run: processes.run }) };
    }
    case 'serializing': {
      const processes = processesFor(options, { combinesOutput: false, isLogged: false });
      return { ...processes, handler: serializingHandler({ config, run: processes.run }) };
    }
    case 'streaming': {
      const processes = processesFor(options, { combinesOutput: false, isLogged: false });
      return { ...processes, handler: streamingHandler({ config, run: processes.run }) };
    }
    case 'http':
      return startHttp(options);
    case 'zygote': {
      const zygote = new Zygote(options);
      return { handler: forkHandler({ config, run: zygote.fork }), isServing: () => zygote.isReady };
    }
    case 'static':
      return { handler: staticHandler(options) };
  }
}
