import type { Command } from 'commander';
import { CliError } from '../errors.ts';
import { switchFlag } from '../flags.ts';
import { DEFAULT_GATEWAY } from '../gateway-address.ts';
import { checkFunctionName, createFunction, type NewFunction } from '../new-function.ts';
import type { Shell } from '../shell.ts';
import { loadTemplateStore } from '../stores/template-store.ts';
import { fetchMissingTemplate } from '../templates/fetch-template.ts';
import { templateNames } from '../templates/find-template.ts';
import { withoutPassword } from '../without-password.ts';

interface NewFlags {
  readonly lang?: string;
  readonly gateway: string;
  readonly yaml?: string;
  readonly handler?: string;
  readonly prefix?: string;
  readonly memoryLimit?: string;
  readonly cpuLimit?: string;
  readonly memoryRequest?: string;
  readonly cpuRequest?: string;
  readonly list: boolean;
  readonly append?: string;
  readonly quiet: boolean;
}

export function define(command: Command, shell: Shell): void {
  command.argument('[name]', 'function: a-z, 0-9 and dashes');
  command.option('--lang <template>', 'template, see --list');
  command.option('-g, --gateway <url>', 'gateway address for the stack file', DEFAULT_GATEWAY);
  command.option('-f, --yaml <path>', 'stack file to write', 'stack.yaml');
  command.option('--handler <dir>', 'handler folder (default: the name)');
  command.option('-p, --prefix <prefix>', 'image prefix: registry and user');
  command.option('--memory-limit <quantity>', 'most memory, e.g. 128Mi');
  command.option('--cpu-limit <quantity>', 'most cpu, e.g. 500m');
  command.option('--memory-request <quantity>', 'reserved memory');
  command.option('--cpu-request <quantity>', 'reserved cpu');
  switchFlag(command, '--list', 'list the templates');
  command.option('-a, --append <file>', 'add to this stack file instead');
  switchFlag(command, '-q, --quiet', 'no notes of the template');
  command.addHelpText(
    'after',
    `
Examples:
  skep new --list
  skep new hello --lang node
  skep new world --lang python --append stack.yaml --prefix registry.example/me`,
  );
  command.action(async (name: string | undefined) => {
    const flags = command.opts<NewFlags>();
    if (flags.list) {
      await listTemplates(shell);
      return;
    }
    const fn = toNewFunction(name, flags, shell.env['OPENFAAS_PREFIX']);
    checkFunctionName(fn.name);
    await fetchMissingTemplate(shell, fn.lang);
    await createFunction(shell, fn);
  });
}

/** Those in ./template and those that come with this CLI; then those of the store that the environment names, where there is one. */
async function listTemplates(shell: Shell): Promise<void> {
  const names = await templateNames(shell);
  const list = (each: readonly string[]): string => each.map((name) => `- ${name}`).join('\n');
  shell.out(`Languages available as templates:\n${list(names)}\n`);
  const location = shell.env['OPENFAAS_TEMPLATE_STORE_URL'];
  if (!location) return;
  const more = (await loadTemplateStore(shell, location)).map(({ template }) => template);
  const others = [...new Set(more)].filter((name) => !names.includes(name)).sort();
  if (others.length > 0)
    shell.out(`Fetched from ${withoutPassword(location)} when they are used:\n${list(others)}\n`);
}

function toNewFunction(name: string | undefined, flags: NewFlags, prefix = ''): NewFunction {
  if (name === undefined)
    throw new CliError('please provide a name for the function: skep new NAME --lang LANG');
  if (!flags.lang)
    throw new CliError('you must supply a function language with the --lang flag: see "skep new --list"');
  return {
    name,
    lang: flags.lang,
    handler: flags.handler ?? name,
    prefix: (flags.prefix ?? prefix).trim().replace(/\/+$/, ''),
    gateway: flags.gateway,
    stackFile: flags.append ?? flags.yaml ?? 'stack.yaml',
    append: flags.append !== undefined,
    quiet: flags.quiet,
    requests: { cpu: flags.cpuRequest ?? '', memory: flags.memoryRequest ?? '' },
    limits: { cpu: flags.cpuLimit ?? '', memory: flags.memoryLimit ?? '' },
  };
}
