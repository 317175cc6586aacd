import { constants } from 'node:fs';
import { type FileHandle, open, realpath, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';

/** What a path stands for. An opened file is the finder's caller's to close. */
export type Found =
  | {
      readonly kind: 'file';
      readonly name: string;
      readonly handle: FileHandle;
      readonly size: number;
      readonly modifiedNs: bigint;
    }
  | { readonly kind: 'folder'; readonly path: string }
  | { readonly kind: 'none' }
  | { readonly kind: 'forbidden' };

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
/** A FIFO does not hold the opener; a link that was put there in between is not followed. */
const FLAGS = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW;

/**
 * The names on a request's path, decoded, with `.` and `..` resolved; `..` never leads above the root.
 * @returns undefined for what can name no file: bytes that are no UTF-8, NUL, a slash in disguise
 * @throws {URIError} for a malformed escape
 */
export function segmentsOf(path: string): string[] | undefined {
  if (/%(?![0-9a-f]{2})/i.test(path)) throw new URIError('invalid URL escape');
  const segments: string[] = [];
  for (const raw of path.split('/')) {
    const bytes = raw.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)));
    let name: string;
    try {
      name = utf8.decode(Buffer.from(bytes, 'latin1'));
    } catch {
      return undefined;
    }
    if (name.includes('\0') || name.includes('/')) return undefined;
    if (name === '..') segments.pop();
    else if (name !== '' && name !== '.') segments.push(name);
  }
  return segments;
}

/**
 * Opens what the segments name below `root`. Symbolic links are followed inside the root; one that leads out of it is not there.
 * @param root a real path
 */
export async function findFile(root: string, segments: readonly string[]): Promise<Found> {
  try {
    const path = await realpath(join(root, ...segments));
    if (path !== root && !path.startsWith(root.endsWith(sep) ? root : root + sep)) return { kind: 'none' };
    if ((await stat(path)).isDirectory()) return { kind: 'folder', path };
    return await openFile(path, segments[segments.length - 1] ?? '');
  } catch (error) {
    return { kind: kindOf(error as NodeJS.ErrnoException) };
  }
}

async function openFile(path: string, name: string): Promise<Found> {
  const handle = await open(path, FLAGS);
  try {
    const stats = await handle.stat({ bigint: true });
    if (!stats.isFile()) {
      await handle.close();
      return { kind: 'none' };
    }
    return { kind: 'file', name, handle, size: Number(stats.size), modifiedNs: stats.mtimeNs };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** What is not there, and what can not be: the same to whoever asks. @throws what is our own trouble, such as EMFILE */
function kindOf(error: NodeJS.ErrnoException): 'none' | 'forbidden' {
  switch (error.code) {
    case 'ENOENT':
    case 'ENOTDIR':
    case 'ENAMETOOLONG':
    case 'ELOOP':
    case 'ENXIO':
      return 'none';
    case 'EACCES':
    case 'EPERM':
      return 'forbidden';
    default:
      throw error;
  }
}
