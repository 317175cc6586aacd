import { randomBytes } from 'node:crypto';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { SavedLogin } from '../cli/config-file.ts';
import { CliError, fileError, systemCode } from '../cli/errors.ts';
import type { Shell } from '../cli/shell.ts';
import type { Credentials } from '../gateway/control-plane/credentials.ts';

const ADMIN = 'admin';

/**
 * This machine's admin password, `~/.skep/admin-password` or the same in SKEP_HOME; made where there is none, as `npm run up` does.
 * @throws {CliError} when it cannot be read or written
 */
export async function adminCredentials(
  shell: Pick<Shell, 'env' | 'home'>,
): Promise<Credentials & { path: string }> {
  const path = join(shell.env['SKEP_HOME'] || join(shell.home, '.skep'), 'admin-password');
  const password = (await readPassword(path)) ?? (await makePassword(path));
  if (password === '') throw new CliError(`${path} is empty: write a password into it, or remove it`);
  return { username: ADMIN, password, path };
}

async function readPassword(path: string): Promise<string | undefined> {
  try {
    return (await readFile(path, 'utf8')).trim();
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw fileError('read', path, error);
  }
}

async function makePassword(path: string): Promise<string> {
  const password = randomBytes(20).toString('hex');
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    await chmod(dirname(path), 0o700);
    await writeFile(path, `${password}\n`, { mode: 0o600, flag: 'wx' });
    return password;
  } catch (error) {
    // Another one made it just now.
    const made = systemCode(error) === 'EEXIST' ? await readPassword(path) : undefined;
    if (made !== undefined) return made;
    throw fileError('write', path, error);
  }
}

/** As it is saved, so that skep and faas-cli work with a gateway at once. */
export function toLogin({ username, password }: Credentials): SavedLogin {
  return { kind: 'basic', token: Buffer.from(`${username}:${password}`).toString('base64') };
}
