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
import { assembleBuildFolder } from './assemble.ts';
import { builderEnvironment, deprecationFilter } from './builder-kind.ts';
import { buildArguments, dockerBuildArguments } from './docker-arguments.ts';

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
  const mountSsh = folder.manifest?.mountSsh ?? false;
  const secrets = Object.fromEntries(
    Object.entries(fn.buildSecrets).map(([id, path]) => [id, resolve(shell.cwd, path)]),
  );
  const env = await builderEnvironment(shell, { needsBuildKit: mountSsh || Object.keys(secrets).length > 0 });
  const args = dockerBuildArguments({ ...settings, image, buildArgs, secrets, mountSsh, env: shell.env });
  await runBuild(shell, fn.name, { args, cwd: folder.path, env }, settings);
  shell.out(`Image: ${image} built.`);
}

async function runBuild(
  shell: Shell,
  name: string,
  { args, cwd, env }: { args: readonly string[]; cwd: string; env: Shell['env'] },
  { quiet, parallel }: Pick<BuildSettings, 'quiet' | 'parallel'>,
): Promise<void> {
  const isWanted = deprecationFilter();
  const kept: string[] = [];
  const exitCode = await runLines('docker', args, { cwd, env }, (line, stream) => {
    if (stream === 'stderr' && !isWanted(line)) return;
    // Lines of builds that run side by side would be a riddle without the name.
    if (!quiet) shell.out(parallel > 1 ? `[${name}] ${line}` : line);
    else kept.push(line);
  });
  if (exitCode === 0) return;
  for (const line of kept) shell.out(line);
  throw new CliError(
    `[${name}] received non-zero exit code from build, error: docker build ended with ${exitCode}`,
  );
}
