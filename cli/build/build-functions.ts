import { resolve } from 'node:path';
import { isFunctionName } from '../../contract/function-ref.ts';
import type { StackFunction } from '../../contract/stack-file.ts';
import { checkImage } from '../../contract/tagged-image.ts';
import { CliError, messageOf } from '../errors.ts';
import { imageFor } from '../image-tags.ts';
import { runLines } from '../run-program.ts';
import { seconds } from '../seconds.ts';
import type { Shell } from '../shell.ts';
import { workThrough } from '../workers.ts';
import { assembleBuildFolder, type BuildFolder } from './assemble.ts';
import { builderEnvironment, deprecationFilter } from './builder-kind.ts';
import { buildArguments, dockerBuildArguments } from './docker-arguments.ts';
import { watchSteps, whereItFailed } from './failed-step.ts';
import { type PublishSettings, parsePlatforms, publishArguments, publishImage } from './publish.ts';
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
  /** Push from the build, for several platforms; `prepareBuilder` was run before. */
  readonly publish?: PublishSettings;
  /** Build there, not with an engine here. */
  readonly remote?: RemoteSettings;
}

export interface RemoteSettings {
  readonly builder: RemoteBuilder;
  readonly skipPush: boolean;
  /** e.g. `linux/amd64`, for functions that do not say; absent: the builder's own. */
  readonly platforms?: string;
}

/**
 * Builds the functions' images with the local engine, `parallel` at a time; one that fails does not stop the others.
 * @throws {CliError} listing every failure
 */
export async function buildFunctions(
  shell: Shell,
  functions: readonly StackFunction[],
  settings: BuildSettings,
): Promise<void> {
  checkFunctions(functions, settings);
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
        await buildOne(shell, fn, settings);
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

async function buildOne(shell: Shell, fn: StackFunction, settings: BuildSettings): Promise<void> {
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
  const onLine = lineWriter(shell, fn, settings);
  try {
    await makeImage(shell, fn, { settings, image, folder, buildArgs, onLine });
  } catch (error) {
    onLine.showKept();
    throw error;
  } finally {
    onLine.end();
  }
  shell.out(`Image: ${image} built.`);
}

interface ImagePlan {
  readonly settings: BuildSettings;
  readonly image: string;
  readonly folder: BuildFolder;
  readonly buildArgs: Readonly<Record<string, string>>;
  readonly onLine: ReturnType<typeof lineWriter>;
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
      onLine: onLine.write,
    }).catch((error: unknown) => {
      throw new CliError(`[${fn.name}] ${messageOf(error)}${onLine.where()}`, { cause: error });
    });
    return;
  }
  const mountSsh = folder.manifest?.mountSsh ?? false;
  const secrets = secretPaths(shell, fn);
  if (settings.publish) {
    const platforms = parsePlatforms(fn.platforms ?? settings.publish.platforms, `${fn.name}: platforms`);
    const options = { ...settings, image, buildArgs, secrets, mountSsh, env: shell.env };
    const args = publishArguments(options, { ...settings.publish, platforms });
    const { name } = fn;
    await publishImage(shell, args, { name, folder: folder.path, onLine: onLine.write }).catch(
      (error: unknown) => {
        throw new CliError(`${messageOf(error)}${onLine.where()}`, { cause: error });
      },
    );
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
      if (stream === 'stdout' || isWanted(line)) onLine.write(line);
    },
  );
  if (exitCode !== 0) {
    throw new CliError(
      `[${fn.name}] received non-zero exit code from build, error: docker build ended with ${exitCode}${onLine.where()}`,
    );
  }
}

/** Build secrets by their ids; paths in a stack file are those of the folder that the command runs in. */
function secretPaths(shell: Shell, { buildSecrets }: StackFunction): Record<string, string> {
  return Object.fromEntries(Object.entries(buildSecrets).map(([id, path]) => [id, resolve(shell.cwd, path)]));
}

/**
 * Shows a build's output as it comes; that of a quiet build is kept for the case that it fails. On a terminal the step that
 * runs, and for how long, stands below it.
 */
function lineWriter(
  shell: Shell,
  { name, handler }: Pick<StackFunction, 'name' | 'handler'>,
  { quiet, parallel }: Pick<BuildSettings, 'quiet' | 'parallel'>,
) {
  const kept: string[] = [];
  const steps = watchSteps();
  const began = performance.now();
  const ticker = setInterval(() => {
    const elapsed = Math.round((performance.now() - began) / 1000);
    shell.status(`${name}, ${elapsed} s: ${steps.step ?? 'starting'}`);
  }, 1000);
  return {
    write: (line: string): void => {
      steps.see(line);
      // Lines of builds that run side by side would be a riddle without the name.
      if (quiet) kept.push(line);
      else shell.out(parallel > 1 ? `[${name}] ${line}` : line);
    },
    showKept: (): void => {
      for (const line of kept) shell.out(line);
    },
    where: (): string => whereItFailed(steps.step, handler),
    end: (): void => clearInterval(ticker),
  };
}
