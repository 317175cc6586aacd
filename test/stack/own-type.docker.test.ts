import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect } from 'chai';
import { pack } from 'tar-stream';
import { type FunctionReplicas, startReplicas } from '../support/function-replicas.ts';
import { until } from '../support/platform.ts';
import { type RunningGateway, runGateway } from '../support/run-gateway.ts';

const root = join(import.meta.dirname, '..', '..');
const CONTAINER = 'skep-test-own-type';

/** What an operator writes for a type of scaling of their own: docs/alerts.md shows it. */
const ownRule =
  /^```yaml\n(# prometheus\/rules\/orders\.yml[\s\S]*?)^```$/m.exec(
    readFileSync(join(root, 'docs', 'alerts.md'), 'utf8'),
  )?.[1] ?? '';

async function docker(...words: string[]): Promise<void> {
  await Bun.spawn(['docker', ...words], { stdout: 'ignore', stderr: 'ignore' }).exited;
}

async function serve(page: () => string): Promise<Server> {
  const server = createServer((_, response) => void response.end(page()));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

const portOf = (server: Server): number => (server.address() as AddressInfo).port;

describe('a type of scaling of one’s own, from a rule in a real Prometheus to the replicas', function () {
  this.timeout(180_000);
  let shop: Server;
  let replicas: FunctionReplicas;
  let gateway: RunningGateway | undefined;
  let waiting = 0;

  beforeEach(async () => {
    await docker('rm', '-f', CONTAINER);
    replicas = await startReplicas(5, (_, outgoing) => void outgoing.end());
    shop = await serve(() => `orders_waiting{worker="packer"} ${waiting}\n`);
  });
  afterEach(async () => {
    await gateway?.end();
    await docker('rm', '-f', CONTAINER);
    await replicas.close();
    shop.close();
    shop.closeAllConnections();
  });

  /** On the machine's own network: the gateway under test is a process of it. */
  const startPrometheus = async (port: number, metricsPort: number): Promise<void> => {
    const config = {
      global: { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' },
      rule_files: ['*.rules.yml'],
      scrape_configs: [
        { job_name: 'gateway', static_configs: [{ targets: [`127.0.0.1:${metricsPort}`] }] },
        { job_name: 'shop', static_configs: [{ targets: [`127.0.0.1:${portOf(shop)}`] }] },
      ],
    };
    const files = pack();
    files.entry({ name: 'prometheus.yml' }, JSON.stringify(config));
    files.entry({ name: 'orders.rules.yml' }, ownRule);
    const recording = 'recording.rules.yml';
    files.entry({ name: recording }, readFileSync(join(root, 'prometheus', recording)));
    files.finalize();
    const script = `mkdir /tmp/work && cd /tmp/work && tar -x && exec prometheus --config.file=prometheus.yml --storage.tsdb.path=data --web.listen-address=127.0.0.1:${port}`;
    const parts: Uint8Array[] = [];
    for await (const part of files) parts.push(part as Uint8Array);
    Bun.spawn(
      [
        ...['docker', 'run', '--rm', '-i', '--name', CONTAINER, '--network', 'host'],
        ...['--entrypoint', '/bin/sh', 'prom/prometheus:v2.42.0', '-c', script],
      ],
      { stdin: Buffer.concat(parts), stdout: 'ignore', stderr: 'ignore' },
    );
  };

  it('scales by what the rule says, up and down, as docs/alerts.md shows it', async () => {
    const free = await serve(() => '');
    const port = portOf(free);
    free.close();
    gateway = await runGateway({
      gateway_workers: '1',
      function_port: String(replicas.port),
      faas_prometheus_host: '127.0.0.1',
      faas_prometheus_port: String(port),
    });
    await startPrometheus(port, gateway.metricsPort);
    const labels = {
      'com.openfaas.scale.type': 'orders-waiting',
      'com.openfaas.scale.target': '10',
      'com.openfaas.scale.target-proportion': '1',
    };
    const json = { service: 'packer', image: 'test:1', labels };
    waiting = 42;
    expect((await gateway.call('/system/functions', { json })).status).to.equal(202);
    const scaledTo = async (): Promise<number | undefined> =>
      Object.values((await gateway?.metric('gateway_service_count')) ?? {})[0];
    await until('five for 42 orders', async () => (await scaledTo()) === 5);
    expect(await gateway.metric('gateway_scaling_load')).to.deep.equal({
      '{function_name="packer.openfaas-fn",scaling_type="orders-waiting"}': 42,
    });
    waiting = 0;
    await until('fewer for none', async () => ((await scaledTo()) ?? 5) < 5, 120_000);
    const changes = await gateway.metric('gateway_scalings_total');
    expect(changes['{function_name="packer.openfaas-fn",direction="up",cause="custom"}']).to.be.at.least(1);
    expect(changes['{function_name="packer.openfaas-fn",direction="down",cause="custom"}']).to.be.at.least(1);
  });
});
