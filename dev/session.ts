import { join, resolve } from 'node:path';
import { messageOf } from '../cli/errors.ts';
import type { Shell } from '../cli/shell.ts';
import { asOnDisk } from '../cli/watch/as-on-disk.ts';
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

export interface SessionOptions extends Omit<DevFunctionOptions, 'folder' | 'after'> {
  readonly shell: Shell;
  readonly output: DevOutput;
  /** Absolute path of the folder in which each function has its own. */
  readonly root: string;
  /** Of the stack file as it was named; undefined: it is not local. */
  readonly stackFile: string | undefined;
  /** Reads the stack file again. @throws {Error} saying what is wrong with it */
  readonly load: () => Promise<StackFile>;
  /** Others are to be watched from now on: `paths`. Resolves when no change of them is missed. Must not reject. */
  readonly onPaths: () => Promise<void>;
}

/** Of one reading of the stack file to the next. */
interface Difference {
  readonly gone: readonly DevFunction[];
  readonly changed: readonly DevFunction[];
}

/** All functions of a stack file, kept in step with their sources and with the file. */
export class DevSession {
  readonly #options: SessionOptions;
  readonly #functions = new Map<string, DevFunction>();
  /** Ends of those that went: one of the same name begins after it, in the same folder. */
  readonly #ends = new Map<string, Promise<void>>();
  #stack: StackFile;
  /** Absolute. */
  readonly #stackPath: string | undefined;
  /** The stack file is read by one at a time, so that the last who reads it has what is in it. */
  #reading: Promise<unknown> = Promise.resolve();

  constructor(stack: StackFile, options: SessionOptions) {
    this.#options = options;
    this.#stack = withSources(stack);
    const { shell, stackFile } = options;
    this.#stackPath = stackFile === undefined ? undefined : asOnDisk(resolve(shell.cwd, stackFile));
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
    await this.#bringInStep(this.#adopt(this.#stack), performance.now());
  }

  /** Files have changed. Never rejects; resolves when functions are in step with them. */
  async onChange(changed: readonly string[]): Promise<void> {
    const since = performance.now();
    const isStack = this.#stackPath !== undefined && changed.includes(this.#stackPath);
    const read = isStack ? this.#readAgain() : undefined;
    this.#reading = Promise.all([this.#reading, read]);
    const difference = await read;
    // What is made of files that were not watched until now is read when they are.
    if (difference !== undefined) await this.#options.onPaths();
    await Promise.all([difference && this.#bringInStep(difference, since), this.#refresh(changed, since)]);
  }

  /** A secret has come that some may have missed. Never rejects. */
  async retryBroken(): Promise<void> {
    const since = performance.now();
    const broken = [...this.#functions.values()].filter(({ trouble }) => trouble !== undefined);
    await Promise.all(broken.map((each) => each.refresh(since)));
  }

  async #refresh(changed: readonly string[], since: number): Promise<void> {
    const { shell } = this.#options;
    const others = changed.filter((path) => path !== this.#stackPath);
    const isSecret = others.some((path) => isWithin(path, secretsFolder(shell.cwd)));
    const whose = this.#watched().whose(others);
    const concerned = [...this.#functions.values()].filter(
      ({ name, usesSecrets }) => whose === 'all' || whose.includes(name) || (isSecret && usesSecrets),
    );
    await Promise.all(concerned.map((each) => each.refresh(since)));
  }

  /** @returns undefined: it is wrong, which was told, and nothing changes */
  async #readAgain(): Promise<Difference | undefined> {
    const { output, load } = this.#options;
    await this.#reading;
    try {
      return this.#adopt(await load());
    } catch (error) {
      output.problem('skep', `${messageOf(error)}\nThe functions stay as they were.`);
      return undefined;
    }
  }

  /** From here on each function is what the stack file says, whoever brings it in step. */
  #adopt(stack: StackFile): Difference {
    this.#stack = withSources(stack);
    const { functions, copy, templates } = this.#stack;
    const wanted = new Map(
      functions.map((fn): [string, DevFunctionSource] => [fn.name, { fn, copy, templates }]),
    );
    const gone = [...this.#functions.values()].filter(({ name }) => !wanted.has(name));
    for (const each of gone) {
      this.#functions.delete(each.name);
      this.#ends.set(each.name, each.remove());
    }
    this.#setOrigins();
    const changed: DevFunction[] = [];
    for (const [name, source] of wanted) {
      const there = this.#functions.get(name);
      if (there?.isMadeOf(source)) continue;
      there?.become(source);
      const each = there ?? this.#create(source);
      this.#functions.set(name, each);
      changed.push(each);
    }
    return { gone, changed };
  }

  async #bringInStep({ gone, changed }: Difference, since: number): Promise<void> {
    await Promise.all([
      ...gone.map(({ name }) => this.#ends.get(name)),
      workThrough(changed, {
        parallel: AT_A_TIME,
        work: (each) => each.refresh(since),
        onWorkerDone: () => {},
      }),
    ]);
  }

  #create(source: DevFunctionSource): DevFunction {
    const { name } = source.fn;
    const folder = new WorkFolder(join(this.#options.root, name));
    return new DevFunction(source, {
      ...this.#options,
      folder,
      after: this.#ends.get(name) ?? Promise.resolve(),
    });
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

/** A function that is not built is made of the sources of another one with the same image, where there is such. */
function withSources(stack: StackFile): StackFile {
  const functions = stack.functions.map((fn) => {
    if (!fn.skipBuild || fn.lang !== '' || fn.image === '') return fn;
    const built = stack.functions.find(({ image, lang }) => image === fn.image && lang !== '');
    if (built === undefined) return fn;
    const { lang, handler } = built;
    return { ...fn, skipBuild: false, lang, handler };
  });
  return { ...stack, functions };
}
