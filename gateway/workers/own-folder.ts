import { accessSync, chmodSync, constants, mkdtempSync, rmSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';

const MEMORY_FOLDER = '/dev/shm';
const LEAST_ROOM_BYTES = 32 * 1024 * 1024;

const PREFIX = 'skep-gateway-';

/** In memory where that is offered: what is in it changes all the time. Workers may go through, and are given what they need. */
export function createOwnFolder(): string {
  const folder = mkdtempSync(join(hasRoom(MEMORY_FOLDER) ? MEMORY_FOLDER : tmpdir(), PREFIX));
  chmodSync(folder, 0o711);
  return folder;
}

/** Removes the folder of a gateway that was killed; a path that is no such folder stays, whoever wrote it down. */
export function removeOwnFolder(path: string): void {
  const name = basename(path);
  const isOurs = [MEMORY_FOLDER, tmpdir()].some((folder) => path === join(folder, name));
  if (isOurs && /^[A-Za-z0-9]{6}$/.test(name.slice(PREFIX.length)) && name.startsWith(PREFIX))
    rmSync(path, { recursive: true, force: true });
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
