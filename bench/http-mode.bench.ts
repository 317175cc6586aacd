// Question: what does http mode add to a call of a server in the container? Baseline: OpenFaaS's of-watchdog, same run, same server.
import { freePort } from '../test/support/free-port.ts';
import { alternate, load } from './support/load.ts';
import { type Started, start } from './support/processes.ts';
import { record, recordMissing } from './support/record.ts';
import { FWATCHDOG, startWatchdog } from './support/watchdog.ts';

const SECONDS = 3;
const ROUNDS = 5;
const KIB = 'x'.repeat(1024);
const UPSTREAM = new URL('./support/upstream.ts', import.meta.url).pathname;

export async function run(): Promise<void> {
  const peer = process.env['PEER_OF_WATCHDOG'];
  const upstreamPort = freePort();
  // Both relay to one server: what is measured is the way to it. Their own process only has to live; it outlives a killed watchdog, hence not for long.
  const upstream = await start({
    command: process.execPath,
    args: [UPSTREAM],
    port: upstreamPort,
    env: { port: String(upstreamPort) },
  });
  const env = { mode: 'http', upstream_url: upstream.url };
  const ours = await startWatchdog(FWATCHDOG, { fprocess: 'sleep 600', env });
  const theirs = peer === undefined ? undefined : await startWatchdog(peer, { fprocess: 'sleep 600', env });
  try {
    for (const clients of [1, 32, 256]) {
      await compare('GET', { clients, seconds: SECONDS }, ours, theirs);
      await compare('POST 1 KiB', { clients, seconds: SECONDS, body: KIB }, ours, theirs);
    }
  } finally {
    await ours.stop();
    await theirs?.stop();
    await upstream.stop();
  }
}

async function compare(
  what: string,
  options: Parameters<typeof load>[1],
  ours: Started,
  theirs: Started | undefined,
): Promise<void> {
  const { clients } = options;
  const at = `${what}, ${clients} client${clients === 1 ? '' : 's'}`;
  const results = await alternate(ROUNDS, {
    ours: () => load(ours.url, options),
    ...(theirs === undefined ? {} : { theirs: () => load(theirs.url, options) }),
  } as Record<'ours' | 'theirs', () => ReturnType<typeof load>>);
  record(`http mode, ${at}`, results.ours.perSecond, 'req/s');
  record(`http mode, p99, ${at}`, results.ours.p99Ms, 'ms');
  record(`http mode, failures, ${at}`, results.ours.failures, 'requests', '<= 0');
  const rate = `http mode / of-watchdog, ${at}`;
  const tail = `http mode p99 / of-watchdog, ${at}`;
  const rateBudget = clients === 1 ? '>= 1.2' : '>= 1.8';
  if (theirs === undefined) {
    recordMissing(rate, 'ratio', rateBudget, 'no peer given');
    if (clients > 1) recordMissing(tail, 'ratio', '<= 0.6', 'no peer given');
    return;
  }
  record(rate, results.ours.perSecond / results.theirs.perSecond, 'ratio', rateBudget);
  if (clients > 1) record(tail, results.ours.p99Ms / results.theirs.p99Ms, 'ratio', '<= 0.6');
}
