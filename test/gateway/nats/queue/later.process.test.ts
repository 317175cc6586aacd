import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { NatsLink } from '../../../../gateway/nats/nats-link.ts';
import { encodeCall } from '../../../../gateway/nats/queue/call-codec.ts';
import { encodeCallback } from '../../../../gateway/nats/queue/callback-codec.ts';
import { LaterMover } from '../../../../gateway/nats/queue/later.ts';
import { QueueConsumers } from '../../../../gateway/nats/queue/queue-consumers.ts';
import { JetStreamSessions } from '../../../../gateway/nats/queue/session.ts';
import { SoleActor } from '../../../../gateway/nats/queue/sole-actor.ts';
import type { QueuedCallback } from '../../../../gateway/queue/callback.ts';
import { pause } from '../../../../gateway/queue/pause.ts';
import { type NatsServer, startNats } from '../../../support/nats-server.ts';
import { until } from '../../../support/platform.ts';
import { createQuietLogger } from '../../../support/quiet-logger.ts';
import { newCall, openQueue, type TestQueue } from './fixtures/test-queue.ts';

describe('what is to be run later', function () {
  this.timeout(60_000);
  let nats: NatsServer;
  let queue: TestQueue;
  const movers: { stop(): Promise<void> }[] = [];

  before(async () => {
    nats = await startNats();
  });
  beforeEach(async () => {
    queue = await openQueue(nats);
  });
  afterEach(async () => {
    await Promise.all(movers.splice(0).map((mover) => mover.stop()));
    await queue.close();
  });
  after(() => nats.close());

  /** Of a process of its own. */
  const startMover = (
    now: () => number = Date.now,
  ): {
    readonly mover: LaterMover;
    readonly dropped: string[];
    /** As a worker does that is one of several. */
    startActor(): SoleActor;
  } => {
    const { logger } = createQuietLogger();
    const link = new NatsLink({ host: nats.host, port: nats.port, name: 'mover', logger });
    const sessions = new JetStreamSessions(link);
    const dropped: string[] = [];
    const mover = new LaterMover({
      sessions,
      names: queue.names,
      records: queue.records,
      consumers: new QueueConsumers(sessions, queue.names),
      dropBody: async (name) => void dropped.push(name),
      logger,
      now,
    });
    link.start();
    const stopping = new AbortController();
    let running: Promise<void> | undefined;
    let actor: SoleActor | undefined;
    const startActor = (): SoleActor => {
      actor = new SoleActor({
        link,
        bucket: queue.names.leases,
        key: 'mover',
        id: randomUUID(),
        logger,
        act: (signal) => mover.run(signal),
      });
      actor.start();
      return actor;
    };
    const run = async (): Promise<void> => {
      while (!stopping.signal.aborted) {
        await mover.run(stopping.signal).catch(() => undefined); // NATS is away
        await pause(20, stopping.signal);
      }
    };
    const start = (): void => {
      if (actor === undefined) running = run();
    };
    queueMicrotask(start);
    movers.push({
      stop: async () => {
        stopping.abort();
        await Promise.all([running, actor?.stop()]);
        await link.stop();
      },
    });
    return { mover, dropped, startActor };
  };
  const cancel = async (id: string): Promise<void> => {
    const stored = await queue.records.read(id);
    const now = Date.now();
    await queue.records.write(
      {
        ...(stored?.record ?? {
          id,
          instance: (await queue.waiting('later'))[0]?.instance ?? '',
          acceptedAt: now,
          steps: [],
          step: 0,
          attempt: 0,
          attempts: [],
        }),
        state: 'cancelled',
        endedAt: now,
      },
      stored?.revision ?? 0,
    );
    const { connection } = await queue.sessions.get();
    connection.publish(queue.names.cancel, JSON.stringify({ id }));
  };
  const queued = (count: number): Promise<void> =>
    until(`${count} in the queue`, async () => (await stateOf(queue.names.queue)) === count);
  const stateOf = async (stream: string): Promise<number> => {
    const { manager } = await queue.sessions.get();
    return (await manager.streams.info(stream)).state.messages;
  };

  it('is moved when its time has come, with a record of its own, and its id stays', async () => {
    const id = await queue.intake.accept(newCall({ runAt: Date.now() + 300 }));
    startMover();
    await queued(1);
    const [call] = await queue.waiting();
    const stored = await queue.records.read(id);
    expect(call).to.deep.include({ id, revision: stored?.revision, attempt: 1 });
    expect(Buffer.from(call?.body as Uint8Array).toString()).to.equal('hello');
    expect(stored?.record).to.deep.include({ id, state: 'queued', attempt: 0, instance: call?.instance });
    await until('nothing later', async () => (await stateOf(queue.names.later)) === 0);
    expect((await queue.consumers()).map(({ name }) => name)).to.deep.equal([
      'call_faas-request_openfaas-fn_echo',
    ]);
  });

  it('of a call with a record keeps the revision that was left for it', async () => {
    await queue.intake.acceptAs('mine', newCall({ runAt: Date.now() + 200 }));
    const before = await queue.records.read('mine');
    startMover();
    await queued(1);
    expect((await queue.waiting())[0]).to.deep.include({ id: 'mine', revision: before?.revision });
  });

  it('stays while its time has not come, and what is due sooner passes it', async () => {
    const { mover } = startMover();
    await queue.intake.accept(newCall({ runAt: Date.now() + 3_600_000, path: '/late' }));
    await until('it is known', async () => mover.waiting === 1);
    await queue.intake.accept(newCall({ runAt: Date.now() + 100, path: '/soon' }));
    await queued(1);
    expect((await queue.waiting())[0]?.path).to.equal('/soon');
    expect(mover.waiting).to.equal(1);
  });

  it('comes by the clock as it is, when it was set forward or back', async () => {
    let ahead = -3_600_000;
    const { mover } = startMover(() => Date.now() + ahead);
    await queue.intake.accept(newCall({ runAt: Date.now() + 100 }));
    await until('it is known', async () => mover.waiting === 1);
    await Bun.sleep(600);
    expect(mover.waiting).to.equal(1);
    ahead = 3_600_000;
    await queued(1);
  });

  it('is moved by another one when the first is gone, and by one at a time', async () => {
    const first = startMover();
    const actor = first.startActor();
    await until('the first moves', async () => actor.isActing);
    const second = startMover();
    second.startActor();
    await queue.intake.accept(newCall({ runAt: Date.now() + 200 }));
    await queued(1);
    await until('one has moved it', async () => first.mover.moved + second.mover.moved === 1);
    await actor.stop();
    await queue.intake.accept(newCall({ runAt: Date.now() + 200 }));
    await queued(2);
    await until('one has moved it', async () => first.mover.moved + second.mover.moved === 2);
    expect(second.mover.moved).to.be.at.least(1);
  });

  it('is in the queue once, when it was moved before and is still there', async () => {
    await queue.intake.accept(newCall({ runAt: Date.now() }));
    const { manager } = await queue.sessions.get();
    // As if whoever moves it were killed before it could take it away: two do the same at the same time.
    startMover();
    startMover();
    await until('nothing later', async () => (await stateOf(queue.names.later)) === 0);
    const { state } = await manager.streams.info(queue.names.queue);
    expect(state.last_seq).to.equal(1);
  });

  it('goes at once when it is cancelled, with its body, and never runs', async () => {
    const { mover, dropped } = startMover();
    const id = await queue.intake.accept(
      newCall({ runAt: Date.now() + 3_600_000, body: { name: 'long', bytes: 1_000_000 } }),
    );
    await until('it is known', async () => mover.waiting === 1);
    await cancel(id);
    await until('nothing later', async () => (await stateOf(queue.names.later)) === 0);
    expect(dropped).to.deep.equal(['long']);
    expect(await stateOf(queue.names.queue)).to.equal(0);
  });

  it('goes when it is cancelled, though it is in this place by chance what its id says of another one', async () => {
    const { mover } = startMover();
    const id = await queue.intake.accept(newCall());
    const [call] = await queue.waiting();
    const { js, newHeaders } = await queue.sessions.get();
    const retry = { ...(call ?? expect.fail('it does not wait')), attempt: 2, runAt: Date.now() + 20_000 };
    const { headers, payload } = encodeCall(retry, newHeaders());
    const subject = queue.names.laterCall('faas-request', { name: 'echo', namespace: 'openfaas-fn' });
    expect((await js.publish(subject, payload, { headers })).seq).to.equal(1);
    await until('it is known', async () => mover.waiting === 1);
    await cancel(id);
    await until('nothing later', async () => (await stateOf(queue.names.later)) === 0);
  });

  it('stays when a cancellation comes of a call that was not cancelled', async () => {
    const { mover } = startMover();
    const id = await queue.intake.accept(newCall({ runAt: Date.now() + 3_600_000 }));
    await until('it is known', async () => mover.waiting === 1);
    const { connection } = await queue.sessions.get();
    for (const text of ['', 'null', '{"id":7}', JSON.stringify({ id })]) {
      connection.publish(queue.names.cancel, text);
    }
    await connection.flush();
    await Bun.sleep(300);
    await until('it is known again', async () => mover.waiting === 1);
    expect(await stateOf(queue.names.later)).to.equal(1);
  });

  it('does not run when it was cancelled while nobody was there to move it', async () => {
    const id = await queue.intake.accept(newCall({ runAt: Date.now() + 100 }));
    await cancel(id);
    startMover();
    await until('nothing later', async () => (await stateOf(queue.names.later)) === 0);
    expect(await stateOf(queue.names.queue)).to.equal(0);
  });

  it('goes soon when it was cancelled while nobody was there, before that is forgotten', async () => {
    const runAt = Date.now() + 3_600_000;
    await queue.intake.acceptAs('mine', newCall({ runAt, body: { name: 'long', bytes: 1_000_000 } }));
    await queue.intake.acceptAs('other', newCall({ runAt }));
    await cancel('mine');
    const { mover, dropped } = startMover();
    await until('one later', async () => (await stateOf(queue.names.later)) === 1);
    expect(dropped).to.deep.equal(['long']);
    await until('one is known', async () => mover.waiting === 1);
    expect((await queue.waiting('later')).map(({ id }) => id)).to.deep.equal(['other']);
  });

  it('is kept while the queue has no room, and moved when it has', async () => {
    await queue.close();
    queue = await openQueue(nats, { queueBytes: 300_000 });
    await queue.intake.accept(newCall({ body: new Uint8Array(250_000) }));
    await queue.intake.accept(newCall({ runAt: Date.now(), body: new Uint8Array(100_000) }));
    const { mover } = startMover();
    await until('it is known', async () => mover.waiting === 1);
    await Bun.sleep(300);
    expect(await stateOf(queue.names.later)).to.equal(1);
    await queue.takeAll();
    await queued(1);
    await until('nothing later', async () => (await stateOf(queue.names.later)) === 0);
  });

  it('leaves the last of the room to what workers send on', async () => {
    await queue.close();
    queue = await openQueue(nats, { queueBytes: 300_000 });
    await queue.intake.accept(newCall({ body: new Uint8Array(289_000) }));
    await queue.intake.accept(newCall({ runAt: Date.now() + 100 }));
    const { mover } = startMover();
    await until('it is known', async () => mover.waiting === 1);
    await Bun.sleep(300);
    expect([await stateOf(queue.names.later), await stateOf(queue.names.queue)]).to.deep.equal([1, 1]);
    await queue.takeAll();
    await queued(1);
  });

  it('of a call whose id is another one by now runs as it would, without a record', async () => {
    await queue.intake.acceptAs('mine', newCall({ path: '/first' }));
    const [call] = await queue.waiting();
    await queue.takeAll();
    await queue.intake.acceptAs('mine', newCall({ path: '/second' }));
    await queue.takeAll();
    const { js, newHeaders } = await queue.sessions.get();
    const again = encodeCall(
      { ...(call ?? expect.fail()), revision: 0, attempt: 2, runAt: Date.now() },
      newHeaders(),
    );
    const subject = queue.names.laterCall('faas-request', { name: 'echo', namespace: 'openfaas-fn' });
    await js.publish(subject, again.payload, again);
    startMover();
    await queued(1);
    expect((await queue.waiting())[0]).to.deep.include({ path: '/first', attempt: 2, revision: 0 });
    expect((await queue.record('mine')).instance).not.to.equal(call?.instance);
  });

  it('runs though another call has taken its id, and ended, before its time', async () => {
    const id = await queue.intake.accept(newCall({ path: '/delayed', runAt: Date.now() + 300 }));
    await queue.intake.acceptAs(id, newCall({ path: '/at-once' }));
    await queue.takeAll();
    await queue.end(id);
    startMover();
    await queued(1);
    expect((await queue.waiting())[0]).to.deep.include({ id, path: '/delayed', attempt: 1, revision: 0 });
    await until('none later', async () => (await stateOf(queue.names.later)) === 0);
  });

  it('that cannot be read is left alone, and holds back no other', async () => {
    const { js } = await queue.sessions.get();
    await js.publish(queue.names.laterCall('q', { name: 'f', namespace: 'n' }), 'nonsense');
    startMover();
    await queue.intake.accept(newCall({ runAt: Date.now() }));
    await queued(1);
    await until('one later', async () => (await stateOf(queue.names.later)) === 1);
  });

  it('may be a callback, which goes to its queue as it was', async () => {
    const callback: QueuedCallback = {
      id: 'x',
      instance: '0123456789abcdef',
      queue: 'slow',
      url: 'http://127.0.0.1/',
      function: 'echo.openfaas-fn',
      status: 200,
      headers: ['X-Ü', 'ü'],
      body: Buffer.from('answer'),
      seconds: 1,
      retries: 0,
      mostRetries: 3,
      endedAt: 1,
      attempt: 2,
      runAt: Date.now() + 100,
    };
    const { js, manager, newHeaders } = await queue.sessions.get();
    const { headers, payload } = encodeCallback(callback, newHeaders());
    await js.publish(queue.names.laterCallback('slow'), payload, { headers, msgID: 'one' });
    startMover();
    await queued(1);
    const message = await manager.streams.getMessage(queue.names.queue, { seq: 1 });
    expect(message?.subject).to.equal(queue.names.callback('slow'));
    expect(message?.string()).to.equal('answer');
    expect((await queue.consumers()).map(({ name }) => name)).to.deep.equal(['callback_slow']);
  });

  it('is moved when NATS was killed in between', async () => {
    const { mover } = startMover();
    await queue.intake.accept(newCall({ runAt: Date.now() + 2000 }));
    await until('it is known', async () => mover.waiting === 1);
    await nats.kill();
    await nats.start();
    await until('a connection', async () => queue.sessions.isConnected);
    await queued(1);
  });

  it('is all moved, each once, when those who move it are killed in between', async () => {
    const count = 3000;
    const runAt = Date.now();
    await Promise.all(Array.from({ length: count }, () => queue.intake.accept(newCall({ runAt }))));
    const file = new URL('./fixtures/mover-process.ts', import.meta.url).pathname;
    const cluster = queue.names.queue.replace(/_queue$/, '');
    for (let killed = 0; killed < 2; killed++) {
      const before = await stateOf(queue.names.queue);
      const child = Bun.spawn([process.execPath, file, String(nats.port), cluster], { stdout: 'ignore' });
      await until('it moves', async () => (await stateOf(queue.names.queue)) > before);
      child.kill('SIGKILL');
      await child.exited;
    }
    startMover();
    await until('nothing later', async () => (await stateOf(queue.names.later)) === 0);
    const calls = await queue.waiting();
    expect([calls.length, new Set(calls.map(({ id }) => id)).size]).to.deep.equal([count, count]);
  });

  it('may be the longest that there are', async () => {
    const body = new Uint8Array(512 * 1024).fill(65);
    await queue.intake.accept(newCall({ runAt: Date.now(), body, headers: ['X-Long', 'é'.repeat(9000)] }));
    startMover();
    await queued(1);
    const [call] = await queue.waiting();
    expect(call?.body).to.have.length(body.length);
    expect(call?.headers[1]).to.equal('é'.repeat(9000));
  });

  it('all comes, when very many are due at once', async () => {
    await queue.close();
    queue = await openQueue(nats, { queueBytes: 64 * 1024 * 1024, laterBytes: 64 * 1024 * 1024 });
    const count = 10_000;
    const runAt = Date.now() + 1000;
    let left = count;
    const lane = async (): Promise<void> => {
      while (left-- > 0) await queue.intake.accept(newCall({ runAt }));
    };
    await Promise.all(Array.from({ length: 64 }, lane));
    const { mover } = startMover();
    await queued(count);
    await until('nothing later', async () => (await stateOf(queue.names.later)) === 0);
    // What is gone is counted when NATS has said so.
    await until('all are counted', async () => mover.moved >= count);
    expect(mover.moved).to.equal(count);
  });
});
