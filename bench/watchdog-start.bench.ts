// Question: how soon does a watchdog serve, what does it add to an image, and what does each further idle one cost in memory?
// No baseline: they have limits of their own.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sizeOf } from '../scripts/platform/executable-size.ts';
import { freePort } from '../test/support/free-port.ts';
import { IdleWatchdogs, type MemoryBytes, NoContainers } from './support/idle-watchdogs.ts';
import { median } from './support/load.ts';
import { record, recordMissing } from './support/record.ts';
import { FWATCHDOG } from './support/watchdog.ts';

const STARTS = 20;
const [FEW, MANY] = [2, 12];
const MIB = 1_048_576;
const IDLE_BUDGET = '<= 15';

export async function run(): Promise<void> {
  const { bytes, gzippedBytes } = await sizeOf(FWATCHDOG);
  record('watchdog executable', bytes / 1e6, 'MB');
  record('watchdog executable, gzip', gzippedBytes / 1e6, 'MB');
  await measureStarts();
  await measureMemory();
}

async function measureStarts(): Promise<void> {
  await startOnce(); // its file is in memory from now on
  const times: number[] = [];
  for (let i = 0; i < STARTS; i++) times.push(await startOnce());
  record('watchdog, exec to first answer, p50', median(times), 'ms', '<= 150');
  record('watchdog, exec to first answer, slowest of 20', Math.max(...times), 'ms');
}

/** Milliseconds from exec to the first byte of an answer. */
async function startOnce(): Promise<number> {
  const [port, metricsPort] = [freePort(), freePort()];
  const folder = mkdtempSync(join(tmpdir(), 'skep-bench-'));
  const env = { fprocess: 'cat', port: String(port), metrics_port: String(metricsPort), TMPDIR: folder };
  const startedAt = performance.now();
  const child = spawn(FWATCHDOG, { env: { PATH: process.env['PATH'], ...env }, stdio: 'ignore' });
  try {
    while (!(await answers(port))) {
      if (child.exitCode !== null) throw new Error(`${FWATCHDOG} ended with ${child.exitCode}`);
      await Bun.sleep(1);
    }
    return performance.now() - startedAt;
  } finally {
    child.kill('SIGKILL');
    await once(child, 'exit');
    rmSync(folder, { recursive: true });
  }
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () =>
      socket.write('GET /_/health HTTP/1.1\r\nHost: x\r\n\r\n'),
    );
    socket.once('error', () => resolve(false)); // not listening yet
    socket.once('data', () => {
      socket.destroy();
      resolve(true);
    });
  });
}

async function measureMemory(): Promise<void> {
  const title = 'memory added by each further idle watchdog';
  let few: MemoryBytes;
  let many: MemoryBytes;
  const watchdogs = new IdleWatchdogs(FWATCHDOG);
  try {
    await watchdogs.grow(FEW);
    few = await watchdogs.memory();
    await watchdogs.grow(MANY);
    many = await watchdogs.memory();
  } catch (error) {
    if (!(error instanceof NoContainers)) throw error;
    recordMissing(`${title}, proportional set size`, 'MiB', IDLE_BUDGET, error.message);
    recordMissing(`${title}, cgroup`, 'MiB', IDLE_BUDGET, error.message);
    return;
  } finally {
    watchdogs.remove();
  }
  const added = (key: keyof MemoryBytes): number => (many[key] - few[key]) / (MANY - FEW) / MIB;
  record(`${title}, proportional set size`, added('proportional'), 'MiB', IDLE_BUDGET);
  record(`${title}, cgroup`, added('workingSet'), 'MiB', IDLE_BUDGET);
  record('resident memory of one, shared pages included', many.resident / MANY / MIB, 'MiB');
}
