import type { Command } from 'commander';
import { CliError, messageOf } from '../errors.ts';
import {
  addGatewayFlags,
  addNamespaceFlag,
  addStackFlags,
  type GatewayFlags,
  type StackFlags,
} from '../flags.ts';
import { connect, type GatewayClient, unauthorised } from '../gateway-client.ts';
import { loadStack } from '../load-stack.ts';
import type { Shell } from '../shell.ts';

interface RemoveFlags extends StackFlags, GatewayFlags {
  readonly namespace: string;
}

export function define(command: Command, shell: Shell): void {
  command.argument('[name]', 'function; without it, those of the stack file');
  addStackFlags(command);
  addGatewayFlags(command);
  addNamespaceFlag(command);
  command.addHelpText(
    'after',
    '\nExamples:\n  skep remove hello\n  skep remove -f stack.yaml --filter "api-*"',
  );
  command.action(async (name: string | undefined) => {
    const flags = command.opts<RemoveFlags>();
    // A name on the command line is enough: only a file that was asked for is then read.
    const stack = name === undefined || flags.yaml ? await loadStack(shell, flags) : undefined;
    const targets =
      name !== undefined
        ? [{ name, namespace: flags.namespace }]
        : (stack?.functions ?? []).map((fn) => ({
            name: fn.name,
            namespace: flags.namespace || fn.namespace,
          }));
    if (targets.length === 0)
      throw new CliError('please provide the name of a function to delete, or a stack file with -f');
    const gateway = await connect(shell, flags, { stackGateway: stack?.gateway });
    await removeAll(shell, gateway, targets);
  });
}

interface Target {
  readonly name: string;
  readonly namespace: string | undefined;
}

async function removeAll(shell: Shell, gateway: GatewayClient, targets: readonly Target[]): Promise<void> {
  const failures: string[] = [];
  for (const target of targets) {
    shell.out(`Deleting: ${target.name}.${target.namespace ?? ''}`);
    try {
      await removeOne(shell, gateway, target);
    } catch (error) {
      if (targets.length === 1) throw error;
      failures.push(`${target.name}: ${messageOf(error)}`);
    }
  }
  if (failures.length > 0) throw new CliError(failures.join('\n'));
}

async function removeOne(shell: Shell, gateway: GatewayClient, { name, namespace }: Target): Promise<void> {
  const query = namespace ? `?namespace=${encodeURIComponent(namespace)}` : '';
  const reply = await gateway.request('DELETE', `/system/functions${query}`, {
    functionName: name,
    ...(namespace ? { namespace } : {}),
  });
  switch (reply.status) {
    case 200:
    case 201:
    case 202:
      shell.out('Removing old function.');
      return;
    case 404:
      throw new CliError('No existing function to remove');
    case 401:
      throw unauthorised(gateway.url);
    default:
      throw new CliError(`Server returned unexpected status code ${reply.status} ${reply.body.trim()}`);
  }
}
