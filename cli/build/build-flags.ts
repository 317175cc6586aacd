import type { Command } from 'commander';
import type { StackFile, StackFunction } from '../../contract/stack-file.ts';
import { CliError } from '../errors.ts';
import {
  addStackFlags,
  addTagFlag,
  type GatewayFlags,
  listFlag,
  parseNumberFlag,
  parsePairs,
  type StackFlags,
  switchFlag,
} from '../flags.ts';
import { functionFromFlags, requireFunctions, type SingleFunctionFlags } from '../functions-of.ts';
import { connect } from '../gateway-client.ts';
import { loadStack } from '../load-stack.ts';
import type { Shell } from '../shell.ts';
import type { BuildSettings } from './build-functions.ts';

export interface BuildFlags extends StackFlags, SingleFunctionFlags {
  /** commander's reading of --no-cache: false when given. */
  readonly cache: boolean;
  readonly squash: boolean;
  readonly parallel: string;
  readonly shrinkwrap: boolean;
  readonly buildArg: readonly string[];
  readonly buildOption: readonly string[];
  readonly buildLabel: readonly string[];
  readonly copyExtra: readonly string[];
  readonly tag: string;
  readonly quiet: boolean;
  readonly pull: boolean;
  readonly remote: boolean;
}

/** The flags of `build` and `up` about building. */
export function addBuildFlags(command: Command): void {
  addStackFlags(command);
  addTagFlag(command);
  command.option('--image <image>', 'image, without a stack file');
  command.option('--handler <dir>', 'handler folder, without a stack file');
  command.option('--name <name>', 'function name, without a stack file');
  command.option('--lang <template>', 'template, without a stack file');
  switchFlag(command, '--no-cache', 'build every layer anew');
  switchFlag(command, '--squash', 'squash the layers (experimental engines only)');
  command.option('--parallel <n>', 'builds at the same time', '1');
  switchFlag(command, '--shrinkwrap', 'only make the build folders, then stop');
  listFlag(command, '-b, --build-arg <key=value>', 'Docker build argument');
  listFlag(command, '-o, --build-option <name>', 'build option of the template');
  listFlag(command, '--build-label <key=value>', 'label for the image');
  listFlag(command, '--copy-extra <path>', 'extra path to copy under the handler');
  switchFlag(command, '--quiet', 'do not show the output of the builds');
  switchFlag(command, '--pull', 'fetch newer base images');
  switchFlag(command, '--remote', 'build through the gateway: no Docker is needed here');
  switchFlag(command, '--disable-stack-pull', 'do not fetch templates that the stack file names');
  switchFlag(command, '--overwrite', 'overwrite templates when fetching', true);
  switchFlag(command, '--debug', 'accepted for scripts made for faas-cli');
}

/** @throws {CliError} for a flag with a wrong value */
export function buildSettings(flags: BuildFlags, stack: StackFile | undefined): BuildSettings {
  return {
    parallel: parseNumberFlag(flags.parallel, { flag: '--parallel', min: 1 }),
    tag: flags.tag,
    copy: [...(stack?.copy ?? []), ...flags.copyExtra],
    buildArgs: parsePairs(flags.buildArg, '--build-arg'),
    buildOptions: flags.buildOption,
    labels: parsePairs(flags.buildLabel, '--build-label'),
    noCache: !flags.cache,
    squash: flags.squash,
    pull: flags.pull,
    quiet: flags.quiet,
    shrinkwrap: flags.shrinkwrap,
  };
}

/** What to build: the stack file's functions, or the one of the flags when there is no file. */
export async function functionsToBuild(
  shell: Shell,
  flags: BuildFlags,
): Promise<{ stack: StackFile | undefined; functions: readonly StackFunction[] }> {
  const stack = await loadStack(shell, flags);
  if (stack) return { stack, functions: requireFunctions(stack) };
  const { name, image, handler, lang } = flags;
  if (!name && !image && !handler && !lang) {
    throw new CliError(
      'no stack.yaml or stack.yml here: give its path with -f, or --image, --handler, --name and --lang',
    );
  }
  if (!image) throw new CliError('please provide a valid --image name for your Docker image');
  if (!handler) throw new CliError("please provide the full path to your function's handler with --handler");
  if (!name) throw new CliError('please provide the deployed --name of your function');
  if (!lang) throw new CliError('please provide the --lang of your function: see "skep new --list"');
  return { stack: undefined, functions: [functionFromFlags({ name, image, handler, lang })] };
}

/**
 * The gateway that builds, when --remote asks for it. One build at a time: the gateway does no more.
 * @throws {CliError} for flags that only an engine here can follow
 */
export async function withRemote(
  shell: Shell,
  flags: BuildFlags & GatewayFlags,
  { settings, stack, skipPush }: { settings: BuildSettings; stack: StackFile | undefined; skipPush: boolean },
): Promise<BuildSettings> {
  if (!flags.remote || settings.shrinkwrap) return settings;
  const local = [
    ...(settings.noCache ? ['--no-cache'] : []),
    ...(settings.squash ? ['--squash'] : []),
    ...(settings.pull ? ['--pull'] : []),
    ...(Object.keys(settings.labels).length > 0 ? ['--build-label'] : []),
  ];
  if (local.length > 0) throw new CliError(`${local.join(', ')} cannot be used with --remote`);
  const gateway = await connect(shell, flags, { stackGateway: stack?.gateway });
  return { ...settings, parallel: 1, remote: { gateway, skipPush } };
}
