import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import { parseDuration } from '../deploy/deploy-flags.ts';
import { CliError, messageOf } from '../errors.ts';
import {
  addGatewayFlags,
  addNamespaceFlag,
  addStackFlags,
  choiceFlag,
  type GatewayFlags,
  parseChoice,
  type StackFlags,
  switchFlag,
} from '../flags.ts';
import { connect, type GatewayClient, unauthorised } from '../gateway-client.ts';
import { gatewayFromStack } from '../load-stack.ts';
import type { Shell } from '../shell.ts';
import { type Reading, readingOf, type Traffic, trafficBetween } from '../top/traffic.ts';
import { sortTraffic, TOP_ORDERS, type TopOrder, trafficTable } from '../top/traffic-table.ts';

const FORMATS = ['table', 'json'] as const;
const LEAST_INTERVAL_MS = 200;

interface TopFlags extends StackFlags, GatewayFlags {
  readonly namespace: string;
  readonly interval: string;
  readonly sort: string;
  readonly output: string;
  readonly once: boolean;
}

interface View {
  readonly names: readonly string[];
  readonly namespace: string;
  readonly order: TopOrder;
}

export function define(command: Command, shell: Shell): void {
  command.argument('[name...]', 'functions; without any, all');
  addStackFlags(command);
  addGatewayFlags(command);
  addNamespaceFlag(command);
  command.option('--interval <duration>', 'time that a look sums up', '2s');
  choiceFlag(command, '--sort <order>', TOP_ORDERS, { initial: 'rate' });
  choiceFlag(command, '-o, --output <format>', FORMATS, { initial: 'table' });
  switchFlag(command, '--once', 'one look, then end; so it is where no terminal shows it, and with JSON');
  command.addHelpText(
    'after',
    `
Errors are calls that ended with 5xx; p50 and p99 come from a histogram. Counted is what the gateway you speak to has served.

Examples:
  skep top
  skep top hello world --interval 10s --sort p99
  skep top -o json | jq '.[] | select(.errors > 0.01)'`,
  );
  command.action(async (names: readonly string[]) => {
    const flags = command.opts<TopFlags>();
    const order = parseChoice(flags.sort, TOP_ORDERS, '--sort');
    const format = parseChoice(flags.output, FORMATS, '--output');
    const intervalMs = parseDuration(flags.interval, '--interval');
    if (intervalMs < LEAST_INTERVAL_MS)
      throw new CliError(`--interval must be at least 200ms, but you gave: ${flags.interval}`);
    const isJson = format === 'json';
    const gateway = await connect(shell, flags, { stackGateway: await gatewayFromStack(shell, flags) });
    const view = { names, namespace: flags.namespace, order };
    const isOnce = flags.once || isJson || !shell.isTerminal || shell.env['TERM'] === 'dumb';
    await (isOnce
      ? lookOnce(shell, gateway, { view, intervalMs, isJson })
      : watch(shell, gateway, view, intervalMs));
  });
}

async function lookOnce(
  shell: Shell,
  gateway: GatewayClient,
  { view, intervalMs, isJson }: { view: View; intervalMs: number; isJson: boolean },
): Promise<void> {
  const before = await read(gateway);
  await sleep(intervalMs);
  const after = await read(gateway);
  const traffic = chosen(trafficBetween(before, after), view);
  if (isJson) {
    shell.out(JSON.stringify(traffic, rounded, 2));
    return;
  }
  if (after.gateways > 1) shell.note(ofSeveral(after));
  for (const line of trafficTable(traffic)) shell.out(line);
}

/** To a thousandth, which is more than was measured. */
function rounded(_key: string, value: unknown): unknown {
  return typeof value === 'number' ? Math.round(value * 1000) / 1000 : value;
}

/** Until Ctrl-C. A gateway that is away for a moment is told of, and asked again. */
async function watch(shell: Shell, gateway: GatewayClient, view: View, intervalMs: number): Promise<void> {
  const ending = new AbortController();
  const end = (): void => ending.abort();
  // Not once: whoever restores the cursor ends the process where nobody else listens.
  process.on('SIGINT', end);
  process.on('SIGTERM', end);
  let before: Reading = await read(gateway);
  chosen(trafficBetween(before, before), view); // a name that is not there is told at once
  let told = '';
  let table = trafficTable([]);
  const redraw = (): void => {
    const [heading = '', ...rows] = table;
    const room = Math.max(1, (process.stdout.rows || 24) - 4);
    const shown = rows.slice(0, room);
    const more = rows.length > shown.length ? [`… and ${rows.length - shown.length} more`] : [];
    shell.live([
      `${gateway.url}, the last ${intervalMs / 1000} s, by ${view.order}; Ctrl-C ends it${told}`,
      shell.paint.bold(heading),
      ...shown,
      ...more,
    ]);
  };
  table = trafficTable(chosen(trafficBetween(before, before), view));
  redraw();
  try {
    for (;;) {
      await sleep(intervalMs, undefined, { signal: ending.signal });
      try {
        const after = await read(gateway);
        table = trafficTable(chosen(trafficBetween(before, after), view));
        told = after.gateways > 1 ? `\n${ofSeveral(after)}` : '';
        before = after;
      } catch (error) {
        told = `\n${shell.paint.red(messageOf(error).replaceAll('\n', ' '))}`;
      }
      redraw();
    }
  } catch (error) {
    if (!ending.signal.aborted) throw error;
  } finally {
    shell.live(undefined);
    process.off('SIGINT', end);
    process.off('SIGTERM', end);
  }
}

function ofSeveral({ gateways }: Reading): string {
  return `These are the calls of one of ${gateways} gateways; Prometheus has those of all.`;
}

async function read(gateway: GatewayClient): Promise<Reading> {
  const { status, body } = await gateway.request('GET', '/system/metrics');
  if (status === 401) throw unauthorised(gateway.url);
  if (status === 404)
    throw new CliError(
      `${gateway.url} does not tell what it counts: it is no gateway of Skep, or an older one`,
    );
  if (status !== 200)
    throw new CliError(`Server returned unexpected status code: ${status} - ${body.trim()}`);
  return readingOf(body, performance.now());
}

/** @throws {CliError} for a name that the gateway does not have */
function chosen(traffic: readonly Traffic[], { names, namespace, order }: View): Traffic[] {
  const missing = names.filter((name) => !traffic.some((each) => isNamed(each, name, namespace)));
  if (missing.length > 0) throw new CliError(`No such function: ${missing.join(', ')}`);
  const wanted = traffic.filter(
    (each) =>
      (namespace === '' || each.function.endsWith(`.${namespace}`)) &&
      (names.length === 0 || names.some((name) => isNamed(each, name, namespace))),
  );
  return sortTraffic(wanted, order);
}

/** By `name`, or `name.namespace`. */
function isNamed(traffic: Traffic, name: string, namespace: string): boolean {
  if (traffic.function === name) return true;
  return namespace === ''
    ? traffic.function.startsWith(`${name}.`)
    : traffic.function === `${name}.${namespace}`;
}
