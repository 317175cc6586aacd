import { isFunctionName } from './function-ref.ts';
import type { FunctionResources } from './function-types.ts';
import { STACK_FILE_KEYS } from './stack-file-keys.ts';
import {
  byPlace,
  type FieldWay,
  problemText,
  StackFileError,
  type StackProblem,
} from './stack-file-problem.ts';
import { SubstitutionError, substituteWithPlaces } from './stack-file-substitution.ts';
import { type YamlField, YamlText } from './stack-file-yaml.ts';
import { suggestionFor } from './suggestion.ts';

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

/** Whether the text is a Docker stack or Compose file, which also likes to be called stack.yml. */
export function isDockerStack(text: string): boolean {
  return /^["']?services["']?\s*:/m.test(text) && !/^["']?functions["']?\s*:/m.test(text);
}

/** A stack file that was read as far as it could be. */
export interface StackReading {
  /** Without what is wrong. */
  readonly stack: StackFile;
  readonly problems: readonly StackProblem[];
  /** A problem of the field at the end of a way such as `['functions', 'a', 'image']`, or of the nearest that is there. */
  problemAt(way: FieldWay, what: string, advice?: string): StackProblem;
}

/**
 * Reads the text of a stack file.
 * @throws {StackFileError} with everything that is wrong with its form; what its values mean is looked at by `check-stack-file.ts`
 */
export function parseStackFile(text: string, options: ParseStackOptions): StackFile {
  const { stack, problems } = readStackFile(text, options);
  const errors = problems.filter(({ severity }) => severity === 'error');
  if (errors.length > 0) throw new StackFileError(errors);
  return stack;
}

/** The same, and tells what is wrong in place of throwing it. @throws {StackFileError} for a file that would never end */
export function readStackFile(text: string, options: ParseStackOptions): StackReading {
  const problems: StackProblem[] = [];
  const yaml = openYaml(text, options, problems);
  const note = (problem: StackProblem): void => {
    problems.push(problem);
  };
  const stack = readStack(yaml, note);
  problems.sort(byPlace);
  const warnings = problems.filter(({ severity }) => severity === 'warning').map(problemText);
  return {
    stack: { ...stack, warnings },
    problems,
    problemAt: (way, what, advice = '') => ({
      ...yaml.problemOf(yaml.find(way), what, advice),
      field: fieldOf(way),
    }),
  };
}

/** `functions.a.secrets[1]` */
function fieldOf([first = '', ...rest]: FieldWay): string {
  return rest.reduce(
    (path: string, step) => (typeof step === 'number' ? `${path}[${step}]` : `${path}.${step}`),
    `${first}`,
  );
}

function openYaml(text: string, { fileName, env }: ParseStackOptions, problems: StackProblem[]): YamlText {
  const onProblem = (problem: StackProblem): void => {
    problems.push(problem);
  };
  if (env === undefined) return new YamlText(text, fileName, { onProblem });
  try {
    const { text: replaced, toSource } = substituteWithPlaces(text, env);
    return new YamlText(replaced, fileName, { onProblem, source: { text, toSource } });
  } catch (error) {
    if (!(error instanceof SubstitutionError)) throw error;
    const before = text.slice(0, error.offset);
    const line = before.split('\n').length;
    const column = error.offset - before.lastIndexOf('\n');
    throw new StackFileError([
      { severity: 'error', file: fileName, line, column, field: '', what: error.what, advice: error.advice },
    ]);
  }
}

type Note = (problem: StackProblem) => void;

function readStack(yaml: YamlText, note: Note): Omit<StackFile, 'warnings'> {
  const empty = { templates: [], copy: [], functions: [] };
  if (yaml.isBroken) return empty;
  const top = yaml.entries(yaml.root);
  warnOfUnknown(yaml, top, { known: STACK_FILE_KEYS.top, note });
  checkVersion(yaml, top.get('version'), note);

  const provider = entriesOf(yaml, top.get('provider'));
  warnOfUnknown(yaml, provider, { known: STACK_FILE_KEYS.provider, note });
  const providerName = yaml.optionalText(provider.get('name')) ?? '';
  if (providerName !== 'openfaas') {
    const field = provider.get('name') ?? top.get('provider') ?? yaml.root;
    const what = `['openfaas'] is the only valid "provider.name" for the OpenFaaS CLI, but you gave: ${providerName}`;
    note({
      ...yaml.problemOf(field, what, 'write "provider:", beneath it "name: openfaas"'),
      isLiteral: true,
    });
  }
  const configuration = entriesOf(yaml, top.get('configuration'));
  warnOfUnknown(yaml, configuration, { known: STACK_FILE_KEYS.configuration, note });
  const functions = [...entriesOf(yaml, top.get('functions'))].map(([name, field]) =>
    readFunction(yaml, name, field, note),
  );
  const gateway = yaml.optionalText(provider.get('gateway'));
  return {
    ...(gateway ? { gateway } : {}),
    templates: readTemplates(yaml, configuration.get('templates'), note),
    copy: listOf(yaml, configuration.get('copy')),
    functions,
  };
}

/** The `environment:` map of an environment file. @throws {StackFileError} for the first thing that is wrong */
export function parseEnvironmentFile(text: string, fileName: string): Record<string, string> {
  const yaml = new YamlText(text, fileName);
  const keys = yaml.entries(yaml.root);
  const [first] = keys.values();
  if (first !== undefined && !keys.has('environment'))
    yaml.reportKey(
      first,
      'there is no "environment:" in this file',
      'write it above, and the variables beneath it',
    );
  return mapOf(yaml, keys.get('environment'));
}

function readFunction(yaml: YamlText, name: string, field: YamlField, note: Note): StackFunction {
  if (!isFunctionName(name)) {
    yaml.reportKey(
      field,
      'this is no name of a function',
      'a function name may hold a-z, 0-9 and dashes, none first or last, at most 63 characters',
    );
  }
  const keys = yaml.entries(field);
  warnOfUnknown(yaml, keys, { known: STACK_FILE_KEYS.function, retired: STACK_FILE_KEYS.retired, note });
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
    ...optional('limits', readResources(yaml, keys.get('limits'), note)),
    ...optional('requests', readResources(yaml, keys.get('requests'), note)),
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

function readResources(
  yaml: YamlText,
  field: YamlField | undefined,
  note: Note,
): FunctionResources | undefined {
  const keys = entriesOf(yaml, field);
  warnOfUnknown(yaml, keys, { known: STACK_FILE_KEYS.resources, note });
  const asked = [...keys]
    .filter(([key]) => STACK_FILE_KEYS.resources.includes(key))
    .map(([key, value]) => [key, yaml.text(value)] as const)
    .filter(([, text]) => text !== '');
  return asked.length === 0 ? undefined : Object.fromEntries(asked);
}

function readTemplates(yaml: YamlText, field: YamlField | undefined, note: Note): StackFile['templates'] {
  if (field === undefined) return [];
  return yaml.items(field).map((item) => {
    const keys = yaml.entries(item);
    warnOfUnknown(yaml, keys, { known: STACK_FILE_KEYS.template, note });
    const name = yaml.optionalText(keys.get('name')) ?? '';
    const source = yaml.optionalText(keys.get('source')) ?? '';
    if (name === '') yaml.report(item, 'a template needs a "name"', 'write the name that "lang" has');
    return { name, ...(source === '' ? {} : { source }) };
  });
}

function checkVersion(yaml: YamlText, field: YamlField | undefined, note: Note): void {
  const version = yaml.optionalText(field);
  if (field !== undefined && version !== undefined && version !== '' && version !== '1.0') {
    const what = `[1.0] are the only valid versions for the stack file - found: ${version}`;
    note({ ...yaml.problemOf(field, what, 'write "version: 1.0", or leave it out'), isLiteral: true });
  }
}

interface KnownKeys {
  readonly known: readonly string[];
  readonly retired?: readonly string[];
  readonly note: Note;
}

/** Another gateway's CLI may know them, so they are no errors. */
function warnOfUnknown(
  yaml: YamlText,
  keys: ReadonlyMap<string, YamlField>,
  { known, retired = [], note }: KnownKeys,
): void {
  for (const [key, field] of keys) {
    if (known.includes(key) || retired.includes(key) || key.startsWith('x-')) continue;
    const meant = suggestionFor(key, known);
    const advice = meant === undefined ? '' : `did you mean "${meant}"?`;
    note({ ...yaml.problemOfKey(field, 'unknown key, ignored', advice), severity: 'warning' });
  }
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
