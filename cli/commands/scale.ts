import type { Command } from 'commander';
import { CliError } from '../errors.ts';
import {
  addGatewayFlags,
  addNamespaceFlag,
  addStackFlags,
  type GatewayFlags,
  parseNumberFlag,
  type StackFlags,
} from '../flags.ts';
import { connect, unauthorised } from '../gateway-client.ts';
import { gatewayFromStack } from '../load-stack.ts';
import type { Shell } from '../shell.ts';

interface ScaleFlags extends StackFlags, GatewayFlags {
  readonly namespace: string;
  readonly replicas: string;
}

export function define(command: Command, shell: Shell): void {
  command.argument('<name>', 'function');
  addStackFlags(command);
  addGatewayFlags(command);
  addNamespaceFlag(command);
  command.requiredOption('--replicas <n>', 'how many; 0 stops it until the next call');
  command.addHelpText('after', '\nExamples:\n  skep scale hello --replicas 3');
  command.action(async (name: string) => {
    const flags = command.opts<ScaleFlags>();
    const replicas = parseNumberFlag(flags.replicas, { flag: '--replicas', min: 0 });
    const gateway = await connect(shell, flags, { stackGateway: await gatewayFromStack(shell, flags) });
    const { namespace } = flags;
    const query = namespace === '' ? '' : `?namespace=${encodeURIComponent(namespace)}`;
    const reply = await gateway.request(
      'POST',
      `/system/scale-function/${encodeURIComponent(name)}${query}`,
      {
        serviceName: name,
        ...(namespace === '' ? {} : { namespace }),
        replicas,
      },
    );
    if (reply.status === 404) throw new CliError(`No such function: ${name}`);
    if (reply.status === 401) throw unauthorised(gateway.url);
    if (reply.status < 200 || reply.status > 202) {
      throw new CliError(`Server returned unexpected status code: ${reply.status} - ${reply.body.trim()}`);
    }
    shell.out(`Scaled: ${name} to ${replicas} replicas. ${reply.statusLine}.`);
  });
}
