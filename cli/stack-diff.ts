import type { FunctionDeployment, FunctionResources } from '../contract/function-types.ts';

/** What is compared of a function, e.g. `env.LOG` to `debug`. */
export type Facts = ReadonlyMap<string, string>;

export const ENVIRONMENT_MODES = ['local', 'remote', 'all'] as const;
export type EnvironmentMode = (typeof ENVIRONMENT_MODES)[number];

export interface Difference {
  readonly key: string;
  /** In the stack file; undefined: not there. */
  readonly local?: string | undefined;
  /** Deployed. */
  readonly remote?: string | undefined;
}

const NARROWEST = 40;

/** A function's description as facts that can be compared one by one. */
export function factsOf(fn: Partial<FunctionDeployment>): Facts {
  const facts = new Map<string, string>();
  const add = (key: string, value: string | undefined): void => {
    if (value !== undefined && value !== '') facts.set(key, value);
  };
  const addAll = (prefix: string, map: Readonly<Record<string, string>> | FunctionResources = {}): void => {
    for (const [key, value] of Object.entries(map)) facts.set(`${prefix}.${key}`, String(value));
  };
  add('image', fn.image);
  add('fprocess', fn.envProcess);
  addAll('env', fn.envVars);
  for (const name of fn.secrets ?? []) facts.set(`secret.${name}`, 'present');
  for (const name of fn.constraints ?? []) facts.set(`constraint.${name}`, 'present');
  addAll('label', fn.labels);
  addAll('annotation', fn.annotations);
  addAll('limits', fn.limits);
  addAll('requests', fn.requests);
  facts.set('readonly_root_filesystem', String(fn.readOnlyRootFilesystem ?? false));
  return facts;
}

/**
 * Where two differ, by key. An fprocess that only the deployed one has is the template's; of the environment `local` looks at
 * the stack file's variables, `remote` at the deployed ones, `all` at both.
 */
export function differences(local: Facts, remote: Facts, environment: EnvironmentMode): Difference[] {
  const isLookedAt = (key: string): boolean => {
    if (key === 'fprocess') return local.has(key);
    if (!key.startsWith('env.') || environment === 'all') return true;
    return (environment === 'local' ? local : remote).has(key);
  };
  return [...new Set([...local.keys(), ...remote.keys()])]
    .filter((key) => isLookedAt(key) && local.get(key) !== remote.get(key))
    .sort()
    .map((key) => ({ key, local: local.get(key), remote: remote.get(key) }));
}

/** Both sides beside each other, as faas-cli shows them. @returns lines */
export function sideBySide(name: string, found: readonly Difference[]): string[] {
  const widest = Math.max(...found.map(({ key }) => key.length)) + 1;
  const cell = (sign: string, key: string, value: string | undefined): string =>
    value === undefined ? '' : `${sign} ${`${key}:`.padEnd(widest)} ${oneLine(value)}`;
  const rows = found.map(
    ({ key, local, remote }) => [cell('-', key, local), cell('+', key, remote)] as const,
  );
  const width = (side: 0 | 1): number => Math.max(NARROWEST, ...rows.map((row) => row[side].length));
  const [left, right] = [width(0), width(1)];
  const line = ([a, b]: readonly [string, string]): string => `  ${a.padEnd(left)} | ${b.padEnd(right)}`;
  return [
    name,
    line(['stack.yaml', 'deployed']),
    `  ${'-'.repeat(left + 1)}+${'-'.repeat(right + 1)}`,
    ...rows.map(line),
    '',
  ];
}

function oneLine(value: string): string {
  return value.replaceAll('\n', '\\n').replaceAll('\r', '\\r');
}
