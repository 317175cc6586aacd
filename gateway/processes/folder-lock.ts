import { closeSync, ftruncateSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { lockFile } from '../file-lock.ts';

/**
 * Takes a folder for this process. The system lets go of it when the process ends, however that comes.
 * @returns lets go of it
 * @throws {Error} that names the process that has it
 */
export function lockFolder(folder: string): () => void {
  const path = join(folder, 'lock');
  const fd = lockFile(path);
  if (fd === undefined) {
    const [pid = ''] = readFileSync(path, 'utf8').split('\n');
    throw new Error(
      `${folder} is in use by another skep dev${pid === '' ? '' : ` (process ${pid})`}: end that one first, or work in another folder`,
    );
  }
  try {
    // Only then what is left of a longer one: who reads it just now sees a whole number in the first line.
    ftruncateSync(fd, writeSync(fd, `${process.pid}\n`, 0));
  } catch (error) {
    closeSync(fd);
    throw new Error(`${path} cannot be written: ${(error as Error).message}`, { cause: error });
  }
  return () => closeSync(fd);
}
