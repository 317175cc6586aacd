import { existsSync } from 'node:fs';
import { Problem } from './problem.ts';

export interface CommandOptions {
  readonly cwd?: string;
  /** Added to the environment of this process. */
  readonly env?: Readonly<Record<string, string>>;
  /** Written to the command's stdin, which is empty otherwise. */
  readonly input?: string;
  /** The command is killed after this time, and the result says so. */
  readonly timeoutMs?: number;
  /** Called with each piece of output as it comes, stdout and stderr alike. */
  readonly onOutput?: (text: string) => void;
  readonly signal?: AbortSignal;
}

export interface CommandResult {
  /** 128 + signal number when it was killed, 127 when the program does not exist. */
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly timedOut: boolean;
}

/** Runs a program to its end and returns what it said; a non-zero exit code is a result, not an error. */
export async function runCommand(
  command: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  const [program = ''] = command;
  if (Bun.which(program) === null) {
    return { exitCode: 127, stdout: '', stderr: `${program}: command not found`, timedOut: false };
  }
  if (options.cwd !== undefined && !existsSync(options.cwd)) {
    return { exitCode: 127, stdout: '', stderr: `${options.cwd}: no such folder`, timedOut: false };
  }
  const child = Bun.spawn([...command], {
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    env: { ...process.env, ...options.env },
    stdin: options.input === undefined ? 'ignore' : new TextEncoder().encode(options.input),
    stdout: 'pipe',
    stderr: 'pipe',
  });
  let timedOut = false;
  const kill = () => child.kill('SIGKILL');
  const timer =
    options.timeoutMs === undefined
      ? undefined
      : setTimeout(() => {
          timedOut = true;
          kill();
        }, options.timeoutMs);
  options.signal?.addEventListener('abort', kill, { once: true });
  try {
    const [stdout, stderr] = await Promise.all([
      collect(child.stdout, options.onOutput),
      collect(child.stderr, options.onOutput),
    ]);
    return { exitCode: await child.exited, stdout, stderr, timedOut };
  } finally {
    clearTimeout(timer);
    options.signal?.removeEventListener('abort', kill);
  }
}

/**
 * Runs a program that must succeed.
 * @returns its stdout, without the last line end
 * @throws {Problem} with the last lines of its output and `advice`
 */
export async function mustRun(
  command: readonly string[],
  options: CommandOptions & { readonly advice: string },
): Promise<string> {
  const result = await runCommand(command, options);
  if (result.exitCode === 0) return result.stdout.trimEnd();
  const how = result.timedOut ? `took longer than ${options.timeoutMs} ms` : `ended with ${result.exitCode}`;
  const output = lastLines(`${result.stdout}\n${result.stderr}`, 15);
  throw new Problem(`\`${command.slice(0, 4).join(' ')}\` ${how}:\n${output}`, options.advice);
}

/** The last lines of a text that are not empty, indented for an error message. */
export function lastLines(text: string, count: number): string {
  const lines = text.split(/[\r\n]+/).filter((line) => line.trim() !== '');
  return lines
    .slice(-count)
    .map((line) => `  ${line}`)
    .join('\n');
}

async function collect(stream: ReadableStream<Uint8Array>, onOutput?: (text: string) => void) {
  const decoder = new TextDecoder();
  let all = '';
  for await (const chunk of stream) {
    const text = decoder.decode(chunk, { stream: true });
    all += text;
    onOutput?.(text);
  }
  return all;
}
