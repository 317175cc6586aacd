import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../support/free-port.ts';

/** A watchdog to start: ours, or another's executable to hold against it. */
export interface Program {
  readonly command: readonly string[];
  /** It has no free choice of its metrics port (8081), picks no port by itself and does not tell which. */
  readonly isPeer: boolean;
}

export const FROM_SOURCE: Program = {
  command: [process.execPath, join(import.meta.dirname, '../../watchdog/main.ts')],
  isPeer: false,
};
const PEER_METRICS = 'http://127.0.0.1:8081';
export const FIXTURES = join(import.meta.dirname, 'fixtures');

export interface Watchdog {
  readonly url: string;
  readonly metricsUrl: string;
  readonly lockPath: string;
  readonly process: ChildProcess;
  /** stderr so far. */
  log(): string;
  /** Resolves with the log once it contains `text`. */
  logged(text: string): Promise<string>;
  /** Exit code of a watchdog that ends by itself or was signalled. */
  exited(): Promise<number | null>;
}

const started: { child: ChildProcess; folder: string; isPeer: boolean }[] = [];

export type Env = Readonly<Record<string, string>>;

/** Starts a watchdog as a process of its own on free ports. With `waits: false` it is not expected to come up. */
export async function startWatchdog(
  env: Env,
  { args = [], waits = true, cwd = FIXTURES, program = FROM_SOURCE }: StartOptions = {},
): Promise<Watchdog> {
  const folder = mkdtempSync(join(tmpdir(), 'skep-watchdog-'));
  const { isPeer, command } = program;
  const port = isPeer ? freePort() : 0;
  if (isPeer && waits) await until(async () => !(await answers(PEER_METRICS)), 'port 8081 free for the peer');
  const [file = '', ...first] = command;
  const child = spawn(file, [...first, ...args], {
    cwd,
    detached: isPeer, // its processes end with it
    env: {
      PATH: process.env['PATH'],
      TMPDIR: folder,
      port: String(port),
      metrics_port: '0',
      healthcheck_interval: '0',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  started.push({ child, folder, isPeer });
  let text = '';
  const listeners = new Set<() => void>();
  const note = (piece: Buffer): void => {
    text += piece.toString();
    for (const listener of listeners) listener();
  };
  child.stderr?.on('data', note);
  child.stdout?.on('data', note);
  const ended = new Promise<number | null>((resolve) => child.once('close', (code) => resolve(code)));
  const logged = (wanted: string): Promise<string> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        if (!text.includes(wanted)) return;
        listeners.delete(look);
        resolve(text);
      };
      listeners.add(look);
      look();
      void ended.then(() => reject(new Error(`the watchdog ended without saying "${wanted}":\n${text}`)));
    });
  const watchdog = {
    lockPath: join(folder, '.lock'),
    process: child,
    log: () => text,
    logged,
    exited: () => ended,
  };
  if (!waits) return { ...watchdog, url: '', metricsUrl: '' };
  if (isPeer) {
    const url = `http://127.0.0.1:${env['port'] ?? port}`;
    await until(() => child.exitCode !== null || answers(url), 'the peer answers');
    if (child.exitCode !== null) throw new Error(`the peer ended with ${child.exitCode}:\n${text}`);
    return { ...watchdog, url, metricsUrl: `${PEER_METRICS}/metrics` };
  }
  const [, ownPort, metricsPort] =
    /Listening on port: (\d+), metrics on port: (\d+)\n/.exec(
      await logged('metrics on port: ').then(() => logged('\n')),
    ) ?? [];
  return {
    ...watchdog,
    url: `http://127.0.0.1:${ownPort}`,
    metricsUrl: `http://127.0.0.1:${metricsPort}/metrics`,
  };
}

export interface StartOptions {
  readonly args?: readonly string[];
  readonly waits?: boolean;
  readonly cwd?: string;
  /** Default: ours, from its source. */
  readonly program?: Program;
}

function answers(url: string): Promise<boolean> {
  return fetch(`${url}/_/health`).then(
    () => true,
    () => false, // not yet
  );
}

/** For `afterEach`. */
export async function stopWatchdogs(): Promise<void> {
  for (const { child, folder, isPeer } of started.splice(0)) {
    if (isPeer && child.pid !== undefined) killGroup(child.pid);
    if (child.exitCode === null && child.signalCode === null) {
      const ended = new Promise((resolve) => child.once('close', resolve));
      if (!isPeer) child.kill('SIGINT');
      await ended;
    }
    rmSync(folder, { recursive: true, force: true });
  }
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended, and so have its processes.
  }
}

/** A process that has ended and waits for its parent to hear of it does not count: orphans wait for init, which may take its time. */
export function isAlive(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) [ZX] /s.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

/** The most memory that a process itself ever had, its children not counted. */
export function peakMegabytes(pid: number | undefined): number {
  const [, kilobytes] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kilobytes) / 1024;
}

const scratch = mkdtempSync(join(tmpdir(), 'skep-watchdog-test-'));
process.once('exit', () => rmSync(scratch, { recursive: true, force: true }));
let paths = 0;

/** A path that no other case uses, for a file that a fixture writes; it is gone when the tests are. */
export function temporaryPath(): string {
  return join(scratch, String(++paths));
}

/** Waits until a condition is seen to hold. @throws when it does not within ten seconds */
export async function until(holds: () => boolean | Promise<boolean>, what: string): Promise<void> {
  for (let left = 400; left > 0; left--) {
    if (await holds()) return;
    await Bun.sleep(25);
  }
  throw new Error(`never seen: ${what}`);
}
