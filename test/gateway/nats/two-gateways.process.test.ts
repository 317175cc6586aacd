import type { ServerResponse } from 'node:http';
import { connect } from '@nats-io/transport-node';
import { expect } from 'chai';
import { type FunctionReplicas, startReplicas } from '../../support/function-replicas.ts';
import { type NatsServer, startNats } from '../../support/nats-server.ts';
import { until } from '../../support/platform.ts';
import { type RunningGateway, runGateway } from '../../support/run-gateway.ts';

/** Whole gateways, each with its workers and a cluster of its own in memory: what they know of each other they know over NATS. */
describe('two gateways that share the load of a function', function () {
  this.timeout(90_000);
  let nats: NatsServer;
  let replicas: FunctionReplicas;
  let gateways: RunningGateway[] = [];
  const held: ServerResponse[] = [];

  beforeEach(async () => {
    nats = await startNats();
    replicas = await startReplicas(6, (_incoming, outgoing) => void held.push(outgoing));
    const start = (): Promise<RunningGateway> =>
      runGateway({
        gateway_workers: '1',
        function_port: String(replicas.port),
        faas_nats_address: nats.host,
        faas_nats_port: String(nats.port),
        write_timeout: '1s',
      });
    // One after the other: two at a time may be given one port.
    gateways = [await start(), await start()];
  });
  afterEach(async () => {
    for (const response of held.splice(0)) response.end();
    await Promise.all(gateways.map((gateway) => gateway.end()));
    await replicas.close();
    await nats.close();
  });

  const isLeader = async (gateway: RunningGateway): Promise<boolean> =>
    (await gateway.metric('gateway_scaling_leader'))[''] === 1;
  const scaledTo = ({ clusterCalls }: RunningGateway): number[] =>
    clusterCalls.flatMap((call) => (call.kind === 'scale' ? [call.desired] : []));
  /** Holds so many calls in flight. */
  const call = (gateway: RunningGateway, count: number): void => {
    for (let n = 0; n < count; n++) void gateway.call('/function/shared').catch(() => undefined);
  };

  it('one of them scales, on the sum; when it is killed the other one does', async () => {
    let leader: RunningGateway | undefined;
    await until('one that leads', async () => {
      const leaders = (await Promise.all(gateways.map(isLeader))).filter(Boolean);
      expect(leaders.length).to.be.at.most(1);
      for (const gateway of gateways) if (await isLeader(gateway)) leader = gateway;
      const known = await Promise.all(gateways.map((each) => each.metric('gateway_scaling_gateways')));
      return leader !== undefined && known.every((count) => count[''] === 2);
    });
    const other = gateways.find((gateway) => gateway !== leader);
    if (leader === undefined || other === undefined) throw new Error('both lead');
    for (const gateway of gateways) {
      const answer = await gateway.call('/system/functions', {
        json: {
          service: 'shared',
          image: 'test:1',
          labels: {
            'com.openfaas.scale.type': 'capacity',
            'com.openfaas.scale.target': '5',
            'com.openfaas.scale.target-proportion': '1',
            'com.openfaas.scale.max': '6',
          },
        },
      });
      expect(answer.status, answer.body).to.equal(202);
    }
    call(leader, 10);
    call(other, 10);
    // Ten calls alone need two replicas, both tens four.
    await until('replicas for the sum', async () => leader !== undefined && scaledTo(leader).at(-1) === 4);
    expect(scaledTo(other)).to.deep.equal([]);

    leader.kill('SIGKILL');
    await leader.end();
    await until('another one that leads', () => isLeader(other));
    call(other, 15);
    await until('replicas for what the survivor has', async () => scaledTo(other).at(-1) === 5);
    await other.logged('this gateway scales the functions');
    expect((await other.call('/healthz')).status).to.equal(200);
  });

  it('a gateway that stops gives the lead away before it has finished its calls', async () => {
    let leader: RunningGateway | undefined;
    await until('one that leads', async () => {
      for (const gateway of gateways) if (await isLeader(gateway)) leader = gateway;
      return leader !== undefined;
    });
    const other = gateways.find((gateway) => gateway !== leader);
    if (leader === undefined || other === undefined) throw new Error('both lead');
    leader.kill('SIGTERM');
    await other.logged('this gateway scales the functions');
    const { exitCode } = await leader.ended;
    expect(exitCode).to.equal(0);
    const health = JSON.parse((await other.call('/system/health')).body) as { parts?: unknown };
    expect(JSON.stringify(health)).to.match(/NATS 2\.[^"]*, with JetStream; \d gateways?, this one scales/);
    const known = (): Promise<Record<string, number>> => other.metric('gateway_scaling_gateways');
    await until('its leaving', async () => (await known())[''] === 1);
  });

  it('a notification that comes to both makes one step', async () => {
    const [first, second] = gateways;
    if (first === undefined || second === undefined) throw new Error('two gateways');
    await until('both', async () => {
      const known = await Promise.all(gateways.map((each) => each.metric('gateway_scaling_gateways')));
      return known.every((count) => count[''] === 2);
    });
    for (const gateway of gateways) {
      const answer = await gateway.call('/system/functions', {
        json: { service: 'shared', image: 'test:1' },
      });
      expect(answer.status, answer.body).to.equal(202);
    }
    const labels = { alertname: 'busy', function_name: 'shared.openfaas-fn' };
    const notification = (startsAt: string): object => ({
      status: 'firing',
      alerts: [{ status: 'firing', labels, startsAt, fingerprint: '0f' }],
    });
    const alert = async (gateway: RunningGateway, startsAt: string): Promise<void> => {
      const answer = await gateway.call('/system/alert', { json: notification(startsAt) });
      expect(answer.status, answer.body).to.equal(200);
    };
    const connection = await connect({ servers: `${nats.host}:${nats.port}` });
    const told: string[] = [];
    connection.subscribe('skep.skep.loads', { callback: (_, message) => void told.push(message.string()) });
    await connection.flush();
    await alert(first, '2026-01-01T00:00:00Z');
    await until('the step', async () => scaledTo(first).length > 0);
    expect(scaledTo(first)).to.deep.equal([5]);
    // Whatever the first one said after it, the other one has heard it.
    await until('the news', async () => told.some((text) => text.includes('"isDone":true')));
    const count = told.length;
    await until('what is told after it', async () => told.length > count + 4);
    await connection.close();
    await alert(second, '2026-01-01T00:00:00Z');
    expect(scaledTo(second)).to.deep.equal([]);
    // The alert has ended and begun again: that is another one.
    await alert(second, '2026-01-01T01:00:00Z');
    await until('the next step', async () => scaledTo(second).length > 0);
    expect([scaledTo(first), scaledTo(second)]).to.deep.equal([[5], [5]]);
  });

  it('gateways serve and are healthy without NATS, and scale by themselves', async () => {
    await nats.kill();
    const alone = await runGateway({
      gateway_workers: '1',
      function_port: String(replicas.port),
      faas_nats_address: nats.host,
      faas_nats_port: String(nats.port),
      write_timeout: '1s',
    });
    gateways.push(alone);
    expect((await alone.call('/healthz')).status).to.equal(200);
    await alone.logged('NATS is away: it is tried on and on');
    await alone.logged('this gateway scales the functions');
  });
});
