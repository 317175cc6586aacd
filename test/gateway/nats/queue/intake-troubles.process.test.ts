import { expect } from 'chai';
import { type NatsServer, startNats } from '../../../support/nats-server.ts';
import { newCall, openQueue, SMALL_LIMITS, type TestQueue } from './fixtures/test-queue.ts';

const KIB = 1024;

describe('what takes calls, in trouble', function () {
  this.timeout(30_000);
  let nats: NatsServer;
  let queue: TestQueue;

  before(async () => {
    nats = await startNats();
  });
  afterEach(() => queue.close());
  after(() => nats.close());

  it('refuses while NATS is away, keeps what it has accepted, and goes on when it is back', async () => {
    queue = await openQueue(nats);
    const accepted = await Promise.all(Array.from({ length: 20 }, () => queue.intake.accept(newCall())));
    await nats.kill();
    await queue.away();
    expect(await refusal(queue.intake.accept(newCall()))).to.equal('queue_unavailable');
    expect(await refusal(queue.intake.acceptAs('mine', newCall()))).to.equal('queue_unavailable');
    expect(await refusal(queue.intake.storeBody(bodyOf(1), KIB))).to.equal('queue_unavailable');
    await nats.start();
    await queue.back();
    accepted.push(await queue.intake.accept(newCall()));
    expect((await queue.waiting()).map(({ id }) => id)).to.deep.equal(accepted);
  });

  it('loses none that it has accepted while NATS is killed again and again', async () => {
    queue = await openQueue(nats);
    const accepted: string[] = [];
    const refused: string[] = [];
    let isOver = false;
    const client = async (): Promise<void> => {
      while (!isOver) {
        await queue.intake.accept(newCall()).then(
          (id) => accepted.push(id),
          (error: { code: string }) => refused.push(error.code),
        );
        await Bun.sleep(2);
      }
    };
    const clients = Promise.all(Array.from({ length: 8 }, client));
    for (let kills = 0; kills < 3; kills++) {
      const before = accepted.length;
      while (accepted.length < before + 50) await Bun.sleep(5);
      await nats.kill();
      await queue.away();
      await nats.start();
      await queue.back();
    }
    isOver = true;
    await clients;
    const stored = new Set((await queue.waiting()).map(({ id }) => id));
    expect(accepted.filter((id) => !stored.has(id))).to.deep.equal([]);
    expect(new Set(refused)).to.deep.equal(new Set(['queue_unavailable']));
    // Of each kill, what was on its way may have been stored without a word.
    expect(stored.size - accepted.length).to.be.at.most(3 * 8);
  });

  it('does not tell of a named call that nobody knows to be stored, and lets it not run', async () => {
    queue = await openQueue(nats);
    await queue.intake.accept(newCall());
    await queue.setMute(queue.names.queue, true);
    expect(await refusal(queue.intake.acceptAs('mine', newCall()))).to.equal('queue_unavailable');
    const record = await queue.recordWhen('mine', ({ state }) => state !== 'queued');
    expect(record).to.deep.include({ state: 'cancelled' });
    expect(record.reason).to.match(/not accepted/);
  });

  it('refuses with the reason where NATS has no JetStream', async () => {
    const plain = await startNats({ jetStream: false });
    try {
      queue = await openQueue(plain, 'without streams');
      expect(await refusal(queue.intake.accept(newCall()))).to.equal('queue_unavailable');
    } finally {
      await plain.close();
    }
  });

  it('refuses with the reason while its streams are not made', async () => {
    queue = await openQueue(nats, 'without streams');
    expect(await refusal(queue.intake.accept(newCall()))).to.equal('queue_unavailable');
    expect(await refusal(queue.intake.acceptFirst('mine', newCall()))).to.equal('queue_unavailable');
    expect(await refusal(queue.intake.acceptKeyed('mine', newCall()))).to.equal('queue_unavailable');
    expect(await refusal(queue.intake.storeBody(bodyOf(1), KIB))).to.equal('queue_unavailable');
  });

  it('refuses when the queue is full, leaves nothing of what it refuses, and takes calls when there is room', async () => {
    queue = await openQueue(nats, { queueBytes: 400 * KIB });
    const body = Buffer.alloc(10 * KIB);
    const accepted: string[] = [];
    const fill = async (): Promise<string> => {
      for (;;) accepted.push(await queue.intake.accept(newCall({ body })));
    };
    expect(await refusal(fill())).to.equal('queue_full');
    expect(accepted.length).to.be.within(30, 39);
    expect(await refusal(queue.intake.acceptAs('mine', newCall({ body })))).to.equal('queue_full');
    expect(await refusal(queue.intake.acceptFirst('first', newCall({ body })))).to.equal('queue_full');
    expect(await refusal(queue.intake.acceptKeyed('key', newCall({ body })))).to.equal('queue_full');
    await queue.noRecord('mine');
    await queue.noRecord('first');
    expect((await queue.waiting()).map(({ id }) => id)).to.deep.equal(accepted);
    await queue.takeAll();
    while ((await refusal(queue.intake.accept(newCall({ body })))) !== '') await Bun.sleep(50);
    expect(await queue.intake.acceptFirst('first', newCall({ body }))).to.equal(true);
    expect((await queue.intake.acceptKeyed('key', newCall({ body }))).isFirst).to.equal(true);
  });

  it('keeps some of the room for what workers send on', async () => {
    queue = await openQueue(nats, { queueBytes: 400 * KIB });
    await queue.fill(395 * KIB);
    while ((await refusal(queue.intake.accept(newCall()))) === '') await Bun.sleep(20);
    const { js } = await queue.sessions.get();
    await js.publish(
      queue.names.call('faas-request', { name: 'echo', namespace: 'openfaas-fn' }),
      'follower',
    );
    // What is to run later has a room of its own.
    await queue.intake.accept(newCall({ runAt: Date.now() + 60_000 }));
  });

  it('keeps some of the room of later calls for those that are tried again', async () => {
    queue = await openQueue(nats, { laterBytes: 400 * KIB });
    const later = newCall({ runAt: Date.now() + 60_000, body: Buffer.alloc(10 * KIB) });
    for (let tries = 0; tries < 100; tries++) {
      const [code] = await Promise.all([refusal(queue.intake.accept(later)), Bun.sleep(5)]);
      if (code === 'queue_full') break;
    }
    const { js } = await queue.sessions.get();
    const subject = queue.names.laterCall('faas-request', { name: 'echo', namespace: 'openfaas-fn' });
    await js.publish(subject, Buffer.alloc(10 * KIB));
    await queue.intake.accept(newCall());
  });

  it('says so when there is no room for another key, and takes calls without one', async () => {
    queue = await openQueue(nats);
    await queue.intake.acceptKeyed('first', newCall());
    const { manager } = await queue.sessions.get();
    await queue.keyIsMarked('echo.openfaas-fn first');
    const { bytes } = (await manager.streams.info(queue.names.keys)).state;
    await manager.streams.update(queue.names.keys, { max_bytes: bytes + 1 });
    const error = await queue.intake.acceptKeyed('second', newCall()).catch((cause: Error) => cause);
    expect(error).to.include({ code: 'queue_full' });
    expect((error as Error).message).to.match(/no more idempotency keys/);
    await queue.intake.accept(newCall());
    expect(await queue.waiting()).to.have.length(2);
  });

  it('makes what is missing when NATS comes back without anything', async () => {
    queue = await openQueue(nats);
    await queue.intake.accept(newCall());
    await nats.kill();
    await queue.away();
    const empty = await startNats({ port: nats.port });
    try {
      await queue.back();
      expect(await refusal(queue.intake.accept(newCall()))).to.equal('queue_unavailable');
      await queue.ensure(SMALL_LIMITS);
      await queue.intake.accept(newCall());
      expect(await queue.consumers()).to.have.length(1);
    } finally {
      await empty.close();
      await nats.start();
      await queue.back();
    }
  });
});

function bodyOf(...bytes: number[]): ReadableStream<Uint8Array> {
  return new Response(Uint8Array.from(bytes)).body ?? expect.fail('no body');
}

/** @returns the code; empty: it was accepted */
async function refusal(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return '';
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    return code ?? message;
  }
}
