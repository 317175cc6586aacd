// npm run bench [-- name …]: runs the benches, prints findings against their budgets, exits 1 when one is missed.
import { readdirSync } from 'node:fs';
import { beginResults, findingsSoFar } from './support/record.ts';

const SUFFIX = '.bench.ts';
const all = readdirSync(new URL('.', import.meta.url))
  .filter((file) => file.endsWith(SUFFIX))
  .map((file) => file.slice(0, -SUFFIX.length));

const asked = process.argv.slice(2);
if (asked.includes('--help') || asked.includes('-h')) {
  console.log(`npm run bench [-- NAME …]

Runs every bench, or those named, and writes bench/results/latest.jsonl: one JSON line a finding.
Exits 1 when a budget is missed.

  benches: ${all.join(', ')}
  peers:   PEER_CLASSIC_WATCHDOG, PEER_OF_WATCHDOG, PEER_OPENFAAS_GATEWAY, FAAS_CLI name executables to compare with

  npm run bench
  npm run bench -- gateway-hop fork-cat`);
  process.exit(0);
}
const unknown = asked.filter((name) => !all.includes(name));
if (unknown.length > 0) {
  console.error(`no such bench: ${unknown.join(', ')}; there are ${all.join(', ')}`);
  process.exit(2);
}

beginResults(asked.length > 0);
for (const name of asked.length > 0 ? asked : all) {
  console.log(name);
  const { run } = (await import(`./${name}${SUFFIX}`)) as { run: () => Promise<void> };
  await run();
}
const missed = findingsSoFar().filter(({ ok }) => ok === false);
const unmade = findingsSoFar().filter(({ budget, ok }) => budget !== null && ok === null);
const met = findingsSoFar().filter(({ ok }) => ok === true).length;
console.log(`\nbudgets: ${met} met, ${missed.length} missed, ${unmade.length} not measured`);
for (const { bench, value, unit, budget } of missed)
  console.log(`  MISSED ${bench}: ${value} ${unit} (${budget})`);
process.exit(missed.length > 0 ? 1 : 0);
