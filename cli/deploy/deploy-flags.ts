import type { Command } from 'commander';
import { parseDurationMs } from '../../contract/duration.ts';
import type { FunctionDeployment } from '../../contract/function-types.ts';
import type { StackFile, StackFunction } from '../../contract/stack-file.ts';
import { CliError, messageOf } from '../errors.ts';
import {
  addGatewayFlags,
  addNamespaceFlag,
  type GatewayFlags,
  listFlag,
  parsePairs,
  type StackFlags,
  switchFlag,
} from '../flags.ts';
import { functionFromFlags, type SingleFunctionFlags } from '../functions-of.ts';
import { connect } from '../gateway-client.ts';
import type { Shell } from '../shell.ts';
import { checkDeployments } from './check-deployments.ts';
import { checkWhatTheyNeed } from './check-what-they-need.ts';
import { type DeployMode, deployFunctions } from './deploy-functions.ts';
import { deploymentOf } from './deployment-of.ts';
import { waitForRollouts } from './wait-for-rollouts.ts';

export interface DeployFlags extends StackFlags, GatewayFlags, SingleFunctionFlags {
  readonly namespace: string;
  readonly env: readonly string[];
  readonly label: readonly string[];
  readonly annotation: readonly string[];
  readonly constraint: readonly string[];
  readonly secret: readonly string[];
  readonly replace: boolean;
  readonly update: boolean;
  readonly readonly: boolean;
  readonly readTemplate: boolean;
  readonly tag: string;
  readonly timeout: string;
  readonly wait: boolean;
  readonly waitTimeout: string;
  readonly cpuRequest?: string;
  readonly cpuLimit?: string;
  readonly memoryRequest?: string;
  readonly memoryLimit?: string;
}

/** The flags of `deploy` and `up` about deploying; not those that describe the function or its stack file. */
export function addDeployFlags(command: Command): void {
  addGatewayFlags(command);
  addNamespaceFlag(command);
  command.option('--fprocess <command>', 'process the watchdog runs, without a stack file');
  command.option('--network <name>', 'accepted for scripts made for older gateways', '');
  listFlag(command, '-e, --env <key=value>', "environment variable, over the stack file's");
  listFlag(command, '-l, --label <key=value>', "label, over the stack file's");
  listFlag(command, '--annotation <key=value>', "annotation, over the stack file's");
  listFlag(command, '--constraint <constraint>', 'placement, where the stack file has none');
  listFlag(command, '--secret <name>', "secret, beside the stack file's");
  switchFlag(command, '--replace', 'remove first, then create (needs --update=false)');
  switchFlag(command, '--update', 'update what is there', true);
  switchFlag(command, '--readonly', 'mount the root file system read-only');
  switchFlag(command, '--read-template', 'take fprocess from the template', true);
  command.option('--timeout <duration>', 'how long the gateway may take', '60s');
  switchFlag(command, '--wait', 'wait until the functions run, or say why they do not');
  command.option('--wait-timeout <duration>', 'how long --wait may take', '5m');
  for (const [kind, unit] of [
    ['cpu', '100m'],
    ['memory', '128Mi'],
  ]) {
    command.option(`--${kind}-request <quantity>`, `reserved ${kind}, e.g. ${unit}; without a stack file`);
    command.option(`--${kind}-limit <quantity>`, `most ${kind}, e.g. ${unit}; without a stack file`);
  }
}

/** @throws {CliError} for flags that exclude each other */
export function deployMode({ update, replace }: Pick<DeployFlags, 'update' | 'replace'>): DeployMode {
  if (update && replace) {
    throw new CliError(
      'cannot specify --update and --replace at the same time. If you want to replace, use --update=false --replace',
    );
  }
  return update ? 'update' : replace ? 'replace' : 'create';
}

export function parseDuration(text: string, flag: string): number {
  try {
    return parseDurationMs(text);
  } catch (error) {
    throw new CliError(`${flag} ${text}: ${messageOf(error)}`);
  }
}

/** Deploys stack file functions, or the one that the flags describe. */
export async function deployWithFlags(
  shell: Shell,
  flags: DeployFlags,
  stack: StackFile | undefined,
): Promise<void> {
  const functions = stack ? stack.functions : [singleFunction(flags)];
  await deployGiven(shell, flags, functions, {
    stackGateway: stack?.gateway,
    announce: stack !== undefined,
  });
}

/** Deploys these functions as the flags say. */
export async function deployGiven(
  shell: Shell,
  flags: DeployFlags,
  functions: readonly StackFunction[],
  { stackGateway, announce }: { readonly stackGateway: string | undefined; readonly announce: boolean },
): Promise<void> {
  const mode = deployMode(flags);
  const timeoutMs = parseDuration(flags.timeout, '--timeout');
  const waitMs = parseDuration(flags.waitTimeout, '--wait-timeout');
  const overrides = {
    ...flags,
    environment: parsePairs(flags.env, '--env'),
    labels: parsePairs(flags.label, '--label'),
    annotations: parsePairs(flags.annotation, '--annotation'),
    constraints: flags.constraint,
    secrets: flags.secret,
    readOnly: flags.readonly,
  };
  // All of them are made before one is sent: a mistake in the last leaves nothing half deployed.
  const deployments: FunctionDeployment[] = [];
  for (const fn of functions) deployments.push(await deploymentOf(shell, fn, overrides));
  checkDeployments(deployments);
  const gateway = await connect(shell, flags, { stackGateway, timeoutMs });
  // Of one function the gateway tells by itself what is missing, and nothing is half done.
  if (deployments.length > 1 || mode === 'replace') await checkWhatTheyNeed(gateway, deployments);
  await deployFunctions(shell, gateway, deployments, { mode, announce });
  if (flags.wait) await waitForRollouts(shell, gateway, deployments, { timeoutMs: waitMs });
}

/** The function that the flags alone describe. @throws {CliError} without image or name */
export function singleFunction(flags: DeployFlags): StackFunction {
  const { name, image } = flags;
  if (!image) throw new CliError('please provide a --image to be deployed, or a stack file with -f');
  if (!name) throw new CliError('please provide a --name for your function as it will be deployed');
  const { cpuLimit = '', memoryLimit = '', cpuRequest = '', memoryRequest = '' } = flags;
  return {
    ...functionFromFlags({ ...flags, name }),
    ...quantities('limits', cpuLimit, memoryLimit),
    ...quantities('requests', cpuRequest, memoryRequest),
  };
}

function quantities(key: 'limits' | 'requests', cpu: string, memory: string): Partial<StackFunction> {
  if (cpu === '' && memory === '') return {};
  return { [key]: { ...(memory === '' ? {} : { memory }), ...(cpu === '' ? {} : { cpu }) } };
}
