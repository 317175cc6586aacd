import { expect } from 'chai';
import { Bodies } from '../../../gateway/nats/queue/bodies.ts';
import { encodeCall } from '../../../gateway/nats/queue/call-codec.ts';
import { QueueConsumers } from '../../../gateway/nats/queue/queue-consumers.ts';
import { nextInstance } from '../../../gateway/queue/call-id.ts';
import { type NatsServer, startNats } from '../../support/nats-server.ts';
import { newCall, openQueue, type TestQueue } from '../nats/queue/fixtures/test-queue.ts';
import { type FakeGateway, startFakeGateway } from './fixtures/fake-gateway.ts';
import { emptied, recordOf, startWorker, type TestWorker } from './fixtures/test-worker.ts';

describe('a queue worker', function () {
  this.timeout(30_000);
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

  it('tells which queue it serves, and runs the calls of no other one', async () => {
    const inOwn = newCall({ queue: 'own_queue' });
    const refused = await queue.intake.accept(inOwn).catch((error: unknown) => error);
    expect(refused).to.have.property('code', 'queue_not_served');
    await start({ queue_name: 'own_queue' });
    while (!(await queue.queues.list()).includes('own_queue')) await Bun.sleep(10);
    const other = await queue.intake.accept(newCall());
    const own = await queue.intake.accept(inOwn);
    expect((await recordOf(queue, own)).record.state).to.equal('succeeded');
    expect(await queue.records.read(other)).to.equal(undefined);
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

  it('keeps a call whose dead letter there is no room for, runs it no more, and has it among the dead when there is', async () => {
    await queue.close();
    queue = await openQueue(nats, { deadBytes: 500 });
    await new QueueConsumers(queue.sessions, queue.names, 300).ensure('faas-request', 'echo.openfaas-fn');
    await start();
    gateway.answer = (_call, response) => response.writeHead(500).end();
    const id = await queue.intake.accept(newCall({ retry: { retries: 0 } }));
    const isLeft = (): boolean =>
      (worker?.lines.filter((line) => line.includes('a call is left')).length ?? 0) >= 3;
    while (!isLeft()) await Bun.sleep(20);
    expect((await queue.record(id)).state).to.equal('running');
    const { manager } = await queue.sessions.get();
    await manager.streams.update(queue.names.dead, { max_bytes: 1_000_000 });
    expect((await recordOf(queue, id)).record.state).to.equal('dead');
    expect(gateway.seen).to.have.length(1);
    await emptied(queue);
  });

  it('feeds each function of a call with what the one before has answered', async () => {
    await start();
    gateway.answer = ({ path, body }, response) =>
      response
        .writeHead(path.includes('third') ? 418 : 200, { 'content-type': 'text/x-made', 'x-made-by': path })
        .end(`${body.toString()} ${path.split(/[/.]/)[2]}`);
    const steps = ['first', 'second', 'third'].map((name) => ({
      function: `${name}.ns`,
      queue: 'faas-request',
    }));
    const headers = ['Authorization', 'secret', 'X-Start-Time', '1', 'Content-Type', 'text/x-given'];
    const id = await queue.intake.accept({ ...newCall({ path: '/a?b', headers }), steps });
    const { record, body } = await recordOf(queue, id);
    expect(record).to.deep.include({ state: 'failed', step: 2 });
    expect(record.attempts.map(({ step, status }) => [step, status])).to.deep.equal([
      [0, 200],
      [1, 200],
      [2, 418],
    ]);
    expect(body).to.equal('hello first second third');
    expect(gateway.seen.map(({ path }) => path)).to.deep.equal([
      '/function/first.ns/a?b',
      '/function/second.ns/',
      '/function/third.ns/',
    ]);
    const last = gateway.seen.at(-1)?.headers;
    expect(last).to.deep.include({ 'x-call-id': id, 'x-start-time': '1', 'content-type': 'text/x-made' });
    expect(last).to.not.have.any.keys('authorization', 'x-made-by');
    await emptied(queue);
  });

  it('runs calls with long bodies, keeps long results, and removes what it has read', async () => {
    await start();
    const bytes = Buffer.alloc(3_000_000, 'abcdefg');
    const body = await queue.intake.storeBody(new Blob([bytes]).stream(), 10_000_000);
    const id = await queue.intake.accept(newCall({ body }));
    const { record } = await recordOf(queue, id);
    expect(record.state).to.equal('succeeded');
    expect(Bun.hash(gateway.seen[0]?.body ?? '')).to.equal(Bun.hash(bytes));
    const { kept = 'dropped', bytes: length } = record.result ?? {};
    expect(length).to.equal(3_000_000);
    const result = new Bodies(queue.sessions, queue.names.results);
    const stored = typeof kept === 'string' ? undefined : await result.open(kept);
    expect(Bun.hash(await new Response(stored ?? null).bytes())).to.equal(Bun.hash(bytes));
    await emptied(queue);
    expect(await new Bodies(queue.sessions, queue.names.bodies).open(body)).to.equal(undefined);
  });

  it('passes long results on as the next input', async () => {
    await start();
    gateway.answer = ({ body }, response) => response.end(Buffer.concat([body, body]));
    const steps = ['first', 'second'].map((name) => ({ function: `${name}.ns`, queue: 'faas-request' }));
    const given = Buffer.alloc(400_000, 'x');
    const id = await queue.intake.accept({ ...newCall({ body: given }), steps });
    const { record } = await recordOf(queue, id);
    expect(record.result).to.deep.include({ status: 200, bytes: 1_600_000 });
    expect(gateway.seen[1]?.body).to.have.length(800_000);
    await emptied(queue);
    const { manager } = await queue.sessions.get();
    expect((await manager.streams.info(`OBJ_${queue.names.bodies}`)).state.messages).to.equal(0);
  });

  it('tells how a call went whose result is longer than what is kept', async () => {
    await start({ result_limit_bytes: '1000000' });
    gateway.answer = (_call, response) => response.end(Buffer.alloc(2_000_000));
    const { record } = await recordOf(queue, await queue.intake.accept(newCall()));
    expect(record).to.deep.include({ state: 'succeeded' });
    expect(record.result).to.deep.include({ bytes: 2_000_000, kept: 'dropped' });
  });

  it('waits for a gateway that is away, without an attempt', async () => {
    await gateway.goAway();
    await start();
    const id = await queue.intake.accept(newCall({ retry: { retries: 0 } }));
    await recordOf(queue, id, ({ state }) => state === 'running');
    while (worker?.lines.every((line) => !line.includes('cannot be reached'))) await Bun.sleep(10);
    await gateway.comeBack();
    const { record } = await recordOf(queue, id);
    expect(record).to.deep.include({ state: 'succeeded', attempt: 1 });
    expect(record.attempts).to.have.length(1);
  });

  it('gives back what it could send to nobody when it stops, without an attempt', async () => {
    await gateway.goAway();
    await start();
    const id = await queue.intake.accept(newCall({ retry: { retries: 0 } }));
    await recordOf(queue, id, ({ state }) => state === 'running');
    while (worker?.lines.every((line) => !line.includes('cannot be reached'))) await Bun.sleep(10);
    await worker?.stop();
    const given = (await queue.records.read(id))?.record;
    expect(given).to.deep.include({ state: 'queued', attempt: 0, attempts: [] });
    await gateway.comeBack();
    await start();
    const { record } = await recordOf(queue, id);
    expect(record).to.deep.include({ state: 'succeeded', attempt: 1 });
    expect(record.attempts).to.have.length(1);
  });

  it('counts an attempt of a gateway that hangs up in the middle of an answer', async () => {
    await start();
    gateway.answer = (_call, response) => {
      if (gateway.seen.length > 1) response.end('done');
      else {
        response.writeHead(200, { 'content-length': '100' }).write('half');
        setTimeout(() => response.destroy(), 20);
      }
    };
    const { record, body } = await recordOf(queue, await queue.intake.accept(newCall()));
    expect(record).to.deep.include({ state: 'succeeded', attempt: 2 });
    expect(record.attempts[0]).to.have.property('error').that.includes('before its answer was complete');
    expect(body).to.equal('done');
  });

  it('ends a call that takes too long', async () => {
    await start({ upstream_timeout: '200ms' });
    gateway.answer = () => undefined;
    const id = await queue.intake.accept(newCall({ retry: { retries: 0 } }));
    const { record } = await recordOf(queue, id);
    expect(record).to.deep.include({ state: 'dead', reason: 'no answer within 200 ms, after 1 attempt' });
  });

  it('keeps what a function has answered while NATS is away', async () => {
    const own = await startNats();
    const ownQueue = await openQueue(own);
    const answering = Promise.withResolvers<() => void>();
    gateway.answer = (call, response) => answering.resolve(() => response.end(call.body));
    worker = await startWorker({ nats: own, queue: ownQueue, gateway });
    try {
      const id = await ownQueue.intake.accept(newCall());
      const answer = await answering.promise;
      await own.kill();
      answer();
      while (worker.lines.every((line) => !line.includes('NATS is away'))) await Bun.sleep(10);
      await own.start();
      for (;;) {
        const stored = await ownQueue.records.read(id).catch(() => undefined);
        if (stored?.record.state === 'succeeded') break;
        await Bun.sleep(20);
      }
      await emptied(ownQueue);
      expect(gateway.seen).to.have.length(1);
    } finally {
      await worker.stop();
      worker = undefined;
      await ownQueue.close();
      await own.close();
    }
  });

  it('runs a call once, though NATS forgets who has it', async () => {
    const name = 'echo.openfaas-fn';
    const makeConsumer = (): Promise<void> =>
      new QueueConsumers(queue.sessions, queue.names, 2500).ensure('faas-request', name);
    await makeConsumer();
    const others: TestWorker[] = [];
    await start();
    const answering = Promise.withResolvers<() => void>();
    gateway.answer = (call, response) => answering.resolve(() => response.end(call.body));
    const id = await queue.intake.accept(newCall());
    const answer = await answering.promise;
    try {
      for (let i = 0; i < 3; i++) others.push(await startWorker({ nats, queue, gateway }));
      const { manager } = await queue.sessions.get();
      await manager.consumers.delete(queue.names.queue, 'call_faas-request_openfaas-fn_echo');
      await makeConsumer();
      // As long as it takes to give it up for lost, twice.
      await Bun.sleep(6000);
      expect((await queue.record(id)).state).to.equal('running');
      answer();
      expect((await recordOf(queue, id)).record).to.deep.include({ state: 'succeeded', attempt: 1 });
      await emptied(queue);
      expect(gateway.seen).to.have.length(1);
    } finally {
      await Promise.all(others.map((other) => other.stop()));
    }
  });

  it('ends what is cancelled while it runs, and drops its input', async () => {
    await start();
    const hungUp = Promise.withResolvers<void>();
    gateway.answer = (_call, response) => response.once('close', () => hungUp.resolve());
    const body = await queue.intake.storeBody(new Blob([Buffer.alloc(600_000)]).stream(), 1_000_000);
    const id = await queue.intake.accept(newCall({ body, callbackUrl: 'http://callback.example/' }));
    const { record } = await recordOf(queue, id, ({ state }) => state === 'running');
    await gateway.came(1);
    const { connection } = await queue.sessions.get();
    await queue.records.write({ ...record, state: 'cancelled', endedAt: Date.now() }, undefined);
    connection.publish(queue.names.cancel, JSON.stringify({ id, instance: record.instance }));
    await hungUp.promise;
    await emptied(queue);
    expect((await queue.record(id)).state).to.equal('cancelled');
    expect(await new Bodies(queue.sessions, queue.names.bodies).open(body)).to.equal(undefined);
  });

  it('leaves a dead call its body, when a copy of the call comes', async () => {
    const bodies = new Bodies(queue.sessions, queue.names.bodies);
    const body = await bodies.put(new Blob(['x'.repeat(700_000)]).stream(), 1_000_000);
    const id = await queue.intake.accept(newCall({ body }));
    const [call] = await queue.waiting();
    gateway.answer = (_call, response) => response.writeHead(500).end();
    await start({ max_retry_attempts: '0' });
    expect((await recordOf(queue, id)).record.state).to.equal('dead');
    await emptied(queue);
    const { js, newHeaders } = await queue.sessions.get();
    const copy = encodeCall(call ?? expect.fail(), newHeaders());
    const subject = queue.names.call('faas-request', { name: 'echo', namespace: 'openfaas-fn' });
    await js.publish(subject, copy.payload, copy);
    await emptied(queue);
    expect(gateway.seen).to.have.length(1);
    expect(await bodies.open(body)).not.to.equal(undefined);
  });

  it('drops a call that was cancelled before it ran', async () => {
    await queue.intake.acceptAs('mine', newCall());
    await queue.records.write({ ...(await queue.record('mine')), state: 'cancelled' }, undefined);
    await start();
    await emptied(queue);
    expect(gateway.seen).to.deep.equal([]);
  });

  it('runs each of several calls of one id, and tells of the last', async () => {
    await queue.intake.acceptAs('mine', newCall({ body: Buffer.from('one') }));
    await queue.intake.acceptAs('mine', newCall({ body: Buffer.from('two') }));
    await start();
    await emptied(queue);
    expect(gateway.seen.map(({ body }) => body.toString()).toSorted()).to.deep.equal(['one', 'two']);
    expect((await recordOf(queue, 'mine')).body).to.equal('two');
  });

  it('runs a call once though another one takes its id while it runs', async () => {
    await start();
    const answers: (() => void)[] = [];
    gateway.answer = (call, response) => answers.push(() => response.end(call.body));
    await queue.intake.acceptAs('mine', newCall({ body: Buffer.from('one') }));
    await gateway.came(1);
    await queue.intake.acceptAs('mine', newCall({ body: Buffer.from('two') }));
    await gateway.came(2);
    for (const answer of answers) answer();
    // The first one is done with, too: its message does not come again.
    await emptied(queue);
    expect((await recordOf(queue, 'mine')).body).to.equal('two');
    expect(gateway.seen.map(({ body }) => body.toString())).to.deep.equal(['one', 'two']);
  });

  it('does not run a dead call beside the one that it was sent again as', async () => {
    await queue.intake.acceptAs('mine', newCall());
    const record = await queue.record('mine');
    await queue.records.write({ ...record, instance: nextInstance(record.instance) }, undefined);
    await start();
    await emptied(queue);
    expect(gateway.seen).to.deep.equal([]);
  });

  it('is not held back by a function that takes no more, or fails always', async () => {
    await start({ max_inflight: '8' });
    const held: (() => void)[] = [];
    gateway.answer = ({ path, body }, response) => {
      if (path.includes('slow')) held.push(() => response.end(body));
      else if (path.includes('poison')) response.writeHead(500).end();
      else response.end(body);
    };
    for (let i = 0; i < 30; i++) {
      await queue.intake.accept(newCall({ function: 'slow.ns' }));
      await queue.intake.accept(newCall({ function: 'poison.ns', retry: { retries: 100 } }));
    }
    const ids = await Promise.all(Array.from({ length: 30 }, () => queue.intake.accept(newCall())));
    for (const id of ids) expect((await recordOf(queue, id)).record.state).to.equal('succeeded');
    expect(held.length).to.be.at.least(1).and.at.most(7);
    gateway.answer = (_call, response) => response.end();
    for (const answer of held) answer();
  });

  it('finishes what it runs before it stops, and leaves the rest to others', async () => {
    const answers: (() => void)[] = [];
    gateway.answer = (call, response) => answers.push(() => response.end(call.body));
    await start({ max_inflight: '2' });
    const ids = [
      await queue.intake.accept(newCall({ function: 'one.ns' })),
      await queue.intake.accept(newCall({ function: 'two.ns' })),
      await queue.intake.accept(newCall({ function: 'three.ns' })),
    ];
    await gateway.came(2);
    const stopped = worker?.stop();
    gateway.answer = (call, response) => response.end(call.body);
    for (const answer of answers) answer();
    expect(await stopped).to.deep.equal({ cutOff: 0 });
    expect(gateway.seen).to.have.length(2);
    await start();
    for (const id of ids) {
      expect((await recordOf(queue, id)).record).to.deep.include({ state: 'succeeded', attempt: 1 });
    }
    expect(gateway.seen).to.have.length(3);
  });

  it('has what it could not finish tried again soon', async () => {
    const first = Promise.withResolvers<void>();
    gateway.answer = () => first.resolve();
    await start({ shutdown_timeout: '100ms' });
    const id = await queue.intake.accept(newCall());
    await first.promise;
    expect(await worker?.stop()).to.deep.equal({ cutOff: 1 });
    const { record } = await recordOf(queue, id, ({ state }) => state === 'queued');
    expect(record.attempts[0]).to.deep.include({ attempt: 1, error: 'it was ended' });
    gateway.answer = (call, response) => response.end(call.body);
    await start();
    expect((await recordOf(queue, id)).record).to.deep.include({ state: 'succeeded', attempt: 2 });
  });

  it('has figures', async () => {
    await start();
    await recordOf(queue, await queue.intake.accept(newCall()));
    await emptied(queue);
    const page = await (await fetch(`http://127.0.0.1:${worker?.metricsPort}/metrics`)).text();
    expect(page).to.match(/^queue_worker_messages_processed_total\{queue_name="faas-request",.*\} 1$/m);
    expect(page).to.match(/^queue_worker_messages_submitted_total\{.*\} 1$/m);
    expect(page).to.match(
      /^queue_worker_function_invocation_inflight\{.*function_name="echo.openfaas-fn"\} 0$/m,
    );
    expect(page).to.match(/^queue_worker_attempts_total\{.*outcome="succeeded"\} 1$/m);
    expect(page).to.match(/^queue_worker_nats_reconnect_total 0$/m);
  });
});
