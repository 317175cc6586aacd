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
  /** It is ended then, and that is thrown. A `Shell` has it. */
  readonly stop?: AbortSignal | undefined;
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
  return { exitCode: await exitCodeOf(child, program, options.stop), ...output };
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
  return exitCodeOf(child, program, options.stop);
}

function start(
  program: string,
  args: readonly string[],
  { cwd, env, input, timeoutMs, stop }: ProgramOptions,
): ChildProcess {
  stop?.throwIfAborted();
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
function exitCodeOf(child: ChildProcess, program: string, stop?: AbortSignal): Promise<number> {
  return new Promise((resolve, reject) => {
    const onStop = (): void => {
      child.kill('SIGTERM');
    };
    stop?.addEventListener('abort', onStop, { once: true });
    child.on('error', (error) => {
      const missing = systemCode(error) === 'ENOENT';
      const reason = missing ? `${program} is not installed, or not on the PATH` : messageOf(error);
      reject(new CliError(`Cannot run ${program}: ${reason}`, { cause: error }));
    });
    child.on('close', (code) => {
      stop?.removeEventListener('abort', onStop);
      if (stop?.aborted) reject(stop.reason);
      else resolve(code ?? 128);
    });
  });
}
