import { expect } from 'chai';
import { type NatsServer, startNats } from '../../support/nats-server.ts';
import { until } from '../../support/platform.ts';
import { type RunningGateway, runGateway } from '../../support/run-gateway.ts';
import { openQueue, type TestQueue } from '../nats/queue/fixtures/test-queue.ts';

const KEY = 'tick.openfaas-fn';
const TICK = {
  service: 'tick',
  image: 'test:1',
  annotations: { topic: 'cron-function', schedule: '@every 1s', 'com.skep.schedule.body': 'go' },
};

/** Times of ticks, from their calls' ids, in whole seconds. */
const secondsOf = (ids: readonly string[]): number[] =>
  ids.map((id) => {
    const [, day = '', time = ''] = /-(\d{8})T(\d{6})Z$/.exec(id) ?? [];
    const iso = `${day.replace(/(....)(..)(..)/, '$1-$2-$3')}T${time.replace(/(..)(..)(..)/, '$1:$2:$3')}Z`;
    return Date.parse(iso) / 1000;
  });

describe('schedules of functions', function () {
  this.timeout(90_000);
  let nats: NatsServer;
  let queue: TestQueue;
  const gateways: RunningGateway[] = [];

  beforeEach(async () => {
    nats = await startNats();
    queue = await openQueue(nats);
  });
  afterEach(async () => {
    await Promise.all(gateways.splice(0).map((gateway) => gateway.end()));
    await queue.close();
    await nats.close();
  });

  async function start(settings: Readonly<Record<string, string>> = {}): Promise<RunningGateway> {
    const gateway = await runGateway({
      gateway_workers: '1',
      function_port: '1',
      faas_nats_address: nats.host,
      faas_nats_port: String(nats.port),
      cluster_name: queue.names.queue.replace(/_queue$/, ''),
      queue_limit_bytes: '16777216',
      queue_later_limit_bytes: '16777216',
      queue_body_limit_bytes: '16777216',
      queue_record_limit_bytes: '16777216',
      queue_result_limit_bytes: '16777216',
      queue_dead_limit_bytes: '16777216',
      deployed: JSON.stringify([TICK]),
      deployed_at: '2026-01-01T00:00:00Z',
      ...settings,
    });
    gateways.push(gateway);
    return gateway;
  }

  const ticks = async (): Promise<number[]> => secondsOf((await queue.waiting()).map(({ id }) => id));
  const untilTicks = (count: number) =>
    until(`${count} ticks`, async () => (await ticks()).length >= count, 40_000);
  const isActing = (gateway: RunningGateway): boolean =>
    gateway.lines.some(
      ({ lease, message }) => lease === 'schedules' && message === 'this process has the lease',
    );

  it('call once for each tick, while gateways hang, are killed and take over, and NATS is killed', async () => {
    const one = await start();
    await untilTicks(2);
    const two = await start();
    one.kill('SIGSTOP');
    await untilTicks(8);
    expect(isActing(two)).to.equal(true);
    one.kill('SIGCONT');
    await untilTicks(10);
    two.kill('SIGKILL');
    await two.ended;
    await untilTicks((await ticks()).length + 5);
    await nats.kill();
    await queue.away();
    await nats.start();
    await queue.back();
    await untilTicks((await ticks()).length + 3);

    const seconds = await ticks();
    const [first = 0] = seconds;
    expect(seconds).to.deep.equal(seconds.map((_, index) => first + index));
    const [call] = await queue.waiting();
    expect(call?.steps).to.deep.equal([{ function: KEY, queue: 'faas-request' }]);
    expect(Buffer.from(call?.body as Uint8Array).toString()).to.equal('go');
    expect(call?.headers).to.include.members(['X-Connector', 'cron-connector', 'X-Topic', 'cron-function']);
  });

  it('are told of by the metrics and by the call’s record, and left alone by who is not to call', async () => {
    const [other, gateway] = await Promise.all([start({ schedules: 'false' }), start()]);
    await untilTicks(3);
    const labels = `{function_name="${KEY}",result="accepted"}`;
    await until('a count', async () => {
      const counts = await gateway.metric('gateway_schedule_ticks_total');
      return (counts[labels] ?? 0) >= 3;
    });
    const waiting = Object.values(await gateway.metric('gateway_async_waiting'));
    expect(waiting[0]).to.be.at.least(3);
    const [call] = await queue.waiting();
    expect((await queue.record(call?.id ?? '')).state).to.equal('queued');
    expect(isActing(other)).to.equal(false);
  });

  it('are refused at the deployment that cannot mean them', async () => {
    const gateway = await start({ deployed: '[]' });
    const annotations = { ...TICK.annotations, schedule: '61 * * * *' };
    const { status, body } = await gateway.call('/system/functions', { json: { ...TICK, annotations } });
    expect(status).to.equal(400);
    expect(body).to.contain('annotations: schedule').and.to.contain('61');
  });
});
