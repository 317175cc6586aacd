import { Kvm } from '@nats-io/kv';
import { expect } from 'chai';
import { ScheduleStore } from '../../../../gateway/nats/queue/schedule-store.ts';
import { type NatsServer, startNats } from '../../../support/nats-server.ts';
import { openQueue, type TestQueue } from './fixtures/test-queue.ts';

const KEY = 'report.openfaas-fn';
const PROGRESS = { of: '2026 UTC * * * * *', from: 1000, until: 61_000 };

describe('how far schedules have come', function () {
  this.timeout(30_000);
  let nats: NatsServer;
  let queue: TestQueue;
  let store: ScheduleStore;

  beforeEach(async () => {
    nats = await startNats();
    queue = await openQueue(nats);
    store = new ScheduleStore(queue.sessions, queue.names);
  });
  afterEach(async () => {
    await queue.close();
    await nats.close();
  });

  it('is replaced by who has seen it as it is, and by nobody else', async () => {
    expect(await store.all()).to.deep.equal(new Map());
    const first = Number(await store.write(KEY, PROGRESS, 0));
    expect(first).to.be.above(0);
    expect(await store.write(KEY, PROGRESS, 0)).to.equal('conflict');
    const later = { ...PROGRESS, until: 121_000 };
    const second = Number(await store.write(KEY, later, first));
    expect(await store.write(KEY, PROGRESS, first)).to.equal('conflict');
    expect(await store.all()).to.deep.equal(new Map([[KEY, { ...later, revision: second }]]));
  });

  it('is forgotten, and may be begun anew', async () => {
    const first = Number(await store.write(KEY, PROGRESS, 0));
    await store.remove(KEY);
    expect(await store.all()).to.deep.equal(new Map());
    expect(await store.write(KEY, PROGRESS, first)).to.equal('conflict');
    expect(await store.write(KEY, PROGRESS, 0)).to.be.above(first);
    expect([...(await store.all()).keys()]).to.deep.equal([KEY]);
  });

  it('outlives NATS', async () => {
    await store.write(KEY, PROGRESS, 0);
    await nats.kill();
    await queue.away();
    await nats.start();
    await queue.back();
    expect((await store.all()).get(KEY)).to.include(PROGRESS);
  });

  it('is found in a store that was made with other settings', async () => {
    const { js } = await queue.sessions.get();
    await new Kvm(js).create(queue.names.schedules, { history: 5, storage: 'memory' });
    expect(await store.write(KEY, PROGRESS, 0)).to.be.above(0);
    expect((await store.all()).get(KEY)).to.include(PROGRESS);
  });

  it('is begun anew where nobody can read it', async () => {
    const revision = Number(await store.write(KEY, PROGRESS, 0));
    const { js } = await queue.sessions.get();
    await js.publish(`$KV.${queue.names.schedules}.${KEY}`, 'no JSON');
    expect((await store.all()).get(KEY)?.of).to.equal('');
    expect(await store.write(KEY, PROGRESS, revision)).to.equal('conflict');
  });
});
