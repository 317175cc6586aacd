import { resolve } from 'node:path';
import fetch, { type Response } from 'node-fetch';
import { isDockerStack, readStackFile, type StackFile, type StackReading } from '../contract/stack-file.ts';
import { matchesFilter } from '../contract/stack-file-glob.ts';
import { StackFileError } from '../contract/stack-file-problem.ts';
import { CliError, fileError, messageOf, systemCode } from './errors.ts';
import type { StackFlags } from './flags.ts';
import { MOST_BYTES, readBeginning } from './read-beginning.ts';
import type { Shell } from './shell.ts';
import { USER_AGENT } from './version.ts';
import { withoutPassword } from './without-password.ts';

export const DEFAULT_STACK_FILES = ['stack.yaml', 'stack.yml'] as const;
const URL_TIMEOUT_MS = 120_000;

/** A stack file, and where it was found. */
export interface LoadedStack extends StackFile {
  /** Path or URL, as it was named. */
  readonly fileName: string;
  /** For who looks into its values. */
  readonly reading: StackReading;
}

/**
 * The stack file that the flags name, or the default one when it is present; its functions chosen by --regex or --filter.
 * @param quiet for commands that take only an address or a namespace from it: what is odd about the file is not their affair
 * @returns undefined when no file was named and there is none
 * @throws {CliError} when it cannot be read, {ContractError} when it is wrong
 */
export async function loadStack(
  shell: Shell,
  flags: StackFlags,
  { quiet = false } = {},
): Promise<LoadedStack | undefined> {
  const note = quiet ? () => {} : shell.note;
  const found = await findStack(shell, flags, note);
  if (!found) return undefined;
  const reading = readStackFile(found.text, {
    fileName: found.name,
    ...(flags.envsubst === false ? {} : { env: shell.env }),
  });
  const errors = reading.problems.filter(({ severity }) => severity === 'error');
  if (errors.length > 0) throw new StackFileError(errors);
  const { stack } = reading;
  for (const warning of stack.warnings) note(`Warning: ${warning}`);
  return { ...stack, fileName: found.name, reading, functions: select(stack.functions, flags) };
}

/** The text of that file. @returns undefined when no file was named and there is none */
export async function findStack(
  shell: Shell,
  flags: Pick<StackFlags, 'yaml'>,
  note: Shell['note'] = shell.note,
): Promise<{ readonly name: string; readonly text: string } | undefined> {
  return flags.yaml ? await readNamed(shell, flags.yaml) : await readDefault(shell, note);
}

/** As `loadStack`, for commands that must have a file. */
export async function requireStack(shell: Shell, flags: StackFlags, otherwise: string): Promise<LoadedStack> {
  const stack = await loadStack(shell, flags);
  if (!stack) throw new CliError(`no stack.yaml or stack.yml here: give its path with -f, ${otherwise}`);
  return stack;
}

/** @throws {CliError} for both at once, a broken expression, or when nothing is left */
export function select<T extends { readonly name: string }>(
  functions: readonly T[],
  { regex, filter }: Pick<StackFlags, 'regex' | 'filter'>,
): readonly T[] {
  if (regex && filter) throw new CliError('Pass in a regex or a filter, not both');
  if (!regex && !filter) return functions;
  const left = functions.filter(
    regex ? ({ name }) => parseRegex(regex).test(name) : ({ name }) => matchesFilter(name, filter ?? ''),
  );
  if (left.length === 0)
    throw new CliError('No functions matching --filter/--regex were found in the YAML file');
  return left;
}

function parseRegex(regex: string): RegExp {
  try {
    return new RegExp(regex);
  } catch (error) {
    throw new CliError(`--regex ${regex}: ${messageOf(error)}`);
  }
}

async function readNamed(shell: Shell, name: string): Promise<{ name: string; text: string }> {
  const text = /^https?:\/\//i.test(name) ? await download(shell, name) : await readLocal(shell, name);
  if (isDockerStack(text)) {
    throw new CliError(`${name} is a Docker stack (it has "services:"), not a stack file of functions`);
  }
  return { name: withoutPassword(name), text };
}

async function readDefault(
  shell: Shell,
  note: Shell['note'],
): Promise<{ name: string; text: string } | undefined> {
  for (const name of DEFAULT_STACK_FILES) {
    let text: string;
    try {
      text = await readLocal(shell, name);
    } catch (error) {
      if (error instanceof CliError && systemCode(error.cause) === 'ENOENT') continue;
      throw error;
    }
    if (!isDockerStack(text)) return { name, text };
    note(`${name} is a Docker stack (it has "services:"), not a stack file of functions: passed over.`);
  }
  return undefined;
}

async function readLocal(shell: Shell, name: string): Promise<string> {
  try {
    return await readBeginning(resolve(shell.cwd, name));
  } catch (error) {
    throw fileError('read', name, error);
  }
}

/** Addresses of files lead on to where these are; a redirect is followed. */
async function download(shell: Shell, url: string): Promise<string> {
  const shown = withoutPassword(url);
  let response: Response;
  let text: string;
  try {
    response = await fetch(url, {
      headers: { 'User-Agent': USER_AGENT },
      signal: AbortSignal.timeout(URL_TIMEOUT_MS),
    });
    text = await beginningOf(response);
  } catch (error) {
    const isLate = error instanceof Error && error.name === 'TimeoutError';
    const reason = isLate ? `no answer within ${URL_TIMEOUT_MS / 1000}s` : withoutPassword(messageOf(error));
    throw new CliError(`Cannot fetch the stack file ${shown}: ${reason}`, { cause: error });
  }
  if (!response.ok)
    throw new CliError(`Cannot fetch the stack file ${shown}: the server answered ${response.status}`);
  shell.out(`Parsed: ${shown}`);
  return text;
}

async function beginningOf({ body }: Response): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body ?? []) {
    chunks.push(Buffer.from(chunk as Uint8Array));
    bytes += chunk.length;
    if (bytes > MOST_BYTES) break;
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** The gateway that the stack file names, for commands that need nothing else of it. */
export async function gatewayFromStack(shell: Shell, flags: StackFlags): Promise<string | undefined> {
  return (await loadStack(shell, { ...flags, regex: '', filter: '' }, { quiet: true }))?.gateway;
}
