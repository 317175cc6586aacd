// Question: what does the gateway add to a warm call? Baseline: the same upstream called directly by 32 clients, in the same run; peer:
// OpenFaaS's gateway. All candidates and all numbers of clients take turns, so that a slow moment of the machine meets all of them.

import { startHop } from './support/hop.ts';
import { type LoadOptions, type LoadResult, load, median } from './support/load.ts';
import { type PeerGateway, startPeerGateway } from './support/peer-gateway.ts';
import { record, recordMissing } from './support/record.ts';

const CLIENTS = [1, 32, 256, 512] as const;
const SECONDS = 2;
const ROUNDS = 5;
const WARM_UP_SECONDS = 2;
const KIB = 'x'.repeat(1024);

type Candidate = 'direct' | 'hop' | 'peer';
type Runs = ReadonlyMap<Candidate, ReadonlyMap<number, LoadResult[]>>;

export async function run(): Promise<void> {
  const hop = await startHop();
  const { gateway, upstream } = hop;
  const executable = process.env['PEER_OPENFAAS_GATEWAY'];
  let noPeer = 'no peer given';
  let peer: PeerGateway | undefined;
  if (executable !== undefined) {
    peer = await startPeerGateway(executable).catch((error: Error) => {
      noPeer = `the peer could not be started: ${error.message}`;
      return undefined;
    });
  }
  try {
    for (const [label, body] of [
      ['GET', undefined],
      ['POST 1 KiB', KIB],
    ] as const) {
      const runs = await measure(upstream.url, `${gateway.url}/function/echo`, peer, body);
      report(label, runs, noPeer);
    }
  } finally {
    peer?.stop();
    await hop.stop();
  }
}

async function measure(
  direct: string,
  hop: string,
  peer: PeerGateway | undefined,
  body: string | undefined,
): Promise<Runs> {
  const at = (clients: number, seconds = SECONDS): LoadOptions => ({
    clients,
    seconds,
    ...(body !== undefined && { body }),
  });
  const inPeersNetwork = peer === undefined ? {} : { networkOfPid: peer.networkOfPid };
  const calls: Record<Candidate, (options: LoadOptions) => Promise<LoadResult>> = {
    direct: (options) => load(direct, options),
    hop: (options) => load(hop, options),
    peer: (options) => load(peer?.url ?? '', { ...options, ...inPeersNetwork }),
  };
  const candidates: Candidate[] = peer === undefined ? ['direct', 'hop'] : ['direct', 'hop', 'peer'];
  const runs = new Map(
    candidates.map((name) => [
      name,
      new Map(CLIENTS.map((clients) => [clients as number, [] as LoadResult[]])),
    ]),
  );
  for (const name of candidates) await calls[name](at(32, WARM_UP_SECONDS));
  for (let round = 0; round < ROUNDS; round++) {
    for (const clients of CLIENTS) {
      for (const name of candidates)
        runs
          .get(name)
          ?.get(clients)
          ?.push(await calls[name](at(clients)));
    }
  }
  return runs;
}

function report(label: string, runs: Runs, noPeer: string): void {
  const rate = (name: Candidate, clients: number): number =>
    median((runs.get(name)?.get(clients) ?? []).map(({ perSecond }) => perSecond));
  const p99 = (name: Candidate, clients: number): number =>
    median((runs.get(name)?.get(clients) ?? []).map(({ p99Ms }) => p99Ms));
  for (const clients of CLIENTS) {
    const at = `${label}, ${clients} client${clients === 1 ? '' : 's'}`;
    const failures = (runs.get('hop')?.get(clients) ?? []).reduce((sum, run) => sum + run.failures, 0);
    record(`direct, ${at}`, rate('direct', clients), 'req/s');
    record(`direct, p99, ${at}`, p99('direct', clients), 'ms');
    record(`gateway hop, ${at}`, rate('hop', clients), 'req/s');
    record(`gateway hop, p99, ${at}`, p99('hop', clients), 'ms');
    record(`gateway hop, failures, ${at}`, failures, 'requests', '<= 0');
    if (clients >= 32) {
      const kept = rate('hop', clients) / rate('direct', 32);
      record(`gateway hop / direct at 32, ${at}`, kept, 'ratio', '>= 0.4');
    }
    if (clients > 32) {
      record(`gateway hop / hop at 32, ${at}`, rate('hop', clients) / rate('hop', 32), 'ratio', '>= 0.9');
    }
    const rateBudget = clients === 1 ? '>= 1.3' : '>= 1.9';
    const against = `gateway hop / OpenFaaS gateway, ${at}`;
    const tail = `gateway hop p99 / OpenFaaS gateway, ${at}`;
    if (runs.has('peer')) {
      record(`OpenFaaS gateway, ${at}`, rate('peer', clients), 'req/s');
      record(`OpenFaaS gateway, p99, ${at}`, p99('peer', clients), 'ms');
      record(against, rate('hop', clients) / rate('peer', clients), 'ratio', rateBudget);
      if (clients >= 32) record(tail, p99('hop', clients) / p99('peer', clients), 'ratio', '<= 0.6');
    } else {
      recordMissing(against, 'ratio', rateBudget, noPeer);
      if (clients >= 32) recordMissing(tail, 'ratio', '<= 0.6', noPeer);
    }
  }
}
