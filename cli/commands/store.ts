import type { Command } from 'commander';
import { addDeployFlags, type DeployFlags, deployGiven, singleFunction } from '../deploy/deploy-flags.ts';
import { CliError } from '../errors.ts';
import { switchFlag } from '../flags.ts';
import type { Shell } from '../shell.ts';
import {
  findStoreFunction,
  forPlatform,
  imageOf,
  loadFunctionStore,
  OPENFAAS_FUNCTION_STORE,
  type StoreFunction,
} from '../stores/function-store.ts';
import { columns, ownPlatform } from '../stores/read-store.ts';
import { requireSubCommand } from '../sub-commands.ts';

interface StoreFlags {
  readonly url?: string;
  readonly platform?: string;
  readonly verbose: boolean;
  readonly json: boolean;
}

const SHORT_CHARS = 40;

export function define(command: Command, shell: Shell): void {
  requireSubCommand(command);
  command.addHelpText(
    'after',
    `
A store is a list of functions that are built already, in JSON: --url, else OPENFAAS_STORE, else OpenFaaS's own.

Examples:
  skep store list
  skep store describe nodeinfo
  skep store deploy nodeinfo --name info
  skep store list --url ./functions.json`,
  );
  defineList(command, shell);
  defineDescribe(command, shell);
  defineDeploy(command, shell);
}

function defineList(parent: Command, shell: Shell): void {
  const command = sub(parent, 'list', 'List the functions of a store').alias('ls');
  switchFlag(command, '-v, --verbose', 'long titles in full', true);
  switchFlag(command, '-j, --json', 'as JSON');
  command.addHelpText(
    'after',
    '\nExamples:\n  skep store list\n  skep store list --platform arm64 --url ./functions.json',
  );
  command.action(async () => {
    const flags = command.opts<StoreFlags>();
    const functions = forPlatform(await load(shell, flags), platformOf(flags));
    if (flags.json) {
      shell.out(JSON.stringify(functions.map(toJson), null, 2));
      return;
    }
    const short = (text: string): string =>
      flags.verbose || text.length <= SHORT_CHARS ? text : `${text.slice(0, SHORT_CHARS - 3)}...`;
    const rows = functions.map(({ name, author, title }) => [name, author || 'unknown', short(title)]);
    shell.out(`\n${columns([['FUNCTION', 'AUTHOR', 'DESCRIPTION'], ...rows])}\n`);
  });
}

function defineDescribe(parent: Command, shell: Shell): void {
  const command = sub(parent, 'describe', 'Show one function of a store', '[name]').alias('inspect');
  switchFlag(command, '-v, --verbose', 'accepted for scripts made for faas-cli', true);
  command.addHelpText('after', '\nExamples:\n  skep store describe nodeinfo');
  command.action(async (name: string | undefined) => {
    const flags = command.opts<StoreFlags>();
    const found = await search(shell, flags, name, { orElsewhere: true });
    shell.out(`Title:       ${found.title}\nAuthor:      ${found.author || 'unknown'}\nDescription: `);
    shell.out(`${found.description}\n`);
    shell.out(
      columns([
        ['Image:', imageOf(found, platformOf(flags)) || imagesElsewhere(found, platformOf(flags))],
        ['Process:', found.fprocess],
        ['Repo URL:', found.repoUrl],
      ]),
    );
    for (const [title, map] of [
      ['Environment', found.environment],
      ['Labels', found.labels],
      ['Annotations', found.annotations],
    ] as const) {
      const lines = Object.entries(map).map(([key, value]) => `-  ${key}: ${value}`);
      if (lines.length > 0) shell.out(`${title}:\n${lines.join('\n')}\n`);
    }
  });
}

function defineDeploy(parent: Command, shell: Shell): void {
  const command = sub(parent, 'deploy', 'Deploy a function of a store', '[name]');
  addDeployFlags(command);
  command.option('--name <name>', "name for it here (default: the store's)");
  command.addHelpText(
    'after',
    '\nExamples:\n  skep store deploy nodeinfo\n  skep store deploy nodeinfo --name info --env K=V --label com.openfaas.scale.max=5',
  );
  command.action(async (given: string | undefined) => {
    const flags = command.opts<StoreFlags & DeployFlags>();
    const found = await search(shell, flags, given);
    const { fprocess, environment, labels, annotations, readOnlyRootFilesystem } = found;
    const described = {
      ...flags,
      name: flags.name ?? found.name,
      image: imageOf(found, platformOf(flags)),
      fprocess: flags.fprocess ?? fprocess,
      readTemplate: false,
      tag: 'latest',
    };
    const fn = { ...singleFunction(described), environment, labels, annotations, readOnlyRootFilesystem };
    await deployGiven(shell, described, [fn], { stackGateway: undefined, announce: false });
  });
}

function imagesElsewhere({ images }: StoreFunction, platform: string): string {
  const others = Object.entries(images).map(([other, image]) => `; ${other}: ${image}`);
  return `none for ${platform}${others.join('')}`;
}

async function search(
  shell: Shell,
  flags: StoreFlags,
  name: string | undefined,
  { orElsewhere = false } = {},
): Promise<StoreFunction> {
  if (!name) throw new CliError('please give the name of a function: see "skep store list"');
  return findStoreFunction(await load(shell, flags), { name, platform: platformOf(flags), orElsewhere });
}

function load(shell: Shell, flags: StoreFlags): Promise<readonly StoreFunction[]> {
  return loadFunctionStore(shell, flags.url || shell.env['OPENFAAS_STORE'] || OPENFAAS_FUNCTION_STORE);
}

function platformOf({ platform }: StoreFlags): string {
  return (platform || ownPlatform()).toLowerCase();
}

function sub(parent: Command, name: string, description: string, argument?: string): Command {
  const command = parent.command(name).description(description).helpOption('-h, --help', 'Show this help');
  command.option(
    '-u, --url <url|file>',
    'store to look into (default: OPENFAAS_STORE, else that of OpenFaaS)',
  );
  command.option('-p, --platform <name>', `x86_64, arm64 or armhf (default: ${ownPlatform()})`);
  return argument === undefined ? command : command.argument(argument);
}

function toJson(fn: StoreFunction): object {
  const { repoUrl, ...rest } = fn;
  return { ...rest, repo_url: repoUrl };
}
