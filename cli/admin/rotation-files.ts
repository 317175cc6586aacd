import { chmod, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ROTATION_SUFFIX } from '../../contract/password-secret.ts';
import { CliError, fileError, systemCode } from '../errors.ts';
import type { Shell } from '../shell.ts';

/** A rotation that has begun and is not through. */
export interface Rotation {
  /** The new version's name. */
  readonly secret: string;
  readonly password: string;
}

/** `~/.skep/admin-password`, or in `SKEP_HOME`: where `npm run up` keeps it. */
export function passwordFile({ env, home }: Pick<Shell, 'env' | 'home'>): string {
  return join(env['SKEP_HOME'] || join(home, '.skep'), 'admin-password');
}

export function savePassword(file: string, password: string): Promise<void> {
  return writePrivate(file, `${password}\n`);
}

/** Swarm gives no secret back: without this file nobody could go on after a break. */
export function saveRotation(file: string, rotation: Rotation): Promise<void> {
  return writePrivate(file + ROTATION_SUFFIX, `${JSON.stringify(rotation)}\n`);
}

export async function forgetRotation(file: string): Promise<void> {
  await rm(file + ROTATION_SUFFIX, { force: true });
}

/** The rotation that was broken off, if any. @throws {CliError} for a file that cannot be read */
export async function loadRotation(file: string): Promise<Rotation | undefined> {
  const path = file + ROTATION_SUFFIX;
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw fileError('read', path, error);
  }
  try {
    const { secret, password } = JSON.parse(text);
    if (typeof secret === 'string' && typeof password === 'string' && password !== '') {
      return { secret, password };
    }
  } catch {} // told below
  throw new CliError(`${path} is damaged: delete it, and the rotation begins anew`);
}

/** Written beside and renamed: at no time is there half a password, or one that others read. */
async function writePrivate(path: string, text: string): Promise<void> {
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    await chmod(dirname(path), 0o700);
    await writeFile(temporary, text, { mode: 0o600, flag: 'wx' });
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw fileError('write', path, error);
  }
}
