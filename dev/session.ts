import { join, resolve } from 'node:path';
import { messageOf } from '../cli/errors.ts';
import type { Shell } from '../cli/shell.ts';
import { isWithin } from '../cli/watch/watch-files.ts';
import { watchedFunctions } from '../cli/watch/watched-functions.ts';
import { workThrough } from '../cli/workers.ts';
import type { StackFile } from '../contract/stack-file.ts';
import { DevFunction, type DevFunctionOptions, type DevFunctionSource } from './dev-function.ts';
import type { DevOutput } from './output.ts';
import { secretsFolder } from './project-secrets.ts';
import { WorkFolder } from './work-folder.ts';

/** Preparations at a time when many functions are new: they install packages and compile. */
const AT_A_TIME = 2;

export interface SessionOptions extends Omit<DevFunctionOptions, 'folder'> {
  readonly shell: Shell;
  readonly output: DevOutput;
  /** Absolute path of the folder in which each function has its own. */
  readonly root: string;
  /** Of the stack file as it was named; undefined: it is not local. */
  readonly stackFile: string | undefined;
  /** Reads the stack file again. @throws {Error} saying what is wrong with it */
  readonly load: () => Promise<StackFile>;
}

/** All functions of a stack file, kept in step with their sources and with the file. */
export class DevSession {
  readonly #options: SessionOptions;
  readonly #functions = new Map<string, DevFunction>();
  #stack: StackFile;

  constructor(stack: StackFile, options: SessionOptions) {
    this.#options = options;
    this.#stack = stack;
  }

  get names(): readonly string[] {
    return [...this.#functions.keys()];
  }

  get broken(): readonly string[] {
    return [...this.#functions.values()]
      .filter(({ trouble }) => trouble !== undefined)
      .map(({ name }) => name);
  }

  /** Absolute paths of all that the functions are made of. */
  get paths(): readonly string[] {
    return [...this.#watched().paths, secretsFolder(this.#options.shell.cwd)];
  }

  /** Makes and deploys all functions; resolves when each has started or failed. Never rejects. */
  async start(): Promise<void> {
    await this.#apply(this.#stack, performance.now());
  }

  /** Files have changed. Never rejects. @returns whether other files are to be watched from now on */
  async onChange(changed: readonly string[]): Promise<boolean> {
    const since = performance.now();
    const { shell, stackFile, output, load } = this.#options;
    const isStack = stackFile !== undefined && changed.includes(resolve(shell.cwd, stackFile));
    if (!isStack) {
      await this.#refresh(changed, since);
      return false;
    }
    let stack: StackFile;
    try {
      stack = await load();
    } catch (error) {
      output.problem('skep', `${messageOf(error)}\nThe functions stay as they were.`);
      return false;
    }
    this.#stack = stack;
    await Promise.all([this.#apply(stack, since), this.#refresh(changed, since)]);
    return true;
  }

  /** A secret has come that some may have missed. Never rejects. */
  async retryBroken(): Promise<void> {
    const since = performance.now();
    const broken = [...this.#functions.values()].filter(({ trouble }) => trouble !== undefined);
    await Promise.all(broken.map((each) => each.refresh(since)));
  }

  async #refresh(changed: readonly string[], since: number): Promise<void> {
    const { stackFile, shell } = this.#options;
    const others = changed.filter(
      (path) => stackFile === undefined || path !== resolve(shell.cwd, stackFile),
    );
    const isSecret = others.some((path) => isWithin(path, secretsFolder(shell.cwd)));
    const whose = this.#watched().whose(others);
    const concerned = [...this.#functions.values()].filter(
      ({ name, usesSecrets }) => whose === 'all' || whose.includes(name) || (isSecret && usesSecrets),
    );
    await Promise.all(concerned.map((each) => each.refresh(since)));
  }

  async #apply({ functions, copy, templates }: StackFile, since: number): Promise<void> {
    const wanted = new Map(
      functions.map((fn): [string, DevFunctionSource] => [fn.name, { fn, copy, templates }]),
    );
    const gone = [...this.#functions.values()].filter(({ name }) => !wanted.has(name));
    for (const each of gone) this.#functions.delete(each.name);
    this.#setOrigins();
    const changed: (() => Promise<void>)[] = [];
    for (const [name, source] of wanted) {
      const there = this.#functions.get(name);
      if (there?.isMadeOf(source)) continue;
      const each = there ?? this.#create(source);
      this.#functions.set(name, each);
      changed.push(() => each.refresh(since, source));
    }
    await Promise.all([
      ...gone.map((each) => each.remove()),
      workThrough(changed, { parallel: AT_A_TIME, work: (refresh) => refresh(), onWorkerDone: () => {} }),
    ]);
  }

  #create(source: DevFunctionSource): DevFunction {
    const folder = new WorkFolder(join(this.#options.root, source.fn.name));
    return new DevFunction(source, { ...this.#options, folder });
  }

  #watched() {
    const { shell, stackFile } = this.#options;
    return watchedFunctions({ cwd: shell.cwd, ...this.#stack, stackFile });
  }

  /** What functions print names files of their versions: shown are those that are edited. */
  #setOrigins(): void {
    const { output, root } = this.#options;
    output.setFunctions(
      this.#stack.functions.map(({ name, handler, lang }) => ({
        name,
        root: join(root, name),
        handler,
        lang,
      })),
    );
  }
}
