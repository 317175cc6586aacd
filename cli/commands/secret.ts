import type { Command } from 'commander';
import { CliError } from '../errors.ts';
import { switchFlag } from '../flags.ts';
import { readSecretValue, type ValueFlags } from '../secret-value.ts';
import { defineSecretApply } from '../secrets/apply.ts';
import { defineSecretGenerate } from '../secrets/generate.ts';
import { defineSealedSecrets } from '../secrets/sealed.ts';
import {
  addSecretCommand,
  checkSecretName,
  checkSecretStatus,
  createSecret,
  openSecrets,
  type SecretFlags,
  toSecretBody,
  updateSecret,
} from '../secrets/secret-api.ts';
import type { Shell } from '../shell.ts';
import { requireSubCommand } from '../sub-commands.ts';

interface WriteFlags extends SecretFlags, ValueFlags {
  readonly replace: boolean;
}

export function define(command: Command, shell: Shell): void {
  requireSubCommand(command);
  command.addHelpText(
    'after',
    '\nExamples:\n  skep secret create api-key --from-literal VALUE\n  skep secret list\n  skep secret apply',
  );
  defineCreate(command, shell);
  defineUpdate(command, shell);
  defineRemove(command, shell);
  defineList(command, shell);
  defineSecretApply(command, shell);
  defineSecretGenerate(command, shell);
  defineSealedSecrets(command, shell);
}

function defineCreate(parent: Command, shell: Shell): void {
  const command = addSecretCommand(parent, 'create', 'Create a secret').argument(
    '[name]',
    'name of the secret',
  );
  addValueFlags(command);
  switchFlag(command, '--replace', 'update it when it exists');
  command.addHelpText(
    'after',
    '\nExamples:\n  skep secret create api-key --from-literal VALUE\n  skep secret create api-key --from-file ./key --replace\n  skep secret create api-key < ./key',
  );
  command.action(async (given: string | undefined) => {
    const flags = command.opts<WriteFlags>();
    const name = checkSecretName(given);
    const value = await readSecretValue(shell, flags);
    const { namespace, replace } = flags;
    await createSecret(shell, await openSecrets(shell, flags), { name, namespace }, { value, replace });
  });
}

function defineUpdate(parent: Command, shell: Shell): void {
  const command = addSecretCommand(parent, 'update', 'Give a secret a new value', 'u').argument(
    '[name]',
    'name of the secret',
  );
  addValueFlags(command);
  command.addHelpText(
    'after',
    '\nFunctions take the new value with their next deployment.\n\nExamples:\n  skep secret update api-key --from-file ./key',
  );
  command.action(async (given: string | undefined) => {
    const flags = command.opts<WriteFlags>();
    const name = checkSecretName(given);
    const value = await readSecretValue(shell, flags);
    const gateway = await openSecrets(shell, flags);
    shell.out(`Updating secret: ${name}`);
    await updateSecret(shell, gateway, { name, namespace: flags.namespace }, value);
  });
}

function defineRemove(parent: Command, shell: Shell): void {
  const command = addSecretCommand(parent, 'remove', 'Remove a secret', 'rm', 'delete').argument(
    '[name]',
    'name of the secret',
  );
  command.addHelpText('after', '\nExamples:\n  skep secret remove api-key');
  command.action(async (given: string | undefined) => {
    const flags = command.opts<SecretFlags>();
    const name = checkSecretName(given);
    const gateway = await openSecrets(shell, flags);
    const target = { name, namespace: flags.namespace };
    const reply = await gateway.request('DELETE', '/system/secrets', toSecretBody(target));
    if (reply.status === 404) throw new CliError(`unable to find secret: ${name}`);
    checkSecretStatus(gateway, reply, [200, 202]);
    shell.out('Removed.. OK.');
  });
}

function defineList(parent: Command, shell: Shell): void {
  const command = addSecretCommand(parent, 'list', 'List the secrets of a namespace', 'ls');
  switchFlag(command, '-j, --json', 'as JSON');
  command.addHelpText('after', '\nExamples:\n  skep secret list\n  skep secret list -n dev --json');
  command.action(async () => {
    const flags = command.opts<SecretFlags & { readonly json: boolean }>();
    const gateway = await openSecrets(shell, flags);
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

function addValueFlags(command: Command): void {
  command.option('--from-literal <value>', 'the value itself');
  command.option('--from-file <path>', 'a file that holds it; its bytes are kept as they are');
  switchFlag(command, '--trim', 'drop blanks and line ends around the value', true);
}

function isNamed(value: unknown): value is { readonly name: string } {
  return typeof value === 'object' && value !== null && 'name' in value && typeof value.name === 'string';
}
