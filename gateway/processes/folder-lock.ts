import { dlopen, FFIType } from 'bun:ffi';
import { closeSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';

const LOCK_EX = 2;
const LOCK_NB = 4;

/**
 * Takes a folder for this process. The system lets go of it when the process ends, however that comes.
 * @returns lets go of it
 * @throws {Error} that names the process that has it
 */
export function lockFolder(folder: string): () => void {
  const path = join(folder, 'lock');
  const fd = openSync(path, 'a', 0o600);
  // glibc and musl both answer to the first name.
  const libc = dlopen(process.platform === 'darwin' ? 'libSystem.B.dylib' : 'libc.so.6', {
    flock: { args: [FFIType.i32, FFIType.i32], returns: FFIType.i32 },
  });
  const isOurs = libc.symbols.flock(fd, LOCK_EX | LOCK_NB) === 0;
  libc.close();
  if (!isOurs) {
    closeSync(fd);
    const pid = readFileSync(path, 'utf8').trim();
    throw new Error(
      `${folder} is in use by another skep dev${pid === '' ? '' : ` (process ${pid})`}: end that one first, or work in another folder`,
    );
  }
  ftruncateSync(fd);
  writeSync(fd, `${process.pid}\n`);
  return () => closeSync(fd);
}
