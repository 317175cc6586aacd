import { expect } from 'chai';
import { type NatsServer, startNats } from '../../support/nats-server.ts';
import { until } from '../../support/platform.ts';
import { type RunningGateway, runGateway } from '../../support/run-gateway.ts';
import { openQueue, type TestQueue } from '../nats/queue/fixtures/test-queue.ts';

const ROOM = '16777216';
const QUEUED = {
  service: 'queued',
  image: 'test:1',
  labels: {
    'com.openfaas.scale.type': 'queue',
    'com.openfaas.scale.target': '10',
    'com.openfaas.scale.target-proportion': '1',
    'com.openfaas.scale.min': '0',
  },
};

describe('scaling on the queue', function () {
  this.timeout(60_000);
  let nats: NatsServer;
  let queue: TestQueue;
  let gateway: RunningGateway;

  beforeEach(async () => {
    nats = await startNats();
    queue = await openQueue(nats);
    gateway = await runGateway({
      gateway_workers: '1',
      function_port: '1',
      faas_nats_address: nats.host,
      faas_nats_port: String(nats.port),
      cluster_name: queue.names.queue.replace(/_queue$/, ''),
      queue_limit_bytes: ROOM,
      queue_later_limit_bytes: ROOM,
      queue_body_limit_bytes: ROOM,
      queue_record_limit_bytes: ROOM,
      queue_result_limit_bytes: ROOM,
      queue_dead_limit_bytes: ROOM,
      deployed: JSON.stringify([QUEUED]),
    });
  });
  afterEach(async () => {
    await gateway.end();
    await queue.close();
    await nats.close();
  });

  const desired = async (): Promise<number | undefined> =>
    Object.values(await gateway.metric('gateway_service_count'))[0];
  const accept = async (count: number): Promise<void> => {
    await until('the queue', async () => {
      const { status } = await gateway.call('/async-function/queued', { method: 'POST' });
      return status === 202;
    });
    for (let call = 1; call < count; call++)
      expect((await gateway.call('/async-function/queued', { method: 'POST' })).status).to.equal(202);
  };

  it('gives a function that sleeps as many replicas as wait for it, while no worker takes any', async () => {
    expect(await desired()).to.equal(0);
    await accept(25);
    await until('three replicas', async () => (await desired()) === 3);
    expect((await gateway.logged('scaled by queue'))['load']).to.be.at.least(1);
  });

  it('keeps the count while NATS is away, and goes on when it is back', async () => {
    await accept(11);
    await until('two replicas', async () => (await desired()) === 2);
    await nats.kill();
    await gateway.logged('the queue cannot be read: functions that scale on it keep their replicas');
    expect(await desired()).to.equal(2);
    await nats.start();
    await gateway.logged('the queue can be read again: functions scale on it');
    await accept(20);
    await until('four replicas', async () => (await desired()) === 4);
  });
});
