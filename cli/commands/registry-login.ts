import { chmod, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command } from 'commander';
import { CliError, fileError, systemCode } from '../errors.ts';
import { switchFlag } from '../flags.ts';
import { A_PASSWORD, type Shell } from '../shell.ts';

const FILE = './credentials/config.json';

interface RegistryLoginFlags {
  readonly server: string;
  readonly username?: string;
  readonly password?: string;
  readonly passwordStdin: boolean;
  readonly ecr: boolean;
  readonly accountId?: string;
  readonly region?: string;
}

/** What Docker calls config.json, as far as it is known here; anything else in it is kept. */
type DockerConfig = Readonly<Record<string, unknown>>;

export function define(command: Command, shell: Shell): void {
  command.option('--server <url>', 'registry', 'https://index.docker.io/v1/');
  command.option('-u, --username <name>', 'user of the registry');
  command.option('--password <password>', 'password; others on this machine can see it: better -s');
  switchFlag(command, '-s, --password-stdin', 'read the password from stdin');
  switchFlag(
    command,
    '--ecr',
    'for Amazon ECR, whose credential helper signs in (with --account-id and --region)',
  );
  command.option('--account-id <id>', 'account of AWS, with --ecr');
  command.option('--region <region>', 'region of AWS, with --ecr');
  command.addHelpText(
    'after',
    `
Writes ${FILE}, readable by you alone, as Docker's own: for a builder that pushes (see "skep help publish").
Entries of other registries in it stay. It signs nobody in here; that is "docker login".

Examples:
  skep registry-login --server https://registry.example.com -u robot -s < ./password
  skep registry-login --ecr --account-id 123456789012 --region eu-west-1`,
  );
  command.action(async () => {
    const flags = command.opts<RegistryLoginFlags>();
    const added = flags.ecr ? ecrConfig(flags) : await basicConfig(shell, flags);
    await save(shell, added);
    shell.out(`Wrote ${FILE}..OK`);
  });
}

/** @throws {CliError} for what is missing */
function ecrConfig({ accountId, region }: RegistryLoginFlags): DockerConfig {
  if (!accountId) throw new CliError('the --account-id flag is required with ECR');
  if (!region) throw new CliError('the --region flag is required with ECR');
  if (!/^\d{1,20}$/.test(accountId))
    throw new CliError(`--account-id must be digits, but you gave: ${accountId}`);
  if (!/^[a-z0-9-]{1,40}$/.test(region))
    throw new CliError(`--region must be a name such as eu-west-1, but you gave: ${region}`);
  return {
    credsStore: 'ecr-login',
    credHelpers: { [`${accountId}.dkr.ecr.${region}.amazonaws.com`]: 'ecr-login' },
  };
}

async function basicConfig(shell: Shell, flags: RegistryLoginFlags): Promise<DockerConfig> {
  const { username, server, password, passwordStdin } = flags;
  const needed = new CliError('both --username and (--password-stdin or --password) are required');
  if (!username || (!passwordStdin && !password)) throw needed;
  if (passwordStdin && password !== undefined)
    throw new CliError('give --password or --password-stdin, not both');
  if (server.trim() === '') throw new CliError('--server must not be empty');
  if (username.includes(':')) throw new CliError('a user name must not hold a colon');
  if (password !== undefined)
    shell.note('WARNING! Using --password is insecure, consider using: --password-stdin');
  const secret = password ?? (await readPassword(shell));
  if (secret === '') throw new CliError('the password must not be empty');
  const auth = Buffer.from(`${username}:${secret}`).toString('base64');
  return { auths: { [server]: { auth } } };
}

async function readPassword(shell: Shell): Promise<string> {
  if (shell.stdinIsTerminal) return shell.askSecret('Password: ');
  return Buffer.from(await shell.readStdin(...A_PASSWORD))
    .toString('utf8')
    .replace(/\r?\n$/, '');
}

/** Beside what is there; written beside and renamed, so that nobody reads half a file, and readable by the user alone. */
async function save({ cwd }: Shell, added: DockerConfig): Promise<void> {
  const path = join(cwd, FILE);
  const before = await read(path);
  const merged: Record<string, unknown> = { ...before };
  for (const [key, value] of Object.entries(added)) {
    merged[key] = isObject(value) && isObject(before[key]) ? { ...before[key], ...value } : value;
  }
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    await mkdir(join(cwd, 'credentials'), { recursive: true, mode: 0o700 });
    await writeFile(temporary, JSON.stringify(merged, undefined, 1), { mode: 0o600, flag: 'wx' });
    await chmod(temporary, 0o600);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw fileError('write', FILE, error);
  }
}

async function read(path: string): Promise<DockerConfig> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return {};
    throw fileError('read', FILE, error);
  }
  try {
    const value: unknown = JSON.parse(text);
    if (isObject(value)) return value;
  } catch {
    // told below, with everything else that is no such file
  }
  throw new CliError(`${FILE} is damaged: correct or delete it`);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
