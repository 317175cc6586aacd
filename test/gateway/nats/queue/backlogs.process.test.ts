import { expect } from 'chai';
import { Backlogs } from '../../../../gateway/nats/queue/backlogs.ts';
import { type NatsServer, startNats } from '../../../support/nats-server.ts';
import { newCall, openQueue, type TestQueue } from './fixtures/test-queue.ts';

describe('what waits in the queue', function () {
  this.timeout(30_000);
  let nats: NatsServer;
  let queue: TestQueue;
  let backlogs: Backlogs;

  before(async () => {
    nats = await startNats();
  });
  after(() => nats.close());
  beforeEach(async () => {
    queue = await openQueue(nats);
    backlogs = new Backlogs(queue.sessions, queue.names);
  });
  afterEach(() => queue.close());

  /** As a worker does that runs them. */
  async function take(name: string, count: number): Promise<void> {
    const { js } = await queue.sessions.get();
    const consumer = await js.consumers.get(
      queue.names.queue,
      queue.names.consumer('faas-request', { name, namespace: 'openfaas-fn' }),
    );
    for await (const message of await consumer.fetch({ max_messages: count, expires: 1000 })) {
      expect(message.redelivered).to.equal(false);
    }
  }

  it('is nothing before the first call', async () => {
    const view = await backlogs.look();
    expect(view).to.deep.equal({ backlogs: [], later: 0, callbacks: new Map(), dead: new Map() });
    expect(await backlogs.loads()).to.deep.equal(new Map());
  });

  it('is counted by function, what runs apart from what waits', async () => {
    for (const body of ['1', '2', '3', '4', '5'])
      await queue.intake.accept(newCall({ body: Buffer.from(body) }));
    await queue.queues.announce('slow');
    await queue.intake.accept(newCall({ function: 'other.dev', queue: 'slow' }));
    await take('echo', 2);
    const view = await backlogs.look();
    expect(view.backlogs.map(({ waitingSince: _, ...rest }) => rest)).to.have.deep.members([
      { function: 'echo.openfaas-fn', queue: 'faas-request', waiting: 3, running: 2 },
      { function: 'other.dev', queue: 'slow', waiting: 1, running: 0 },
    ]);
    expect(await backlogs.loads()).to.deep.equal(
      new Map([
        ['echo.openfaas-fn', 5],
        ['other.dev', 1],
      ]),
    );
  });

  it('has waited since the oldest that nobody has taken was stored', async () => {
    const sinceOf = async (): Promise<number> => (await backlogs.look()).backlogs[0]?.waitingSince ?? 0;
    const times: number[] = [];
    for (let call = 0; call < 3; call++) {
      times.push(Date.now());
      await queue.intake.accept(newCall());
      await Bun.sleep(30);
    }
    const isAt = (since: number, index: number): void => {
      expect(since).to.be.at.least((times[index] ?? 0) - 5);
      expect(since).to.be.below(times[index + 1] ?? Number.POSITIVE_INFINITY);
    };
    isAt(await sinceOf(), 0);
    isAt(await sinceOf(), 0);
    await take('echo', 1);
    isAt(await sinceOf(), 1);
    await take('echo', 1);
    isAt(await sinceOf(), 2);
    await take('echo', 1);
    expect((await backlogs.look()).backlogs[0]).to.not.have.property('waitingSince');
  });

  it('is told by turns of more functions than are asked for at once', async () => {
    const names = Array.from({ length: 70 }, (_, index) => `f${index}.openfaas-fn`);
    for (const name of names) await queue.intake.accept(newCall({ function: name }));
    const known = async (): Promise<number> =>
      (await backlogs.look()).backlogs.filter(({ waitingSince }) => waitingSince !== undefined).length;
    expect(await known()).to.equal(64);
    expect(await known()).to.equal(70);
  });

  it('tells of what runs later, of dead letters by function, and of callbacks by queue', async () => {
    await queue.intake.accept(newCall({ runAt: Date.now() + 3_600_000 }));
    const { js, manager } = await queue.sessions.get();
    const { names } = queue;
    const name = { name: 'echo', namespace: 'openfaas-fn' };
    for (let letter = 0; letter < 2; letter++) await js.publish(names.deadLetter(name), 'x');
    await js.publish(names.callback('faas-request'), 'x');
    await manager.consumers.add(names.queue, {
      durable_name: names.callbackConsumer('faas-request'),
      filter_subject: names.callback('faas-request'),
      ack_policy: 'explicit',
    });
    const { later, dead, callbacks } = await backlogs.look();
    expect(later).to.equal(1);
    expect(dead).to.deep.equal(new Map([['echo.openfaas-fn', 2]]));
    expect(callbacks).to.deep.equal(new Map([['faas-request', 1]]));
  });

  it('is unknown, not empty, while NATS does not answer', async () => {
    expect(await backlogs.lookWithin(5000)).to.not.equal(undefined);
    nats.pause();
    try {
      expect(await backlogs.lookWithin(50)).to.equal(undefined);
    } finally {
      nats.resume();
    }
  });
});
