import type { Command } from 'commander';
import { redrive } from '../async/calls-api.ts';
import { CliError, messageOf } from '../errors.ts';
import {
  addGatewayFlags,
  addNamespaceFlag,
  addStackFlags,
  type GatewayFlags,
  parseNumberFlag,
  type StackFlags,
  switchFlag,
} from '../flags.ts';
import { connect } from '../gateway-client.ts';
import { gatewayFromStack } from '../load-stack.ts';
import type { Shell } from '../shell.ts';

interface RedriveFlags extends StackFlags, GatewayFlags {
  readonly namespace: string;
  readonly function: string;
  readonly all: boolean;
  readonly rate: string;
}

export function define(command: Command, shell: Shell): void {
  command.argument('[id...]', 'dead calls, by their X-Call-Id');
  addStackFlags(command);
  addGatewayFlags(command);
  addNamespaceFlag(command);
  command.option('--function <name>', 'all dead calls of this function', '');
  switchFlag(command, '--all', 'all dead calls');
  command.option('--rate <n>', 'so many calls a second; 0: all at once', '0');
  command.addHelpText(
    'after',
    `
A call of a chain goes on with the function at which it died.

Examples:
  skep calls --dead
  skep redrive 6f0c7e7e-5f5e-4c4a-8c5d-2f1c9a4f3b21
  skep redrive --function resize --rate 10`,
  );
  command.action(async (ids: readonly string[]) => {
    const flags = command.opts<RedriveFlags>();
    const rate = parseNumberFlag(flags.rate, { flag: '--rate', min: 0 });
    if ([ids.length > 0, flags.function !== '', flags.all].filter(Boolean).length !== 1)
      throw new CliError('which dead calls shall be sent again? Give ids, --function or --all');
    const gateway = await connect(shell, flags, { stackGateway: await gatewayFromStack(shell, flags) });
    let count = 0;
    if (ids.length === 0) count = await redrive(gateway, flags, rate);
    const failures: string[] = [];
    for (const id of ids) {
      try {
        count += await redrive(gateway, id, rate);
      } catch (error) {
        failures.push(ids.length === 1 ? messageOf(error) : `${id}: ${messageOf(error)}`);
      }
    }
    if (count > 0 || failures.length === 0)
      shell.out(`Sent again: ${count} ${count === 1 ? 'call' : 'calls'}`);
    if (failures.length > 0) throw new CliError(failures.join('\n'));
  });
}
