import { expect } from 'chai';
import { type NatsServer, startNats } from '../../support/nats-server.ts';
import { until } from '../../support/platform.ts';
import { newCall, openQueue, type TestQueue } from '../nats/queue/fixtures/test-queue.ts';
import { type FakeGateway, startFakeGateway } from './fixtures/fake-gateway.ts';
import { recordOf, startWorker, type TestWorker } from './fixtures/test-worker.ts';

describe('calls for later', function () {
  this.timeout(60_000);
  let nats: NatsServer;
  let gateway: FakeGateway;
  let queue: TestQueue;
  const workers: TestWorker[] = [];

  before(async () => {
    nats = await startNats();
    gateway = await startFakeGateway();
    queue = await openQueue(nats);
  });
  afterEach(async () => {
    await Promise.all(workers.splice(0).map((worker) => worker.stop()));
  });
  after(async () => {
    await queue.close();
    await gateway.close();
    await nats.close();
  });

  it('run when their time has come, and ten thousand of them hold back no other', async () => {
    let left = 10_000;
    const runAt = Date.now() + 3_600_000;
    const lane = async (): Promise<void> => {
      while (left-- > 0) await queue.intake.accept(newCall({ runAt }));
    };
    await Promise.all(Array.from({ length: 32 }, lane));
    workers.push(await startWorker({ nats, queue, gateway }), await startWorker({ nats, queue, gateway }));
    const soonAt = Date.now() + 1000;
    const soon = await queue.intake.accept(newCall({ runAt: soonAt, path: '/soon' }));
    const now = await queue.intake.accept(newCall({ path: '/now' }));
    await recordOf(queue, now);
    const { record } = await recordOf(queue, soon);
    expect(record).to.deep.include({ id: soon, state: 'succeeded', attempt: 1 });
    expect(record.attempts[0]?.startedAt).to.be.at.least(soonAt);
    expect(gateway.seen.map(({ path }) => path)).to.deep.equal([
      '/function/echo.openfaas-fn/now',
      '/function/echo.openfaas-fn/soon',
    ]);
  });

  it('run though the worker that moves them is gone', async () => {
    workers.push(await startWorker({ nats, queue, gateway }));
    await recordOf(queue, await queue.intake.accept(newCall({ runAt: Date.now() + 1 })));
    workers.push(await startWorker({ nats, queue, gateway }));
    await workers.shift()?.stop();
    const id = await queue.intake.accept(newCall({ runAt: Date.now() + 100 }));
    expect((await recordOf(queue, id)).record.state).to.equal('succeeded');
    await until('only those that wait', async () => {
      const { manager } = await queue.sessions.get();
      return (await manager.streams.info(queue.names.later)).state.messages === 10_000;
    });
  });
});
