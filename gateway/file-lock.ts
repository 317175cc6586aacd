import { dlopen, FFIType } from 'bun:ffi';
import { closeSync, constants, openSync } from 'node:fs';

const LOCK_EX = 2;
const LOCK_NB = 4;

/**
 * Takes a file for this process, and makes it where there is none, for its owner alone. The system lets go of it when the process ends,
 * however that comes.
 * @returns its descriptor: who closes it lets go; undefined: another has it, or the file system knows no locks
 * @throws {Error} the system's, when it cannot be opened
 */
export function lockFile(path: string): number | undefined {
  const fd = openSync(path, constants.O_RDWR | constants.O_CREAT, 0o600);
  // glibc and musl both answer to the first name.
  const libc = dlopen(process.platform === 'darwin' ? 'libSystem.B.dylib' : 'libc.so.6', {
    flock: { args: [FFIType.i32, FFIType.i32], returns: FFIType.i32 },
  });
  const isOurs = libc.symbols.flock(fd, LOCK_EX | LOCK_NB) === 0;
  libc.close();
  if (isOurs) return fd;
  closeSync(fd);
  return undefined;
}
