import { join } from 'node:path';

/** The one argument that makes the gateway's program a worker. */
export const WORKER_ROLE = 'worker';

/** Where the files of a compiled program are. */
const EMBEDDED = '/$bunfs/';

/** How to start a worker: this very program in its other role. */
export function workerCommand(): readonly string[] {
  // The file may have been replaced by another version since; this is the one that runs.
  if (Bun.main.startsWith(EMBEDDED)) return ['/proc/self/exe', WORKER_ROLE];
  return [process.execPath, join(import.meta.dirname, '..', 'main.ts'), WORKER_ROLE];
}
