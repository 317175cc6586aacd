import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Problem } from '../shell/problem.ts';
import { lastLines, runCommand } from '../shell/run-command.ts';

/** Where an operator's own rules are, in the project. */
export const OWN_RULES = 'prometheus/rules';

const NAME = /^[A-Za-z0-9][A-Za-z0-9_-]{0,39}\.ya?ml$/;
const RATE = /^\d+(\.\d+)?$/;
/** A regular expression over status codes that cannot break out of its quotes. */
const CODES = /^[0-9.|()[\]?*+^-]+$/;

export interface OwnRule {
  /** Name of the file in its folder. */
  readonly name: string;
  readonly text: string;
}

/** The operator's rule files, by name. @throws {Problem} for a name that cannot be one of a config */
export function readOwnRules(root: string): OwnRule[] {
  const folder = join(root, OWN_RULES);
  if (!existsSync(folder)) return [];
  const names = readdirSync(folder).filter((name) => /\.ya?ml$/.test(name));
  const wrong = names.find((name) => !NAME.test(name));
  if (wrong !== undefined) {
    throw new Problem(
      `${OWN_RULES}/${wrong}: a rule file's name has letters, digits, - and _, at most 40, and ends in .yml`,
      'Give it another name.',
    );
  }
  return names.sort().map((name) => ({ name, text: readFileSync(join(folder, name), 'utf8') }));
}

/**
 * Has Prometheus itself read them: with one bad rule it would not start.
 * @throws {Problem} with its words
 */
export async function checkOwnRules(rules: readonly OwnRule[], image: string): Promise<void> {
  for (const { name, text } of rules) {
    const { exitCode, stdout, stderr } = await runCommand(
      [
        ...['docker', 'run', '--rm', '-i', '--network', 'none', '--entrypoint', 'promtool'],
        ...[image, 'check', 'rules', '/dev/stdin'],
      ],
      { input: text, timeoutMs: 60_000 },
    );
    if (exitCode === 0) continue;
    throw new Problem(
      `${OWN_RULES}/${name} is no file of rules:\n${lastLines(`${stdout}\n${stderr}`, 8)}`,
      'Mend it or take it away; nothing was deployed.',
    );
  }
}

/** Runs `deploy` with the compose files that add the rules to the stack: one, or none. They are there as long as it runs. */
export async function withOwnRules(
  rules: readonly OwnRule[],
  deploy: (composeFiles: readonly string[]) => Promise<void>,
): Promise<void> {
  if (rules.length === 0) return deploy([]);
  const folder = mkdtempSync(join(tmpdir(), 'skep-rules-'));
  try {
    for (const { name, text } of rules) writeFileSync(join(folder, name), text);
    const file = join(folder, 'own-rules.json');
    writeFileSync(file, JSON.stringify(ownRulesStack(rules, folder)));
    await deploy([file]);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** What the rules add to `stack.yml`: a config for each, named after its content, as Swarm's configs never change. */
export function ownRulesStack(rules: readonly OwnRule[], folder: string) {
  const configs = rules.map(({ name, text }) => {
    const hash = createHash('sha256').update(text).digest('hex').slice(0, 12);
    const source = `own-${name.replace(/\.ya?ml$/, '')}`;
    const target = `/etc/prometheus/rules/own-${name}`;
    return { source, target, name: `skep-${source}-${hash}`, file: join(folder, name) };
  });
  return {
    version: '3.8',
    services: { prometheus: { configs: configs.map(({ source, target }) => ({ source, target })) } },
    configs: Object.fromEntries(configs.map(({ source, file, name }) => [source, { name, file }])),
  };
}

/** @throws {Problem} for what Prometheus would not start with */
export function checkScaleUp(environment: Readonly<Record<string, string | undefined>>): void {
  const { SKEP_SCALE_UP_RATE: rate = '', SKEP_SCALE_UP_CODES: codes = '' } = environment;
  if (rate !== '' && !RATE.test(rate)) {
    throw new Problem(
      `SKEP_SCALE_UP_RATE=${rate} is no number of calls per second`,
      'Set it to a number such as 5 or 0.5.',
    );
  }
  if (codes !== '' && !CODES.test(codes)) {
    throw new Problem(
      `SKEP_SCALE_UP_CODES=${codes} is no regular expression over status codes`,
      'Set it to something like 200, or 2.., or 200|202|404.',
    );
  }
}
