import { type ChildProcess, spawn } from 'node:child_process';

export interface Started {
  readonly url: string;
  readonly pid: number;
  stop(): Promise<void>;
}

export interface StartOptions {
  readonly command: string;
  readonly args?: readonly string[];
  readonly cwd?: string;
  /** Where it will listen. */
  readonly port: number;
  /** The whole environment beside PATH. */
  readonly env?: Readonly<Record<string, string>>;
  /** Answers below 500 when the process is ready. Default `/`. */
  readonly readyPath?: string;
}

/** Starts a server and waits until it answers. @throws {Error} when it ends or stays silent */
export async function start({
  command,
  args = [],
  cwd,
  port,
  env = {},
  readyPath = '/',
}: StartOptions): Promise<Started> {
  const child = spawn(command, args, {
    env: { PATH: process.env['PATH'] ?? '', ...env },
    ...(cwd !== undefined && { cwd }),
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let stderr = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    stderr = (stderr + chunk.toString()).slice(-2000);
  });
  const url = `http://127.0.0.1:${port}`;
  const deadline = Date.now() + 15_000;
  while (!(await answers(`${url}${readyPath}`))) {
    if (child.exitCode !== null) throw new Error(`${command} ended with ${child.exitCode}: ${stderr}`);
    if (Date.now() > deadline) throw new Error(`${command} did not answer on ${url} within 15 s: ${stderr}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return { url, pid: child.pid ?? 0, stop: () => stop(child) };
}

async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(1000) });
    await response.arrayBuffer();
    return response.status < 500;
  } catch {
    return false; // not listening yet
  }
}

function stop(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null) return resolve();
    child.once('exit', () => resolve());
    child.kill('SIGKILL');
  });
}
