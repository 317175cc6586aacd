import { mkdir, mkdtemp, readdir, realpath, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import { CliError, fileError } from '../errors.ts';
import { copyFolder } from '../folder-files.ts';
import type { Shell } from '../shell.ts';
import { stoppable } from '../stoppable.ts';
import { VERSION } from '../version.ts';
import { withoutPassword } from '../without-password.ts';
import { ownTemplate } from './find-template.ts';
import { type Checkout, type GitRepository, withCheckout } from './git-repository.ts';

export interface PullOptions {
  /** Only this one of the repository. */
  readonly only?: string;
  /** The name that it gets here; absent: its own, with `@REF` where there is a ref. */
  readonly as?: string;
  readonly overwrite: boolean;
}

const NAME = /^[a-zA-Z0-9][\w.-]*$/;
const NOTHING = ['node_modules', '__pycache__'];
/** Of one template. */
const LIMITS = { entries: 20_000, bytes: 512 * 1_048_576 };

/**
 * Copies the templates of a repository to ./template, with a ref as LANG@REF, and says which.
 * @returns their names
 * @throws {CliError} when it has none, or not the one that is wanted, or one is there that must not be overwritten
 */
export function pullTemplates(
  shell: Shell,
  repository: GitRepository,
  options: PullOptions,
): Promise<readonly string[]> {
  // Nothing of it is left behind when the user has enough of waiting.
  return stoppable(shell, (stoppableShell) => pullFrom(stoppableShell, repository, options));
}

function pullFrom(
  shell: Shell,
  repository: GitRepository,
  { only, as, overwrite }: PullOptions,
): Promise<readonly string[]> {
  return withCheckout(shell, repository, async (checkout) => {
    const shown = withoutPassword(repository.url);
    const there = await templatesIn(shell, checkout, shown);
    const wanted = only === undefined ? there : there.filter((name) => name === only);
    if (wanted.length === 0) {
      const instead =
        there.length > 0 ? `; it has ${there.join(', ')}` : ': it has none in a folder "template"';
      throw new CliError(
        `${only === undefined ? 'No templates' : `No template "${only}"`} in ${shown}${instead}`,
      );
    }
    const suffix = repository.ref === undefined ? '' : `@${repository.ref}`;
    const meta = {
      repository: shown,
      ...(repository.ref === undefined ? {} : { ref_name: repository.ref }),
      sha: checkout.sha,
    };
    const sources = wanted.map((name) => ({
      name: as ?? `${name}${suffix}`,
      copyTo: async (target: string) => {
        const folder = await insideOnly(checkout, join(checkout.folder, 'template', name));
        await copyFolder(folder, target, NOTHING, [], LIMITS).catch((error: unknown) => {
          throw inRepository(error, checkout.folder);
        });
      },
    }));
    return writeTemplates(shell, sources, { overwrite, meta });
  });
}

/** Copies a template that this CLI carries to ./template, for whoever wants to change it. */
export async function pullOwnTemplate(
  shell: Shell,
  name: string,
  { overwrite }: { readonly overwrite: boolean },
): Promise<readonly string[]> {
  const template = await ownTemplate(name);
  if (!template) throw new CliError(`skep carries no template "${name}": see "skep new --list"`);
  return writeTemplates(shell, [template], { overwrite, meta: { repository: `skep ${VERSION}` } });
}

interface WriteOptions {
  readonly overwrite: boolean;
  readonly meta: Readonly<Record<string, string>>;
}

/** Each is made beside its place and moved there when it is whole. */
async function writeTemplates(
  shell: Shell,
  sources: readonly { readonly name: string; copyTo(target: string): Promise<void> }[],
  { overwrite, meta }: WriteOptions,
): Promise<readonly string[]> {
  const root = join(shell.cwd, 'template');
  const kept: string[] = [];
  const written: string[] = [];
  await inside(root, async (workFolder) => {
    for (const { name, copyTo } of sources) {
      shell.stop?.throwIfAborted();
      const target = join(root, name);
      if (!overwrite && (await exists(target))) {
        kept.push(name);
        continue;
      }
      const fresh = join(workFolder, String(written.length));
      await mkdir(fresh);
      await copyTo(fresh);
      const text = JSON.stringify({ ...meta, written_at: new Date().toISOString() });
      await writeFile(join(fresh, 'meta.json'), text);
      shell.stop?.throwIfAborted();
      await mkdir(dirname(target), { recursive: true });
      await rm(target, { recursive: true, force: true });
      await rename(fresh, target);
      written.push(name);
    }
  });
  if (written.length > 0 || kept.length === 0)
    shell.out(`Wrote ${written.length} template(s) : [${written.join(' ')}] `);
  if (kept.length > 0)
    throw new CliError(`Unable to overwrite the following: [${kept.join(' ')}]; --overwrite=true does`);
  return written;
}

/** A folder in `root` that is gone afterwards. */
async function inside(root: string, work: (folder: string) => Promise<void>): Promise<void> {
  let folder: string;
  try {
    await mkdir(root, { recursive: true });
    folder = await mkdtemp(join(root, '.pull-'));
  } catch (error) {
    throw fileError('make', root, error);
  }
  try {
    await work(folder);
  } catch (error) {
    throw error instanceof CliError ? error : fileError('write', root, error);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function templatesIn(shell: Shell, { folder }: Checkout, shown: string): Promise<string[]> {
  const root = join(folder, 'template');
  const names = await readdir(root).catch(() => []);
  const found: string[] = [];
  for (const name of names.sort()) {
    const isTemplate = NAME.test(name) && (await exists(join(root, name, 'template.yml')));
    if (isTemplate) found.push(name);
    else shell.note(`Not a template, left out: template/${name} of ${shown}`);
  }
  return found;
}

/**
 * A template's real folder.
 * @throws {CliError} when it, or anything in it, is a link that leads out of the checkout: what is copied is sent to others in images
 */
async function insideOnly(checkout: Checkout, folder: string): Promise<string> {
  const root = `${await realpath(checkout.folder)}${sep}`;
  const seen = new Set<string>();
  const check = async (path: string): Promise<void> => {
    const real = await realpath(path).catch(() => '');
    // git's own folder knows the address, and maybe a password in it.
    if (!real.startsWith(root) || real.slice(root.length).split(sep)[0] === '.git') {
      const name = relative(checkout.folder, path);
      throw new CliError(`Refused: ${name} of the repository is a symbolic link that leads out of it`);
    }
    if (seen.has(real)) return;
    seen.add(real);
    if ((await stat(real)).isDirectory())
      for (const name of await readdir(real)) await check(join(real, name));
  };
  await check(folder);
  return realpath(folder);
}

/** The path of the checkout says nothing to anybody. */
function inRepository(error: unknown, checkout: string): unknown {
  if (!(error instanceof CliError)) return error;
  return new CliError(error.message.replaceAll(`${checkout}${sep}`, ''), { cause: error });
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
