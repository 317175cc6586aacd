import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { expect } from 'chai';
import { type FunctionReplicas, startReplicas } from '../../support/function-replicas.ts';
import { until } from '../../support/platform.ts';
import { type RunningGateway, runGateway } from '../../support/run-gateway.ts';

describe('a gateway whose Prometheus', function () {
  this.timeout(60_000);
  let replicas: FunctionReplicas;
  let gateway: RunningGateway | undefined;
  let silent: Server | undefined;
  const sockets = new Set<Socket>();

  beforeEach(async () => {
    replicas = await startReplicas(4, (_request, response) => void response.end('done'));
  });
  afterEach(async () => {
    await gateway?.end();
    gateway = undefined;
    for (const socket of sockets) socket.destroy();
    silent?.close();
    silent = undefined;
    await replicas.close();
  });

  const ways: readonly [string, () => Promise<number>][] = [
    ['is away', async () => 1],
    [
      'takes connections and never answers',
      async () => {
        silent = createServer((socket) => {
          sockets.add(socket);
          socket.on('error', () => {});
        });
        silent.listen(0, '127.0.0.1');
        await once(silent, 'listening');
        const address = silent.address();
        return typeof address === 'object' && address !== null ? address.port : 0;
      },
    ],
  ];
  for (const [way, listen] of ways) {
    describe(way, () => {
      const begin = async (labels: Record<string, string>): Promise<RunningGateway> => {
        gateway = await runGateway({
          gateway_workers: '1',
          function_port: String(replicas.port),
          faas_prometheus_host: '127.0.0.1',
          faas_prometheus_port: String(await listen()),
          scale_from_zero: 'true',
        });
        const json = { service: 'fn', image: 'test:1', labels };
        expect((await gateway.call('/system/functions', { json })).status).to.equal(202);
        return gateway;
      };
      const replicasOf = async (running: RunningGateway): Promise<number> => {
        const { body } = await running.call('/system/function/fn');
        return (JSON.parse(body) as { replicas: number }).replicas;
      };

      it('serves calls, lists functions without counts, and wakes them', async () => {
        const running = await begin({});
        expect((await running.call('/function/fn')).status).to.equal(200);
        const lists = await Promise.all(Array.from({ length: 20 }, () => running.call('/system/functions')));
        for (const { status, body } of [...lists, await running.call('/system/functions')]) {
          expect(status).to.equal(200);
          const [first] = JSON.parse(body) as { name: string; invocationCount?: number }[];
          expect([first?.name, first?.invocationCount]).to.deep.equal(['fn', undefined]);
        }
        await running.call('/system/scale-function/fn', { json: { replicas: 0 } });
        expect((await running.call('/function/fn')).status).to.equal(200);
      });

      it('scales by the calls that it counts itself', async () => {
        const labels = {
          'com.openfaas.scale.type': 'rps',
          'com.openfaas.scale.target': '2',
          'com.openfaas.scale.max': '4',
        };
        const running = await begin(labels);
        await until('more replicas', async () => {
          expect((await running.call('/function/fn')).status).to.equal(200);
          return (await replicasOf(running)) > 1;
        });
      });

      it('scales by alerts that somebody else sends', async () => {
        const running = await begin({ 'com.openfaas.scale.max': '4' });
        const alerts = [{ status: 'firing', labels: { function_name: 'fn' } }];
        expect((await running.call('/system/alert', { json: { alerts } })).status).to.equal(200);
        expect(await replicasOf(running)).to.equal(2);
      });

      it('leaves functions alone that scale by what only Prometheus knows, and says so once', async () => {
        const running = await begin({ 'com.openfaas.scale.type': 'cpu' });
        await running.logged(/Prometheus/);
        expect(await replicasOf(running)).to.equal(1);
      });
    });
  }
});
