// `npm test`: brings the platform up, checks types and style, runs the tests without Docker and then those on the running stack.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bringUp } from './bring-up.ts';
import { deployFirstFunction, FIRST_FUNCTION } from './platform/first-function.ts';
import { ensureTestTools } from './platform/test-tools.ts';
import { describeFailure } from './shell/problem.ts';
import { Progress } from './shell/progress.ts';

interface Counts {
  readonly passes: number;
  readonly failures: number;
  readonly pending: number;
}

const root = join(import.meta.dirname, '..');
const work = mkdtempSync(join(tmpdir(), 'skep-test-'));
const bin = join(root, 'node_modules', '.bin');
const started: Counts[] = [];
try {
  const progress = new Progress(process.stdout, process.env);
  const { gateway } = await bringUp(root, progress);
  await progress.step(`deploying ${FIRST_FUNCTION}`, () => deployFirstFunction({ root, gateway }));
  await progress.step('looking for the tools that tests use', ensureTestTools, (added) => added.join(', '));
  started.push(await runChecks());
  started.push(
    await runMocha('without Docker', ['test/**/*.test.ts', '--ignore', 'test/**/*.docker.test.ts']),
  );
  started.push(await runMocha('on the running stack', ['test/**/*.docker.test.ts']));
} catch (error) {
  console.error(`\n${describeFailure(error)}`);
  started.push({ passes: 0, failures: 1, pending: 0 });
} finally {
  rmSync(work, { recursive: true, force: true });
}
const sum = (key: keyof Counts) => started.reduce((total, counts) => total + counts[key], 0);
if (sum('pending') > 0) console.log(`${sum('pending')} skipped: each says why above`);
console.log(`${sum('passes')} passed, ${sum('failures')} failed`);
process.exitCode = sum('failures') === 0 ? 0 : 1;

async function runChecks(): Promise<Counts> {
  console.log('\nTypes, lint, format');
  const types = await run([join(bin, 'tsc'), '-p', '.']);
  const style = await run([join(bin, 'biome'), 'check', '.']);
  const failures = [types, style].filter((exitCode) => exitCode !== 0).length;
  return { passes: 2 - failures, failures, pending: 0 };
}

/** A run that ends without a summary, or with an exit code that its summary does not explain, counts as a failure. */
async function runMocha(title: string, words: readonly string[]): Promise<Counts> {
  console.log(`\nTests ${title}`);
  const summary = join(work, `${started.length}.json`);
  const reporter = ['--reporter', './scripts/test-reporter.ts', '--reporter-option', `summary=${summary}`];
  const exitCode = await run([join(bin, 'bun'), '--bun', 'mocha', ...reporter, ...words]);
  const none: Counts = { passes: 0, failures: 0, pending: 0 };
  const counts = (await Bun.file(summary).exists())
    ? (JSON.parse(readFileSync(summary, 'utf8')) as Counts)
    : none;
  if (exitCode === 0 || counts.failures > 0) return counts;
  console.error(`mocha ended with ${exitCode}`);
  return { ...counts, failures: 1 };
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
