import { ContractError } from './contract-error.ts';
import { isFunctionName } from './function-ref.ts';
import type { FunctionResources } from './function-types.ts';
import { substituteEnvironment } from './stack-file-substitution.ts';
import { type YamlField, YamlText } from './stack-file-yaml.ts';

/** One function of a stack file; absent keys are undefined or empty. */
export interface StackFunction {
  readonly name: string;
  readonly lang: string;
  readonly handler: string;
  readonly image: string;
  readonly fprocess?: string;
  readonly namespace?: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly environmentFiles: readonly string[];
  readonly secrets: readonly string[];
  readonly constraints: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly limits?: FunctionResources;
  readonly requests?: FunctionResources;
  readonly readOnlyRootFilesystem: boolean;
  readonly skipBuild: boolean;
  readonly buildOptions: readonly string[];
  readonly buildArgs: Readonly<Record<string, string>>;
  /** Secret id to path. */
  readonly buildSecrets: Readonly<Record<string, string>>;
  readonly platforms?: string;
}

export interface StackFile {
  readonly gateway?: string;
  readonly templates: readonly { readonly name: string; readonly source?: string }[];
  /** Extra paths copied into every build. */
  readonly copy: readonly string[];
  /** In file order. */
  readonly functions: readonly StackFunction[];
  /** What was passed over, for the user to read: unknown keys. */
  readonly warnings: readonly string[];
}

export interface ParseStackOptions {
  /** For messages, e.g. `stack.yaml`. */
  readonly fileName: string;
  /** Values for `${NAME}`; undefined switches substitution off. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

const TOP_KEYS = ['version', 'provider', 'configuration', 'functions'];
const FUNCTION_KEYS = [
  'lang handler image fprocess environment environment_file secrets skip_build constraints labels annotations limits',
  'requests readonly_root_filesystem build_options build_args build_secrets platforms namespace',
].flatMap((keys) => keys.split(' '));
/** Keys of older stack files, known to mean nothing today. */
const RETIRED_KEYS = ['network', 'registry_auth', 'copy_extra'];

/** Whether the text is a Docker stack or Compose file, which also likes to be called stack.yml. */
export function isDockerStack(text: string): boolean {
  return /^["']?services["']?\s*:/m.test(text) && !/^["']?functions["']?\s*:/m.test(text);
}

/**
 * Reads the text of a stack file.
 * @throws {ContractError} naming file, line and field of the first thing that is wrong
 */
export function parseStackFile(text: string, options: ParseStackOptions): StackFile {
  const yaml = new YamlText(
    options.env ? substitute(text, options.fileName, options.env) : text,
    options.fileName,
  );
  const top = yaml.entries(yaml.root);
  const warnings = unknownKeys(yaml, top, TOP_KEYS);
  checkVersion(yaml, top.get('version'));

  const provider = entriesOf(yaml, top.get('provider'));
  const providerName = yaml.optionalText(provider.get('name')) ?? '';
  if (providerName !== 'openfaas') {
    throw new ContractError(
      `['openfaas'] is the only valid "provider.name" for the OpenFaaS CLI, but you gave: ${providerName}`,
    );
  }
  const configuration = entriesOf(yaml, top.get('configuration'));
  const functions: StackFunction[] = [];
  for (const [name, field] of entriesOf(yaml, top.get('functions'))) {
    functions.push(readFunction(yaml, name, field, warnings));
  }
  const gateway = yaml.optionalText(provider.get('gateway'));
  return {
    ...(gateway ? { gateway } : {}),
    templates: readTemplates(yaml, configuration.get('templates')),
    copy: listOf(yaml, configuration.get('copy')),
    functions,
    warnings,
  };
}

/** The `environment:` map of an environment file. */
export function parseEnvironmentFile(text: string, fileName: string): Record<string, string> {
  const yaml = new YamlText(text, fileName);
  return mapOf(yaml, yaml.entries(yaml.root).get('environment'));
}

function substitute(text: string, fileName: string, env: NonNullable<ParseStackOptions['env']>): string {
  try {
    return substituteEnvironment(text, env);
  } catch (error) {
    if (error instanceof ContractError) throw new ContractError(`${fileName}: ${error.message}`);
    throw error;
  }
}

function readFunction(yaml: YamlText, name: string, field: YamlField, warnings: string[]): StackFunction {
  if (!isFunctionName(name)) {
    throw yaml.problem(field, 'a function name may hold a-z, 0-9 and dashes, at most 63 characters');
  }
  const keys = yaml.entries(field);
  warnings.push(...unknownKeys(yaml, keys, FUNCTION_KEYS));
  const text = (key: string): string => yaml.optionalText(keys.get(key)) ?? '';
  const flag = (key: string): boolean => {
    const value = keys.get(key);
    return value === undefined ? false : yaml.flag(value);
  };
  const optional = <K extends string, T>(key: K, value: T | undefined | ''): { [P in K]?: T } =>
    (value === undefined || value === '' ? {} : { [key]: value }) as { [P in K]?: T };
  return {
    name,
    lang: text('lang'),
    handler: text('handler'),
    image: text('image'),
    ...optional('fprocess', text('fprocess')),
    ...optional('namespace', text('namespace')),
    ...optional('platforms', text('platforms')),
    ...optional('limits', readResources(yaml, keys.get('limits'))),
    ...optional('requests', readResources(yaml, keys.get('requests'))),
    environment: mapOf(yaml, keys.get('environment')),
    environmentFiles: listOf(yaml, keys.get('environment_file')),
    secrets: listOf(yaml, keys.get('secrets')),
    constraints: listOf(yaml, keys.get('constraints')),
    labels: mapOf(yaml, keys.get('labels')),
    annotations: mapOf(yaml, keys.get('annotations')),
    readOnlyRootFilesystem: flag('readonly_root_filesystem'),
    skipBuild: flag('skip_build'),
    buildOptions: listOf(yaml, keys.get('build_options')),
    buildArgs: mapOf(yaml, keys.get('build_args')),
    buildSecrets: mapOf(yaml, keys.get('build_secrets')),
  };
}

function readResources(yaml: YamlText, field: YamlField | undefined): FunctionResources | undefined {
  if (field === undefined) return undefined;
  const { memory = '', cpu = '' } = mapOf(yaml, field);
  if (memory === '' && cpu === '') return undefined;
  return { ...(memory === '' ? {} : { memory }), ...(cpu === '' ? {} : { cpu }) };
}

function readTemplates(yaml: YamlText, field: YamlField | undefined): StackFile['templates'] {
  if (field === undefined) return [];
  return yaml.items(field).map((item) => {
    const { name = '', source = '' } = yaml.textMap(item);
    if (name === '') throw yaml.problem(item, 'a template needs a "name"');
    return { name, ...(source === '' ? {} : { source }) };
  });
}

function checkVersion(yaml: YamlText, field: YamlField | undefined): void {
  const version = yaml.optionalText(field);
  if (version !== undefined && version !== '' && version !== '1.0') {
    throw new ContractError(`[1.0] are the only valid versions for the stack file - found: ${version}`);
  }
}

function unknownKeys(
  yaml: YamlText,
  keys: ReadonlyMap<string, YamlField>,
  known: readonly string[],
): string[] {
  return [...keys]
    .filter(([key]) => !known.includes(key) && !RETIRED_KEYS.includes(key) && !key.startsWith('x-'))
    .map(([, field]) => yaml.problem(field, 'unknown key, ignored').message);
}

function entriesOf(yaml: YamlText, field: YamlField | undefined): Map<string, YamlField> {
  return field === undefined ? new Map() : yaml.entries(field);
}
function listOf(yaml: YamlText, field: YamlField | undefined): string[] {
  return field === undefined ? [] : yaml.list(field);
}
function mapOf(yaml: YamlText, field: YamlField | undefined): Record<string, string> {
  return field === undefined ? {} : yaml.textMap(field);
}
