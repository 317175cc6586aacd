import type { Command } from 'commander';
import {
  addGatewayFlags,
  addNamespaceFlag,
  addStackFlags,
  choiceFlag,
  type GatewayFlags,
  type StackFlags,
  switchFlag,
} from '../flags.ts';
import { functionTable, listFunctions, SORT_ORDERS, sortFunctions } from '../function-listing.ts';
import { connect } from '../gateway-client.ts';
import { gatewayFromStack } from '../load-stack.ts';
import type { Shell } from '../shell.ts';

interface ListFlags extends StackFlags, GatewayFlags {
  readonly namespace: string;
  readonly quiet: boolean;
  readonly verbose: boolean;
  readonly sort: string;
  readonly json: boolean;
}

export function define(command: Command, shell: Shell): void {
  addStackFlags(command);
  addGatewayFlags(command);
  addNamespaceFlag(command);
  switchFlag(command, '-q, --quiet', 'names only');
  switchFlag(command, '-v, --verbose', 'with image and time of creation');
  choiceFlag(command, '--sort <order>', SORT_ORDERS, { initial: 'name' });
  switchFlag(command, '-j, --json', 'as JSON');
  command.addHelpText(
    'after',
    '\nExamples:\n  skep list\n  skep list -v --sort invocations\n  skep list --json | jq .',
  );
  command.action(async () => {
    const flags = command.opts<ListFlags>();
    sortFunctions([], flags.sort);
    const gateway = await connect(shell, flags, { stackGateway: await gatewayFromStack(shell, flags) });
    const functions = sortFunctions(await listFunctions(gateway, flags.namespace), flags.sort);
    if (flags.json) shell.out(JSON.stringify(functions, undefined, 2));
    else if (flags.quiet) for (const { name } of functions) shell.out(name);
    else {
      const [heading = '', ...rows] = functionTable(functions, flags);
      shell.out(shell.paint.bold(heading));
      for (const row of rows) shell.out(row);
    }
  });
}
