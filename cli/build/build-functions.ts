import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { isFunctionName } from '../../contract/function-ref.ts';
import type { StackFunction } from '../../contract/stack-file.ts';
import { checkImage } from '../../contract/tagged-image.ts';
import { CliError, messageOf } from '../errors.ts';
import { imageFor } from '../image-tags.ts';
import { runLines } from '../run-program.ts';
import { RunningWork } from '../running-work.ts';
import { seconds } from '../seconds.ts';
import { plainText, type Shell } from '../shell.ts';
import { stoppable } from '../stoppable.ts';
import { workThrough } from '../workers.ts';
import { assembleBuildFolder, type BuildFolder } from './assemble.ts';
import { baseImageOf, takesWatchdog } from './base-image.ts';
import { builderEnvironment, deprecationFilter } from './builder-kind.ts';
import { buildArguments, dockerBuildArguments } from './docker-arguments.ts';
import { watchSteps, whereItFailed } from './failed-step.ts';
import {
  type Builder,
  type PublishSettings,
  parsePlatforms,
  publishArguments,
  publishImage,
} from './publish.ts';
import { buildRemotely } from './remote-build.ts';
import type { RemoteBuilder } from './remote-builder.ts';

export interface BuildSettings {
  readonly parallel: number;
  readonly tag: string;
  readonly copy: readonly string[];
  readonly buildArgs: Readonly<Record<string, string>>;
  readonly buildOptions: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly noCache: boolean;
  readonly squash: boolean;
  readonly pull: boolean;
  readonly quiet: boolean;
  /** Only make the build folder. */
  readonly shrinkwrap: boolean;
  /** Push from the build, for several platforms. */
  readonly publish?: PublishSettings & PublishTools;
  /** Build there, not with an engine here. */
  readonly remote?: RemoteSettings;
}

export interface PublishTools {
  /** Of `prepareBuilder`. */
  readonly builder: Builder;
  /** A build context with the watchdog's image for these platforms; undefined where there is none. Made once, when a build takes from it. */
  watchdog(platforms: string): Promise<string | undefined>;
}

export interface RemoteSettings {
  readonly builder: RemoteBuilder;
  readonly skipPush: boolean;
  /** e.g. `linux/amd64`, for functions that do not say; absent: the builder's own. */
  readonly platforms?: string;
}

/**
 * Builds the functions' images, `parallel` at a time; one that fails does not stop the others, a signal ends all.
 * @throws {CliError} listing every failure
 */
export async function buildFunctions(
  shell: Shell,
  functions: readonly StackFunction[],
  settings: BuildSettings,
): Promise<void> {
  checkFunctions(functions, settings);
  // A build elsewhere ends with its connection, and so with us.
  if (settings.remote) await buildAll(shell, functions, settings);
  else await stoppable(shell, (shell) => buildAll(shell, functions, settings));
}

async function buildAll(
  shell: Shell,
  functions: readonly StackFunction[],
  settings: BuildSettings,
): Promise<void> {
  const running = new RunningWork(shell);
  const startedAt = performance.now();
  const failures = await workThrough(functions, {
    parallel: Math.min(settings.parallel, functions.length),
    work: async (fn, worker) => {
      shell.stop?.throwIfAborted();
      if (fn.skipBuild) {
        shell.out(`Skipping build of: ${fn.name}.`);
        return;
      }
      const began = performance.now();
      shell.out(`[${worker}] > Building ${fn.name}.`);
      try {
        await buildOne(shell, fn, settings, running);
      } finally {
        shell.out(`[${worker}] < Building ${fn.name} done in ${seconds(began)}.`);
      }
    },
    onWorkerDone: (worker) => shell.out(`[${worker}] Worker done.`),
  });
  shell.out(`\nTotal build time: ${seconds(startedAt)}`);
  if (failures.length > 0) {
    throw new CliError(
      `Errors received during build:\n${failures.map((error) => `- ${messageOf(error)}`).join('\n')}`,
    );
  }
}

/** All at once and before anything is deleted or built. */
function checkFunctions(functions: readonly StackFunction[], settings: BuildSettings): void {
  for (const fn of functions) {
    if (!isFunctionName(fn.name))
      throw new CliError(`"${fn.name}" is no function name: use a-z, 0-9 and dashes`);
    if (!fn.skipBuild && !settings.shrinkwrap) checkImage(fn.image, fn.name);
  }
}

async function buildOne(
  shell: Shell,
  fn: StackFunction,
  settings: BuildSettings,
  running: RunningWork,
): Promise<void> {
  const image = settings.shrinkwrap ? fn.image : await imageFor(shell, fn, settings.tag);
  const folder = await assembleBuildFolder(shell, { ...fn, copy: settings.copy });
  const buildArgs = buildArguments({
    lang: fn.lang,
    manifest: folder.manifest,
    buildOptions: [...fn.buildOptions, ...settings.buildOptions],
    buildArgs: { ...fn.buildArgs, ...settings.buildArgs },
  });
  if (settings.shrinkwrap) {
    shell.out(`${fn.name} shrink-wrapped to build/${fn.name}`);
    return;
  }
  shell.out(`Building: ${image} with ${fn.lang} template. Please wait..`);
  const steps = watchSteps();
  const output = outputOf(shell, fn.name, settings);
  const onLine = (line: string): void => {
    steps.see(plainText(line));
    output.write(line);
    running.show();
  };
  const at = (): string =>
    steps.step ? `${steps.step.progress} ${steps.step.instruction}`.trim() : 'starting';
  try {
    await running.during(fn.name, at, () =>
      makeImage(shell, fn, { settings, image, folder, buildArgs, onLine }),
    );
  } catch (error) {
    output.showKept();
    if (shell.stop?.aborted || steps.step === undefined) throw error;
    const dockerfile = await readDockerfile(folder);
    const baseImage = (from: string): string => baseImageOf(from, dockerfile, buildArgs);
    const hasEngineImages = settings.publish?.builder.isEngine ?? true;
    const where = whereItFailed(steps.step, { handler: fn.handler, baseImage, hasEngineImages });
    throw new CliError(`${messageOf(error)}\n${where}`.trimEnd(), { cause: error });
  }
  shell.out(`Image: ${image} built.`);
}

/** Empty where there is none, which the builder tells. */
function readDockerfile({ path }: BuildFolder): Promise<string> {
  return readFile(join(path, 'Dockerfile'), 'utf8').catch(() => '');
}

interface ImagePlan {
  readonly settings: BuildSettings;
  readonly image: string;
  readonly folder: BuildFolder;
  readonly buildArgs: Readonly<Record<string, string>>;
  readonly onLine: (line: string) => void;
}

async function makeImage(
  shell: Shell,
  fn: StackFunction,
  { settings, image, folder, buildArgs, onLine }: ImagePlan,
): Promise<void> {
  if (settings.remote) {
    const { builder, skipPush } = settings.remote;
    const platforms = fn.platforms ?? settings.remote.platforms;
    await buildRemotely(builder, {
      image,
      buildArgs,
      skipPush,
      platforms: platforms ? parsePlatforms(platforms, `${fn.name}: platforms`).split(',') : [],
      secrets: secretPaths(shell, fn),
      folder: folder.path,
      onLine,
    }).catch((error: unknown) => {
      throw new CliError(`[${fn.name}] ${messageOf(error)}`, { cause: error });
    });
    return;
  }
  const mountSsh = folder.manifest?.mountSsh ?? false;
  const secrets = secretPaths(shell, fn);
  if (settings.publish) {
    const platforms = parsePlatforms(fn.platforms ?? settings.publish.platforms, `${fn.name}: platforms`);
    const options = { ...settings, image, buildArgs, secrets, mountSsh, env: shell.env };
    const { builder, watchdog } = settings.publish;
    const dockerfile = await readDockerfile(folder);
    const context = takesWatchdog(dockerfile, buildArgs) ? await watchdog(platforms) : undefined;
    const contexts = context === undefined ? [] : [context];
    const args = publishArguments(options, { ...settings.publish, platforms, contexts });
    await publishImage(shell, args, { name: fn.name, folder: folder.path, env: builder.env, onLine });
    return;
  }
  const env = await builderEnvironment(shell, { needsBuildKit: mountSsh || Object.keys(secrets).length > 0 });
  const args = dockerBuildArguments({ ...settings, image, buildArgs, secrets, mountSsh, env: shell.env });
  const isWanted = deprecationFilter();
  const exitCode = await runLines(
    'docker',
    args,
    { cwd: folder.path, env, stop: shell.stop },
    (line, stream) => {
      if (stream === 'stdout' || isWanted(line)) onLine(line);
    },
  );
  if (exitCode !== 0) {
    throw new CliError(
      `[${fn.name}] received non-zero exit code from build, error: docker build ended with ${exitCode}`,
    );
  }
}

/** Build secrets by their ids; paths in a stack file are those of the folder that the command runs in. */
function secretPaths(shell: Shell, { buildSecrets }: StackFunction): Record<string, string> {
  return Object.fromEntries(Object.entries(buildSecrets).map(([id, path]) => [id, resolve(shell.cwd, path)]));
}

/** What BuildKit warns of though the build goes well: an image made of this will not run where it is meant to. */
const WRONG_BASE = /^ - InvalidBaseImagePlatform: /;

/** Shows a build's output as it comes; that of a quiet build is kept for the case that it fails. */
function outputOf(
  shell: Shell,
  name: string,
  { quiet, parallel }: Pick<BuildSettings, 'quiet' | 'parallel'>,
): { write(line: string): void; showKept(): void } {
  const kept: string[] = [];
  // Lines of builds that run side by side would be a riddle without the name.
  const show = (line: string): void =>
    shell.out(`${parallel > 1 ? `[${name}] ` : ''}${shell.paint.foreign(line)}`);
  return {
    write: (line) => {
      if (quiet && !WRONG_BASE.test(plainText(line))) kept.push(line);
      else show(line);
    },
    showKept: () => {
      for (const line of kept) show(line);
    },
  };
}
