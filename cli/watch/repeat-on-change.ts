import { resolve } from 'node:path';
import { messageOf } from '../errors.ts';
import type { Shell } from '../shell.ts';
import { EndSignals } from '../stoppable.ts';
import { watchFiles } from './watch-files.ts';
import { type WatchedFunctions, type WatchedSources, watchedFunctions } from './watched-functions.ts';

/** faas-cli's: an image is not built at each key that is pressed. */
const QUIET_MS = 1500;

export interface Repeat {
  readonly sources: WatchedSources;
  /** Does it all for the first time. What it throws is told, and it goes on. */
  readonly first: (shell: Shell) => Promise<void>;
  /**
   * Does it all again for these functions. What it throws is told, and it goes on.
   * @param changed `all`: the stack file or what all have in common, so that it has to be read again
   * @param round its shell's `stop` ends the round; `watch` is to be called when the stack file was read again, before anything is made
   * of what is to be watched from then on
   */
  readonly again: (changed: readonly string[] | 'all', round: Round) => Promise<void>;
}

export interface Round {
  readonly shell: Shell;
  /** Resolves when no change of these is missed. */
  watch(sources: WatchedSources): Promise<void>;
}

/**
 * Watches the files of functions, does what is to be done and repeats it, one round at a time, when they change; until a signal ends it.
 * @throws {CliError} when the signal came in the middle of a round, which is broken off
 */
export async function repeatOnChange(shell: Shell, { sources, first, again }: Repeat): Promise<void> {
  let watched: WatchedFunctions = watchedFunctions(sources);
  let waiting: readonly string[] = [];
  let news = Promise.withResolvers<'changed'>();
  const signals = new EndSignals();
  const { stop } = signals;
  const stopped = new Promise<'stopped'>((settle) =>
    stop.addEventListener('abort', () => settle('stopped'), { once: true }),
  );
  const files = await watchFiles({
    root: resolve(shell.cwd),
    paths: watched.paths,
    quietMs: QUIET_MS,
    onNote: shell.note,
    onChange: (changed) => {
      waiting = [...waiting, ...changed];
      news.resolve('changed');
    },
  });
  const watch = (next: WatchedSources): Promise<void> => {
    watched = watchedFunctions(next);
    return files.setPaths(watched.paths);
  };
  const round = async (work: Promise<void>): Promise<void> => {
    await work.catch((error: unknown) => {
      if (!stop.aborted) shell.out(shell.paint.red(messageOf(error))); // the next edit may mend it
    });
    stop.throwIfAborted();
  };
  try {
    await round(first({ ...shell, stop }));
    announce(shell, sources);
    for (;;) {
      if ((await Promise.race([stopped, news.promise])) === 'stopped') return;
      news = Promise.withResolvers();
      const changed = watched.whose(waiting);
      waiting = [];
      if (changed.length === 0) continue;
      shell.out(`\n[Watch] changed: ${changed === 'all' ? 'all functions' : changed.join(', ')}`);
      await round(again(changed, { shell: { ...shell, stop }, watch }));
      shell.out('[Watch] Change a file to trigger a rebuild...');
    }
  } finally {
    await files.close();
    signals.release();
  }
}

function announce(shell: Shell, { functions }: WatchedSources): void {
  shell.out(
    `[Watch] monitoring ${functions.length} functions: ${functions.map(({ name }) => name).join(', ')}`,
  );
  shell.out('[Watch] Change a file to trigger a rebuild...');
}
