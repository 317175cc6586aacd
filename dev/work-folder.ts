import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import {
  chmod,
  copyFile,
  lstat,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileError, systemCode } from '../cli/errors.ts';
import { type FolderEntry, listFolder, readEntry } from '../cli/folder-files.ts';

/** What is known of a work folder from one run to the next. */
interface WorkState {
  /** Hash of each file that came from the sources. */
  readonly files: Readonly<Record<string, string>>;
  /** Keys of the steps that were done. */
  readonly steps: Readonly<Record<string, string>>;
}

/** What compilers keep in a folder with this in it is worth something with other packages, too. */
const CACHE_MARK = 'CACHEDIR.TAG';
/** Caches that interpreters keep beside their sources: each version has its own. */
const CACHES = ['__pycache__'];

/** Sources as they were assembled, with a hash of each. */
export interface Snapshot {
  readonly folder: string;
  readonly entries: readonly FolderEntry[];
  readonly files: Readonly<Record<string, string>>;
}

/**
 * The folders of one function below `.skep/dev/NAME`: for each set of packages `work-…`, in which they are installed and programs are
 * built, and one for each version that runs, `v-…`. So neither an edit nor an installation changes anything beneath a process that serves.
 */
export class WorkFolder {
  readonly #root: string;
  #key = '';
  #state: WorkState | undefined;
  /** Keys of the work folders that versions have their packages in. */
  readonly #keys = new Map<string, string>();

  /** @param root absolute; made when it is not there */
  constructor(root: string) {
    this.#root = root;
  }

  /** In which steps run, once there is one. */
  get work(): string {
    return join(this.#root, workName(this.#key));
  }

  /** Empty, for the sources to be assembled in. */
  get next(): string {
    return join(this.#root, 'next');
  }

  /** For a look at sources that are newer than those in `next`. */
  get peek(): string {
    return join(this.#root, 'peek');
  }

  versionFolder(version: string): string {
    return join(this.#root, `v-${version}`);
  }

  /** Reads what was assembled in a folder. */
  async snapshot(folder = this.next): Promise<Snapshot> {
    const entries = await listFolder(folder);
    const files: Record<string, string> = {};
    for (const entry of entries) {
      if (entry.kind !== 'file') continue;
      files[entry.path] = createHash('sha256')
        .update(`${entry.mode}\n`)
        .update(await readEntry(folder, entry))
        .digest('hex');
    }
    return { folder, entries, files };
  }

  /** Chooses the work folder. @param key stands for the packages that are installed in it */
  async use(key: string): Promise<void> {
    if (key === this.#key) return;
    this.#key = key;
    this.#state = undefined;
    if (!(await isFolder(this.work))) await this.#takeCaches();
  }

  /** Brings the work folder in step with the sources, file by file: what is the same keeps its time, what was made in it stays. */
  async sync({ folder, entries, files }: Snapshot): Promise<void> {
    const { files: former } = await this.#read();
    for (const path of Object.keys(former)) {
      if (files[path] === undefined) await rm(join(this.work, path), { force: true });
    }
    await mkdir(this.work, { recursive: true });
    for (const entry of entries) {
      const target = join(this.work, entry.path);
      try {
        if (entry.kind === 'folder') await mkdir(target, { recursive: true });
        else if (former[entry.path] !== files[entry.path] || !(await isFile(target)))
          await replaceFile(join(folder, entry.path), target, entry.mode);
      } catch (error) {
        throw fileError('write', target, error);
      }
    }
    await this.#write({ files });
  }

  /** @returns whether a step was done with this key, and its result is there */
  async isDone(step: string, key: string): Promise<boolean> {
    return (await this.#read()).steps[step] === key;
  }

  /** @param key undefined: it has to be done again */
  async setDone(step: string, key: string | undefined): Promise<void> {
    const { [step]: _, ...others } = (await this.#read()).steps;
    await this.#write({ steps: key === undefined ? others : { ...others, [step]: key } });
  }

  /**
   * Makes the folder of a version of what is in `next`, with what the steps have made: files of their own, and folders (packages,
   * caches) in common with the versions before and after.
   */
  async finish(version: string, { entries, files }: Snapshot): Promise<string> {
    const folder = this.versionFolder(version);
    this.#keys.set(version, this.#key);
    if (await isFolder(folder)) return folder; // it is renamed to this when it is complete
    const folders = ['', ...entries.filter(({ kind }) => kind === 'folder').map(({ path }) => path)];
    for (const within of folders) {
      for (const entry of await readdir(join(this.work, within), { withFileTypes: true })) {
        const path = within === '' ? entry.name : `${within}/${entry.name}`;
        if (files[path] !== undefined || folders.includes(path) || CACHES.includes(entry.name)) continue;
        const target = join(this.next, path);
        if (entry.isFile()) await copyFile(join(this.work, path), target, constants.COPYFILE_FICLONE);
        else await symlink(join(this.work, path), target);
      }
    }
    await rename(this.next, folder);
    return folder;
  }

  /**
   * Removes the folders of all versions but this one and those in use, and the work folders that none of these needs.
   * @param inUse absolute paths
   */
  async removeUnused(version: string, inUse: ReadonlySet<string>): Promise<void> {
    const names = await namesIn(this.#root);
    const versions = names.filter(
      (name) => name === `v-${version}` || (name.startsWith('v-') && inUse.has(join(this.#root, name))),
    );
    const works = [this.#key, ...versions.map((name) => this.#keys.get(name.slice('v-'.length)) ?? '')];
    const kept = new Set([...versions, ...works.map(workName), ...works.map(stateName)]);
    for (const name of names) {
      if (/^(?:v-|work)/.test(name) && !kept.has(name))
        await rm(join(this.#root, name), { recursive: true, force: true });
    }
  }

  async #takeCaches(): Promise<void> {
    for (const other of await namesIn(this.#root)) {
      const from = join(this.#root, other);
      if (!other.startsWith('work-') || !(await isFolder(from))) continue;
      for (const name of await namesIn(from)) {
        if (!(await isFile(join(from, name, CACHE_MARK)))) continue;
        await mkdir(this.work, { recursive: true });
        await rename(join(from, name), join(this.work, name)).catch(() => {}); // it is there already
      }
    }
  }

  async #read(): Promise<WorkState> {
    if (this.#state !== undefined) return this.#state;
    const nothing: WorkState = { files: {}, steps: {} };
    // A work folder that somebody has removed has nothing in it, whatever was written down.
    if (!(await isFolder(this.work))) this.#state = nothing;
    else {
      try {
        this.#state = JSON.parse(await readFile(join(this.#root, stateName(this.#key)), 'utf8')) as WorkState;
      } catch {
        this.#state = nothing; // absent or damaged: everything is done anew
      }
    }
    return this.#state;
  }

  async #write(change: Partial<WorkState>): Promise<void> {
    this.#state = { ...(await this.#read()), ...change };
    const path = join(this.#root, stateName(this.#key));
    try {
      await writeFile(`${path}.new`, JSON.stringify(this.#state));
      await rename(`${path}.new`, path);
    } catch (error) {
      throw fileError('write', path, error);
    }
  }
}

function workName(key: string): string {
  return `work-${key}`;
}

function stateName(key: string): string {
  return `${workName(key)}.json`;
}

/** Written beside and renamed: a program that reads it just now sees the old or the new one. */
async function replaceFile(from: string, to: string, mode: number): Promise<void> {
  await mkdir(dirname(to), { recursive: true });
  const temporary = `${to}.skep-new`;
  await copyFile(from, temporary);
  await chmod(temporary, mode | 0o600);
  // What was a folder, made by a step or of sources before, is none any more.
  if (await isFolder(to)) await rm(to, { recursive: true });
  await rename(temporary, to);
}

async function isFolder(path: string): Promise<boolean> {
  return lstat(path).then(
    (info) => info.isDirectory(),
    () => false,
  );
}

async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (info) => info.isFile(),
    () => false,
  );
}

async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return [];
    throw fileError('read', folder, error);
  }
}
