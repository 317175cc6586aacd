import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

// `bun --bun` puts itself into the path under the name of node: the real one is meant here.
const REAL_PATH = (process.env['PATH'] ?? '')
  .split(':')
  .filter((folder) => !folder.includes('bun-node'))
  .join(':');

/** Where a program is on this machine; null when it is not. */
export function find(name: string): string | null {
  return Bun.which(name, { PATH: `${REAL_PATH}:/usr/sbin:/usr/local/go/bin` });
}

/** Why a test is skipped, on a line of its own: mocha says only that it was. */
export function skipSaying(test: Mocha.Context, reason: string): never {
  console.log(`      skipped: ${reason}`);
  return test.skip();
}

const running = new Set<ChildProcess>();
const folders: string[] = [];

/** A folder that is gone after the test. */
export function scratchFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'skep-peers-'));
  folders.push(folder);
  return folder;
}

/** For `afterEach`. */
export async function stopPrograms(): Promise<void> {
  for (const child of running) {
    const ended = once(child, 'close');
    child.kill('SIGKILL');
    await ended;
  }
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
}

export interface Result {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end. */
export async function run(
  command: readonly string[],
  { cwd, env = {}, stdin }: { cwd?: string; env?: Record<string, string>; stdin?: string } = {},
): Promise<Result> {
  const [file = '', ...args] = command;
  const child = spawn(file, args, { ...(cwd && { cwd }), env: { ...process.env, PATH: REAL_PATH, ...env } });
  running.add(child);
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (piece: Buffer) => {
    stdout += piece.toString('latin1');
  });
  child.stderr.on('data', (piece: Buffer) => {
    stderr += piece.toString('latin1');
  });
  child.stdin.on('error', () => {}); // it need not read its input
  child.stdin.end(stdin);
  const [exitCode] = (await once(child, 'close')) as [number | null];
  running.delete(child);
  return { exitCode, stdout, stderr };
}

/** As {@link run}; throws with all that it said unless it ends with 0. */
export async function mustRun(...args: Parameters<typeof run>): Promise<string> {
  const result = await run(...args);
  if (result.exitCode === 0) return result.stdout;
  throw new Error(`${args[0].join(' ')} ended with ${result.exitCode}:\n${result.stdout}${result.stderr}`);
}

/** Starts a server that prints its port when it listens; it is stopped after the test. */
export async function serve(command: readonly string[], env: Record<string, string> = {}): Promise<number> {
  const [file = '', ...args] = command;
  const child = spawn(file, args, { env: { ...process.env, PATH: REAL_PATH, ...env } });
  running.add(child);
  child.once('close', () => running.delete(child));
  let stderr = '';
  child.stderr.on('data', (piece: Buffer) => {
    stderr += piece.toString();
  });
  let stdout = '';
  const port = new Promise<number>((resolve, reject) => {
    child.stdout.on('data', (piece: Buffer) => {
      stdout += piece.toString();
      const [, digits] = /^(\d+)\n/m.exec(stdout) ?? [];
      if (digits !== undefined) resolve(Number(digits));
    });
    child.once('error', reject);
    child.once('close', (code) => reject(new Error(`${file} ended with ${code}:\n${stderr}`)));
  });
  return await port;
}

/** Starts a server that was told its port; resolves when it accepts connections. */
export async function serveOn(port: number, command: readonly string[]): Promise<void> {
  const [file = '', ...args] = command;
  const child = spawn(file, args, {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, PATH: REAL_PATH },
  });
  running.add(child);
  child.once('close', () => running.delete(child));
  for (;;) {
    if (child.exitCode !== null) throw new Error(`${file} ended with ${child.exitCode}`);
    try {
      const socket = await Bun.connect({ hostname: '127.0.0.1', port, socket: { data: () => {} } });
      socket.end();
      return;
    } catch {
      await Bun.sleep(20); // not listening yet
    }
  }
}

const GO_CACHE = join(import.meta.dirname, '../../node_modules/.cache/skep-go');

/** Builds a Go program of one file from `fixtures/`; its build cache is kept. @returns the executable */
export async function goProgram(name: string): Promise<string> {
  const folder = scratchFolder();
  mkdirSync(GO_CACHE, { recursive: true });
  writeFileSync(join(folder, 'go.mod'), 'module peer\n\ngo 1.19\n');
  writeFileSync(join(folder, 'main.go'), await Bun.file(join(import.meta.dirname, 'fixtures', name)).text());
  const env = { GOCACHE: GO_CACHE, GOFLAGS: '-mod=mod', GOPROXY: 'off', GOTOOLCHAIN: 'local', HOME: folder };
  await mustRun([find('go') ?? 'go', 'build', '-o', 'peer', '.'], { cwd: folder, env });
  return join(folder, 'peer');
}
