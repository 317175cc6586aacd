import { chmod, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { COMMANDS } from '../command-table.ts';
import { CliError, fileError } from '../errors.ts';
import { switchFlag } from '../flags.ts';
import { isPluginName, pluginFolder, pluginNames } from '../plugins/installed-plugins.ts';
import { fetchPlugin, type PluginPlace } from '../plugins/plugin-image.ts';
import type { Shell } from '../shell.ts';
import { requireSubCommand } from '../sub-commands.ts';

const OS_BY_NODE_NAME: Readonly<Record<string, string>> = { win32: 'windows' };
const ARCH_BY_NAME: Readonly<Record<string, string>> = {
  x64: 'amd64',
  x86_64: 'amd64',
  aarch64: 'arm64',
  armhf: 'arm',
};

interface GetFlags {
  readonly registry: string;
  readonly version: string;
  readonly os?: string;
  readonly arch?: string;
  readonly path?: string;
  readonly verbose: boolean;
}

export function define(command: Command, shell: Shell): void {
  requireSubCommand(command);
  command.addHelpText(
    'after',
    `
A plugin is an executable in ~/.openfaas/plugins, which is then a command: skep NAME.

Examples:
  skep plugin get pro
  skep plugin list`,
  );
  defineGet(command, shell);
  defineList(command, shell);
}

function defineGet(parent: Command, shell: Shell): void {
  const command = parent
    .command('get')
    .description('Fetch a plugin out of an image')
    .argument('<name>', 'plugin');
  command.option('--registry <registry>', 'where its image is', 'ghcr.io/openfaasltd');
  command.option('--version <tag>', 'tag or digest of the image', 'latest');
  command.option('--os <os>', "linux, darwin or windows (default: this machine's)");
  command.option('--arch <arch>', "amd64, arm64 or arm (default: this machine's)");
  command.option('--path <dir>', 'where to put it (default: ~/.openfaas/plugins)');
  switchFlag(command, '-v, --verbose', 'say where it comes from');
  command.addHelpText(
    'after',
    '\nNo Docker is needed. What a plugin does is up to who made it: it runs as you.\n\nExamples:\n  skep plugin get pro\n  skep plugin get pro --version 0.1.9 --arch arm64 --path .',
  );
  command.action(async (name: string) => {
    const flags = command.opts<GetFlags>();
    const place = toPlace(name, flags);
    if (flags.verbose)
      shell.note(`Fetching ${place.registry}/${name}:${place.version} for ${place.os}/${place.arch}`);
    shell.status(`Fetching plugin: ${name}`);
    const program = await fetchPlugin(place);
    const folder = flags.path === undefined ? pluginFolder(shell) : resolve(shell.cwd, flags.path);
    const path = join(folder, place.os === 'windows' ? `${name}.exe` : name);
    await save(path, folder, program);
    shell.out(`Downloaded plugin: ${path} (${(program.length / 1e6).toFixed(1)} MB)`);
    if (flags.path === undefined) shell.out(`\nUsage:\n  skep ${name}`);
  });
}

function defineList(parent: Command, shell: Shell): void {
  const command = parent.command('list').alias('ls').description('List the plugins that are here');
  command.addHelpText('after', '\nExamples:\n  skep plugin list');
  command.action(async () => {
    const names = await pluginNames(shell);
    for (const name of names) shell.out(name);
    if (names.length === 0) shell.note(`There are no plugins in ${pluginFolder(shell)}.`);
  });
}

/** @throws {CliError} for a flag that makes no sense */
function toPlace(name: string, flags: GetFlags): PluginPlace {
  if (!isPluginName(name) || name !== name.toLowerCase())
    throw new CliError(`"${name}" is no name of a plugin: use a-z, 0-9, dots, dashes and underscores`);
  const ours = COMMANDS.find((entry) => entry.name === name || entry.aliases?.includes(name));
  if (ours !== undefined && flags.path === undefined)
    throw new CliError(
      `skep has a command ${name} of its own, which comes first: give --path to fetch it all the same`,
    );
  if (!/^(sha256:[0-9a-f]{64}|\w[\w.-]{0,127})$/.test(flags.version))
    throw new CliError(`--version must be a tag or a digest, but you gave: ${flags.version}`);
  const arch = (flags.arch || process.arch).toLowerCase();
  return {
    name,
    registry: flags.registry,
    version: flags.version,
    os: (flags.os || OS_BY_NODE_NAME[process.platform] || process.platform).toLowerCase(),
    arch: ARCH_BY_NAME[arch] ?? arch,
  };
}

/** Renamed into place: who runs the one of before is not disturbed, and there is never half of one. */
async function save(path: string, folder: string, program: Buffer): Promise<void> {
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    await mkdir(folder, { recursive: true });
    await writeFile(temporary, program, { flag: 'wx' });
    await chmod(temporary, 0o755);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw fileError('write', path, error);
  }
}
