// Question: what does the gateway add to a warm call? Baseline: the same upstream called directly, in the same run.
import { alternate, load } from './support/load.ts';
import { freePort, start } from './support/processes.ts';
import { record, recordMissing } from './support/record.ts';

const CLIENTS = [1, 32, 256, 512];
const SECONDS = 3;
const ROUNDS = 3;

export async function run(): Promise<void> {
  const upstreamPort = await freePort();
  const upstream = await start({
    command: process.execPath,
    args: [new URL('./support/upstream.ts', import.meta.url).pathname],
    port: upstreamPort,
    env: { port: String(upstreamPort) },
  });
  const gatewayPort = await freePort();
  const gateway = await start({
    command: process.execPath,
    args: [new URL('./support/hop-gateway.ts', import.meta.url).pathname],
    port: gatewayPort,
    env: { port: String(gatewayPort), upstream_port: String(upstreamPort) },
    readyPath: '/function/echo',
  });
  try {
    for (const [label, body] of [
      ['GET', undefined],
      ['POST 1 KiB', 'x'.repeat(1024)],
    ] as const) {
      await compare(label, upstream.url, `${gateway.url}/function/echo`, body);
    }
  } finally {
    await gateway.stop();
    await upstream.stop();
  }
  if (process.env['PEER_OPENFAAS_GATEWAY'] === undefined) {
    recordMissing('gateway hop / OpenFaaS gateway, GET, 32 clients', 'ratio', '>= 1.9', 'no peer given');
  }
}

async function compare(
  label: string,
  direct: string,
  through: string,
  body: string | undefined,
): Promise<void> {
  let directAt32 = 0;
  let throughAt32 = 0;
  for (const clients of CLIENTS) {
    const options = { clients, seconds: SECONDS, ...(body === undefined ? {} : { body }) };
    const results = await alternate(ROUNDS, {
      direct: () => load(direct, options),
      through: () => load(through, options),
    });
    const at = `${label}, ${clients} client${clients === 1 ? '' : 's'}`;
    if (clients === 32) {
      directAt32 = results.direct.perSecond;
      throughAt32 = results.through.perSecond;
    }
    record(`gateway hop, ${at}`, results.through.perSecond, 'req/s');
    record(`gateway hop, p99, ${at}`, results.through.p99Ms, 'ms');
    record(`gateway hop, failures, ${at}`, results.through.failures, 'requests', '<= 0');
    if (clients >= 32) {
      record(`gateway hop / direct at 32, ${at}`, results.through.perSecond / directAt32, 'ratio', '>= 0.4');
    }
    if (clients > 32)
      record(`gateway hop / hop at 32, ${at}`, results.through.perSecond / throughAt32, 'ratio', '>= 0.9');
  }
}
