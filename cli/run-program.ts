import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { CliError, messageOf, systemCode } from './errors.ts';
import type { Shell } from './shell.ts';

export interface ProgramOptions {
  readonly cwd: string;
  readonly env: Shell['env'];
  /** Written to its stdin, which is empty otherwise. */
  readonly input?: string;
  /** It is ended then. Absent: it may run for ever. */
  readonly timeoutMs?: number;
}

/** Runs a program and keeps what it prints. @throws {CliError} when it cannot be started */
export async function capture(
  program: string,
  args: readonly string[],
  options: ProgramOptions,
): Promise<{ exitCode: number; stdout: string; stderr: string }> {
  const child = start(program, args, options);
  const output = { stdout: '', stderr: '' };
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    output.stdout += text;
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    output.stderr += text;
  });
  return { exitCode: await exitCodeOf(child, program), ...output };
}

/** Runs a program and passes on what it prints, stdout and stderr, line by line as it comes. */
export async function runLines(
  program: string,
  args: readonly string[],
  options: ProgramOptions,
  onLine: (line: string, stream: 'stdout' | 'stderr') => void,
): Promise<number> {
  const child = start(program, args, options);
  for (const name of ['stdout', 'stderr'] as const) {
    const input = child[name];
    if (input) createInterface({ input }).on('line', (line) => onLine(line, name));
  }
  return exitCodeOf(child, program);
}

function start(
  program: string,
  args: readonly string[],
  { cwd, env, input, timeoutMs }: ProgramOptions,
): ChildProcess {
  const child = spawn(program, [...args], {
    cwd,
    env,
    stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    ...(timeoutMs === undefined ? {} : { timeout: timeoutMs }),
  });
  child.stdin?.on('error', () => {}); // a program that does not read it says why by itself
  child.stdin?.end(input);
  return child;
}

/** A signalled program counts as 128 and the signal's end, as shells have it: never as success. */
function exitCodeOf(child: ChildProcess, program: string): Promise<number> {
  return new Promise((resolve, reject) => {
    child.on('error', (error) => {
      const missing = systemCode(error) === 'ENOENT';
      const reason = missing ? `${program} is not installed, or not on the PATH` : messageOf(error);
      reject(new CliError(`Cannot run ${program}: ${reason}`, { cause: error }));
    });
    child.on('close', (code) => resolve(code ?? 128));
  });
}
