import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';

const RESULTS = new URL('../results/latest.jsonl', import.meta.url);

/** One finding. `ok: null`: it has no budget, or what it is compared with was not given. */
export interface Finding {
  readonly bench: string;
  readonly value: number | null;
  readonly unit: string;
  /** e.g. `>= 0.4`, `<= 1000`; null where there is none. */
  readonly budget: string | null;
  readonly ok: boolean | null;
}

const findings: Finding[] = [];

/** Lines of an earlier run that this one has not made anew. */
let earlier: readonly Finding[] = [];

/** @param keepsEarlier a run of some benches leaves the lines of the others; a run of all tells of itself alone */
export function beginResults(keepsEarlier: boolean): void {
  mkdirSync(new URL('.', RESULTS), { recursive: true });
  if (!keepsEarlier || !existsSync(RESULTS)) return;
  const lines = readFileSync(RESULTS, 'utf8')
    .split('\n')
    .filter((line) => line !== '');
  earlier = lines.map((line) => JSON.parse(line) as Finding);
}

/** Keeps a finding, prints it, and adds its line to `bench/results/latest.jsonl`. */
export function record(bench: string, value: number, unit: string, budget?: string): void {
  const rounded = Number(value.toPrecision(4));
  keep({
    bench,
    value: rounded,
    unit,
    budget: budget ?? null,
    ok: budget === undefined ? null : meets(value, budget),
  });
}

/** A comparison that could not be made: told, and never counted as met. */
export function recordMissing(bench: string, unit: string, budget: string, reason: string): void {
  console.log(`  ${bench}: ${reason}`);
  keep({ bench, value: null, unit, budget, ok: null });
}

export function findingsSoFar(): readonly Finding[] {
  return findings;
}

function keep(finding: Finding): void {
  findings.push(finding);
  earlier = earlier.filter(({ bench }) => bench !== finding.bench);
  writeFileSync(RESULTS, [...earlier, ...findings].map((line) => `${JSON.stringify(line)}\n`).join(''));
  const verdict = finding.ok === null ? '' : finding.ok ? '  ok' : '  MISSED';
  const budget = finding.budget === null ? '' : `  (budget ${finding.budget})`;
  console.log(`  ${finding.bench}: ${finding.value ?? '-'} ${finding.unit}${budget}${verdict}`);
}

/** @throws {Error} unless the budget reads `>= N` or `<= N` */
function meets(value: number, budget: string): boolean {
  const [, operator, limit] = /^(>=|<=) (\d+(?:\.\d+)?)$/.exec(budget) ?? [];
  if (operator === undefined) throw new Error(`budget ${budget}: expected >= N or <= N`);
  return operator === '>=' ? value >= Number(limit) : value <= Number(limit);
}
