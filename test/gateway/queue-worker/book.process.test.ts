import { once } from 'node:events';
import { expect } from 'chai';
import { JetStreamCallBook } from '../../../gateway/nats/queue/book.ts';
import { encodeDead } from '../../../gateway/nats/queue/dead-codec.ts';
import { QueueConsumers } from '../../../gateway/nats/queue/queue-consumers.ts';
import { ENDED } from '../../../gateway/queue/call.ts';
import type { CallBook } from '../../../gateway/queue/call-queue.ts';
import { type NatsServer, startNats } from '../../support/nats-server.ts';
import { newCall, openQueue, type TestQueue } from '../nats/queue/fixtures/test-queue.ts';
import { type FakeGateway, startFakeGateway } from './fixtures/fake-gateway.ts';
import { emptied, recordOf, startWorker, type TestWorker } from './fixtures/test-worker.ts';

const WAIT = { waitMs: 60_000 };

describe('the book of calls beside a queue worker', function () {
  this.timeout(120_000);
  let nats: NatsServer;
  let gateway: FakeGateway;
  let queue: TestQueue;
  let worker: TestWorker | undefined;
  let book: CallBook;

  before(async () => {
    nats = await startNats();
  });
  beforeEach(async () => {
    gateway = await startFakeGateway();
    queue = await openQueue(nats);
    book = new JetStreamCallBook(
      queue.sessions,
      queue.names,
      new QueueConsumers(queue.sessions, queue.names),
    );
    await start();
  });
  afterEach(async () => {
    await worker?.stop();
    await queue.close();
    await gateway.close();
  });
  after(() => nats.close());

  /** Calls are tried once: what waits for another attempt waits for the first worker to be sure that it is alone. */
  const start = async (settings: Readonly<Record<string, string>> = {}): Promise<void> => {
    await worker?.stop();
    worker = await startWorker({ nats, queue, gateway }, { max_retry_attempts: '0', ...settings });
  };
  const failing: FakeGateway['answer'] = (_call, response) =>
    response.writeHead(500, { 'content-type': 'text/plain' }).end('oh no');
  const echoing: FakeGateway['answer'] = ({ body }, response) => response.writeHead(200).end(body);
  const bytesOf = async (id: string): Promise<Uint8Array> => {
    const found = (await book.result(id)) ?? expect.fail(`no result of ${id}`);
    return new Uint8Array(await new Response(found.body).arrayBuffer());
  };

  it('tells of the end as soon as it comes, and has the answer', async () => {
    const id = await queue.intake.accept(newCall());
    expect(await book.read(id, WAIT)).to.deep.include({ state: 'succeeded', attempt: 1 });
    expect(Buffer.from(await bytesOf(id)).toString()).to.equal('hello');
  });

  it('has answers that are longer than a message', async () => {
    const long = Buffer.alloc(1_500_000, 'ab');
    gateway.answer = (_call, response) => response.writeHead(200).end(long);
    const id = await queue.intake.accept(newCall());
    expect(await book.read(id, WAIT)).to.deep.include({ state: 'succeeded' });
    expect(long.equals(await bytesOf(id))).to.equal(true);
  });

  it('sends a dead call again, which then succeeds', async () => {
    gateway.answer = failing;
    const id = await queue.intake.accept(newCall({ path: '/a?b=c' }));
    expect(await book.read(id, WAIT)).to.deep.include({ state: 'dead', attempt: 1 });
    const letter = (await book.readDead(id)) ?? expect.fail('no letter');
    expect(letter.reason).to.contain('500');
    expect(Buffer.from(letter.response).toString()).to.equal('oh no');
    expect(letter.record?.attempts).to.have.length(1);
    expect(Buffer.from(await bytesOf(id)).toString()).to.equal('oh no');

    gateway.answer = echoing;
    expect(await book.redrive({ id }, 0)).to.equal(1);
    expect(await book.read(id, WAIT)).to.deep.include({ state: 'succeeded', attempt: 1 });
    expect(Buffer.from(await bytesOf(id)).toString()).to.equal('hello');
    expect(gateway.seen.at(-1)?.path).to.equal('/function/echo.openfaas-fn/a?b=c');
    expect(gateway.seen.at(-1)?.headers).to.deep.include({ 'x-call-id': id });
    expect(await book.readDead(id)).to.equal(undefined);
    await emptied(queue);
  });

  it('lets a call die as often as it is sent again', async () => {
    gateway.answer = failing;
    const id = await queue.intake.accept(newCall());
    await book.read(id, WAIT);
    for (let time = 0; time < 2; time++) {
      expect(await book.redrive({ id }, 0)).to.equal(1);
      expect(await book.read(id, WAIT)).to.deep.include({ state: 'dead' });
      expect((await book.listDead({ limit: 10 })).letters).to.have.length(1);
    }
    expect(gateway.seen).to.have.length(3);
  });

  it('sends many again at a rate, long bodies included', async () => {
    gateway.answer = failing;
    const body = Buffer.alloc(700_000, 'x');
    const ids: string[] = [];
    for (let i = 0; i < 4; i++) {
      const stored = await queue.intake.storeBody(new Blob([body]).stream(), 1e6);
      ids.push(await queue.intake.accept(newCall({ body: stored })));
    }
    for (const id of ids) expect(await book.read(id, WAIT)).to.deep.include({ state: 'dead' });
    gateway.answer = echoing;
    expect(await book.redrive({ function: 'echo.openfaas-fn' }, 20)).to.equal(4);
    for (const id of ids) {
      expect(await book.read(id, WAIT)).to.deep.include({ state: 'succeeded' });
      expect(body.equals(await bytesOf(id))).to.equal(true);
    }
    const { manager } = await queue.sessions.get();
    while ((await manager.streams.info(`OBJ_${queue.names.bodies}`)).state.messages > 0) await Bun.sleep(10);
  });

  it('goes on with a chain where it died', async () => {
    gateway.answer = (call, response) =>
      call.path.startsWith('/function/second') ? failing(call, response) : response.end(`${call.body}!`);
    const queueName = 'faas-request';
    const id = await queue.intake.accept({
      ...newCall(),
      steps: [
        { function: 'first.openfaas-fn', queue: queueName },
        { function: 'second.openfaas-fn', queue: queueName },
      ],
    });
    expect(await book.read(id, WAIT)).to.deep.include({ state: 'dead', step: 1 });
    gateway.answer = (call, response) => response.end(`${call.body}!`);
    await book.redrive({}, 0);
    expect(await book.read(id, WAIT)).to.deep.include({ state: 'succeeded', step: 1 });
    expect(Buffer.from(await bytesOf(id)).toString()).to.equal('hello!!');
    expect(gateway.seen.filter(({ path }) => path.startsWith('/function/first'))).to.have.length(1);
  });

  it('ends a redrive whose redriver was killed before the letter was gone: the call runs once', async () => {
    gateway.answer = failing;
    const id = await queue.intake.accept(newCall());
    await book.read(id, WAIT);
    await emptied(queue);
    await worker?.stop();
    worker = undefined;
    const letter = (await book.readDead(id)) ?? expect.fail('no letter');
    await book.redrive({ id }, 0);
    const { js, newHeaders } = await queue.sessions.get();
    const { headers, payload } = encodeDead(letter, newHeaders());
    const subject = queue.names.deadLetter({ name: 'echo', namespace: 'openfaas-fn' });
    await js.publish(subject, payload, { headers });
    expect(await book.redrive({ id }, 0)).to.equal(1);
    expect(await book.readDead(id)).to.equal(undefined);
    expect(await queue.waiting()).to.have.length(1);

    gateway.answer = echoing;
    await start();
    expect(await book.read(id, WAIT)).to.deep.include({ state: 'succeeded' });
    await emptied(queue);
    expect(gateway.seen).to.have.length(2);
  });

  it('cancels a call that runs: its function is left, and its message goes', async () => {
    const left = Promise.withResolvers<void>();
    gateway.answer = (_call, response) => {
      void once(response, 'close').then(() => left.resolve());
    };
    const id = await queue.intake.accept(newCall());
    await gateway.came(1);
    expect(await book.cancel(id)).to.equal('cancelled');
    await left.promise;
    await emptied(queue);
    expect((await queue.record(id)).state).to.equal('cancelled');
    expect((await book.listDead({ limit: 1 })).letters).to.deep.equal([]);
  });

  it('cancels one that waits for another attempt', async () => {
    await start({ max_retry_attempts: '1', initial_retry_wait: '2s', max_retry_wait: '2s' });
    gateway.answer = failing;
    const id = await queue.intake.accept(newCall());
    await recordOf(queue, id, ({ state, attempts }) => state === 'queued' && attempts.length === 1);
    expect(await book.cancel(id)).to.equal('cancelled');
    const { manager } = await queue.sessions.get();
    while ((await manager.streams.info(queue.names.later)).state.messages > 0) await Bun.sleep(10);
    expect((await queue.record(id)).state).to.equal('cancelled');
    await emptied(queue);
    expect(gateway.seen).to.have.length(1);
  });

  it('tells of hundreds of calls while they are run, and of each once when they have ended', async () => {
    const ids = await Promise.all(Array.from({ length: 300 }, () => queue.intake.accept(newCall())));
    const seen = async (): Promise<string[]> => {
      const found: string[] = [];
      let cursor: string | undefined;
      do {
        const page = await book.list({ limit: 100, ...(cursor !== undefined && { cursor }) });
        found.push(...page.calls.map(({ id }) => id));
        cursor = page.cursor;
      } while (cursor !== undefined);
      return found;
    };
    await seen();
    for (const id of ids) expect(ENDED.has((await book.read(id, WAIT))?.state ?? 'queued')).to.equal(true);
    await emptied(queue);
    expect((await seen()).sort()).to.deep.equal(ids.sort());
  });
});
