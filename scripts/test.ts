// `npm test`: brings the platform up, checks types and style, runs the tests without Docker and then those on the running stack.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bringUp } from './bring-up.ts';
import { deployFirstFunction, FIRST_FUNCTION } from './platform/first-function.ts';
import { ensureTestTools } from './platform/test-tools.ts';
import { describeFailure } from './shell/problem.ts';
import { Progress } from './shell/progress.ts';
import type { RunSummary } from './test-reporter.ts';

const root = join(import.meta.dirname, '..');
const work = mkdtempSync(join(tmpdir(), 'skep-test-'));
const bin = join(root, 'node_modules', '.bin');
const ended: RunSummary[] = [];
try {
  const progress = new Progress(process.stdout, process.env);
  const { gateway } = await bringUp(root, progress);
  await progress.step(`deploying ${FIRST_FUNCTION}`, () => deployFirstFunction({ root, gateway }));
  await progress.step('looking for the tools that tests use', ensureTestTools, (added) => added.join(', '));
  console.log('\nTypes, lint, format');
  ended.push(await check('types', [join(bin, 'tsc'), '-p', '.']));
  ended.push(await check('lint and format', [join(bin, 'biome'), 'check', '.']));
  ended.push(await runMocha('without Docker', ['test/**/*.test.ts', '--ignore', 'test/**/*.docker.test.ts']));
  ended.push(await runMocha('on the running stack', ['test/**/*.docker.test.ts']));
} catch (error) {
  ended.push(failure('the run itself', describeFailure(error)));
} finally {
  rmSync(work, { recursive: true, force: true });
}
const failed = ended.flatMap((summary) => summary.failed);
// Each again at the very end: what mocha said of it may be thousands of lines above, or cut off.
for (const { title, error } of failed) console.log(`\nfailed: ${title}\n${error.replace(/^/gm, '  ')}`);
const pending = sum((summary) => summary.pending);
if (pending > 0) console.log(`\n${pending} skipped: each says why above`);
console.log(`${sum((summary) => summary.passes)} passed, ${failed.length} failed`);
process.exitCode = failed.length === 0 ? 0 : 1;

function sum(count: (summary: RunSummary) => number): number {
  return ended.reduce((total, summary) => total + count(summary), 0);
}

function failure(title: string, error: string): RunSummary {
  return { passes: 0, pending: 0, failed: [{ title, error }] };
}

async function check(title: string, command: readonly string[]): Promise<RunSummary> {
  const exitCode = await run(command);
  if (exitCode !== 0) return failure(title, `ended with ${exitCode}: what it printed stands above`);
  return { passes: 1, pending: 0, failed: [] };
}

/** A run that ends without a summary, or with an exit code that its summary does not explain, counts as a failure. */
async function runMocha(title: string, words: readonly string[]): Promise<RunSummary> {
  console.log(`\nTests ${title}`);
  const file = join(work, `${ended.length}.json`);
  const reporter = ['--reporter', './scripts/test-reporter.ts', '--reporter-option', `summary=${file}`];
  const exitCode = await run([join(bin, 'bun'), '--bun', 'mocha', ...reporter, ...words]);
  const unexplained = failure(`tests ${title}`, `mocha ended with ${exitCode}`);
  if (!(await Bun.file(file).exists())) return unexplained;
  const summary = JSON.parse(readFileSync(file, 'utf8')) as RunSummary;
  if (exitCode === 0 || summary.failed.length > 0) return summary;
  return { ...summary, failed: unexplained.failed };
}

async function run(command: readonly string[]): Promise<number> {
  const child = Bun.spawn([...command], {
    cwd: root,
    env: process.env,
    stdin: 'ignore',
    stdout: 'inherit',
    stderr: 'inherit',
  });
  return await child.exited;
}
