import { chmod, cp, mkdir, readdir, readFile, rm, rmdir, stat } from 'node:fs/promises';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { CliError, fileError, systemCode } from '../errors.ts';
import { copyFolder } from '../folder-files.ts';
import type { Shell } from '../shell.ts';
import { isDockerfileLang, requireTemplate } from '../templates/find-template.ts';
import type { TemplateManifest } from '../templates/template-manifest.ts';

/** What a handler folder of faas-cli's time may have at its top, and no image holds. */
const SKIPPED = ['build', 'template'];
/** What no image holds, wherever it lies: values of secrets, the state of `skep dev` (it has them, too), and all that was ever committed. */
export const NEVER_IN_IMAGES: readonly string[] = ['.git', '.secrets', '.skep'];

export interface BuildSource {
  /** A valid function name: it becomes a folder that is deleted first. */
  readonly name: string;
  readonly lang: string;
  readonly handler: string;
  /** Extra paths, relative to the working folder. */
  readonly copy: readonly string[];
}

export interface BuildFolder {
  /** Absolute path of ./build/<name>. */
  readonly path: string;
  /** Undefined for the `dockerfile` language. */
  readonly manifest?: TemplateManifest;
}

/** Where it is made, when not in ./build/<name>, and what of the handler's folder stays out. */
export interface AssembleOptions {
  readonly path?: string;
  /** Names at its top. */
  readonly skip?: readonly string[];
}

/**
 * Makes ./build/<name> anew: the template, over it the handler (without what is about the template's own handler alone), under the handler the extra paths.
 * @throws {CliError} for a missing handler or template, or a path outside the working folder
 */
export async function assembleBuildFolder(
  shell: Pick<Shell, 'cwd' | 'env'>,
  source: BuildSource,
  options: AssembleOptions = {},
): Promise<BuildFolder> {
  const { cwd, env } = shell;
  const handler = await existingFolder(cwd, source);
  const copies = source.copy.map((path) => ({ path, from: insideProject(cwd, path) }));
  const template = isDockerfileLang(source.lang) ? undefined : await requireTemplate(shell, source.lang);

  const path = options.path ?? join(cwd, 'build', source.name);
  try {
    await rm(path, { recursive: true, force: true });
    await mkdir(path, { recursive: true, mode: env['CI'] === 'true' || env['CI'] === '1' ? 0o777 : 0o700 });
  } catch (error) {
    throw fileError('make', path, error);
  }
  await template?.copyTo(path);
  const handlerTarget = template ? join(path, template.manifest.handlerFolder) : path;
  await mkdir(handlerTarget, { recursive: true });
  if (template) await removeStarterOnly(handlerTarget, handler, template.manifest);
  if (template) await chmod(handlerTarget, 0o755); // read in the image by another user, whatever our umask
  const ignored = template ? await ignoredNames(path, template.manifest.handlerFolder) : [];
  await copyFolder(handler, handlerTarget, [...(options.skip ?? SKIPPED), ...ignored], NEVER_IN_IMAGES);
  for (const extra of copies)
    await copyExtra(extra.from, join(handlerTarget, relative(cwd, extra.from)), extra.path);
  if (!template) await requireDockerfile(path, source);
  return template ? { path, manifest: template.manifest } : { path };
}

/** The starter lies beneath the handler, file by file: what of it is about the starter's own code, and would fail another's build, goes. */
async function removeStarterOnly(
  target: string,
  handler: string,
  { starterOnly, starterLocks }: TemplateManifest,
): Promise<void> {
  const own = await readdir(handler).catch((error: unknown) => {
    throw fileError('read', handler, error);
  });
  if (own.length === 0) return; // the starter is the function
  const locks = Object.entries(starterLocks).filter(([, manifest]) => own.includes(manifest));
  for (const path of [...starterOnly, ...locks.map(([lock]) => lock)]) {
    await rm(join(target, path), { recursive: true, force: true });
    // A folder that held nothing else goes, too.
    for (let folder = dirname(path); folder !== '.'; folder = dirname(folder)) {
      const isEmpty = await rmdir(join(target, folder)).then(
        () => true,
        () => false,
      );
      if (!isEmpty) break;
    }
  }
}

/**
 * Names at the top of the handler's folder that the template's `.dockerignore` leaves out, such as Cargo's `target`: what the engine is
 * not to get is not copied first.
 */
async function ignoredNames(path: string, handlerFolder: string): Promise<string[]> {
  const file = join(path, '.dockerignore');
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return '';
    throw fileError('read', file, error);
  });
  const prefix = `${handlerFolder}/`;
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line.startsWith(prefix) && /^[\w.-]+$/.test(line.slice(prefix.length)))
    .map((line) => line.slice(prefix.length));
}

async function existingFolder(cwd: string, { name, lang, handler }: BuildSource): Promise<string> {
  if (lang === '')
    throw new CliError(`function ${name} has no "lang": give the name of its template, or skip_build: true`);
  if (handler === '') throw new CliError(`function ${name} has no "handler": give the folder of its source`);
  const folder = resolve(cwd, handler);
  const info = await stat(folder).catch((error: unknown) => {
    throw fileError(`build ${name}, whose handler folder is`, handler, error);
  });
  if (!info.isDirectory()) throw new CliError(`function ${name}: its handler ${handler} is no folder`);
  return folder;
}

function insideProject(cwd: string, path: string): string {
  const from = resolve(cwd, path);
  if (from === cwd) {
    throw new CliError(`Forbidden path appears to equal the entire project: ${path} (${from})`);
  }
  if (!from.startsWith(cwd.endsWith(sep) ? cwd : cwd + sep)) {
    throw new CliError(`Forbidden path appears to be outside of the build context: ${path} (${from})`);
  }
  return from;
}

async function copyExtra(from: string, to: string, path: string): Promise<void> {
  try {
    if ((await stat(from)).isDirectory()) {
      await mkdir(to, { recursive: true });
      await copyFolder(from, to, [], NEVER_IN_IMAGES);
    } else {
      await mkdir(dirname(to), { recursive: true });
      await cp(from, to);
    }
  } catch (error) {
    throw error instanceof CliError ? error : fileError('copy', path, error);
  }
}

async function requireDockerfile(folder: string, { name, handler }: BuildSource): Promise<void> {
  await stat(join(folder, 'Dockerfile')).catch(() => {
    throw new CliError(`function ${name} has lang "dockerfile", but there is no Dockerfile in ${handler}`);
  });
}
