import { chmod, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { CliError, fileError, systemCode } from '../errors.ts';
import { copyFolder } from '../folder-files.ts';
import type { Shell } from '../shell.ts';
import { parseTemplateManifest, type TemplateManifest } from './template-manifest.ts';

export interface Template {
  readonly name: string;
  readonly manifest: TemplateManifest;
  /** Writes the template's files, or those beneath one of its folders, into a folder. */
  copyTo(target: string, within?: string): Promise<void>;
}

interface ArchivedFile {
  readonly path: string;
  readonly mode: number;
  readonly base64: string;
}

const TEMPLATE_NAME = /^[a-zA-Z0-9][\w.-]*(?:@[\w./-]+)?$/;

/** A `lang` that means "the handler folder has its own Dockerfile". */
export function isDockerfileLang(lang: string): boolean {
  return lang.toLowerCase() === 'dockerfile';
}

/**
 * The template of a language: `./template/<lang>` of the working folder, else the one that this CLI carries.
 * @param carried false: only what is in the folder
 * @returns undefined when there is neither
 * @throws {CliError} for a name that is a path
 */
export async function findTemplate(
  shell: Pick<Shell, 'cwd'>,
  lang: string,
  { carried = true } = {},
): Promise<Template | undefined> {
  if (!TEMPLATE_NAME.test(lang) || lang.split('/').includes('..')) {
    throw new CliError(`"${lang}" is no template name: see "skep new --list"`);
  }
  const name = isDockerfileLang(lang) ? 'dockerfile' : lang;
  const local = join(shell.cwd, 'template', name);
  return (await fromFolder(name, local)) ?? (carried ? await ownTemplate(name) : undefined);
}

/** As `findTemplate`. @throws {CliError} when there is none */
export async function requireTemplate(shell: Pick<Shell, 'cwd'>, lang: string): Promise<Template> {
  const template = await findTemplate(shell, lang);
  if (template) return template;
  const names = await templateNames(shell);
  throw new CliError(
    `Template: "${lang}" was not found in the templates folder or in the store\nThere are: ${names.join(', ') || 'none'}`,
  );
}

/** Names of all templates, local and carried, sorted. */
export async function templateNames(shell: Pick<Shell, 'cwd'>): Promise<string[]> {
  const names = new Set(await namesIn(join(shell.cwd, 'template')));
  const own = sourceFolder();
  for (const name of (await isFolder(own)) ? await namesIn(own) : Object.keys(await archive()))
    names.add(name);
  return [...names].sort();
}

/** In a checkout the templates are read as they are; an executable has no such folder and holds them within. */
function sourceFolder(): string {
  return join(import.meta.dirname, '..', '..', 'templates');
}

/** The template that this CLI carries. */
export async function ownTemplate(name: string): Promise<Template | undefined> {
  const own = sourceFolder();
  if (await isFolder(own)) return fromFolder(name, join(own, name));
  const templates = await archive();
  const files = Object.hasOwn(templates, name) ? templates[name] : undefined;
  return files === undefined ? undefined : fromArchive(name, files);
}

async function archive(): Promise<Record<string, readonly ArchivedFile[]>> {
  const { TEMPLATE_ARCHIVE } = await import('./embedded-archive.ts');
  return JSON.parse(TEMPLATE_ARCHIVE) as Record<string, readonly ArchivedFile[]>;
}

async function fromFolder(name: string, folder: string): Promise<Template | undefined> {
  const path = join(folder, 'template.yml');
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR') return undefined;
    throw fileError('read', path, error);
  }
  return {
    name,
    manifest: parseTemplateManifest(text, path),
    copyTo: (target, within = '') =>
      copyFolder(join(folder, within), target, ['node_modules', '__pycache__']),
  };
}

function fromArchive(name: string, files: readonly ArchivedFile[]): Template {
  const manifest = files.find((file) => file.path === 'template.yml');
  const text = Buffer.from(manifest?.base64 ?? '', 'base64').toString('utf8');
  return {
    name,
    manifest: parseTemplateManifest(text, `${name}/template.yml`),
    copyTo: async (target, within = '') => {
      const prefix = within === '' ? '' : `${within}/`;
      // Whatever the umask says: the function's own user must be able to read what the image is made of.
      const folders = new Set(
        files.map(({ path }) => dirname(path)).filter((path) => path.startsWith(prefix)),
      );
      for (const folder of folders) {
        if (folder === '.') continue;
        const path = join(target, folder.slice(prefix.length));
        await mkdir(path, { recursive: true });
        await chmod(path, 0o755);
      }
      for (const file of files.filter(({ path }) => path.startsWith(prefix))) {
        const path = join(target, file.path.slice(prefix.length));
        try {
          await mkdir(dirname(path), { recursive: true });
          await writeFile(path, Buffer.from(file.base64, 'base64'));
          await chmod(path, file.mode);
        } catch (error) {
          throw fileError('write', path, error);
        }
      }
    },
  };
}

async function namesIn(folder: string): Promise<string[]> {
  if (!(await isFolder(folder))) return [];
  const names = await readdir(folder);
  const valid = await Promise.all(names.map((name) => isFile(join(folder, name, 'template.yml'))));
  return names.filter((_, index) => valid[index]);
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (info) => info.isDirectory(),
    () => false,
  ); // absent or not ours to read: not there
}

async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (info) => info.isFile(),
    () => false,
  );
}
