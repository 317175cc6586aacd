import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileError } from '../cli/errors.ts';
import { createOwnFolder, removeOwnFolder } from '../gateway/workers/own-folder.ts';

/**
 * Makes the folder of this run's gateway, and removes that of a run before which was killed. Whoever calls it has the project to himself.
 * @param root absolute path of `.skep/dev`, in which it is written down
 */
export async function makeGatewayFolder(root: string): Promise<string> {
  const note = join(root, '.gateway-folder');
  const former = await readFile(note, 'utf8').catch(() => ''); // a first run, or no file that says anything
  removeOwnFolder(former.trim());
  const folder = createOwnFolder();
  try {
    await writeFile(note, `${folder}\n`);
  } catch (error) {
    removeOwnFolder(folder);
    throw fileError('write', note, error);
  }
  return folder;
}
