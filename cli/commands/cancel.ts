import type { Command } from 'commander';
import { cancelCall } from '../async/calls-api.ts';
import { CliError, messageOf } from '../errors.ts';
import { addGatewayFlags, addStackFlags, type GatewayFlags, type StackFlags } from '../flags.ts';
import { connect } from '../gateway-client.ts';
import { gatewayFromStack } from '../load-stack.ts';
import type { Shell } from '../shell.ts';

interface CancelFlags extends StackFlags, GatewayFlags {}

export function define(command: Command, shell: Shell): void {
  command.argument('<id...>', 'asynchronous calls, by their X-Call-Id');
  addStackFlags(command);
  addGatewayFlags(command);
  command.addHelpText(
    'after',
    '\nCalls that wait are not run, and those that run are ended; what they have done stays done.\n\nExamples:\n  skep cancel 6f0c7e7e-5f5e-4c4a-8c5d-2f1c9a4f3b21',
  );
  command.action(async (ids: readonly string[]) => {
    const flags = command.opts<CancelFlags>();
    const gateway = await connect(shell, flags, { stackGateway: await gatewayFromStack(shell, flags) });
    const failures: string[] = [];
    for (const id of ids) {
      try {
        await cancelCall(gateway, id);
        shell.out(`Cancelled: ${id}`);
      } catch (error) {
        failures.push(ids.length === 1 ? messageOf(error) : `${id}: ${messageOf(error)}`);
      }
    }
    if (failures.length > 0) throw new CliError(failures.join('\n'));
  });
}
