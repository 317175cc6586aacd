// Question: what do calls get when five times as many come as the function can take? Baseline: four fifths of what it can take,
// in the same run. The function takes 50 calls at a time, 100 ms each (500 a second), and says so with max_inflight.

import { readFileSync } from 'node:fs';
import { freePort } from '../test/support/free-port.ts';
import { startProgram } from './support/hop.ts';
import { type OpenLoadResult, openLoad } from './support/open-load.ts';
import type { Started } from './support/processes.ts';
import { record } from './support/record.ts';

const SLOTS = 50;
const BUSY_MS = 100;
const CAPACITY = (SLOTS * 1000) / BUSY_MS;
const SECONDS = 4;
const ROUNDS = 2;
const PAGE_BYTES = 4096;

export async function run(): Promise<void> {
  const upstreamPort = freePort();
  const upstream = await startProgram('busy-upstream.ts', upstreamPort, {
    env: { slots: String(SLOTS), busy_ms: String(BUSY_MS) },
    readyPath: '/_/health',
  });
  const gateways: Started[] = [];
  try {
    const limited = await startGateway(upstreamPort, { max_inflight: String(SLOTS) }, gateways);
    const unlimited = await startGateway(upstreamPort, {}, gateways);
    const calm: OpenLoadResult[] = [];
    const flooded: OpenLoadResult[] = [];
    const growth: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      calm.push(await openLoad(limited.url, { perSecond: CAPACITY * 0.8, seconds: SECONDS }));
      const before = residentBytes(limited.pid);
      flooded.push(await openLoad(limited.url, { perSecond: CAPACITY * 5, seconds: SECONDS }));
      growth.push(residentBytes(limited.pid) - before);
    }
    const without = await openLoad(unlimited.url, { perSecond: CAPACITY * 5, seconds: 2 });
    tell(calm, flooded);
    record('overload, resident memory gained', Math.max(...growth) / 2 ** 20, 'MiB', '<= 64');
    record('overload, p99 of served, no limit set', without.served.p99Ms, 'ms');
  } finally {
    for (const gateway of gateways) await gateway.stop();
    await upstream.stop();
  }
}

function tell(calm: readonly OpenLoadResult[], flooded: readonly OpenLoadResult[]): void {
  const worst = (results: readonly OpenLoadResult[], of: (result: OpenLoadResult) => number): number =>
    Math.max(...results.map(of));
  const calmP99 = worst(calm, ({ served }) => served.p99Ms);
  const servedP99 = worst(flooded, ({ served }) => served.p99Ms);
  const perSecond = Math.min(...flooded.map(({ served }) => served.count / SECONDS));
  const mostPerSecond = worst(flooded, ({ served }) => served.count / SECONDS);
  record('overload, sent', Math.min(...flooded.map(({ sentPerSecond }) => sentPerSecond)), 'req/s');
  record('overload, p99 at 0.8 of capacity', calmP99, 'ms');
  record('overload, p99 of served at 5 x capacity', servedP99, 'ms');
  record('overload, p99 of served at 5 x / at 0.8 x', servedP99 / calmP99, 'ratio', '<= 2');
  record('overload, served at 5 x / capacity', perSecond / CAPACITY, 'ratio', '>= 0.8');
  // More than the function can do was not the function's doing, and nothing above would mean anything.
  record('overload, most served at 5 x / capacity', mostPerSecond / CAPACITY, 'ratio', '<= 1.1');
  record(
    'overload, p50 of refused',
    worst(flooded, ({ shed }) => shed.p50Ms),
    'ms',
  );
  const shedP99 = worst(flooded, ({ shed }) => shed.p99Ms);
  record('overload, p99 of refused / time of a call', shedP99 / BUSY_MS, 'ratio', '<= 1');
  record(
    'overload, calls neither served nor refused',
    worst(flooded, ({ failures }) => failures),
    'requests',
    '<= 0',
  );
}

async function startGateway(
  upstreamPort: number,
  functionEnv: Readonly<Record<string, string>>,
  started: Started[],
): Promise<{ readonly url: string; readonly pid: number }> {
  const gateway = await startProgram('hop-gateway.ts', freePort(), {
    env: { upstream_port: String(upstreamPort), function_env: JSON.stringify(functionEnv) },
    readyPath: '/function/echo',
  });
  started.push(gateway);
  return { url: `${gateway.url}/function/echo`, pid: gateway.pid };
}

function residentBytes(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * PAGE_BYTES;
}
