import type { Command } from 'commander';
import { CliError } from '../errors.ts';
import {
  addGatewayFlags,
  addStackFlags,
  type GatewayFlags,
  listFlag,
  parsePairs,
  type StackFlags,
  switchFlag,
} from '../flags.ts';
import { connect, type GatewayClient, type GatewayReply, unauthorised } from '../gateway-client.ts';
import { gatewayFromStack } from '../load-stack.ts';
import type { Shell } from '../shell.ts';
import { requireSubCommand } from '../sub-commands.ts';

interface NamespaceFlags extends StackFlags, GatewayFlags {
  readonly label: readonly string[];
  readonly annotation: readonly string[];
  readonly json: boolean;
  readonly force: boolean;
}

/** What says that functions may live in a namespace. */
const MARK = { openfaas: '1' };

export function define(command: Command, shell: Shell): void {
  requireSubCommand(command);
  command.addHelpText(
    'after',
    '\nExamples:\n  skep namespace create dev --label team=a\n  skep namespace list\n  skep deploy -n dev',
  );
  defineList(command, shell);
  defineGet(command, shell);
  defineWrite(command, shell, {
    name: 'create',
    description: 'Create a namespace',
    doing: 'Creating',
    done: 'Created',
    method: 'POST',
    pathOf: () => '/system/namespace/',
  });
  defineWrite(command, shell, {
    name: 'update',
    description: 'Replace the labels and annotations of a namespace',
    doing: 'Updating',
    done: 'Updated',
    method: 'PUT',
    pathOf,
  });
  defineRemove(command, shell);
}

function defineList(parent: Command, shell: Shell): void {
  const command = parent.command('list').description('List namespaces').alias('ls');
  command.addHelpText('after', '\nExamples:\n  skep namespace list');
  addNamespaceList(command, shell);
}

/** The flags and action of a command that lists namespaces. @param before runs first */
export function addNamespaceList(command: Command, shell: Shell, before: () => void = () => {}): void {
  addStackFlags(command);
  addGatewayFlags(command);
  switchFlag(command, '-j, --json', 'as JSON');
  command.action(async () => {
    before();
    const flags = command.opts<NamespaceFlags>();
    const gateway = await open(shell, flags);
    const reply = await gateway.request('GET', '/system/namespaces');
    // A gateway that knows of no namespaces has none.
    const names: unknown = reply.status === 404 ? [] : parse(gateway, checked(gateway, reply, [200]));
    if (!Array.isArray(names))
      throw new CliError(`${gateway.url} answered something that is no list of namespaces`);
    if (flags.json) shell.out(JSON.stringify(names, undefined, 2));
    else for (const line of ['Namespaces:', ...names.map((name) => ` - ${name}`)]) shell.out(line);
  });
}

function defineGet(parent: Command, shell: Shell): void {
  const command = addSub(parent, 'get', 'Show labels and annotations of a namespace').argument(
    '[name]',
    'namespace',
  );
  command.addHelpText('after', '\nExamples:\n  skep namespace get dev');
  command.action(async (given: string | undefined) => {
    const name = checkName(given);
    const gateway = await open(shell, command.opts<NamespaceFlags>());
    const reply = await gateway.request('GET', pathOf(name));
    const namespace = parse(gateway, checked(gateway, reply, [200], name));
    shell.out(`Name: ${name}`);
    for (const [title, key] of [
      ['Labels', 'labels'],
      ['Annotations', 'annotations'],
    ] as const) {
      const entries = entriesOf(namespace, key);
      if (entries.length === 0) continue;
      shell.out(`${title}:`);
      for (const [label, value] of entries) shell.out(` ${label}: ${value}`);
    }
  });
}

interface Write {
  readonly name: string;
  readonly description: string;
  readonly doing: string;
  readonly done: string;
  readonly method: 'POST' | 'PUT';
  readonly pathOf: (name: string) => string;
}

function defineWrite(parent: Command, shell: Shell, write: Write): void {
  const command = addSub(parent, write.name, write.description).argument('[name]', 'namespace');
  listFlag(command, '-l, --label <k=v>', 'a label; may be given several times');
  listFlag(command, '--annotation <k=v>', 'an annotation; may be given several times');
  command.addHelpText('after', `\nExamples:\n  skep namespace ${write.name} dev --label team=a`);
  command.action(async (given: string | undefined) => {
    const name = checkName(given);
    const flags = command.opts<NamespaceFlags>();
    const labels = { ...parsePairs(flags.label, '--label'), ...MARK };
    const annotations = { ...parsePairs(flags.annotation, '--annotation'), ...MARK };
    const gateway = await open(shell, flags);
    shell.out(`${write.doing} Namespace: ${name}`);
    const reply = await gateway.request(write.method, write.pathOf(name), { name, labels, annotations });
    checked(gateway, reply, [200, 201, 202], name);
    shell.out(`Namespace ${write.done}: ${name}`);
  });
}

function defineRemove(parent: Command, shell: Shell): void {
  const command = addSub(parent, 'remove', 'Remove a namespace', 'rm', 'delete').argument(
    '[name]',
    'namespace',
  );
  switchFlag(command, '--force', 'with the functions and secrets in it');
  command.addHelpText(
    'after',
    '\nExamples:\n  skep namespace remove dev\n  skep namespace remove dev --force',
  );
  command.action(async (given: string | undefined) => {
    const name = checkName(given);
    const flags = command.opts<NamespaceFlags>();
    const gateway = await open(shell, flags);
    shell.out(`Deleting Namespace: ${name}`);
    const path = pathOf(name) + (flags.force ? '?force=true' : '');
    const reply = await gateway.request('DELETE', path, { name, labels: MARK });
    if (reply.status === 409 && !flags.force)
      shell.note(`With everything in it: skep namespace remove ${name} --force`);
    checked(gateway, reply, [200, 201, 202], name);
    shell.out(`Namespace Removed: ${name}`);
  });
}

function addSub(parent: Command, name: string, description: string, ...aliases: string[]): Command {
  const command = parent.command(name).description(description).aliases(aliases);
  addStackFlags(command);
  addGatewayFlags(command);
  return command;
}

async function open(shell: Shell, flags: NamespaceFlags): Promise<GatewayClient> {
  return connect(shell, flags, { stackGateway: await gatewayFromStack(shell, flags) });
}

function pathOf(name: string): string {
  return `/system/namespace/${encodeURIComponent(name)}`;
}

function checkName(name: string | undefined): string {
  if (name === undefined || name === '') throw new CliError('namespace name required');
  return name;
}

/** The same reply. @throws {CliError} for a status that is none of `accepted` */
function checked(
  gateway: GatewayClient,
  reply: GatewayReply,
  accepted: readonly number[],
  name?: string,
): GatewayReply {
  if (accepted.includes(reply.status)) return reply;
  if (reply.status === 401) throw unauthorised(gateway.url);
  if (reply.status === 404 && name !== undefined) throw new CliError(`namespace ${name} not found`);
  throw new CliError(`unexpected status code: ${reply.status}, message: ${JSON.stringify(reply.body)}`);
}

function parse(gateway: GatewayClient, { body }: GatewayReply): unknown {
  try {
    return JSON.parse(body);
  } catch {
    throw new CliError(`${gateway.url} answered something that is no JSON: is this a gateway?`);
  }
}

/** Sorted by key. */
function entriesOf(namespace: unknown, key: string): [string, string][] {
  if (typeof namespace !== 'object' || namespace === null) return [];
  const map: unknown = (namespace as Readonly<Record<string, unknown>>)[key];
  if (typeof map !== 'object' || map === null) return [];
  return Object.entries(map)
    .map(([label, value]): [string, string] => [label, String(value)])
    .sort(([left], [right]) => (left < right ? -1 : 1));
}
