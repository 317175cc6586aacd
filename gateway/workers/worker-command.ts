import { join } from 'node:path';

/** The one argument that makes the gateway's program a worker. */
export const WORKER_ROLE = 'worker';

/** This very program, also when its file was replaced by another version since it began. */
export const OWN_PROGRAM = '/proc/self/exe';

/** Where the files of a compiled program are. */
const EMBEDDED = '/$bunfs/';

/** How to start a worker: this very program in its other role. */
export function workerCommand(): readonly string[] {
  if (Bun.main.startsWith(EMBEDDED)) return [OWN_PROGRAM, WORKER_ROLE];
  return [process.execPath, join(import.meta.dirname, '..', 'main.ts'), WORKER_ROLE];
}
