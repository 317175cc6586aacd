import { accessSync, chmodSync, constants, mkdtempSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const MEMORY_FOLDER = '/dev/shm';
const LEAST_ROOM_BYTES = 32 * 1024 * 1024;

/** In memory where that is offered: what is in it changes all the time. Workers may go through, and are given what they need. */
export function createOwnFolder(): string {
  const folder = mkdtempSync(join(hasRoom(MEMORY_FOLDER) ? MEMORY_FOLDER : tmpdir(), 'skep-gateway-'));
  chmodSync(folder, 0o711);
  return folder;
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
