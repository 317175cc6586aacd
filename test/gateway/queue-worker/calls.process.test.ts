import { expect } from 'chai';
import { type NatsServer, startNats } from '../../support/nats-server.ts';
import { newCall, openQueue, type TestQueue } from '../nats/queue/fixtures/test-queue.ts';
import { type FakeGateway, startFakeGateway } from './fixtures/fake-gateway.ts';
import { emptied, recordOf, startWorker, type TestWorker } from './fixtures/test-worker.ts';

describe('a queue worker', () => {
  let nats: NatsServer;
  let gateway: FakeGateway;
  let queue: TestQueue;
  let worker: TestWorker | undefined;

  before(async () => {
    nats = await startNats();
  });
  beforeEach(async () => {
    gateway = await startFakeGateway();
    queue = await openQueue(nats);
  });
  afterEach(async () => {
    await worker?.stop();
    worker = undefined;
    await queue.close();
    await gateway.close();
  });
  after(() => nats.close());

  const start = async (settings?: Readonly<Record<string, string>>): Promise<void> => {
    worker = await startWorker({ nats, queue, gateway }, settings);
  };

  it('runs a call, and tells of it', async () => {
    await start();
    const id = await queue.intake.accept(newCall({ path: '/a?b=c', headers: ['X-One', '1', 'Host', 'h:1'] }));
    const { record, body } = await recordOf(queue, id);
    expect(record).to.deep.include({ state: 'succeeded', attempt: 1, step: 0 });
    expect(record.result).to.deep.include({ status: 200, bytes: 5, kept: 'message' });
    expect(record.attempts).to.have.length(1);
    expect(body).to.equal('hello');
    await emptied(queue);
    const [call] = gateway.seen;
    expect(call?.path).to.equal('/function/echo.openfaas-fn/a?b=c');
    expect(call?.headers).to.deep.include({
      'x-one': '1',
      'x-call-id': id,
      host: 'h:1',
      'content-length': '5',
    });
    expect(call?.body.toString()).to.equal('hello');
  });

  it('runs what waited before it came, and functions that it has not heard of', async () => {
    const ids = await Promise.all([
      queue.intake.accept(newCall()),
      queue.intake.accept(newCall({ function: 'other.ns' })),
    ]);
    await start();
    for (const id of ids) expect((await recordOf(queue, id)).record.state).to.equal('succeeded');
  });

  it('does not retry what a function has refused', async () => {
    await start();
    gateway.answer = (_call, response) => response.writeHead(404).end('no such thing');
    const { record, body } = await recordOf(queue, await queue.intake.accept(newCall()));
    expect(record).to.deep.include({ state: 'failed', attempt: 1, reason: 'the function answered 404' });
    expect(body).to.equal('no such thing');
    expect(gateway.seen).to.have.length(1);
  });

  it('retries what failed, until it succeeds', async () => {
    await start();
    gateway.answer = (call, response) =>
      response.writeHead(gateway.seen.length < 3 ? 500 : 200).end(call.body);
    const { record } = await recordOf(queue, await queue.intake.accept(newCall()));
    expect(record).to.deep.include({ state: 'succeeded', attempt: 3 });
    expect(record.attempts.map(({ attempt, status }) => [attempt, status])).to.deep.equal([
      [1, 500],
      [2, 500],
      [3, 200],
    ]);
    expect(gateway.seen.map(({ body }) => body.toString())).to.deep.equal(['hello', 'hello', 'hello']);
  });

  it('has a call that fails always among the dead, with its last answer', async () => {
    await start();
    gateway.answer = (_call, response) => response.writeHead(500).end('oh no');
    const id = await queue.intake.accept(newCall());
    const { record, body } = await recordOf(queue, id);
    expect(record).to.deep.include({ state: 'dead', reason: 'the function answered 500, after 3 attempts' });
    expect(body).to.equal('oh no');
    const { manager } = await queue.sessions.get();
    const letter = await manager.streams.getMessage(queue.names.dead, { seq: record.deadLetter ?? 0 });
    expect(letter?.string()).to.equal('hello');
    await emptied(queue);
  });
});
