import { createHash } from 'node:crypto';
import { expect } from 'chai';
import { encodeRecord } from '../../../../gateway/nats/queue/call-codec.ts';

import { printOf } from '../../../../gateway/queue/accepting.ts';
import { type NatsServer, startNats } from '../../../support/nats-server.ts';
import { newCall, openQueue, type TestQueue } from './fixtures/test-queue.ts';

describe('what takes calls into JetStream', () => {
  let nats: NatsServer;
  let queue: TestQueue;

  before(async () => {
    nats = await startNats();
  });
  beforeEach(async () => {
    queue = await openQueue(nats);
  });
  afterEach(() => queue.close());
  after(() => nats.close());

  it('stores a call, whose id is what its message says', async () => {
    const id = await queue.intake.accept(newCall());
    const [call] = await queue.waiting();
    expect(call).to.deep.include({ id, step: 0, attempt: 1, revision: 0, path: '/' });
    expect(call?.headers).to.deep.equal(['Content-Type', 'text/plain', 'X-Call-Id', id]);
    expect(Buffer.from(call?.body as Uint8Array).toString()).to.equal('hello');
    expect(await queue.records.read(id)).to.equal(undefined);
  });

  it('stores what is to run later elsewhere, with an id that says so', async () => {
    const runAt = Date.now() + 60_000;
    const id = await queue.intake.accept(newCall({ runAt }));
    expect(await queue.waiting()).to.deep.equal([]);
    const [call] = await queue.waiting('later');
    expect(call).to.deep.include({ id, runAt });
  });

  it('has a consumer made for the function, once, and tells of it', async () => {
    const news = queue.hear(queue.names.consumerMade);
    await Promise.all([
      queue.intake.accept(newCall()),
      queue.intake.accept(newCall()),
      queue.intake.accept(newCall({ function: 'other.openfaas-fn' })),
    ]);
    const consumers = await queue.consumers();
    expect(consumers.map(({ name }) => name)).to.have.members([
      'call_faas-request_openfaas-fn_echo',
      'call_faas-request_openfaas-fn_other',
    ]);
    expect(news.map((text) => JSON.parse(text))).to.have.deep.members([
      { queue: 'faas-request', function: 'echo.openfaas-fn' },
      { queue: 'faas-request', function: 'other.openfaas-fn' },
    ]);
  });

  it('leaves a consumer alone that is there', async () => {
    await queue.intake.accept(newCall());
    const second = await queue.another();
    await second.accept(newCall());
    expect(await queue.consumers()).to.have.length(1);
  });

  it('writes a record of a call that the client has named, and the message knows it', async () => {
    await queue.intake.acceptAs('my-own', newCall());
    const stored = await queue.records.read('my-own');
    const [call] = await queue.waiting();
    expect(stored?.record).to.deep.include({ id: 'my-own', state: 'queued', attempt: 0 });
    expect(call).to.deep.include({
      id: 'my-own',
      instance: stored?.record.instance,
      revision: stored?.revision,
    });
  });

  it('takes several calls of one id, each of which runs', async () => {
    await queue.intake.acceptAs('my-own', newCall());
    await queue.intake.acceptAs('my-own', newCall());
    const calls = await queue.waiting();
    expect(calls.map(({ id }) => id)).to.deep.equal(['my-own', 'my-own']);
    expect(new Set(calls.map(({ instance }) => instance)).size).to.equal(2);
  });

  it('takes an id that is one call once, whoever comes first', async () => {
    const second = await queue.another();
    const taken = await Promise.all(
      [queue.intake, second, queue.intake, second].map((intake) => intake.acceptFirst('tick-1', newCall())),
    );
    expect(taken.filter(Boolean)).to.have.length(1);
    expect(await queue.waiting()).to.have.length(1);
  });

  it('takes it no more when it has ended', async () => {
    await queue.intake.acceptFirst('tick-1', newCall());
    await queue.takeAll();
    await queue.end('tick-1');
    expect(await queue.intake.acceptFirst('tick-1', newCall())).to.equal(false);
    expect(await queue.waiting()).to.deep.equal([]);
  });

  it('takes it no more when it waits for a later step, or for a retry', async () => {
    for (const changes of [{ step: 1 }, { attempt: 1 }]) {
      const id = `tick-${Object.keys(changes)[0]}`;
      await queue.intake.acceptFirst(id, newCall());
      await queue.records.write({ ...(await queue.record(id)), ...changes }, undefined);
      await queue.takeAll();
      expect(await queue.intake.acceptFirst(id, newCall()), id).to.equal(false);
    }
    expect(await queue.waiting()).to.deep.equal([]);
  });

  it('stores a call of which its last writer has left the record alone', async () => {
    await queue.intake.acceptFirst('tick-0', newCall());
    await queue.takeAll();
    const instance = createHash('sha256').update('tick-1').digest('hex').slice(0, 16);
    await queue.records.write({ ...(await queue.record('tick-0')), id: 'tick-1', instance }, 0);
    expect(await queue.intake.acceptFirst('tick-1', newCall())).to.equal(true);
    const [call] = await queue.waiting();
    expect(call).to.deep.include({ id: 'tick-1', instance });
    expect(call?.revision).to.equal((await queue.records.read('tick-1'))?.revision);
  });

  it('takes it beside a call to which a client has given that id', async () => {
    await queue.intake.acceptAs('tick-1', newCall({ path: '/by-a-client' }));
    expect(await queue.intake.acceptFirst('tick-1', newCall({ path: '/the-tick' }))).to.equal(true);
    expect(await queue.intake.acceptFirst('tick-1', newCall({ path: '/the-tick' }))).to.equal(false);
    const waiting = await queue.waiting();
    expect(waiting.map(({ path }) => path).sort()).to.deep.equal(['/by-a-client', '/the-tick']);
  });

  it('gives one id for one key of a function, and runs it once', async () => {
    const second = await queue.another();
    const answers = await Promise.all(
      [queue.intake, second, queue.intake, second].map((intake) => intake.acceptKeyed('order 7', newCall())),
    );
    expect(new Set(answers.map(({ id }) => id)).size).to.equal(1);
    expect(answers.filter(({ isFirst }) => isFirst)).to.have.length(1);
    expect(await queue.waiting()).to.have.length(1);
    const other = await queue.intake.acceptKeyed('order 7', newCall({ function: 'other.openfaas-fn' }));
    expect(other.isFirst).to.equal(true);
    expect(other.id).not.to.equal(answers[0]?.id);
  });

  it('refuses another call under a key that stands for one', async () => {
    const { id } = await queue.intake.acceptKeyed('order 7', newCall());
    for (const changes of [
      { path: '/other' },
      { body: Buffer.from('other') },
      { callbackUrl: 'https://a.example/' },
    ]) {
      const failure = await queue.intake
        .acceptKeyed('order 7', newCall(changes))
        .catch((error: unknown) => error);
      expect(failure).to.deep.include({ code: 'invalid_request' });
    }
    expect(await queue.intake.acceptKeyed('order 7', newCall())).to.deep.equal({ id, isFirst: false });
    expect(await queue.waiting()).to.have.length(1);
  });

  it('runs a call whose first writer was lost after it had kept the key', async () => {
    const lost = { id: 'lost-id', instance: '00000000000000aa' };
    await queue.keepKey('echo.openfaas-fn order 7', { ...lost, print: printOf(newCall()) });
    expect(await queue.intake.acceptKeyed('order 7', newCall())).to.deep.equal({
      id: 'lost-id',
      isFirst: true,
    });
    expect(await queue.intake.acceptKeyed('order 7', newCall())).to.deep.equal({
      id: 'lost-id',
      isFirst: false,
    });
    const calls = await queue.waiting();
    expect(calls.map(({ id, instance }) => ({ id, instance }))).to.deep.equal([lost]);
  });

  it('runs a keyed call no second time though its record was displaced', async () => {
    const { id } = await queue.intake.acceptKeyed('order 7', newCall());
    await queue.keyIsMarked('echo.openfaas-fn order 7');
    await queue.takeAll();
    await queue.forgetRecords();
    expect(await queue.intake.acceptKeyed('order 7', newCall())).to.deep.equal({ id, isFirst: false });
    expect(await queue.waiting()).to.deep.equal([]);
  });

  it('refuses a queue that no worker has served, and takes it when one has', async () => {
    await expectRefusal(
      queue.intake.accept(newCall({ queue: 'slow' })),
      'queue_not_served',
      /queue_name=slow/,
    );
    expect(await queue.waiting()).to.deep.equal([]);
    await queue.queues.announce('slow');
    await queue.intake.accept(newCall({ queue: 'slow' }));
    expect(await queue.waiting()).to.have.length(1);
  });

  it('refuses a chain of which a later step goes to such a queue', async () => {
    const steps = [
      { function: 'echo.openfaas-fn', queue: 'faas-request' },
      { function: 'other.openfaas-fn', queue: 'slow' },
    ];
    await expectRefusal(queue.intake.accept({ ...newCall(), steps }), 'queue_not_served', /slow/);
    expect(await queue.waiting()).to.deep.equal([]);
  });

  it('refuses headers that no message can hold, as the caller’s fault', async () => {
    for (const bytes of [100_000, 1024 * 1024]) {
      const headers = ['A', 'x'.repeat(bytes)];
      await expectRefusal(queue.intake.accept(newCall({ headers })), 'invalid_request', /too long|longer/);
      const named = queue.intake.acceptAs('mine', newCall({ headers }));
      await expectRefusal(named, 'invalid_request', /too long|longer/);
    }
    expect(await queue.waiting()).to.deep.equal([]);
    await queue.noRecord('mine');
  });

  it('keeps bytes of headers and of the path as they came', async () => {
    const headers = ['X-Odd', 'caf\u00e9 \u0080\u00ff "\\', 'X-Odd', ''];
    await queue.intake.accept(newCall({ headers, path: '/a%20b?q=\u00fc' }));
    const [call] = await queue.waiting();
    expect(call?.headers.slice(0, 4)).to.deep.equal(headers);
    expect(call?.path).to.equal('/a%20b?q=\u00fc');
  });

  it('writes no record that it could not read again', async () => {
    const record = { ...(await named(queue)), reason: 'caf\u00e9 \u{1f41d}\n' };
    const { newHeaders } = await queue.sessions.get();
    expect(encodeRecord(record, newHeaders()).get('Skep-Record')).to.match(/^[ -~]+$/);
    await queue.records.write(record, undefined);
    expect((await queue.records.read('my-own'))?.record).to.deep.equal(record);
  });
});

async function named(queue: TestQueue): ReturnType<TestQueue['record']> {
  await queue.intake.acceptAs('my-own', newCall());
  return queue.record('my-own');
}

async function expectRefusal(work: Promise<unknown>, code: string, message: RegExp): Promise<void> {
  const error = (await work.then(
    () => expect.fail('it was accepted'),
    (reason: unknown) => reason,
  )) as { code?: string; message?: string };
  expect(error.code, error.message).to.equal(code);
  expect(error.message).to.match(message);
}
