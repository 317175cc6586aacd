import type { Command } from 'commander';
import { isSecretName } from '../../contract/parse-secret.ts';
import { CliError } from '../errors.ts';
import {
  addGatewayFlags,
  addNamespaceFlag,
  addStackFlags,
  type GatewayFlags,
  type StackFlags,
  switchFlag,
} from '../flags.ts';
import { connect, type GatewayClient, type GatewayReply, unauthorised } from '../gateway-client.ts';
import { gatewayFromStack } from '../load-stack.ts';
import { readSecretValue, type ValueFlags } from '../secret-value.ts';
import type { Shell } from '../shell.ts';
import { requireSubCommand } from '../sub-commands.ts';

interface SecretFlags extends StackFlags, GatewayFlags, ValueFlags {
  readonly namespace: string;
  readonly replace: boolean;
  readonly json: boolean;
}

interface Target {
  readonly name: string;
  readonly namespace: string;
}

export function define(command: Command, shell: Shell): void {
  requireSubCommand(command);
  defineCreate(command, shell);
  defineUpdate(command, shell);
  defineRemove(command, shell);
  defineList(command, shell);
}

function defineCreate(parent: Command, shell: Shell): void {
  const command = addSub(parent, 'create', 'Create a secret').argument('[name]', 'name of the secret');
  addValueFlags(command);
  switchFlag(command, '--replace', 'update it when it exists');
  command.addHelpText(
    'after',
    '\nExamples:\n  skep secret create api-key --from-literal VALUE\n  skep secret create api-key --from-file ./key --replace\n  skep secret create api-key < ./key',
  );
  command.action(async (given: string | undefined) => {
    const flags = command.opts<SecretFlags>();
    const name = checkName(given);
    const value = await readSecretValue(shell, flags);
    const gateway = await open(shell, flags);
    const { namespace } = flags;
    shell.out(`Creating secret: ${name}.${namespace}`);
    const reply = await gateway.request('POST', '/system/secrets', {
      ...toBody({ name, namespace }),
      ...value,
    });
    if (reply.status === 409 && flags.replace) {
      shell.out(`Secret ${name} already exists, updating...`);
      await update(shell, gateway, { name, namespace }, value);
      return;
    }
    // The words as faas-cli prints them, which scripts look for; but a failure is one for the shell, too.
    if (reply.status === 409) throw told(shell, `secret with the name "${name}" already exists`);
    checkStatus(gateway, reply, [200, 201, 202]);
    shell.out(`Created: ${reply.statusLine}`);
  });
}

function defineUpdate(parent: Command, shell: Shell): void {
  const command = addSub(parent, 'update', 'Give a secret a new value', 'u').argument(
    '[name]',
    'name of the secret',
  );
  addValueFlags(command);
  command.addHelpText(
    'after',
    '\nFunctions take the new value with their next deployment.\n\nExamples:\n  skep secret update api-key --from-file ./key',
  );
  command.action(async (given: string | undefined) => {
    const flags = command.opts<SecretFlags>();
    const name = checkName(given);
    const value = await readSecretValue(shell, flags);
    const gateway = await open(shell, flags);
    shell.out(`Updating secret: ${name}`);
    await update(shell, gateway, { name, namespace: flags.namespace }, value);
  });
}

function defineRemove(parent: Command, shell: Shell): void {
  const command = addSub(parent, 'remove', 'Remove a secret', 'rm', 'delete').argument(
    '[name]',
    'name of the secret',
  );
  command.addHelpText('after', '\nExamples:\n  skep secret remove api-key');
  command.action(async (given: string | undefined) => {
    const flags = command.opts<SecretFlags>();
    const name = checkName(given);
    const gateway = await open(shell, flags);
    const target = { name, namespace: flags.namespace };
    const reply = await gateway.request('DELETE', '/system/secrets', toBody(target));
    if (reply.status === 404) throw new CliError(`unable to find secret: ${name}`);
    checkStatus(gateway, reply, [200, 202]);
    shell.out('Removed.. OK.');
  });
}

function defineList(parent: Command, shell: Shell): void {
  const command = addSub(parent, 'list', 'List the secrets of a namespace', 'ls');
  switchFlag(command, '-j, --json', 'as JSON');
  command.addHelpText('after', '\nExamples:\n  skep secret list\n  skep secret list -n dev --json');
  command.action(async () => {
    const flags = command.opts<SecretFlags>();
    const gateway = await open(shell, flags);
    const query = flags.namespace === '' ? '' : `?namespace=${encodeURIComponent(flags.namespace)}`;
    const answer = await gateway.getJson(`/system/secrets${query}`);
    if (!Array.isArray(answer) || !answer.every(isNamed)) {
      throw new CliError(`${gateway.url} answered something that is no list of secrets`);
    }
    if (flags.json) shell.out(JSON.stringify(answer, undefined, 2));
    else if (answer.length === 0) shell.out('No secrets found.');
    else for (const line of ['', 'NAME', ...answer.map(({ name }) => name), '']) shell.out(line);
  });
}

async function update(
  shell: Shell,
  gateway: GatewayClient,
  target: Target,
  value: Readonly<Record<string, string>>,
): Promise<void> {
  const reply = await gateway.request('PUT', '/system/secrets', { ...toBody(target), ...value });
  if (reply.status === 404) throw told(shell, `unable to find secret: ${target.name}`);
  checkStatus(gateway, reply, [200, 202]);
  shell.out(`Updated: ${reply.statusLine}`);
}

function addSub(parent: Command, name: string, description: string, ...aliases: string[]): Command {
  const command = parent.command(name).description(description).aliases(aliases);
  addStackFlags(command);
  addGatewayFlags(command);
  addNamespaceFlag(command);
  return command;
}

function addValueFlags(command: Command): void {
  command.option('--from-literal <value>', 'the value itself');
  command.option('--from-file <path>', 'a file that holds it; its bytes are kept as they are');
  switchFlag(command, '--trim', 'drop blanks and line ends around the value', true);
}

async function open(shell: Shell, flags: SecretFlags): Promise<GatewayClient> {
  return connect(shell, flags, { stackGateway: await gatewayFromStack(shell, flags) });
}

function toBody({ name, namespace }: Target): Record<string, string> {
  return { name, ...(namespace !== '' && { namespace }) };
}

function checkName(name: string | undefined): string {
  if (name === undefined || name === '') throw new CliError('secret name required');
  if (!isSecretName(name)) {
    throw new CliError(
      `ERROR: invalid secret name ${name}\nSecret name must start and end with an alphanumeric character \nand can only contain lower-case alphanumeric characters, '-' or '.'`,
    );
  }
  return name;
}

function checkStatus(gateway: GatewayClient, reply: GatewayReply, accepted: readonly number[]): void {
  if (accepted.includes(reply.status)) return;
  if (reply.status === 401) throw unauthorised(gateway.url);
  throw new CliError(`server returned unexpected status code: ${reply.status} - ${reply.body.trim()}`);
}

/** For a failure whose words begin with a small letter, as scripts know them. */
function told(shell: Shell, message: string): CliError {
  shell.out(message);
  return new CliError('');
}

function isNamed(value: unknown): value is { readonly name: string } {
  return typeof value === 'object' && value !== null && 'name' in value && typeof value.name === 'string';
}
