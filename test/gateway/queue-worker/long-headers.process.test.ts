import type { ServerResponse } from 'node:http';
import { expect } from 'chai';
import { JetStreamCallBook } from '../../../gateway/nats/queue/book.ts';
import { QueueConsumers } from '../../../gateway/nats/queue/queue-consumers.ts';
import type { CallStep } from '../../../gateway/queue/call.ts';
import type { CallBook } from '../../../gateway/queue/call-queue.ts';
import {
  MOST_CALL_BYTES,
  MOST_RESULT_HEADER_BYTES,
  storedBytes,
} from '../../../gateway/queue/stored-size.ts';
import { type NatsServer, startNats } from '../../support/nats-server.ts';
import { newCall, openQueue, type TestQueue } from '../nats/queue/fixtures/test-queue.ts';
import { type FakeGateway, startFakeGateway } from './fixtures/fake-gateway.ts';
import { emptied, recordOf, startWorker, type TestWorker } from './fixtures/test-worker.ts';

const KIB = 1024;

/** Headers of one KiB each. */
function write(response: ServerResponse, count: number, character: string): ServerResponse {
  for (let i = 0; i < count; i++) response.setHeader(`x-${i}`, character.repeat(KIB));
  return response.setHeader('content-type', 'text/plain');
}

describe('long headers of asynchronous calls', function () {
  this.timeout(60_000);
  let nats: NatsServer;
  let gateway: FakeGateway;
  let queue: TestQueue;
  let worker: TestWorker;
  let book: CallBook;

  before(async () => {
    nats = await startNats();
  });
  beforeEach(async () => {
    gateway = await startFakeGateway();
    queue = await openQueue(nats);
    const consumers = new QueueConsumers(queue.sessions, queue.names);
    book = new JetStreamCallBook(queue.sessions, queue.names, consumers);
    worker = await startWorker({ nats, queue, gateway }, { max_retry_attempts: '0' });
  });
  afterEach(async () => {
    await worker.stop();
    await queue.close();
    await gateway.close();
  });
  after(() => nats.close());

  for (const [what, count, character] of [
    ['60 KiB of ASCII', 60, 'x'],
    ['12 KiB beyond ASCII', 12, 'é'],
  ] as const) {
    it(`of an answer, ${what}: it is written down, with as many as are kept`, async () => {
      gateway.answer = (_call, response) => write(response, count, character).end('done');
      const id = await queue.intake.accept(newCall());
      const { record, body } = await recordOf(queue, id);
      expect(record.state).to.equal('succeeded');
      expect(body).to.equal('done');
      const headers = record.result?.headers ?? [];
      expect(storedBytes(headers)).to.be.within(MOST_RESULT_HEADER_BYTES / 2, MOST_RESULT_HEADER_BYTES);
      expect(headers).to.include('text/plain');
      expect(headers).to.include(character.repeat(KIB));
      await emptied(queue);
      expect(gateway.seen).to.have.length(1);
    });
  }

  it('of a call that dies, 39 KiB beside a long answer: the letter has the reason, and how the answer begins', async () => {
    const answer = 'why '.repeat(4 * KIB);
    gateway.answer = (_call, response) => {
      response.statusCode = 500;
      write(response, 20, 'x').end(answer);
    };
    const headers = ['X-Long', 'x'.repeat(39 * KIB)];
    const id = await queue.intake.accept(newCall({ headers, callbackUrl: `http://a/${'b'.repeat(900)}` }));
    const { record } = await recordOf(queue, id);
    expect(record).to.deep.include({ state: 'dead', reason: 'the function answered 500, after 1 attempt' });
    const letter = (await book.readDead(id)) ?? expect.fail('no letter');
    expect(letter.reason).to.equal(record.reason);
    expect(letter.call.headers).to.include.members(headers);
    expect(letter.record).to.deep.include({ steps: record.steps, callbackUrl: record.callbackUrl });
    expect(letter.record?.attempts).to.deep.equal(record.attempts);
    expect(letter.record?.result).to.deep.include({ status: 500, bytes: answer.length });
    const start = Buffer.from(letter.response).toString();
    expect(start.length).to.be.at.least(KIB);
    expect(answer.startsWith(start)).to.equal(true);
    await emptied(queue);
    expect(gateway.seen).to.have.length(1);
    gateway.answer = (_call, response) => response.end('well');
    expect(await book.redrive({ id }, 0)).to.equal(1);
    expect((await recordOf(queue, id, ({ state }) => state === 'succeeded')).body).to.equal('well');
  });

  it('of a call that dies, 39 KiB as they are stored: the letter has most of a long answer', async () => {
    gateway.answer = (_call, response) => response.writeHead(500).end('x'.repeat(16 * KIB));
    const id = await queue.intake.accept(newCall({ headers: ['X-Long', 'é'.repeat(6.5 * KIB)] }));
    expect((await recordOf(queue, id)).record.reason).to.equal('the function answered 500, after 1 attempt');
    const letter = (await book.readDead(id)) ?? expect.fail('no letter');
    expect(letter.response.length).to.be.within(12 * KIB, 16 * KIB);
  });

  it('of a chain: the next function is given those of both that fit, and is called', async () => {
    const type = `text/${'x'.repeat(24_400)}`;
    gateway.answer = (call, response) => {
      if (call.path.startsWith('/function/first')) response.setHeader('content-type', type);
      response.end(`${call.body}!`);
    };
    const queueName = 'faas-request';
    const steps = ['first', 'second'].map((name) => ({ function: `${name}.openfaas-fn`, queue: queueName }));
    const headers = ['traceparent', 'one', 'tracestate', 'x'.repeat(40_600)];
    const id = await queue.intake.accept({ ...newCall({ headers }), steps });
    expect((await recordOf(queue, id)).body).to.equal('hello!!');
    const { headers: seen } = gateway.seen.at(-1) ?? expect.fail('it was not called');
    expect(seen)
      .to.include({ 'content-type': type, traceparent: 'one' })
      .and.not.to.have.property('tracestate');
    await emptied(queue);
  });

  it('are refused with a chain that leaves no room for them, before anything is stored', async () => {
    const codes = Array.from({ length: 300 }, (_, index) => 300 + index);
    const step: CallStep = { function: 'echo.openfaas-fn', queue: 'faas-request', retry: { codes } };
    const steps = Array.from({ length: 16 }, () => step);
    const accept = (bytes: number): Promise<void> =>
      queue.intake.acceptAs('a', { ...newCall({ headers: ['X-Long', 'x'.repeat(bytes)] }), steps });
    const error = await accept(39 * KIB).catch((reason: unknown) => reason);
    expect(error).to.include({ code: 'invalid_request' });
    expect(String(error)).to.contain(String(MOST_CALL_BYTES));
    expect(await queue.records.read('a')).to.equal(undefined);
    gateway.answer = (_call, response) => write(response, 20, 'x').end();
    await accept(30 * KIB);
    expect((await recordOf(queue, 'a')).record).to.deep.include({ state: 'succeeded', step: 15 });
  });
});
