import { createHash } from 'node:crypto';
import { resolve } from 'node:path';
import { parseTagFormat, type TagFacts, type TagFormat, taggedImage } from '../contract/tagged-image.ts';
import { NEVER_IN_IMAGES } from './build/assemble.ts';
import { CliError } from './errors.ts';
import { listFolder, readEntry } from './folder-files.ts';
import { capture } from './run-program.ts';
import type { Shell } from './shell.ts';

/** The image reference of one function for a `--tag` value. */
export async function imageFor(
  shell: Shell,
  { image, handler, name }: { readonly image: string; readonly handler: string; readonly name: string },
  tag: string,
): Promise<string> {
  const format = parseTagFormat(tag);
  if (format === 'digest' && handler === '') {
    throw new CliError(`function ${name} has no handler folder: --tag=digest is computed from its files`);
  }
  return taggedImage(image, format, await factsFor(shell, format, handler));
}

async function factsFor(shell: Shell, format: TagFormat, handler: string): Promise<TagFacts> {
  switch (format) {
    case 'latest':
      return {};
    case 'sha':
      return { sha: await gitSha(shell) };
    case 'branch':
      return {
        sha: await gitSha(shell),
        branch: await git(shell, ['rev-parse', '--symbolic-full-name', '--abbrev-ref', 'HEAD'], 'Branch'),
      };
    case 'describe':
      return { describe: await git(shell, ['describe', '--tags', '--always'], 'Tag and SHA') };
    case 'digest':
      return { digest: await handlerDigest(resolve(shell.cwd, handler)) };
  }
}

function gitSha(shell: Shell): Promise<string> {
  return git(shell, ['rev-parse', '--short', 'HEAD'], 'SHA');
}

async function git(shell: Shell, args: readonly string[], what: string): Promise<string> {
  const result = await capture('git', args, { cwd: shell.cwd, env: shell.env });
  const text = result.stdout.trim();
  if (result.exitCode !== 0 || text === '') {
    throw new CliError(`Cannot tag image with Git ${what} as this is not a Git repository`);
  }
  return text;
}

/** md5 over the md5 hex of every file beneath the folder, in order of their paths; the paths do not count. */
async function handlerDigest(folder: string): Promise<string> {
  const files = (await listFolder(folder, [], NEVER_IN_IMAGES)).filter((entry) => entry.kind === 'file');
  const total = createHash('md5');
  for (const file of files.toSorted((a, b) => (a.path < b.path ? -1 : 1))) {
    total.update(
      createHash('md5')
        .update(await readEntry(folder, file))
        .digest('hex'),
    );
  }
  return total.digest('hex');
}
