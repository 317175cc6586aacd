// Questions: what part of NATS's own publish rate does accepting reach, and how late is an answer? Does it matter how many calls wait?
// Baseline: the same client library publishing bodies of that length into the same stream.
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { queueNames } from '../gateway/nats/queue/names.ts';
import { startNats } from '../test/support/nats-server.ts';
import { until } from '../test/support/platform.ts';
import { runGateway } from '../test/support/run-gateway.ts';
import { alternate, type LoadResult, load } from './support/load.ts';
import { record } from './support/record.ts';

const CLIENTS = 32;
const SECONDS = 4;
const ROUNDS = 3;
const BODY = 'x'.repeat(1024);
const WAITING = 100_000;
const LIMIT_BYTES = 4 * 2 ** 30;
const NAMES = queueNames('skep');
const REF = { name: 'measured', namespace: 'openfaas-fn' };
const PUBLISH = join(import.meta.dirname, 'support', 'publish.ts');

export async function run(): Promise<void> {
  const nats = await startNats();
  const gateway = await runGateway({
    gateway_workers: '1',
    function_port: '1',
    faas_nats_address: nats.host,
    faas_nats_port: String(nats.port),
    queue_limit_bytes: String(LIMIT_BYTES),
  });
  const client = await connect({ servers: `${nats.host}:${nats.port}` });
  try {
    const url = `http://127.0.0.1:${gateway.port}/async-function/${REF.name}`;
    await gateway.call('/system/functions', { json: { service: REF.name, image: 'test:1' } });
    await until('a call', async () => (await fetch(url, { method: 'POST', body: BODY })).status === 202);
    const { streams } = await jetstreamManager(client);
    const publish = async (seconds: number, messages: number): Promise<LoadResult> => {
      const subject = NAMES.call('faas-request', REF);
      const numbers = [BODY.length, CLIENTS, seconds, messages].map(String);
      const args = [PUBLISH, String(nats.port), subject, ...numbers];
      return JSON.parse((await promisify(execFile)(process.execPath, args)).stdout) as LoadResult;
    };
    const accept = async (waiting: number): Promise<LoadResult> => {
      await streams.purge(NAMES.queue);
      if (waiting > 0) await publish(Number.POSITIVE_INFINITY, waiting);
      return load(url, { clients: CLIENTS, seconds: SECONDS, body: BODY });
    };
    const results = await alternate(ROUNDS, {
      published: async () => {
        await streams.purge(NAMES.queue);
        return publish(SECONDS, Number.POSITIVE_INFINITY);
      },
      accepted: () => accept(0),
      waiting: () => accept(WAITING),
    });
    const { published, accepted, waiting } = results;
    record('async: published by the client library, 32 at a time, 1 KiB', published.perSecond, '1/s');
    record('async: its p99', published.p99Ms, 'ms');
    record('async: accepted, 32 clients, 1 KiB', accepted.perSecond, 'calls/s');
    record('async: accepted, of what is published', accepted.perSecond / published.perSecond, 'x', '>= 0.4');
    record('async: accepted, p50', accepted.p50Ms, 'ms');
    record('async: accepted, p99', accepted.p99Ms, 'ms', '<= 10');
    record('async: refused', accepted.failures + waiting.failures, 'calls', '<= 0');
    const kept = waiting.perSecond / accepted.perSecond;
    record('async: accepted with 100,000 waiting, of that without', kept, 'x', '>= 0.9');
  } finally {
    await client.close();
    await gateway.end();
    await nats.close();
  }
}
