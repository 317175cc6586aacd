import { type Command, Option } from 'commander';
import type { StackFunction } from '../../contract/stack-file.ts';
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
import { connect, type GatewayClient } from '../gateway-client.ts';
import { toLayout } from '../go-time.ts';
import { loadStack } from '../load-stack.ts';
import { formatLogLine, type LineOptions, LOG_FORMATS, type LogMessage } from '../logs/log-lines.ts';
import { followLog, openLog } from '../logs/log-stream.ts';
import { mergeLogs } from '../logs/merge-logs.ts';
import type { Shell } from '../shell.ts';

interface LogsFlags extends StackFlags, GatewayFlags {
  readonly namespace: string;
  readonly since: string;
  readonly sinceTime: string;
  readonly lines: string;
  readonly tail: boolean;
  readonly follow?: boolean;
  readonly output: string;
  readonly json: boolean;
  readonly name: boolean;
  readonly instance: boolean;
  readonly timeFormat: string;
}

export function define(command: Command, shell: Shell): void {
  command.argument('[name...]', 'functions; without any, all of the stack file');
  addStackFlags(command);
  addGatewayFlags(command);
  addNamespaceFlag(command);
  command.option('--since <duration>', 'only lines newer than this, e.g. 10m', '0s');
  command.option('--since-time <time>', 'only lines from this time on, e.g. 2026-01-31T12:00:00Z', '');
  command.option('--lines <n>', 'at most so many of the newest lines; 0 or less: all', '-1');
  switchFlag(command, '-t, --tail', 'go on with new lines', true);
  command.addOption(new Option('--follow', 'the same as --tail'));
  command.addOption(new Option('--no-follow').hideHelp());
  choiceFlag(command, '-o, --output <format>', LOG_FORMATS, { initial: 'plain' });
  switchFlag(command, '-j, --json', 'as --output json');
  switchFlag(command, '--name', "print the function's name");
  switchFlag(command, '--instance', "print the replica's id");
  command.option(
    '--time-format <layout>',
    'layout of Go, or a name such as rfc1123; empty: no time',
    'rfc3339',
  );
  command.addHelpText(
    'after',
    `
Lines of several functions have the function's name before them, and are in order of time where they are not followed.

Examples:
  skep logs hello
  skep logs hello world --since 10m
  skep logs -f stack.yaml --filter "api-*" --follow=false --lines 20`,
  );
  command.action(async (names: readonly string[]) => {
    const flags = command.opts<LogsFlags>();
    const options = toLineOptions(flags);
    toQuery({ name: '', namespace: '' }, flags); // wrong flags are told before anything is asked
    const stack = await loadStack(shell, names.length > 0 ? { ...flags, regex: '', filter: '' } : flags, {
      quiet: names.length > 0,
    });
    const targets = targetsOf(names, flags.namespace, stack);
    const gateway = await connectTo(shell, command, { flags, stackGateway: stack?.gateway });
    const follows = flags.follow ?? flags.tail;
    await show(shell, gateway, { targets, options, follows, query: (target) => toQuery(target, flags) });
  });
}

interface Target {
  readonly name: string;
  readonly namespace: string;
}

function targetsOf(
  names: readonly string[],
  namespace: string,
  stack: { readonly functions: readonly Pick<StackFunction, 'name' | 'namespace'>[] } | undefined,
): readonly Target[] {
  const targets =
    names.length > 0
      ? [...new Set(names)].map((name) => ({ name, namespace }))
      : (stack?.functions ?? []).map((fn) => ({
          name: fn.name,
          namespace: namespace || (fn.namespace ?? ''),
        }));
  if (targets.length > 0) return targets;
  throw new CliError('please provide the name of a function, or a stack file with -f');
}

interface View {
  readonly targets: readonly Target[];
  readonly options: LineOptions;
  readonly follows: boolean;
  readonly query: (target: Target) => URLSearchParams;
}

/** @throws {CliError} when a log cannot be read; of several the others are shown all the same */
async function show(shell: Shell, gateway: GatewayClient, view: View): Promise<void> {
  const { targets, options, follows, query } = view;
  const print = (source: number, message: LogMessage): Promise<void> =>
    shell.write(
      Buffer.from(`${label(shell, view, source)}${formatLogLine(message, withName(options, targets))}\n`),
    );
  const failures: string[] = [];
  const failed = (target: Target, error: unknown): void => {
    if (targets.length === 1) throw error;
    failures.push(`${titleOf(target)}: ${messageOf(error)}`);
    if (follows) shell.note(`${titleOf(target)}: ${messageOf(error)}`);
  };
  if (follows) {
    await Promise.all(
      targets.map(async (target, source) => {
        const note = (text: string): void =>
          shell.note(targets.length === 1 ? text : `${titleOf(target)}: ${text}`);
        await followLog(note, gateway, query(target), (message) => print(source, message)).catch(
          (error: unknown) => failed(target, error),
        );
      }),
    );
  } else {
    const logs: AsyncIterator<LogMessage>[] = [];
    for (const target of targets) {
      logs.push(
        await openLog(gateway, query(target)).catch((error: unknown) => {
          failed(target, error);
          return noLog();
        }),
      );
    }
    for await (const { source, message } of mergeLogs(logs)) await print(source, message);
  }
  if (failures.length > 0) throw new CliError(failures.join('\n'));
}

async function* noLog(): AsyncGenerator<LogMessage> {}

/** Of several functions, the name goes before each line that is for people, and into each for programs. */
function label(shell: Shell, { targets, options }: View, source: number): string {
  const target = targets[source];
  if (targets.length === 1 || options.format !== 'plain' || target === undefined) return '';
  const width = Math.max(...targets.map((each) => titleOf(each).length));
  return `${shell.paint.label(titleOf(target).padEnd(width), source)} `;
}

function withName(options: LineOptions, { length }: readonly Target[]): LineOptions {
  return length > 1 && options.format === 'keyvalue' ? { ...options, name: true } : options;
}

function titleOf({ name, namespace }: Target): string {
  return namespace === '' ? name : `${name}.${namespace}`;
}

/** An address that was given counts here even when it is the default one. */
async function connectTo(
  shell: Shell,
  command: Command,
  { flags, stackGateway }: { readonly flags: LogsFlags; readonly stackGateway: string | undefined },
): Promise<GatewayClient> {
  if (command.getOptionValueSource('gateway') === 'cli')
    return connect({ ...shell, env: { ...shell.env, OPENFAAS_URL: undefined } }, flags);
  return connect(shell, flags, { stackGateway });
}

function toQuery({ name, namespace }: Target, flags: LogsFlags): URLSearchParams {
  if (!/^[+-]?\d{1,9}$/.test(flags.lines))
    throw new CliError(`--lines must be a whole number, but you gave: ${flags.lines}`);
  const query = new URLSearchParams({ name, follow: String(flags.follow ?? flags.tail) });
  if (namespace !== '') query.set('namespace', namespace);
  const since = sinceOf(flags);
  if (since !== undefined) query.set('since', since);
  if (Number(flags.lines) !== 0) query.set('tail', String(Number(flags.lines)));
  return query;
}

function sinceOf(flags: LogsFlags): string | undefined {
  const sinceMs = parseDuration(flags.since, '--since');
  if (sinceMs > 0 && flags.sinceTime !== '') throw new CliError('give --since or --since-time, not both');
  if (sinceMs > 0) return toSeconds(Date.now() - sinceMs);
  if (flags.sinceTime === '') return undefined;
  const isTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/.test(flags.sinceTime);
  const at = Date.parse(flags.sinceTime);
  if (!isTime || Number.isNaN(at))
    throw new CliError(
      `--since-time must be a time such as 2026-01-31T12:00:00Z, but you gave: ${flags.sinceTime}`,
    );
  return toSeconds(at);
}

function toSeconds(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');
}

function toLineOptions(flags: LogsFlags): LineOptions {
  const given = parseChoice(flags.output.toLowerCase(), LOG_FORMATS, '--output');
  return {
    format: flags.json ? 'json' : given,
    layout: toLayout(flags.timeFormat),
    name: flags.name,
    instance: flags.instance,
  };
}
