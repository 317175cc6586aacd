import type { Command } from 'commander';
import { CliError } from '../errors.ts';
import { switchFlag } from '../flags.ts';
import { requireStack } from '../load-stack.ts';
import type { Shell } from '../shell.ts';
import { columns } from '../stores/read-store.ts';
import {
  findStoreTemplate,
  loadTemplateStore,
  type StoreTemplate,
  templateStoreLocation,
} from '../stores/template-store.ts';
import { requireSubCommand } from '../sub-commands.ts';
import { fetchMissingTemplate, pullFromStore, pullNamed, splitLang } from '../templates/fetch-template.ts';
import { findTemplate } from '../templates/find-template.ts';
import { parseRepository } from '../templates/git-repository.ts';
import { pullTemplates } from '../templates/pull-templates.ts';

const OPENFAAS_TEMPLATES = 'https://github.com/openfaas/templates.git';

import { withoutPassword } from '../without-password.ts';

interface PullFlags {
  readonly overwrite: boolean;
  readonly yaml?: string;
  readonly envsubst?: boolean;
}
interface StoreFlags {
  readonly url?: string;
  readonly platform?: string;
  readonly recommended: boolean;
  readonly official: boolean;
  readonly verbose: boolean;
  readonly json: boolean;
}

export function define(command: Command, shell: Shell): void {
  requireSubCommand(command);
  command.addHelpText(
    'after',
    `
Skep carries its own templates: "skep new --list". Templates in ./template come before them.

Examples:
  skep template pull https://github.com/openfaas/templates
  skep template pull stack
  skep template store list
  skep template store pull node`,
  );
  definePull(command, shell);
  const store = command
    .command('store')
    .description('Find templates in a store')
    .helpOption('-h, --help', 'Show this help');
  requireSubCommand(store);
  store.addHelpText(
    'after',
    `
Without --url and OPENFAAS_TEMPLATE_STORE_URL it is the list of Skep's own templates.

Examples:
  skep template store list --verbose
  skep template store list --url ./templates.json
  skep template store pull golang-middleware --url https://raw.githubusercontent.com/openfaas/store/master/templates.json`,
  );
  defineList(store, shell);
  defineDescribe(store, shell);
  defineStorePull(store, shell);
}

function definePull(parent: Command, shell: Shell): void {
  const command = sub(
    parent,
    'pull',
    'Copy the templates of a git repository to ./template',
    '[repository|stack]',
  );
  command.option(
    '-f, --yaml <path|url>',
    'stack file, for "pull stack" (default: ./stack.yaml, then ./stack.yml)',
  );
  switchFlag(command, '--envsubst', `replace \${NAME} in the stack file`, true);
  addPullFlags(command);
  command.addHelpText(
    'after',
    `
REPOSITORY is an address that git knows or a folder here; #REF behind it is a branch, a tag, or sha- and a commit, and the
templates are called LANG@REF then. Without one: OPENFAAS_TEMPLATE_URL, else ${OPENFAAS_TEMPLATES}
"stack" fetches what configuration.templates of the stack file names.

Examples:
  skep template pull https://github.com/openfaas/templates#1.0
  skep template pull git@git.example:team/templates
  skep template pull stack -f stack.yaml`,
  );
  command.action(async (given: string | undefined) => {
    const flags = command.opts<PullFlags>();
    if (given === 'stack') await pullStack(shell, flags);
    else {
      const repository = given ?? (shell.env['OPENFAAS_TEMPLATE_URL'] || OPENFAAS_TEMPLATES);
      await pullTemplates(shell, await parseRepository(shell, repository), flags);
    }
  });
}

async function pullStack(shell: Shell, flags: PullFlags): Promise<void> {
  const { templates } = await requireStack(
    shell,
    flags,
    'or name a repository: skep template pull REPOSITORY',
  );
  if (templates.length === 0) {
    throw new CliError(
      'the stack file names no templates: list them under "configuration: templates:", each with name and source',
    );
  }
  for (const { name, source } of templates) {
    if (source !== undefined) await pullNamed(shell, { name, source }, flags);
    else if (await findTemplate(shell, name)) shell.out(`Template: ${name} is here already`);
    else await fetchMissingTemplate(shell, name);
  }
}

function defineList(parent: Command, shell: Shell): void {
  const command = sub(parent, 'list', 'List the templates of a store').alias('ls');
  addStoreFlags(command);
  switchFlag(command, '-r, --recommended', 'only recommended ones');
  switchFlag(command, '-o, --official', 'only official ones');
  switchFlag(command, '-v, --verbose', 'language and platform, too');
  switchFlag(command, '-j, --json', 'as JSON');
  command.addHelpText(
    'after',
    '\nExamples:\n  skep template store list\n  skep template store list --url ./templates.json -v',
  );
  command.action(async () => {
    const flags = command.opts<StoreFlags>();
    const platform = (flags.platform ?? 'x86_64').toLowerCase();
    const all = await loadTemplateStore(shell, templateStoreLocation(shell, flags.url));
    const shown = all.filter(
      (each) =>
        each.platform.toLowerCase() === platform &&
        (!flags.recommended || each.recommended) &&
        (!flags.official || each.official),
    );
    if (flags.json) shell.out(JSON.stringify(shown.map(toJson), null, 2));
    else shell.out(`\n${listing(shown, flags.verbose)}\n`);
  });
}

function listing(templates: readonly StoreTemplate[], verbose: boolean): string {
  const head = ['NAME', 'RECOMMENDED', 'SOURCE', 'DESCRIPTION', ...(verbose ? ['LANGUAGE', 'PLATFORM'] : [])];
  const rows = templates.map((each) => [
    each.template,
    box(each.recommended),
    each.source,
    each.description,
    ...(verbose ? [each.language, each.platform] : []),
  ]);
  return columns([head, ...rows]);
}

function toJson(template: StoreTemplate): object {
  return { ...template, official: String(template.official) };
}

function defineDescribe(parent: Command, shell: Shell): void {
  const command = sub(parent, 'describe', 'Show one template of a store', '[name]').alias('inspect');
  addStoreFlags(command);
  command.addHelpText(
    'after',
    '\nExamples:\n  skep template store describe node\n  skep template store describe openfaas/node22 --url ./templates.json',
  );
  command.action(async (name: string | undefined) => {
    const found = await search(shell, command.opts<StoreFlags>(), name);
    const rows: readonly (readonly string[])[] = [
      ['Name:', found.template],
      ['Description:', found.description],
      ['Language:', found.language],
      ['Source:', found.source],
      ['Repository:', found.repo === '.' ? 'comes with skep' : withoutPassword(found.repo)],
      ['Platform:', found.platform],
      ['Official:', box(found.official)],
      ['Recommended:', box(found.recommended)],
    ];
    shell.out(`${columns(rows)}\n`);
  });
}

function defineStorePull(parent: Command, shell: Shell): void {
  const command = sub(parent, 'pull', 'Copy a template of a store to ./template', '[name]');
  addStoreFlags(command);
  addPullFlags(command);
  command.addHelpText(
    'after',
    '\nExamples:\n  skep template store pull node\n  skep template store pull golang-middleware@1.0 --url ./templates.json',
  );
  command.action(async (given: string | undefined) => {
    const flags = command.opts<StoreFlags & PullFlags>();
    const { name, ref } = splitLang(given ?? '');
    const found = await search(shell, flags, name);
    await pullFromStore(shell, found, {
      ...(ref === undefined ? {} : { ref }),
      onlyIt: false,
      overwrite: flags.overwrite,
    });
  });
}

async function search(shell: Shell, flags: StoreFlags, name: string | undefined): Promise<StoreTemplate> {
  if (!name) throw new CliError('please give the name of a template: see "skep template store list"');
  const location = templateStoreLocation(shell, flags.url);
  const templates = await loadTemplateStore(shell, location);
  const found = findStoreTemplate(templates, name);
  if (found) return found;
  const hint =
    location === undefined ? ` of Skep's own: name another with --url` : ` ${withoutPassword(location)}`;
  throw new CliError(
    `Template with name: \`${name}\` does not exist in the store${hint}\nThere are: ${templates.map(({ template }) => template).join(', ')}`,
  );
}

function sub(parent: Command, name: string, description: string, argument?: string): Command {
  const command = parent.command(name).description(description).helpOption('-h, --help', 'Show this help');
  return argument === undefined ? command : command.argument(argument);
}

function addStoreFlags(command: Command): void {
  command.option(
    '-u, --url <url|file>',
    "store to look into (default: OPENFAAS_TEMPLATE_STORE_URL, else Skep's own)",
  );
  command.option('-p, --platform <name>', `x86_64, arm64 or armhf (default: x86_64)`);
}

function addPullFlags(command: Command): void {
  switchFlag(command, '--overwrite', 'overwrite templates that are there', true);
  switchFlag(command, '--debug', 'accepted for scripts made for faas-cli');
}

function box(value: boolean): string {
  return value ? '[x]' : '[ ]';
}
