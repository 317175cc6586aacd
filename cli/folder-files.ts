import { chmod, copyFile, mkdir, readdir, readFile, realpath, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { CliError, fileError } from './errors.ts';

export interface FolderEntry {
  /** Relative, with `/`. */
  readonly path: string;
  readonly kind: 'file' | 'folder';
  /** Permission bits, e.g. 0o755. */
  readonly mode: number;
}

/** How much a folder may hold that somebody else has made: links in it multiply what they lead to. */
export interface FolderLimits {
  readonly entries: number;
  readonly bytes: number;
}

const NO_LIMITS: FolderLimits = { entries: Number.POSITIVE_INFINITY, bytes: Number.POSITIVE_INFINITY };

/**
 * Everything beneath a folder, folders before their content, sorted by path. Symbolic links are followed, so that a
 * linked common folder takes part.
 * @param skip names to leave out at the top of the folder
 * @param never names to leave out wherever they are
 * @throws {CliError} for a link that leads back into itself, for what is neither file nor folder, and for more than the limits
 */
export async function listFolder(
  folder: string,
  skip: readonly string[] = [],
  never: readonly string[] = [],
  limits = NO_LIMITS,
): Promise<FolderEntry[]> {
  const entries: FolderEntry[] = [];
  let bytes = 0;
  const walk = async (relative: string, ancestors: readonly string[]): Promise<void> => {
    const here = join(folder, relative);
    const real = await realpath(here);
    if (ancestors.includes(real))
      throw new CliError(`${here} is a symbolic link to a folder that it is in: remove it`);
    for (const name of (await readdir(here)).sort()) {
      if ((relative === '' && skip.includes(name)) || never.includes(name)) continue;
      const path = relative === '' ? name : `${relative}/${name}`;
      const info = await stat(join(folder, path));
      const mode = info.mode & 0o777;
      if (info.isFile()) bytes += info.size;
      if (entries.length >= limits.entries || bytes > limits.bytes) throw tooMuch(folder, path, limits);
      if (info.isDirectory()) {
        entries.push({ path, kind: 'folder', mode });
        await walk(path, [...ancestors, real]);
      } else if (info.isFile()) {
        entries.push({ path, kind: 'file', mode });
      } else {
        throw new CliError(`${join(folder, path)} is neither a file nor a folder: move it out of the way`);
      }
    }
  };
  try {
    await walk('', []);
  } catch (error) {
    if (error instanceof CliError) throw error;
    const path = error instanceof Error && 'path' in error ? String(error.path) : folder;
    throw fileError('read', path, error);
  }
  return entries;
}

function tooMuch(folder: string, path: string, limits: FolderLimits): CliError {
  return new CliError(
    `${folder} holds more than ${limits.entries} files or ${Math.floor(limits.bytes / 1_048_576)} MiB, counting what its links lead to: stopped at ${path}`,
  );
}

/** Copies the content of one folder over another; modes are kept, what is there and not in the source stays. */
export async function copyFolder(
  from: string,
  to: string,
  skip: readonly string[] = [],
  never: readonly string[] = [],
  limits = NO_LIMITS,
): Promise<void> {
  for (const entry of await listFolder(from, skip, never, limits)) {
    const target = join(to, entry.path);
    try {
      if (entry.kind === 'folder') {
        await mkdir(target, { recursive: true });
        await chmod(target, entry.mode | 0o700);
      } else {
        await mkdir(dirname(target), { recursive: true });
        await copyFile(join(from, entry.path), target);
        await chmod(target, entry.mode);
      }
    } catch (error) {
      throw fileError('copy', join(from, entry.path), error);
    }
  }
}

/** Content of one listed file. */
export async function readEntry(folder: string, entry: FolderEntry): Promise<Uint8Array> {
  try {
    return await readFile(join(folder, entry.path));
  } catch (error) {
    throw fileError('read', join(folder, entry.path), error);
  }
}
