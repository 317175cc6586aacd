import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { CliError, fileError } from '../errors.ts';
import { capture } from '../run-program.ts';
import type { Shell } from '../shell.ts';
import { withoutPassword } from '../without-password.ts';

/** A git repository, and the branch, tag or commit of it that is meant. */
export interface GitRepository {
  /** As git takes it: an address, or an absolute path. */
  readonly url: string;
  /** A branch, a tag, or `sha-` and 7 to 40 hexadecimal digits; absent: its default branch. */
  readonly ref?: string;
}

export interface Checkout {
  readonly folder: string;
  /** The commit. */
  readonly sha: string;
}

const CLONE_TIMEOUT_MS = 120_000;
const ADDRESS = /^(?:https?|git|ssh|file):\/\/[^\s]+$/;
/** `user@host:path`, as scp has it. */
const SCP_ADDRESS = /^[\w.-]+@[\w.-]+:[\w./~-]+$/;
const REF = /^[a-zA-Z0-9][\w.+-]*(?:\/[\w.+-]+)*$/;

/**
 * Reads `REPO[#REF]`, where REPO is an address that git knows, or a folder here.
 * @throws {CliError} for anything else: git would take it for a flag, or run it
 */
export async function parseRepository(shell: Pick<Shell, 'cwd'>, text: string): Promise<GitRepository> {
  const at = text.indexOf('#');
  const address = at === -1 ? text : text.slice(0, at);
  if (text.slice(at + 1).includes('@') && at !== -1)
    throw new CliError(
      'What stands behind # is a branch, tag or commit, which has no @: write a # in a password as %23',
    );
  const ref = at === -1 ? {} : { ref: checkRef(text.slice(at + 1)) };
  if (ADDRESS.test(address) || SCP_ADDRESS.test(address)) return { url: address, ...ref };
  const folder = resolve(shell.cwd, address);
  const isFolder = address !== '' && (await stat(folder).catch(() => undefined))?.isDirectory() === true;
  if (isFolder) return { url: folder, ...ref };
  throw new CliError(
    `"${withoutPassword(text)}" must be a valid git repo uri: https://…, ssh://…, git@host:path or a folder here, and #REF behind it for a branch or tag`,
  );
}

/** @throws {CliError} for what is no name of a branch, tag or commit */
export function checkRef(ref: string): string {
  const isCommit = ref.startsWith('sha-');
  const isGood = isCommit ? /^sha-[0-9a-f]{7,40}$/i.test(ref) : REF.test(ref) && !ref.includes('..');
  if (isGood) return ref;
  throw new CliError(
    `"${ref}" names no branch, tag or commit: use its name, or sha- and 7 to 40 characters of the commit's id`,
  );
}

/**
 * Clones into a folder that is gone when `use` has ended. git asks nothing, and runs no program that an address names.
 * @throws {CliError} with what git said
 */
export async function withCheckout<T>(
  shell: Shell,
  repository: GitRepository,
  use: (checkout: Checkout) => Promise<T>,
): Promise<T> {
  const { url, ref } = repository;
  const shown = withoutPassword(url);
  shell.note(`Fetching templates from ${shown}${ref === undefined ? '' : ` at ${ref}`}`);
  const parent = await mkdtemp(join(tmpdir(), 'skep-templates-')).catch((error: unknown) => {
    throw fileError('make', tmpdir(), error);
  });
  const env = { ...shell.env, GIT_TERMINAL_PROMPT: '0', GIT_ALLOW_PROTOCOL: 'file:git:http:https:ssh' };
  const git = async (cwd: string, args: readonly string[]): Promise<string> => {
    const options = { cwd, env, timeoutMs: CLONE_TIMEOUT_MS, stop: shell.stop };
    const { exitCode, stdout, stderr } = await capture('git', args, options);
    if (exitCode !== 0) throw cloneError(repository, stderr);
    return stdout.trim();
  };
  try {
    const folder = join(parent, 'repository');
    const commit = ref?.startsWith('sha-') ? ref.slice('sha-'.length) : undefined;
    const depth = commit === undefined ? ['--depth', '1'] : [];
    const branch = ref === undefined || commit !== undefined ? [] : ['--branch', ref];
    await git(parent, ['clone', '--quiet', ...depth, ...branch, '--', url, folder]);
    if (commit !== undefined) await git(folder, ['checkout', '--quiet', '--detach', commit]);
    return await use({ folder, sha: await git(folder, ['rev-parse', 'HEAD']) });
  } finally {
    await rm(parent, { recursive: true, force: true });
  }
}

function cloneError({ url, ref }: GitRepository, stderr: string): CliError {
  const lines = stderr.split('\n').filter((line) => /^(?:fatal|error):/.test(line));
  const said = lines.map((line) => line.replace(/^(?:fatal|error): /, '')).join('; ');
  const shown = withoutPassword(url);
  if (
    ref !== undefined &&
    /Remote branch .* not found|did not match any|does not take a path|not a tree|unable to read tree/.test(
      stderr,
    )
  ) {
    return new CliError(`Cannot fetch templates from ${shown}: it has no branch, tag or commit ${ref}`);
  }
  const reason =
    withoutPassword(said.replaceAll(url, shown)) || `git gave up after ${CLONE_TIMEOUT_MS / 1000}s`;
  const needsLogin = /could not read Username|Authentication failed|Permission denied/.test(stderr);
  const advice = 'Is the address right? For a private repository set up the credentials of git first';
  return new CliError(`Cannot fetch templates from ${shown}: ${reason}${needsLogin ? `\n${advice}` : ''}`);
}
