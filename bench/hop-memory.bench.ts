// Question: does the gateway keep anything of the calls it has served? Its memory after 1,000,000 calls, against that after 100,000.
import { readFileSync } from 'node:fs';
import { startHop } from './support/hop.ts';
import { load, median } from './support/load.ts';
import { record } from './support/record.ts';

const FEW = 100_000;
const MANY = 1_000_000;
const CLIENTS = 64;
const SECONDS = 2;
const LOOKS = 9;
const LOOK_EVERY_MS = 200;

export async function run(): Promise<void> {
  const hop = await startHop();
  const { gateway } = hop;
  let served = 0;
  let failed = 0;
  const serve = async (upTo: number): Promise<number> => {
    while (served < upTo) {
      // A query that is new in each run, so that what is remembered of targets is not always the same.
      const { perSecond, failures } = await load(`${gateway.url}/function/echo?run=${served}`, {
        clients: CLIENTS,
        seconds: SECONDS,
      });
      served += perSecond * SECONDS;
      failed += failures;
    }
    const looks: number[] = [];
    while (looks.length < LOOKS) {
      looks.push(residentBytes(gateway.pid));
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    }
    return median(looks);
  };
  try {
    const few = await serve(FEW);
    const many = await serve(MANY);
    record('gateway memory, 100,000 calls', few / 2 ** 20, 'MiB');
    record('gateway memory, 1,000,000 calls', many / 2 ** 20, 'MiB');
    record('gateway memory, 1,000,000 calls / 100,000', many / few, 'ratio', '<= 1.1');
    record('gateway memory, failures', failed, 'requests', '<= 0');
  } finally {
    await hop.stop();
  }
}

function residentBytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
}
