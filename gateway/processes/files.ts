import { randomUUID } from 'node:crypto';
import { readdirSync, rmSync } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { FaasError } from '../errors.ts';

/** Of a failed system call, e.g. `ENOENT`. */
export function codeOf(error: unknown): string | undefined {
  return (error as { readonly code?: string } | undefined)?.code;
}

/** Runs what reads or writes files. @throws {FaasError} `provider_unavailable` in the system's words */
export async function onDisk<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof FaasError) throw error;
    throw new FaasError('provider_unavailable', (error as Error).message, { cause: error });
  }
}

const DRAFT = '.draft-';

/** Removes what processes left that were killed while they wrote, in the folder and in those below it. */
export function removeDrafts(folder: string): void {
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isFile() && entry.name.startsWith(DRAFT)) rmSync(join(entry.parentPath, entry.name));
  }
}

/** Whoever reads the file, also after a crash, finds what was there before or all of this. For its owner alone. */
export async function writeWhole(path: string, content: string | Uint8Array): Promise<void> {
  // A name of its own length: the file's may be as long as names can be.
  const draft = join(dirname(path), `${DRAFT}${randomUUID()}`);
  try {
    const file = await open(draft, 'wx', 0o600);
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
}
