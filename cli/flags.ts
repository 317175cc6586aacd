import { type Command, Option } from 'commander';
import { TAG_FORMATS } from '../contract/tagged-image.ts';
import { CliError } from './errors.ts';
import { DEFAULT_GATEWAY } from './gateway-address.ts';

/** A switch that is also understood as `--name=true` and `--name=false`, as faas-cli's are. */
export function switchFlag(command: Command, flags: string, description: string, initial = false): void {
  const name = /--([\w-]+)/.exec(flags)?.[1] ?? '';
  const option = new Option(flags, description);
  // For commander `--no-x` is the option x, true until it is given.
  command.addOption(name.startsWith('no-') ? option : option.default(initial));
  if (!name.startsWith('no-')) command.addOption(new Option(`--no-${name}`).hideHelp());
}

/** An option whose value is one of these; the command itself refuses others. */
export class ChoiceOption extends Option {
  readonly choicesOfValue: readonly string[];

  constructor(flags: string, description: string, choices: readonly string[]) {
    super(flags, description);
    this.choicesOfValue = choices;
  }
}

/** A flag whose value is one of these, which completion offers. @param description default: the choices */
export function choiceFlag(
  command: Command,
  flags: string,
  choices: readonly string[],
  { description = choices.join(', '), initial }: { description?: string; initial?: string } = {},
): void {
  const option = new ChoiceOption(flags, description, choices);
  command.addOption(initial === undefined ? option : option.default(initial));
}

/** A flag that may be given several times. */
export function listFlag(command: Command, flags: string, description: string): void {
  const collect = (value: string, previous: readonly string[]): string[] => [...previous, value];
  command.addOption(new Option(flags, description).argParser(collect).default([]));
}

export interface StackFlags {
  readonly yaml?: string;
  readonly regex?: string;
  readonly filter?: string;
  readonly envsubst?: boolean;
}
export function addStackFlags(command: Command): void {
  command.option('-f, --yaml <path|url>', 'stack file (default: ./stack.yaml, then ./stack.yml)');
  command.option('--regex <re>', 'only functions whose name matches this regular expression');
  command.option('--filter <glob>', 'only functions whose name matches this pattern, * for any text');
  switchFlag(command, '--envsubst', `replace \${NAME} in the stack file`, true);
}

/** The flags that describe one function without a stack file. */
export function addSingleFunctionFlags(command: Command): void {
  command.option('--image <image>', 'image, without a stack file');
  command.option('--handler <dir>', 'handler folder, without a stack file');
  command.option('--name <name>', 'function name, without a stack file');
  command.option('--lang <template>', 'template, without a stack file');
}

export interface GatewayFlags {
  readonly gateway: string;
  readonly tlsNoVerify: boolean;
  readonly token?: string;
}
export function addGatewayFlags(command: Command, { token = true } = {}): void {
  command.option('-g, --gateway <url>', 'gateway address', DEFAULT_GATEWAY);
  switchFlag(command, '--tls-no-verify', 'accept any TLS certificate');
  if (token) command.option('-k, --token <jwt>', 'bearer token, in place of the saved login');
}

export function addNamespaceFlag(command: Command): void {
  command.option('-n, --namespace <name>', 'namespace of the function', '');
}

export function addTagFlag(command: Command): void {
  const description = `image tag: ${TAG_FORMATS.join(', ')}`;
  choiceFlag(command, '--tag <format>', TAG_FORMATS, { description, initial: 'latest' });
}

/**
 * `K=V` pairs, split at the first `=`.
 * @throws {CliError} naming the flag
 */
export function parsePairs(pairs: readonly string[], flag: string): Record<string, string> {
  const out: Record<string, string> = {};
  for (const pair of pairs) {
    const split = pair.indexOf('=');
    if (split < 1) throw new CliError(`${flag} "${pair}" is not of the form KEY=VALUE`);
    out[pair.slice(0, split)] = pair.slice(split + 1);
  }
  return out;
}

/** @throws {CliError} unless one of the choices, as it is written */
export function parseChoice<T extends string>(text: string, choices: readonly T[], flag: string): T {
  const found = choices.find((choice) => choice === text);
  if (found === undefined)
    throw new CliError(`${flag} must be one of ${choices.join(', ')}, but you gave: ${text}`);
  return found;
}

/** @throws {CliError} unless a whole number from `min` */
export function parseNumberFlag(text: string, { flag, min }: { flag: string; min: number }): number {
  if (!/^\d{1,9}$/.test(text) || Number(text) < min) {
    throw new CliError(`${flag} must be a whole number, ${min} or more, but you gave: ${text}`);
  }
  return Number(text);
}

/**
 * Rewrites what faas-cli's parser accepts and commander does not: `--switch=true|false` and `-x=value`.
 * @throws {CliError} for a switch with another value
 */
export function normaliseArguments(args: readonly string[], command: Command): string[] {
  const end = args.indexOf('--');
  const flagged = end === -1 ? args : args.slice(0, end);
  const rest = end === -1 ? [] : args.slice(end);
  return [...flagged.flatMap((arg) => normaliseArgument(arg, command)), ...rest];
}

function normaliseArgument(arg: string, command: Command): string[] {
  const match = /^(--?[a-zA-Z][\w-]*)=(.*)$/s.exec(arg);
  if (!match) return [arg];
  const [, name = '', value = ''] = match;
  const option = command.options.find((candidate) => candidate.long === name || candidate.short === name);
  if (!option) return [arg];
  if (option.required || option.optional) return name.startsWith('--') ? [arg] : [name, value];
  if (/^(1|t|true)$/i.test(value)) return [name];
  if (!/^(0|f|false)$/i.test(value))
    throw new CliError(`invalid value "${value}" for ${name}: use true or false`);
  const long = option.long ?? name;
  return long.startsWith('--no-') ? [] : [`--no-${long.slice(2)}`];
}
