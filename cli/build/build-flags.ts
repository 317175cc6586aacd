import type { Command } from 'commander';
import type { StackFile, StackFunction } from '../../contract/stack-file.ts';
import { CliError } from '../errors.ts';
import {
  addSingleFunctionFlags,
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
import { plainHttpWarning } from '../gateway-address.ts';
import { connect } from '../gateway-client.ts';
import { type LoadedStack, loadStack } from '../load-stack.ts';
import type { Shell } from '../shell.ts';
import { requireSound } from '../stack-check/require-sound.ts';
import { fetchMissingTemplate, fetchStackTemplates } from '../templates/fetch-template.ts';
import type { BuildSettings } from './build-functions.ts';
import {
  gatewayBuilder,
  type RemoteBuilder,
  readPayloadSecret,
  readPublicKey,
  signedBuilder,
} from './remote-builder.ts';

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
  readonly remoteBuilder?: string;
  readonly payloadSecret?: string;
  readonly builderPublicKey?: string;
  readonly disableStackPull: boolean;
}

/** The flags of `build` and `up` about building. */
export function addBuildFlags(command: Command): void {
  addStackFlags(command);
  addTagFlag(command);
  addSingleFunctionFlags(command);
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
  command.option(
    '--remote-builder <url>',
    'build through this builder, with a shared secret in place of a login',
  );
  command.option('--payload-secret <path>', 'file with the secret that is shared with --remote-builder');
  command.option(
    '--builder-public-key <key|path>',
    'key to seal build secrets for (default: the builder is asked)',
  );
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
): Promise<{ stack: LoadedStack | undefined; functions: readonly StackFunction[] }> {
  const stack = await loadStack(shell, flags);
  if (stack) {
    const functions = requireFunctions(stack);
    if (!flags.shrinkwrap) await requireSound(shell, stack, { sources: true, byGateway: flags.remote });
    await fetchStackTemplates(shell, functions, {
      templates: stack.templates,
      disabled: flags.disableStackPull,
    });
    return { stack, functions };
  }
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
  await fetchMissingTemplate(shell, lang);
  return { stack: undefined, functions: [functionFromFlags({ name, image, handler, lang })] };
}

/** The environment names a builder for `publish` alone, as with faas-cli: elsewhere it would change what a command does. */
function remoteBuilderUrl(shell: Shell, flags: BuildFlags, publishes: boolean): string | undefined {
  return flags.remoteBuilder || (publishes && shell.env['OPENFAAS_REMOTE_BUILDER']) || undefined;
}

/**
 * Who builds elsewhere, when --remote or --remote-builder ask for it.
 * @throws {CliError} for flags that only an engine here can follow, or that contradict or lack one another
 */
export async function withRemote(
  shell: Shell,
  flags: BuildFlags & GatewayFlags,
  options: {
    settings: BuildSettings;
    stack: StackFile | undefined;
    skipPush: boolean;
    /** Of `publish`: the platforms that its flag names. */
    publish?: { readonly platforms: string; readonly extraTags: readonly string[] };
  },
): Promise<BuildSettings> {
  const { settings, stack, skipPush, publish } = options;
  const url = remoteBuilderUrl(shell, flags, publish !== undefined);
  if (settings.shrinkwrap || (!flags.remote && url === undefined)) return settings;
  const name = url === undefined ? '--remote' : '--remote-builder';
  const local = [
    ...(settings.noCache ? ['--no-cache'] : []),
    ...(settings.squash ? ['--squash'] : []),
    ...(settings.pull ? ['--pull'] : []),
    ...(Object.keys(settings.labels).length > 0 ? ['--build-label'] : []),
    ...(publish !== undefined && publish.extraTags.length > 0 ? ['--extra-tag'] : []),
  ];
  if (local.length > 0) throw new CliError(`${local.join(', ')} cannot be used with ${name}`);
  const remote = {
    builder: await openBuilder(shell, flags, { url, stack }),
    skipPush,
    ...(publish !== undefined && { platforms: publish.platforms }),
  };
  return { ...settings, remote };
}

async function openBuilder(
  shell: Shell,
  flags: BuildFlags & GatewayFlags,
  { url, stack }: { url: string | undefined; stack: StackFile | undefined },
): Promise<RemoteBuilder> {
  const givenKey = flags.builderPublicKey || shell.env['OPENFAAS_BUILDER_PUBLIC_KEY'];
  const publicKey = givenKey ? await readPublicKey(shell, givenKey) : undefined;
  if (flags.remote && flags.remoteBuilder) {
    throw new CliError('--remote builds through the gateway, --remote-builder elsewhere: choose one');
  }
  if (flags.remote || url === undefined) {
    const gateway = await connect(shell, flags, { stackGateway: stack?.gateway });
    return gatewayBuilder(gateway, publicKey);
  }
  const path = flags.payloadSecret || shell.env['OPENFAAS_PAYLOAD_SECRET'];
  if (!path) {
    throw new CliError(
      '--remote-builder needs --payload-secret, a file with the secret that the builder knows (or OPENFAAS_PAYLOAD_SECRET with its path)',
    );
  }
  const warning = plainHttpWarning(url, flags);
  if (warning) shell.note(warning);
  const { tlsNoVerify } = flags;
  return signedBuilder({ url, payloadSecret: await readPayloadSecret(shell, path), publicKey, tlsNoVerify });
}
