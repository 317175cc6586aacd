import type { Command } from 'commander';
import { deploymentOf, NO_OVERRIDES } from '../deploy/deployment-of.ts';
import { CliError } from '../errors.ts';
import {
  addGatewayFlags,
  addNamespaceFlag,
  addStackFlags,
  addTagFlag,
  type GatewayFlags,
  type StackFlags,
} from '../flags.ts';
import { type ListedFunction, listFunctions } from '../function-listing.ts';
import { requireFunctions } from '../functions-of.ts';
import { connect } from '../gateway-client.ts';
import { requireStack } from '../load-stack.ts';
import type { Shell } from '../shell.ts';
import { differences, ENVIRONMENT_MODES, type EnvironmentMode, factsOf, sideBySide } from '../stack-diff.ts';

interface DiffFlags extends StackFlags, GatewayFlags {
  readonly namespace: string;
  readonly tag: string;
  readonly env: string;
}

export function define(command: Command, shell: Shell): void {
  addStackFlags(command);
  addGatewayFlags(command);
  addNamespaceFlag(command);
  addTagFlag(command);
  command.option(
    '--env <mode>',
    "whose environment variables count: the stack file's (local), the deployed function's (remote), all",
    'local',
  );
  command.addHelpText(
    'after',
    `
Changes nothing. Exit code 1 when anything differs, so that a pipeline can ask.

Examples:
  skep diff
  skep diff -f stack.yaml --filter "api-*" --env all
  skep diff --tag sha || skep up --tag sha`,
  );
  command.action(async () => {
    const flags = command.opts<DiffFlags>();
    const mode = ENVIRONMENT_MODES.find((each) => each === flags.env);
    if (mode === undefined)
      throw new CliError(`unknown env diff mode: ${flags.env}\nUse local, remote or all.`);
    await diff(shell, flags, mode);
  });
}

async function diff(shell: Shell, flags: DiffFlags, mode: EnvironmentMode): Promise<void> {
  const stack = await requireStack(shell, flags, 'or run "skep new" to make one');
  const functions = requireFunctions(stack);
  const overrides = { ...NO_OVERRIDES, namespace: flags.namespace, tag: flags.tag };
  const gateway = await connect(shell, flags, { stackGateway: stack.gateway });
  const listings = new Map<string, Promise<ListedFunction[]>>();
  let isDifferent = false;
  for (const fn of functions) {
    const wanted = await deploymentOf(shell, fn, overrides);
    const namespace = wanted.namespace ?? '';
    const listing = listings.get(namespace) ?? listFunctions(gateway, namespace);
    listings.set(namespace, listing);
    const deployed = (await listing).find(({ name }) => name === fn.name);
    const found =
      deployed === undefined
        ? [{ key: 'function', local: 'defined in stack.yaml', remote: 'not deployed' }]
        : differences(factsOf(wanted), factsOf(withoutOwn(deployed, wanted.labels)), mode);
    if (found.length === 0) continue;
    isDifferent = true;
    for (const line of sideBySide(namespace === '' ? fn.name : `${fn.name}.${namespace}`, found)) {
      shell.out(paint(shell, line));
    }
  }
  if (isDifferent) throw new CliError('Differences found');
  shell.out(shell.paint.green('YAML matches deployment, no differences found.'));
}

/** Without the label that every deployed function has, and nobody wrote. */
function withoutOwn(deployed: ListedFunction, wanted: Readonly<Record<string, string>> = {}): ListedFunction {
  const labels = { ...deployed.labels };
  if (wanted['faas_function'] === undefined) delete labels['faas_function'];
  return { ...deployed, labels };
}

function paint({ paint: colours }: Shell, line: string): string {
  const [, left = '', right = ''] = /^( {2}- .*?)?( *\| *\+ .*)?$/.exec(line) ?? [];
  return left === '' && right === '' ? line : `${colours.red(left)}${colours.green(right)}`;
}
