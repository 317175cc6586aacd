import {
  accessSync,
  chmodSync,
  closeSync,
  constants,
  existsSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statfsSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lockFile } from '../file-lock.ts';

const MEMORY_FOLDER = '/dev/shm';
const LEAST_ROOM_BYTES = 32 * 1024 * 1024;

/** Leaves 40 bytes for its own name and those within. */
const LONGEST_PARENT = 64;
const PREFIX = 'skep-gateway-';
const SOCKET = 'control.sock';
/** In it, held by its gateway for as long as that lives. */
const LOCK = 'lock';
/** A gateway that is younger may not have its lock yet. */
const YOUNG_MS = 60_000;

/**
 * In memory where that is offered: what is in it changes all the time. Workers may go through, and are given what they need. It belongs to
 * this process until that ends.
 */
export function createOwnFolder(): string {
  const folder = mkdtempSync(join(places().find(hasRoom) ?? tmpdir(), PREFIX));
  chmodSync(folder, 0o711);
  lockFile(join(folder, LOCK)); // where there are no locks, nobody gets one, and it is not removed
  return folder;
}

export function controlSocketIn(folder: string): string {
  return join(folder, SOCKET);
}

/**
 * Removes what gateways of this user have left that were killed: nobody holds its lock any more. (A socket would not tell: one that has
 * too many callers refuses them, too.) Never throws.
 */
export function removeLeftFolders(): void {
  for (const folder of [...new Set(places())].flatMap((place) => ownFoldersIn(place))) {
    const path = join(folder, LOCK);
    if (!existsSync(path)) continue; // of a skep that had none, and may live
    try {
      const lock = lockFile(path);
      if (lock === undefined) continue;
      rmSync(folder, { recursive: true, force: true });
      closeSync(lock);
    } catch {
      // Another one that starts just now has been quicker.
    }
  }
}

/** Those of this user that are not young. */
function ownFoldersIn(place: string): string[] {
  try {
    return readdirSync(place)
      .filter((name) => name.startsWith(PREFIX) && /^[A-Za-z0-9]{6}$/.test(name.slice(PREFIX.length)))
      .map((name) => join(place, name))
      .filter((path) => {
        const info = lstatSync(path, { throwIfNoEntry: false }); // of one that ends just now it is gone
        if (info?.isDirectory() !== true || info.uid !== process.getuid?.()) return false;
        return Date.now() - info.mtimeMs > YOUNG_MS;
      });
  } catch {
    return []; // there is no such place, or it changes just now: the next start sees to it
  }
}

/** Where it may be, the best first. Sockets have their paths in 104 bytes on a Mac. */
function places(): readonly string[] {
  const temporary = tmpdir();
  return [MEMORY_FOLDER, ...(temporary.length <= LONGEST_PARENT ? [temporary] : []), '/tmp', temporary];
}

/** A page of a mapped file that there is no room for ends the process that touches it. */
function hasRoom(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK);
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize >= LEAST_ROOM_BYTES;
  } catch {
    return false;
  }
}
