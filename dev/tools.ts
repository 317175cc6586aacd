import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileError } from '../cli/errors.ts';
import { WATCHDOG_ROLE } from '../contract/watchdog-role.ts';

/** Where the files of a compiled program are. */
const EMBEDDED = '/$bunfs/';

/** How to start a watchdog: this very program in another role. */
export function watchdogCommand(): readonly string[] {
  if (Bun.main.startsWith(EMBEDDED)) return [process.execPath, WATCHDOG_ROLE];
  return [process.execPath, join(import.meta.dirname, '..', 'cli', 'main.ts'), WATCHDOG_ROLE];
}

/**
 * Makes a folder with the programs that images of ours bring and this machine may lack: `bun` and `fwatchdog`, which are this very
 * program. It belongs at the end of a PATH.
 */
export async function writeTools(folder: string): Promise<void> {
  const script = `#!/bin/sh\nBUN_BE_BUN=1 exec '${process.execPath.replaceAll("'", "'\\''")}' "$@"\n`;
  try {
    await mkdir(folder, { recursive: true });
    for (const name of ['bun', 'fwatchdog']) {
      await writeFile(join(folder, name), script);
      await chmod(join(folder, name), 0o755);
    }
  } catch (error) {
    throw fileError('write', folder, error);
  }
}
