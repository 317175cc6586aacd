import { createHash } from 'node:crypto';
import { existsSync, realpathSync } from 'node:fs';
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { delimiter, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { assembleBuildFolder } from '../cli/build/assemble.ts';
import { CliError, fileError, systemCode } from '../cli/errors.ts';
import type { Shell } from '../cli/shell.ts';
import type { DevRecipe, TemplateManifest } from '../cli/templates/template-manifest.ts';
import type { StackFunction } from '../contract/stack-file.ts';
import type { Runnable } from '../gateway/processes/runnable.ts';
import { doStep } from './do-step.ts';
import { imageEnvironment, movedTo } from './image-environment.ts';
import type { Snapshot, WorkFolder } from './work-folder.ts';

/** What stands at the top of handler folders and is in no image, or is made anew for it. */
const NO_SOURCE = /^(build|template|node_modules|__pycache__|\.pytest_cache|\.mypy_cache)$/;
/** Marks of folders that tools keep beside the sources: Cargo's target, virtual environments of Python. */
const TOOL_MARKS = ['CACHEDIR.TAG', 'pyvenv.cfg'];
/** Looks at sources of which something is gone when it is to be copied. */
const MOST_ATTEMPTS = 4;
const AGAIN_MS = 200;

export interface PrepareOptions {
  readonly shell: Pick<Shell, 'cwd' | 'env'>;
  readonly fn: Pick<StackFunction, 'name' | 'lang' | 'handler' | 'fprocess'>;
  /** Extra paths, as for a build. */
  readonly copy: readonly string[];
  readonly folder: WorkFolder;
  /** Folder of programs that we bring: at the end of the PATH of steps. */
  readonly tools: string;
  /** A step begins that takes its time. */
  readonly onStep: (what: string) => void;
  /** Output of a step, as it comes. */
  readonly onLine: (line: string) => void;
}

export interface PrepareSignals {
  /** Everything ends. */
  readonly stop: AbortSignal;
  /** There are newer sources: a build is broken off, an installation if they want other packages. */
  readonly superseded: AbortSignal;
  /** Tells of each further change, too. @returns ends that */
  readonly onNewer: (tell: () => void) => () => void;
  readonly newest: () => Pick<PrepareOptions, 'fn' | 'copy'>;
}

export interface Prepared extends Runnable {
  /** The template says nothing of how it runs without an image. */
  readonly isGuess: boolean;
  /** Steps that were done now. */
  readonly steps: readonly string[];
}

/**
 * Makes of a function's sources what can be run: assembles them as for an image, installs its packages when a lock file has changed,
 * and builds it when anything has. A failure leaves what runs as it is.
 * @throws {CliError} for what is wrong with the sources, a program that is missing, or a step that failed, with the end of its output
 */
export async function prepare(options: PrepareOptions, signals: PrepareSignals): Promise<Prepared> {
  const { shell, fn, folder, tools } = options;
  const manifest = await assembleWhole(options, signals);
  const recipe = manifest?.dev;
  const path = [shell.env['PATH'], tools].filter(Boolean).join(delimiter);
  const programs = requirePrograms(fn, recipe, path);
  const snapshot = await folder.snapshot();
  const image = await readDockerfile(folder.next, { ...shell.env, PATH: path });
  const installed = await lockKey(snapshot, recipe, programs);
  await folder.use(installed.slice(0, 12));
  await folder.sync(snapshot);

  const steps: string[] = [];
  const runsStep = { ...options, path, steps };
  if (!(await folder.isDone('install', installed))) {
    signals.superseded.throwIfAborted();
    await removeOwnLocks(folder.work, snapshot, recipe);
    const others = watchForOthers(options, signals, { installed, programs });
    const signal = AbortSignal.any([signals.stop, others.signal]);
    try {
      await doStep(runsStep, { kind: 'install', command: recipe?.install, key: installed, signal });
    } finally {
      await others.end();
    }
  }
  const built = keyOf(recipe?.build, installed, snapshot.files);
  const unmoved = { ...image.env, ...processOf(manifest), ...recipe?.environment };
  const version = keyOf(unmoved, image.workdir, built).slice(0, 12);
  // An edit that was taken back is a version that is there already.
  const isThere = existsSync(folder.versionFolder(version));
  signals.superseded.throwIfAborted();
  const build = isThere ? undefined : recipe?.build;
  await doStep(runsStep, {
    kind: 'build',
    command: build,
    key: built,
    signal: AbortSignal.any([signals.stop, signals.superseded]),
  });
  const runFolder = await folder.finish(version, snapshot);
  const env = movedTo({ env: { PATH: path, ...unmoved }, workdir: image.workdir }, runFolder);
  if (!env['fprocess'] && !fn.fprocess && env['mode'] !== 'static') throw noProcess(fn);
  return { folder: runFolder, env, version, steps, isGuess: recipe === undefined };
}

/** What goes while it is copied is no mistake: files are removed one after the other. */
async function assembleWhole(
  { shell, fn, copy, folder }: PrepareOptions,
  { superseded }: PrepareSignals,
): Promise<TemplateManifest | undefined> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await assemble(shell, { fn, copy }, folder.next);
    } catch (error) {
      const isGone = error instanceof Error && systemCode(error.cause) === 'ENOENT';
      if (!isGone || attempt === MOST_ATTEMPTS || !existsSync(resolve(shell.cwd, fn.handler))) throw error;
      await sleep(AGAIN_MS);
      superseded.throwIfAborted();
    }
  }
}

async function assemble(
  shell: PrepareOptions['shell'],
  { fn, copy }: Pick<PrepareOptions, 'fn' | 'copy'>,
  path: string,
): Promise<TemplateManifest | undefined> {
  try {
    await rm(path, { recursive: true, force: true });
    await mkdir(path, { recursive: true });
  } catch (error) {
    throw fileError('make', path, error);
  }
  const skip = await notSource(resolve(shell.cwd, fn.handler));
  return (await assembleBuildFolder(shell, { ...fn, copy }, { path, skip })).manifest;
}

/** While packages are installed: `signal` says that newer sources want others. It may hang for want of that. */
function watchForOthers(
  { shell, fn, folder }: PrepareOptions,
  { onNewer, newest }: PrepareSignals,
  { installed, programs }: { readonly installed: string; readonly programs: readonly string[] },
): { readonly signal: AbortSignal; end(): Promise<void> } {
  const others = new AbortController();
  let looking: Promise<void> = Promise.resolve();
  const look = async (): Promise<void> => {
    const source = newest();
    if (source.fn.lang !== fn.lang) others.abort();
    if (others.signal.aborted) return;
    try {
      const manifest = await assemble(shell, source, folder.peek);
      const snapshot = await folder.snapshot(folder.peek);
      if ((await lockKey(snapshot, manifest?.dev, programs)) !== installed) others.abort();
    } catch {
      // They cannot be read as they are now: whoever prepares them says why.
    }
  };
  const endTelling = onNewer(() => {
    looking = looking.then(look);
  });
  return {
    signal: others.signal,
    end: async () => {
      endTelling();
      await looking;
      await rm(folder.peek, { recursive: true, force: true });
    },
  };
}

function processOf(manifest: TemplateManifest | undefined): Record<string, string> {
  return manifest?.fprocess ? { fprocess: manifest.fprocess } : {};
}

function noProcess({ name, lang }: PrepareOptions['fn']): CliError {
  return new CliError(
    `nothing says which program ${name} is: give its "fprocess" in the stack file, or ENV fprocess in the Dockerfile of "${lang}"`,
  );
}

/** Names at the top of a handler's folder that no version is made of. */
async function notSource(handler: string): Promise<string[]> {
  let entries: { name: string; isDirectory(): boolean }[];
  try {
    entries = await readdir(handler, { withFileTypes: true });
  } catch {
    return []; // whoever assembles says what is wrong with it
  }
  const names = entries.map(({ name }) => name);
  const isTool = (name: string): boolean =>
    TOOL_MARKS.some((mark) => existsSync(join(handler, name, mark))) ||
    (name === 'target' && ['Cargo.toml', 'pom.xml'].some((file) => names.includes(file)));
  return entries
    .filter((entry) => NO_SOURCE.test(entry.name) || (entry.isDirectory() && isTool(entry.name)))
    .map(({ name }) => name);
}

/** @returns real paths of what the template needs: of another version of a language, mostly, they are others */
function requirePrograms(
  { name, lang }: PrepareOptions['fn'],
  recipe: DevRecipe | undefined,
  path: string,
): string[] {
  const needs = recipe?.needs ?? [];
  const found = needs.flatMap((program) => Bun.which(program, { PATH: path }) ?? []);
  if (found.length === needs.length) return found.map((program) => realpathSync(program));
  const missing = needs.filter((program) => Bun.which(program, { PATH: path }) === null);
  const [are, them] = missing.length === 1 ? ['is', 'it'] : ['are', 'them'];
  throw new CliError(
    `${name} is written in ${lang}, which needs ${missing.join(' and ')}; ${missing.length === 1 ? 'that' : 'they'} ${are} not on the PATH: install ${them} and save any file of ${name}`,
  );
}

async function readDockerfile(folder: string, given: Shell['env']) {
  const path = join(folder, 'Dockerfile');
  try {
    return imageEnvironment(await readFile(path, 'utf8'), given);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return { env: {}, workdir: '/' };
    throw fileError('read', path, error);
  }
}

/** Stands for what an installation depends on: its command, the programs, and the files that name the packages or are packages. */
async function lockKey(
  { folder, files }: Snapshot,
  recipe: DevRecipe | undefined,
  programs: readonly string[],
): Promise<string> {
  const lock = recipe?.lock ?? [];
  const there = lock.filter((path) => files[path] !== undefined);
  const texts = await Promise.all(there.map((path) => readFile(join(folder, path), 'utf8')));
  const isOfAll = texts.some((text) => recipe?.ownFiles?.test(text));
  return keyOf(
    recipe?.install,
    programs,
    lock,
    lock.map((path) => files[path] ?? null),
    isOfAll && files,
  );
}

/** A lock file that an installation wrote by itself is not the next one's law. */
async function removeOwnLocks(
  work: string,
  { files }: Snapshot,
  recipe: DevRecipe | undefined,
): Promise<void> {
  for (const path of recipe?.lock ?? []) {
    if (files[path] === undefined) await rm(join(work, path), { force: true });
  }
}

function keyOf(...parts: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
}
