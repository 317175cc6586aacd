import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import { parseDuration } from '../deploy/deploy-flags.ts';
import { CliError, messageOf } from '../errors.ts';
import {
  addGatewayFlags,
  addNamespaceFlag,
  addStackFlags,
  type GatewayFlags,
  type StackFlags,
  switchFlag,
} from '../flags.ts';
import { connect, type GatewayClient, unauthorised, unreachable } from '../gateway-client.ts';
import { toLayout } from '../go-time.ts';
import { gatewayFromStack } from '../load-stack.ts';
import {
  formatLogLine,
  type LineOptions,
  LOG_FORMATS,
  type LogFormat,
  type LogMessage,
  readLogMessages,
} from '../log-lines.ts';
import type { Shell } from '../shell.ts';

const HEAD_TIMEOUT_MS = 60_000;
const RETRY_MS = 1000;
/** Tries of a gateway that went away while its log was followed. */
const MOST_TRIES = 60;
/** How much is asked for again after a break; lines that were printed are known by themselves. */
const OVERLAP_MS = 2000;
const MOST_KNOWN = 20_000;

interface LogsFlags extends StackFlags, GatewayFlags {
  readonly namespace: string;
  readonly since: string;
  readonly sinceTime: string;
  readonly lines: string;
  readonly tail: boolean;
  readonly output: string;
  readonly json: boolean;
  readonly name: boolean;
  readonly instance: boolean;
  readonly timeFormat: string;
}

export function define(command: Command, shell: Shell): void {
  command.argument('<name>', 'function');
  addStackFlags(command);
  addGatewayFlags(command);
  addNamespaceFlag(command);
  command.option('--since <duration>', 'only lines newer than this, e.g. 10m', '0s');
  command.option('--since-time <time>', 'only lines from this time on, e.g. 2026-01-31T12:00:00Z', '');
  command.option('--lines <n>', 'at most so many of the newest lines; 0 or less: all', '-1');
  switchFlag(command, '-t, --tail', 'go on with new lines', true);
  command.option('-o, --output <format>', LOG_FORMATS.join(', '), 'plain');
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
    '\nExamples:\n  skep logs hello\n  skep logs hello --tail=false --lines 20\n  skep logs hello --since 10m --instance',
  );
  command.action(async (name: string) => {
    const flags = command.opts<LogsFlags>();
    const query = toQuery(name, flags);
    const options = toLineOptions(flags);
    const gateway = await connectTo(shell, command, flags, options.format);
    const print = (message: LogMessage): Promise<void> =>
      shell.write(Buffer.from(`${formatLogLine(message, options)}\n`));
    if (flags.tail) await follow(shell, gateway, query, print);
    else for await (const message of await openLog(gateway, query)) await print(message);
  });
}

/** An address that was given counts here even when it is the default one. */
async function connectTo(
  shell: Shell,
  command: Command,
  flags: LogsFlags,
  format: LogFormat,
): Promise<GatewayClient> {
  const quiet = format === 'json' ? { ...shell, out: (line: string) => shell.note(line) } : shell;
  if (command.getOptionValueSource('gateway') === 'cli')
    return connect({ ...quiet, env: { ...shell.env, OPENFAAS_URL: undefined } }, flags);
  return connect(quiet, flags, { stackGateway: await gatewayFromStack(shell, flags) });
}

function toQuery(name: string, flags: LogsFlags): URLSearchParams {
  if (!/^[+-]?\d{1,9}$/.test(flags.lines))
    throw new CliError(`--lines must be a whole number, but you gave: ${flags.lines}`);
  const query = new URLSearchParams({ name, follow: String(flags.tail) });
  if (flags.namespace !== '') query.set('namespace', flags.namespace);
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
  const given = LOG_FORMATS.find((format) => format === flags.output.toLowerCase());
  if (given === undefined)
    throw new CliError(`--output must be one of ${LOG_FORMATS.join(', ')}, but you gave: ${flags.output}`);
  return {
    format: flags.json ? 'json' : given,
    layout: toLayout(flags.timeFormat),
    name: flags.name,
    instance: flags.instance,
  };
}

/** The gateway is away, or its log broke off: it may come back. */
class LogBroken extends CliError {}
class NoSuchFunction extends CliError {}

/** @throws {NoSuchFunction} {LogBroken} {CliError} for everything else that the gateway answers */
async function openLog(gateway: GatewayClient, query: URLSearchParams): Promise<AsyncGenerator<LogMessage>> {
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(new DOMException('too slow', 'TimeoutError')), HEAD_TIMEOUT_MS);
  try {
    const options = { signal: limit.signal, timeoutMs: HEAD_TIMEOUT_MS };
    const response = await gateway.open('GET', `/system/logs?${query}`, options).catch((error: unknown) => {
      throw new LogBroken(messageOf(error), { cause: error });
    });
    if (response.status === 401) throw unauthorised(gateway.url);
    if (response.status !== 200) throw await refused(response, query);
    return readBody(gateway, response.body);
  } finally {
    clearTimeout(timer);
  }
}

async function refused(
  response: { readonly status: number; text(): Promise<string> },
  query: URLSearchParams,
): Promise<CliError> {
  const body = (await response.text()).trim();
  const name = [query.get('name'), query.get('namespace')].filter(Boolean).join('.');
  if (response.status === 404) return new NoSuchFunction(`No such function: ${name}`);
  if (response.status === 501) return new CliError('this gateway has no logs');
  const text = `Server returned unexpected status code: ${response.status} - ${body}`;
  return response.status < 500 ? new CliError(text) : new LogBroken(text);
}

async function* readBody(
  gateway: GatewayClient,
  body: NodeJS.ReadableStream | null,
): AsyncGenerator<LogMessage> {
  if (body === null) return;
  try {
    yield* readLogMessages(body);
  } catch (error) {
    if (error instanceof CliError) throw error;
    throw new LogBroken(`The log broke off: ${messageOf(unreachable(gateway.url, HEAD_TIMEOUT_MS, error))}`, {
      cause: error,
    });
  }
}

/** Prints until the user ends it or the function is gone; a gateway that closes is asked again for what came since. */
async function follow(
  shell: Shell,
  gateway: GatewayClient,
  first: URLSearchParams,
  print: (message: LogMessage) => Promise<void>,
): Promise<void> {
  const known = new Set<string>();
  let query = first;
  let newest = '';
  let floor = '';
  let hasBegun = false;
  let isLost = false;
  for (let tries = 1; ; tries += 1) {
    try {
      const messages = await openLog(gateway, query);
      if (isLost) shell.note('Connected again.');
      isLost = false;
      hasBegun = true;
      tries = 1;
      for await (const message of messages) {
        const key = `${message.instance} ${message.timestamp} ${message.text}`;
        if (known.has(key) || toSortable(message.timestamp) < floor) continue;
        // What --lines left out is not asked for after a break.
        if (newest === '' && Number(first.get('tail')) > 0) floor = toSortable(message.timestamp);
        known.add(key);
        for (const old of known) {
          if (known.size <= MOST_KNOWN) break;
          known.delete(old);
        }
        if (Date.parse(message.timestamp) > (Date.parse(newest) || 0)) newest = message.timestamp;
        await print(message);
      }
    } catch (error) {
      if (hasBegun && error instanceof NoSuchFunction) {
        shell.note('The log ended: the function was removed.');
        return;
      }
      if (!hasBegun || tries >= MOST_TRIES || !(error instanceof LogBroken)) throw error;
      if (!isLost) shell.note(`The connection was lost, trying again: ${messageOf(error)}`);
      isLost = true;
    }
    query = new URLSearchParams(first);
    if (newest !== '') {
      query.set('since', new Date(Date.parse(newest) - OVERLAP_MS).toISOString());
      query.delete('tail');
    }
    await sleep(RETRY_MS);
  }
}

/** A time as text that sorts to the nanosecond, which `Date.parse` cuts off. */
function toSortable(timestamp: string): string {
  const [, fraction = ''] = /\.(\d+)/.exec(timestamp) ?? [];
  const seconds = Math.floor(Date.parse(timestamp) / 1000);
  return `${String(seconds).padStart(12, '0')}.${fraction.padEnd(9, '0')}`;
}
