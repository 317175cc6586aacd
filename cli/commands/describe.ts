import type { Command } from 'commander';
import { describe, toJson, toLines } from '../describe-function.ts';
import {
  addGatewayFlags,
  addNamespaceFlag,
  addStackFlags,
  type GatewayFlags,
  type StackFlags,
  switchFlag,
} from '../flags.ts';
import { listFunctions } from '../function-listing.ts';
import { connect } from '../gateway-client.ts';
import { gatewayFromStack } from '../load-stack.ts';
import { readFunction } from '../read-function.ts';
import type { Shell } from '../shell.ts';

interface DescribeFlags extends StackFlags, GatewayFlags {
  readonly namespace: string;
  readonly verbose: boolean;
  readonly json: boolean;
}

export function define(command: Command, shell: Shell): void {
  command.argument('<name>', 'function');
  addStackFlags(command);
  addGatewayFlags(command);
  addNamespaceFlag(command);
  switchFlag(command, '-v, --verbose', 'show what is empty too');
  switchFlag(command, '-j, --json', 'as JSON');
  command.addHelpText('after', '\nExamples:\n  skep describe hello\n  skep describe hello --json');
  command.action(async (name: string) => {
    const flags = command.opts<DescribeFlags>();
    const gateway = await connect(shell, flags, { stackGateway: await gatewayFromStack(shell, flags) });
    const [fn, listed] = [
      await readFunction(gateway, name, flags.namespace, '&usage=1'),
      await listFunctions(gateway, flags.namespace),
    ];
    const description = describe(fn, listed, { gateway: gateway.url, namespace: flags.namespace });
    if (flags.json) shell.out(JSON.stringify(toJson(description), undefined, 2));
    else for (const line of toLines(description, flags)) shell.out(line);
  });
}
