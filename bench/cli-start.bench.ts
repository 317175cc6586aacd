// Question: how long does a command of the CLI take that does next to nothing, from exec to its end? Baseline: faas-cli, where FAAS_CLI
// names one, in turns with ours.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compile, PROGRAMS } from '../scripts/platform/compile.ts';
import { median } from './support/load.ts';
import { record } from './support/record.ts';

const RUNS = 20;
const BUDGET = '<= 60';
const ANSWER = JSON.stringify([{ name: 'hello', image: 'hello:latest', replicas: 1, invocationCount: 1 }]);

export async function run(): Promise<void> {
  const root = join(import.meta.dirname, '..');
  const program = PROGRAMS.find(({ name }) => name === 'skep');
  if (program === undefined) throw new Error('there is no program skep');
  const { file } = await compile(root, program);
  const server = createServer((_, response) => response.end(ANSWER));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const gateway = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const folder = mkdtempSync(join(tmpdir(), 'skep-bench-'));
  try {
    writeFileSync(
      join(folder, 'stack.yaml'),
      `provider:\n  name: openfaas\n  gateway: ${gateway}\nfunctions:\n  hello:\n    lang: node\n    handler: ./hello\n    image: hello:latest\n`,
    );
    const peer = process.env['FAAS_CLI'];
    const commands = { 'skep list': [file, 'list'], 'skep version': [file, 'version', '--short-version'] };
    await measure(folder, Object.entries(commands), peer === undefined ? undefined : [peer, 'list']);
  } finally {
    server.close();
    rmSync(folder, { recursive: true });
  }
}

async function measure(
  folder: string,
  commands: readonly (readonly [string, readonly string[]])[],
  peer: readonly string[] | undefined,
): Promise<void> {
  const times = new Map<string, number[]>();
  // The first of each brings its file into memory.
  for (let round = 0; round <= RUNS; round += 1) {
    for (const [name, command] of [
      ...commands,
      ...(peer === undefined ? [] : [['faas-cli list', peer] as const]),
    ]) {
      const took = await once(folder, command);
      if (round > 0) times.set(name, [...(times.get(name) ?? []), took]);
    }
  }
  for (const [name] of commands)
    record(`${name}, exec to end, p50`, median(times.get(name) ?? []), 'ms', BUDGET);
  record('skep list, exec to end, slowest of 20', Math.max(...(times.get('skep list') ?? [])), 'ms');
  const theirs = times.get('faas-cli list');
  if (theirs !== undefined) record('faas-cli list, exec to end, p50', median(theirs), 'ms');
}

/** Milliseconds. @throws {Error} when it fails */
async function once(folder: string, command: readonly string[]): Promise<number> {
  const startedAt = performance.now();
  const child = Bun.spawn([...command], {
    cwd: folder,
    env: { PATH: process.env['PATH'], HOME: folder },
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'inherit',
  });
  const said = await new Response(child.stdout).text();
  if ((await child.exited) !== 0) throw new Error(`${command.join(' ')} failed: ${said}`);
  return performance.now() - startedAt;
}
