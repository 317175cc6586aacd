import { existsSync } from 'node:fs';
import { basename, dirname, isAbsolute, join, relative, sep } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type FSWatcher, watch } from 'chokidar';
import { messageOf, systemCode } from '../errors.ts';
import { IgnoredFiles } from './ignored-files.ts';

/** How often files are looked at where the system tells of no changes. */
const POLL_MS = 300;

export interface WatchOptions {
  /** Absolute path of the project: its .gitignore files count. */
  readonly root: string;
  /**
   * Absolute paths of files and folders; one that is not there yet is noticed when it comes. Ignored or not, they are watched: rules
   * that ignore the whole of one say nothing of what is in it.
   */
  readonly paths: readonly string[];
  /** Changes are told when there were none for so long. */
  readonly quietMs: number;
  /** Absolute paths of files that were written, made or removed, each once, sorted. */
  readonly onChange: (paths: readonly string[]) => void;
  /** Something that the user should know: that files are looked at from time to time, that some cannot be watched. */
  readonly onNote: (text: string) => void;
}

export interface Watching {
  /** Replaces the paths that are watched; resolves when no change from then on is missed. */
  setPaths(paths: readonly string[]): Promise<void>;
  close(): Promise<void>;
}

/** Watches files and folders; resolves when no change from now on is missed. */
export async function watchFiles(options: WatchOptions): Promise<Watching> {
  const ignored = new IgnoredFiles(options.root);
  const changed = new Set<string>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let watched: readonly string[] = options.paths;
  let isClosed = false;

  const isWanted = (path: string): boolean => watched.some((wanted) => isWithin(path, wanted));
  const isIgnored = (path: string, isFolder: boolean): boolean =>
    watched.every((wanted) => !isWithin(path, wanted) || ignored.isIgnored(path, isFolder, wanted));
  const isOnTheWay = (path: string): boolean => watched.some((wanted) => isWithin(wanted, path));
  const onEvent = (path: string): void => {
    ignored.forget(path);
    if (isClosed || !isWanted(path)) return;
    changed.add(path);
    clearTimeout(timer);
    timer = setTimeout(() => {
      const paths = [...changed].sort();
      changed.clear();
      options.onChange(paths);
    }, options.quietMs);
  };
  const openAs = async (usePolling: boolean): Promise<FSWatcher> => {
    const watcher = watch(foldersOf(watched), {
      ignoreInitial: true,
      usePolling,
      interval: POLL_MS,
      // An editor that removes and writes anew has changed the file, and did nothing else.
      atomic: 20,
      ignored: (path, info) => !isOnTheWay(path) && isIgnored(path, info?.isDirectory() ?? false),
    });
    for (const event of ['add', 'change', 'unlink', 'unlinkDir'] as const) watcher.on(event, onEvent);
    // What the system itself tells, too: a file that is replaced twice at once is looked at by chokidar only the first time.
    watcher.on('raw', (_event, name, about) => {
      const { watchedPath } = about as { watchedPath?: string };
      if (!name || watchedPath === undefined) return;
      const path = basename(watchedPath) === name ? watchedPath : join(watchedPath, name);
      // It may be either, or gone.
      if ([false, true].every((isFolder) => !isIgnored(path, isFolder))) onEvent(path);
    });
    // It may never be ready where the system watches no more.
    await new Promise<void>((resolve) => {
      watcher.once('ready', () => resolve());
      watcher.on('error', (error) => {
        onError(error, usePolling);
        if (polls && !usePolling) resolve();
      });
    });
    // With "ready" the first look at each file has begun, not ended: what is written meanwhile is no change to it.
    if (usePolling) await sleep(POLL_MS);
    return watcher;
  };
  let polls = false;
  /** Opened anew where the system watched no more on the way: not all of it is watched then. */
  const open = async (): Promise<FSWatcher> => {
    for (;;) {
      const polled = polls;
      const watcher = await openAs(polled);
      if (polled === polls) return watcher;
      await watcher.close();
    }
  };
  let watcher: FSWatcher | undefined;
  let turn: Promise<void> = Promise.resolve();
  /** The former one goes when the next one misses nothing any more. */
  const reopen = (): Promise<void> => {
    turn = turn.then(async () => {
      if (isClosed) return;
      const former = watcher;
      watcher = await open();
      await former?.close();
    });
    return turn;
  };
  const onError = (error: unknown, polled: boolean): void => {
    const code = systemCode(error);
    // Gone meanwhile; a link that leads back into itself is told by whoever reads the files.
    if (code === 'ENOENT' || code === 'ELOOP') return;
    if (polled || (code !== 'ENOSPC' && code !== 'EMFILE')) {
      options.onNote(`Some files cannot be watched: ${messageOf(error)}`);
      return;
    }
    if (polls) return;
    polls = true;
    const limit = process.platform === 'darwin' ? 'ulimit -n' : 'fs.inotify.max_user_watches';
    options.onNote(
      `The system watches no more files (see ${limit}): they are looked at every 0.3 s instead.`,
    );
    if (watcher !== undefined) void reopen();
  };
  await reopen();
  return {
    setPaths: (paths) => {
      watched = paths;
      return reopen();
    },
    close: async () => {
      isClosed = true;
      clearTimeout(timer);
      await turn;
      await watcher?.close();
    },
  };
}

/**
 * The folders to be watched: a file or folder that is removed and made again, as editors and version control do it, is seen only by
 * who watches what it lies in.
 */
function foldersOf(paths: readonly string[]): string[] {
  const folders = paths.map((path) => {
    let folder = dirname(path);
    while (!existsSync(folder) && folder !== dirname(folder)) folder = dirname(folder);
    return folder;
  });
  return [...new Set(folders)];
}

/** Whether a path is a folder or lies in it; both absolute. */
export function isWithin(path: string, folder: string): boolean {
  const way = relative(folder, path);
  return way === '' || (!isAbsolute(way) && way !== '..' && !way.startsWith(`..${sep}`));
}
