import { createHmac } from 'node:crypto';
import type { Command } from 'commander';
import { DEFAULT_NAMESPACE } from '../../contract/function-ref.ts';
import type { StackFile } from '../../contract/stack-file.ts';
import { printResult } from '../async/print-result.ts';
import { parseDuration } from '../deploy/deploy-flags.ts';
import { CliError } from '../errors.ts';
import {
  addNamespaceFlag,
  addStackFlags,
  choiceFlag,
  listFlag,
  parsePairs,
  type StackFlags,
  switchFlag,
} from '../flags.ts';
import { chooseGateway, DEFAULT_GATEWAY, plainHttpWarning } from '../gateway-address.ts';
import { call, connect, unauthorised, unreachable } from '../gateway-client.ts';
import { loadStack } from '../load-stack.ts';
import type { Shell } from '../shell.ts';

/** It is held in memory. */
const MOST_INPUT_BYTES = 1024 ** 3;
const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'];

interface InvokeFlags extends StackFlags {
  readonly namespace: string;
  readonly gateway: string;
  readonly tlsNoVerify: boolean;
  readonly contentType: string;
  readonly query: readonly string[];
  readonly header: readonly string[];
  readonly async: boolean;
  readonly wait: boolean;
  readonly method: string;
  readonly sign?: string;
  readonly key?: string;
  readonly timeout: string;
}

export function define(command: Command, shell: Shell): void {
  command.argument('<name>', 'function');
  addStackFlags(command);
  command.option('-g, --gateway <url>', 'gateway address', DEFAULT_GATEWAY);
  switchFlag(command, '--tls-no-verify', 'accept any TLS certificate');
  addNamespaceFlag(command);
  command.option('--content-type <type>', 'type of the input', 'text/plain');
  listFlag(command, '--query <key=value>', 'query parameter');
  listFlag(command, '-H, --header <header>', 'header, as "Name: value"');
  switchFlag(command, '-a, --async', 'put the call in the queue');
  switchFlag(command, '--wait', 'with --async: wait until the call has ended, and print its answer');
  choiceFlag(command, '-m, --method <method>', METHODS, { initial: 'POST' });
  command.option('--sign <header>', 'sign the input with --key, into this header');
  command.option('--key <key>', 'key for --sign');
  command.option('--timeout <duration>', 'how long the answer may take', '15m');
  command.addHelpText(
    'after',
    `
Examples:
  echo hi | skep invoke hello
  skep invoke resize --content-type image/png < cat.png > small.png
  echo '{}' | skep invoke report --async --wait
  echo '{}' | skep invoke report --async -H "X-Callback-Url: https://example.com/done"`,
  );
  command.action(async (name: string) => invoke(shell, name, command.opts<InvokeFlags>()));
}

async function invoke(shell: Shell, name: string, flags: InvokeFlags): Promise<void> {
  const method = flags.method.toUpperCase();
  if (!METHODS.includes(method))
    throw new CliError(`the method must be one of ${METHODS.join(', ')}, but you gave: ${flags.method}`);
  if (Boolean(flags.sign) !== Boolean(flags.key))
    throw new CliError('signing needs both --sign HEADER and --key KEY');
  if (flags.wait && !flags.async)
    throw new CliError('--wait is for calls that are put in the queue: add --async, or leave it away');
  const timeoutMs = parseDuration(flags.timeout, '--timeout');
  const headers = parseHeaders(flags.header, (warning) => shell.note(warning));
  const stack = await loadStack(shell, { ...flags, regex: '', filter: '' }, { quiet: true });
  const gateway = chooseGateway({
    flag: flags.gateway,
    stackFile: stack?.gateway,
    environment: shell.env['OPENFAAS_URL'],
  });
  const url = invocationUrl(gateway, name, flags, stack);
  const warning = plainHttpWarning(gateway, flags);
  if (warning) shell.note(warning); // stdout belongs to the function's answer

  if (shell.stdinIsTerminal) shell.note('Reading from STDIN - hit (Control + D) to stop.');
  const input = Buffer.from(
    await shell.readStdin(
      MOST_INPUT_BYTES,
      `send it with curl -X ${method} -T - '${url}', and the headers that it needs`,
    ),
  );
  if (method === 'GET' && input.length > 0) {
    throw new CliError(
      `a GET request carries no input, but stdin held ${input.length} bytes: use POST, or < /dev/null`,
    );
  }
  const signature = flags.sign && flags.key ? { [flags.sign]: sign(input, flags.key) } : {};
  const response = await call(url, {
    method,
    headers: { 'Content-Type': flags.contentType, ...headers, ...signature },
    ...(method === 'GET' ? {} : { body: input }),
    timeoutMs,
    tlsNoVerify: flags.tlsNoVerify,
  });
  try {
    if (response.status === 202 && flags.async) {
      shell.note('Function submitted asynchronously.');
      const id = response.headers.get('x-call-id');
      if (id !== null) shell.note(`Call id: ${id}`);
      if (flags.wait) await waitFor(shell, id, { flags, stack, timeoutMs });
    } else if (response.ok) {
      if (response.body) for await (const chunk of response.body) await shell.write(chunk as Uint8Array);
    } else if (response.status === 401) {
      throw unauthorised(gateway);
    } else {
      const body = (await response.text()).trim();
      throw new CliError(`Server returned unexpected status code: ${response.status} - ${body}`);
    }
  } catch (error) {
    throw error instanceof CliError ? error : unreachable(url, timeoutMs, error);
  }
}

async function waitFor(
  shell: Shell,
  id: string | null,
  { flags, stack, timeoutMs }: { flags: InvokeFlags; stack: StackFile | undefined; timeoutMs: number },
): Promise<void> {
  if (id === null)
    throw new CliError('the gateway did not say which id the call has (X-Call-Id): it cannot be asked for');
  // The warning has been given.
  const gateway = await connect({ ...shell, note: () => {} }, flags, { stackGateway: stack?.gateway });
  await printResult(shell, gateway, { id, withinMs: timeoutMs });
}

/** The path takes the place of the gateway's own. A name with a dot already says its namespace. */
export function invocationUrl(
  gateway: string,
  name: string,
  flags: { readonly namespace: string; readonly async: boolean; readonly query: readonly string[] },
  stack: StackFile | undefined,
): string {
  const inFile = stack?.functions.find((fn) => fn.name === name)?.namespace;
  const namespace = flags.namespace || inFile || DEFAULT_NAMESPACE;
  const qualified = name.includes('.') && flags.namespace === '' ? name : `${name}.${namespace}`;
  const url = new URL(gateway);
  url.pathname = `/${flags.async ? 'async-function' : 'function'}/${encodeURIComponent(qualified)}`;
  url.search = new URLSearchParams(parsePairs(flags.query, '--query')).toString();
  return url.toString();
}

/** `Name: value`; the old form `name=value` is understood with a warning. */
export function parseHeaders(
  headers: readonly string[],
  warn: (text: string) => void,
): Record<string, string> {
  const out: Record<string, string> = {};
  for (const header of headers) {
    const [, name, value] = /^([^:=\s]+)\s*:\s*(.*)$/s.exec(header) ?? [];
    if (name !== undefined && value !== undefined) {
      out[name] = value.trim();
      continue;
    }
    if (header.indexOf('=') < 1) throw new CliError(`--header "${header}" is not of the form "Name: value"`);
    Object.assign(out, parsePairs([header], '--header'));
    warn(`Warning: --header "${header}" is the old form: write "Name: value".`);
  }
  return out;
}

function sign(input: Uint8Array, key: string): string {
  return `sha256=${createHmac('sha256', key).update(input).digest('hex')}`;
}
