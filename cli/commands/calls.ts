import type { Command } from 'commander';
import { CALL_STATES } from '../../contract/call-status.ts';
import { callDetails, callTable, deadDetails, deadTable } from '../async/call-lines.ts';
import { listCalls, listDead, purgeDead, readCall, readDead } from '../async/calls-api.ts';
import { printResult } from '../async/print-result.ts';
import { parseDuration } from '../deploy/deploy-flags.ts';
import { CliError } from '../errors.ts';
import {
  addGatewayFlags,
  addNamespaceFlag,
  addStackFlags,
  choiceFlag,
  type GatewayFlags,
  parseChoice,
  parseNumberFlag,
  type StackFlags,
  switchFlag,
} from '../flags.ts';
import { connect, type GatewayClient } from '../gateway-client.ts';
import { gatewayFromStack } from '../load-stack.ts';
import type { Shell } from '../shell.ts';

const FORMATS = ['table', 'json'];

interface CallsFlags extends StackFlags, GatewayFlags {
  readonly namespace: string;
  readonly function: string;
  readonly status: string;
  readonly limit: string;
  readonly output: string;
  readonly dead: boolean;
  readonly purge: boolean;
  readonly all: boolean;
  readonly result: boolean;
  readonly timeout: string;
}

export function define(command: Command, shell: Shell): void {
  command.argument('[id]', 'one call, by its X-Call-Id');
  addStackFlags(command);
  addGatewayFlags(command);
  addNamespaceFlag(command);
  command.option('--function <name>', 'calls of this function alone', '');
  command.option('--status <status>', CALL_STATES.join(', '), '');
  command.option('--limit <n>', 'at most so many', '50');
  choiceFlag(command, '-o, --output <format>', FORMATS, { initial: 'table' });
  switchFlag(command, '--dead', 'dead letters: calls that were tried as often as they may be');
  switchFlag(command, '--purge', 'with --dead: throw them away');
  switchFlag(command, '--all', 'with --purge: all of them');
  switchFlag(command, '--result', "print the function's answer, once there is one");
  command.option('--timeout <duration>', 'with --result: how long to wait', '0s');
  command.addHelpText(
    'after',
    `
Examples:
  skep calls --function resize --status running
  skep calls 6f0c7e7e-5f5e-4c4a-8c5d-2f1c9a4f3b21
  skep calls 6f0c7e7e-5f5e-4c4a-8c5d-2f1c9a4f3b21 --result --timeout 1m > small.png
  skep calls --dead -o json
  skep calls --dead --purge --function resize`,
  );
  command.action(async (id: string | undefined) => {
    const flags = command.opts<CallsFlags>();
    check(id, flags);
    const limit = parseNumberFlag(flags.limit, { flag: '--limit', min: 1 });
    const withinMs = parseDuration(flags.timeout, '--timeout');
    const gateway = await connect(shell, flags, { stackGateway: await gatewayFromStack(shell, flags) });
    if (flags.result && id !== undefined) return printResult(shell, gateway, { id, withinMs });
    if (flags.purge) return purge(shell, gateway, id, flags);
    return show(shell, flags.output, await look(gateway, id, flags, limit));
  });
}

/** @throws {CliError} for flags that mean nothing together */
function check(id: string | undefined, flags: CallsFlags): void {
  const { dead, purge: purges, all, result, status, function: name } = flags;
  parseChoice(flags.output, FORMATS, '--output');
  if (id !== undefined && (name !== '' || status !== ''))
    throw new CliError('one call is named by its id: leave --function and --status away');
  if (dead && status !== '') throw new CliError('dead letters are all dead: leave --status away');
  if (purges && !dead) throw new CliError('only dead letters are thrown away: add --dead');
  if (purges && [id !== undefined, name !== '', all].filter(Boolean).length !== 1)
    throw new CliError('which dead letters shall be thrown away? Give an id, --function or --all');
  if (result && (id === undefined || dead))
    throw new CliError('--result needs the id of one call, and no --dead');
}

interface Look {
  /** As the gateway has it. */
  readonly json: unknown;
  readonly lines: readonly string[];
  /** The first line is a heading. */
  readonly isTable: boolean;
}

async function look(
  gateway: GatewayClient,
  id: string | undefined,
  flags: CallsFlags,
  limit: number,
): Promise<Look> {
  if (id !== undefined && flags.dead) {
    const json = await readDead(gateway, id);
    return { json, lines: deadDetails(json), isTable: false };
  }
  if (id !== undefined) {
    const json = await readCall(gateway, id);
    return { json, lines: callDetails(json), isTable: false };
  }
  if (flags.dead) {
    const json = await listDead(gateway, flags, limit);
    return { json, lines: deadTable(json), isTable: true };
  }
  const json = await listCalls(gateway, flags, limit);
  return { json, lines: callTable(json), isTable: true };
}

function show(shell: Shell, output: string, { json, lines, isTable }: Look): void {
  if (output === 'json') {
    shell.out(JSON.stringify(json, undefined, 2));
    return;
  }
  for (const [index, line] of lines.entries())
    shell.out(isTable && index === 0 ? shell.paint.bold(line) : line);
}

async function purge(
  shell: Shell,
  gateway: GatewayClient,
  id: string | undefined,
  flags: CallsFlags,
): Promise<void> {
  const count = await purgeDead(gateway, id ?? flags);
  shell.out(`Thrown away: ${count} ${count === 1 ? 'call' : 'calls'}`);
}
