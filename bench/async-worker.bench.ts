// Questions: how soon does an idle worker begin what was accepted? What does a worker hold of 100,000 calls that wait?
import { readFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { until } from '../test/support/platform.ts';
import { ProcessPlatform } from '../test/zero-loss/async/process-platform.ts';
import { median } from './support/load.ts';
import { record } from './support/record.ts';

const CALLS = 300;
const WARM = 30;
const PAUSE_MS = 10;
const WAITING = 100_000;
const SENDERS = 64;
const LOOKS = 9;
const LOOK_EVERY_MS = 200;
const MIB = 2 ** 20;

export async function run(): Promise<void> {
  const begun = new Map<string, number>();
  let isHeld = false;
  const held = Promise.withResolvers<void>();
  const replica = Bun.serve({
    hostname: '0.0.0.0',
    port: 0,
    idleTimeout: 0,
    async fetch(request) {
      const at = performance.now();
      if (new URL(request.url).pathname === '/_/health') return new Response('OK');
      begun.set(await request.text(), at);
      if (isHeld) await held.promise;
      return new Response('');
    },
  });
  const platform = new ProcessPlatform({
    functions: ['measured'],
    queueWorkers: 1,
    functionPort: replica.port ?? 0,
    gatewaySettings: { gateway_workers: '1' },
  });
  try {
    await platform.open();
    const url = `${platform.url}/async-function/measured`;
    const send = async (body: string, headers = {}): Promise<number> =>
      (await fetch(url, { method: 'POST', body, headers })).status;
    await until('the first call', async () => (await send('first')) === 202);

    const waits: number[] = [];
    for (let number = 0; number < WARM + CALLS; number++) {
      const body = `call ${number}`;
      const sentAt = performance.now();
      if ((await send(body)) !== 202) throw new Error('a call was refused');
      while (!begun.has(body)) await Bun.sleep(1);
      if (number >= WARM) waits.push((begun.get(body) ?? 0) - sentAt);
      await Bun.sleep(PAUSE_MS);
    }
    waits.sort((a, b) => a - b);
    record('async: sent to begun, idle worker, p50', at(waits, 0.5), 'ms', '<= 10');
    record('async: sent to begun, idle worker, p99', at(waits, 0.99), 'ms');

    const pid = platform.queueWorkerPid(0);
    record('async: memory of an idle worker', (await settledBytes(pid)) / MIB, 'MiB');
    isHeld = true;
    const sendAll = async (headers = {}): Promise<number> => {
      let sent = 0;
      let refused = 0;
      const sendOn = async (): Promise<void> => {
        while (sent < WAITING) {
          if ((await send(`waiting ${sent++}`.padEnd(100, '.'), headers)) !== 202) refused++;
        }
      };
      await Promise.all(Array.from({ length: SENDERS }, sendOn));
      return refused;
    };
    record('async: refused of 100,000', await sendAll(), 'calls', '<= 0');
    record(
      'async: memory of a worker with 100,000 waiting',
      (await settledBytes(pid)) / MIB,
      'MiB',
      '<= 150',
    );
    record('async: refused of 100,000 for later', await sendAll({ 'x-skep-delay': '1h' }), 'calls', '<= 0');
    await Bun.sleep(3000); // until the worker has seen them
    record('async: memory with as many for later, too', (await settledBytes(pid)) / MIB, 'MiB', '<= 150');
    record('async: its peak', bytesOf(pid, 'VmHWM') / MIB, 'MiB');
  } finally {
    held.resolve();
    await platform.close();
    await replica.stop(true);
  }
}

function at(sorted: readonly number[], part: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;
}

async function settledBytes(pid: number): Promise<number> {
  const looks: number[] = [];
  while (looks.length < LOOKS) {
    looks.push(bytesOf(pid, 'VmRSS'));
    await Bun.sleep(LOOK_EVERY_MS);
  }
  return median(looks);
}

function bytesOf(pid: number, what: 'VmRSS' | 'VmHWM'): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(new RegExp(`^${what}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]) * 1024;
}
