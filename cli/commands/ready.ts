import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import { parseDuration } from '../deploy/deploy-flags.ts';
import { CliError, messageOf } from '../errors.ts';
import {
  addGatewayFlags,
  addNamespaceFlag,
  addStackFlags,
  type GatewayFlags,
  parseNumberFlag,
  type StackFlags,
} from '../flags.ts';
import { connect, type GatewayClient } from '../gateway-client.ts';
import { gatewayFromStack } from '../load-stack.ts';
import { readFunction } from '../read-function.ts';
import type { Shell } from '../shell.ts';

/** One try must not use up the patience of all. */
const TRY_TIMEOUT_MS = 5000;

interface ReadyFlags extends StackFlags, GatewayFlags {
  readonly namespace: string;
  readonly attempts: string;
  readonly interval: string;
}

export function define(command: Command, shell: Shell): void {
  command.argument('[function]', 'wait for this function; without it, for the gateway');
  addStackFlags(command);
  addGatewayFlags(command);
  addNamespaceFlag(command);
  command.option('--attempts <n>', 'how often to try', '60');
  command.option('--interval <duration>', 'time between tries', '1s');
  command.addHelpText(
    'after',
    '\nExamples:\n  skep ready\n  skep ready hello --attempts 10 --interval 500ms',
  );
  command.action(async (name: string | undefined) => {
    const flags = command.opts<ReadyFlags>();
    const attempts = parseNumberFlag(flags.attempts, { flag: '--attempts', min: 1 });
    const intervalMs = parseDuration(flags.interval, '--interval');
    const stackGateway = await gatewayFromStack(shell, flags);
    const gateway = await connect(shell, flags, { stackGateway, timeoutMs: TRY_TIMEOUT_MS });
    const qualified = flags.namespace === '' ? name : `${name}.${flags.namespace}`;
    const what = name === undefined ? 'gateway' : `function ${qualified}`;
    let reason = '';
    let told = '';
    for (let attempt = 1; attempt <= attempts; attempt += 1) {
      shell.out(`[${attempt}/${attempts}] Waiting for ${what}`);
      try {
        reason = await (name === undefined
          ? whyNotHealthy(gateway)
          : whyNotReady(gateway, name, flags.namespace));
      } catch (error) {
        reason = messageOf(error); // it may still come: the next try tells
      }
      if (reason === '') {
        shell.out(
          shell.paint.green(name === undefined ? 'OpenFaaS gateway is ready' : `Function ${name} is ready`),
        );
        return;
      }
      if (reason !== told) shell.note(`Not yet: ${reason}`);
      told = reason;
      if (attempt < attempts) await sleep(intervalMs);
    }
    throw new CliError(`${what} was not ready after ${attempts} attempts: ${reason}`);
  });
}

/** Empty when all is well. */
async function whyNotHealthy(gateway: GatewayClient): Promise<string> {
  const { status } = await gateway.request('GET', '/healthz');
  return status === 200 ? '' : `/healthz answered ${status}`;
}

async function whyNotReady(gateway: GatewayClient, name: string, namespace: string): Promise<string> {
  const { availableReplicas = 0 } = await readFunction(gateway, name, namespace);
  return availableReplicas > 0 ? '' : 'no replica is available';
}
