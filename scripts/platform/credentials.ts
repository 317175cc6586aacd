import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { PASSWORD_SECRET, ROTATION_SUFFIX, versionsOf } from '../../contract/password-secret.ts';
import { Problem } from '../shell/problem.ts';
import { mustRun, runCommand } from '../shell/run-command.ts';

export const USER_SECRET = 'basic-auth-user';
const ADMIN_USER = 'admin';

/** Where the admin's password is kept for `skep login`: `~/.skep/admin-password`, or under `SKEP_HOME`. */
export function passwordFile(environment: Readonly<Record<string, string | undefined>>): string {
  return join(environment['SKEP_HOME'] || join(homedir(), '.skep'), 'admin-password');
}

/**
 * Makes the admin's credentials: a random password, as Docker secrets and in a file that only this user reads. A password file that
 * is there already gives the password of new secrets.
 * @throws {Problem} when the secrets exist and the file does not: Swarm gives no secret back
 */
export async function ensureCredentials(file: string): Promise<'new' | 'present'> {
  const hasUser = (await secretNames()).includes(USER_SECRET);
  const hasPassword = (await passwordSecrets()).length > 0;
  if (hasPassword && !existsSync(file)) {
    throw new Problem(
      `the secret ${PASSWORD_SECRET} exists in the swarm, but ${file} does not, so the password is not known here`,
      [
        `Who knows the password writes it into ${file}. While the gateway runs, its node tells it:`,
        `  docker exec $(docker ps -q --filter label=com.docker.swarm.service.name=skep_gateway) cat /run/secrets/${PASSWORD_SECRET} > ${file}`,
        'To have a new one made, functions stay as they are:',
        `  docker stack rm skep; docker secret rm $(docker secret ls -q --filter name=basic-auth-); npm run up`,
      ].join('\n'),
    );
  }
  if (!hasPassword) {
    if (!existsSync(file)) writePassword(file, randomBytes(20).toString('hex'));
    await createSecret(PASSWORD_SECRET, readPassword(file));
  }
  if (!hasUser) await createSecret(USER_SECRET, ADMIN_USER);
  return hasPassword ? 'present' : 'new';
}

/** The password out of its file. */
export function readPassword(file: string): string {
  const password = readFileSync(file, 'utf8').trim();
  if (password === '') {
    throw new Problem(
      `${file} is empty`,
      `Remove it and run \`npm run down -- --all\` and \`npm run up\`, or write the password into it.`,
    );
  }
  return password;
}

function writePassword(file: string, password: string): void {
  const folder = join(file, '..');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  chmodSync(folder, 0o700);
  writeFileSync(file, `${password}\n`, { mode: 0o600, flag: 'wx' });
}

/** All versions of the admin's password, the newest first. */
export async function passwordSecrets(): Promise<string[]> {
  return versionsOf(await secretNames(), PASSWORD_SECRET);
}

/**
 * The version that the stack is to mount: the one that its gateway has, or else the newest that is in force. Another would
 * bring a former password back, or one that a rotation has only just begun with.
 * @param file where the password is kept
 */
export async function currentPasswordSecret(file: string): Promise<string> {
  const secrets = await passwordSecrets();
  const mounted = await runCommand([
    'docker',
    'service',
    'inspect',
    '--format',
    '{{range .Spec.TaskTemplate.ContainerSpec.Secrets}}{{println .SecretName}}{{end}}',
    'skep_gateway',
  ]);
  return chooseSecret(secrets, {
    mounted: mounted.exitCode === 0 ? mounted.stdout.split('\n') : [],
    begun: begunRotation(file),
  });
}

/** @param secrets all versions, the newest first */
export function chooseSecret(
  secrets: readonly string[],
  { mounted, begun }: { readonly mounted: readonly string[]; readonly begun: string | undefined },
): string {
  const inForce = secrets.find((name) => mounted.includes(name));
  return inForce ?? secrets.find((name) => name !== begun) ?? secrets[0] ?? PASSWORD_SECRET;
}

/** The secret of a rotation that was broken off before the gateway took its password, if any. */
export function begunRotation(file: string): string | undefined {
  if (!existsSync(file + ROTATION_SUFFIX)) return undefined;
  try {
    const { secret, password } = JSON.parse(readFileSync(file + ROTATION_SUFFIX, 'utf8'));
    return password === readPassword(file) ? undefined : secret;
  } catch {
    return undefined; // `skep admin rotate-password` says what is wrong with it
  }
}

async function secretNames(): Promise<string[]> {
  const names = await mustRun(['docker', 'secret', 'ls', '--format', '{{.Name}}'], {
    advice: 'Look at `docker secret ls`.',
  });
  return names.split('\n');
}

async function createSecret(name: string, value: string): Promise<void> {
  await mustRun(['docker', 'secret', 'create', name, '-'], {
    input: value,
    advice: 'Look at `docker secret ls`.',
  });
}
