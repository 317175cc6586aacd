import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The compiled executable, as users run it. */
const SKEP = new URL('../../dist/skep', import.meta.url).pathname;

export interface Ran {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `skep` with `args` in `folder`; `stdin` is closed after it was written. */
export function skep(folder: string, args: readonly string[], stdin = ''): Promise<Ran> {
  return run(SKEP, args, { folder, stdin });
}

export function docker(...args: string[]): Promise<Ran> {
  return run('docker', args, { folder: '.', stdin: '' });
}

export function run(
  command: string,
  args: readonly string[],
  options: {
    readonly folder: string;
    readonly stdin: string;
    readonly env?: Readonly<Record<string, string>>;
  },
): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: options.folder, env: { ...process.env, ...options.env } });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk: Buffer) => {
      stdout += chunk.toString();
    });
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    child.once('error', reject);
    child.once('close', (code) => resolve({ exitCode: code ?? -1, stdout, stderr }));
    child.stdin.on('error', () => {}); // a command that ends without reading is no failure of ours
    child.stdin.end(options.stdin);
  });
}

/** @throws {Error} with everything it printed, unless it exited 0 */
export function succeeded(what: string, ran: Ran): Ran {
  if (ran.exitCode !== 0) throw new Error(`${what} exited ${ran.exitCode}:\n${ran.stdout}\n${ran.stderr}`);
  return ran;
}

export interface Folder {
  readonly path: string;
  remove(): void;
}

export function emptyFolder(): Folder {
  const path = mkdtempSync(join(tmpdir(), 'skep-test-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}
