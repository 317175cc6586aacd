import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { Problem } from '../shell/problem.ts';
import { mustRun, runCommand } from '../shell/run-command.ts';

export const USER_SECRET = 'basic-auth-user';
export const PASSWORD_SECRET = 'basic-auth-password';
export const ADMIN_USER = 'admin';

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
  const hasUser = await hasSecret(USER_SECRET);
  const hasPassword = await hasSecret(PASSWORD_SECRET);
  if (hasPassword && !existsSync(file)) {
    throw new Problem(
      `the secret ${PASSWORD_SECRET} exists in the swarm, but ${file} does not, so the password is not known here`,
      [
        `Who knows the password writes it into ${file}. While the gateway runs, its node tells it:`,
        `  docker exec $(docker ps -q --filter label=com.docker.swarm.service.name=skep_gateway) cat /run/secrets/${PASSWORD_SECRET} > ${file}`,
        'To have a new one made, functions stay as they are:',
        `  docker stack rm skep; docker secret rm ${USER_SECRET} ${PASSWORD_SECRET}; npm run up`,
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

async function hasSecret(name: string): Promise<boolean> {
  const result = await runCommand(['docker', 'secret', 'inspect', '--format', '{{.Spec.Name}}', name]);
  if (result.exitCode !== 0 && !/no such secret|not found/i.test(result.stderr)) {
    throw new Problem(
      `the engine does not tell whether the secret ${name} exists:\n${result.stderr}`,
      'Look at `docker secret ls`.',
    );
  }
  // An id may begin with what is asked for; only the whole name counts.
  return result.exitCode === 0 && result.stdout.trim() === name;
}

async function createSecret(name: string, value: string): Promise<void> {
  await mustRun(['docker', 'secret', 'create', name, '-'], {
    input: value,
    advice: 'Look at `docker secret ls`.',
  });
}
