// Question: what does a process for every request cost under our watchdog? Baseline: OpenFaaS's classic watchdog, same run.
import { alternate, load } from './support/load.ts';
import type { Started } from './support/processes.ts';
import { record, recordMissing } from './support/record.ts';
import { FWATCHDOG, startWatchdog } from './support/watchdog.ts';

const SECONDS = 3;
const ROUNDS = 5;

export async function run(): Promise<void> {
  const peer = process.env['PEER_CLASSIC_WATCHDOG'];
  const ours = await startWatchdog(FWATCHDOG, { fprocess: 'cat' });
  const theirs = peer === undefined ? undefined : await startWatchdog(peer, { fprocess: 'cat' });
  try {
    for (const clients of [1, 16, 64]) await compare(clients, ours, theirs);
  } finally {
    await ours.stop();
    await theirs?.stop();
  }
}

async function compare(clients: number, ours: Started, theirs: Started | undefined): Promise<void> {
  const options = { clients, seconds: SECONDS, body: 'hello' };
  const at = `${clients} client${clients === 1 ? '' : 's'}`;
  const results = await alternate(ROUNDS, {
    ours: () => load(ours.url, options),
    ...(theirs === undefined ? {} : { theirs: () => load(theirs.url, options) }),
  } as Record<'ours' | 'theirs', () => ReturnType<typeof load>>);
  record(`fork cat, ${at}`, results.ours.perSecond, 'req/s');
  record(`fork cat, p99, ${at}`, results.ours.p99Ms, 'ms');
  record(`fork cat, failures, ${at}`, results.ours.failures, 'requests', '<= 0');
  const rate = `fork cat / classic-watchdog, ${at}`;
  const tail = `fork cat p99 / classic-watchdog, ${at}`;
  if (theirs === undefined) {
    recordMissing(rate, 'ratio', '>= 0.97', 'no peer given');
    if (clients > 1) recordMissing(tail, 'ratio', '<= 0.8', 'no peer given');
    return;
  }
  record(rate, results.ours.perSecond / results.theirs.perSecond, 'ratio', '>= 0.97');
  if (clients > 1) record(tail, results.ours.p99Ms / results.theirs.p99Ms, 'ratio', '<= 0.8');
}
