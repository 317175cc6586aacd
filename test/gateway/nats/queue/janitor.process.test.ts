import { expect } from 'chai';
import { Bodies, chunksOf } from '../../../../gateway/nats/queue/bodies.ts';
import { encodeCall, encodeRecord } from '../../../../gateway/nats/queue/call-codec.ts';
import { BodyJanitor } from '../../../../gateway/nats/queue/janitor.ts';
import type { CallRecord, ObjectBody } from '../../../../gateway/queue/call.ts';
import { type NatsServer, startNats } from '../../../support/nats-server.ts';
import { createQuietLogger } from '../../../support/quiet-logger.ts';
import { newCall, openQueue, type TestQueue } from './fixtures/test-queue.ts';

describe('who removes bodies without a call', function () {
  this.timeout(30_000);
  let nats: NatsServer;
  let queue: TestQueue;
  let bodies: Bodies;
  const signal = new AbortController().signal;

  before(async () => {
    nats = await startNats();
  });
  beforeEach(async () => {
    queue = await openQueue(nats);
    bodies = new Bodies(queue.sessions, queue.names.bodies);
  });
  afterEach(() => queue.close());
  after(() => nats.close());

  /** To which everything is old, unless told otherwise. */
  const janitor = (youngMs = -60_000): BodyJanitor =>
    new BodyJanitor({
      sessions: queue.sessions,
      names: queue.names,
      logger: createQuietLogger().logger,
      youngMs,
    });
  const store = (): Promise<ObjectBody> => bodies.put(new Blob(['x'.repeat(700_000)]).stream(), 1_000_000);
  const isThere = async (body: ObjectBody): Promise<boolean> => (await bodies.open(body)) !== undefined;
  const messages = async (): Promise<number> => {
    const { manager } = await queue.sessions.get();
    return (await manager.streams.info(`OBJ_${queue.names.bodies}`)).state.messages;
  };

  it('removes those that it finds a second time', async () => {
    const body = await store();
    const one = janitor();
    expect(await one.sweep(signal)).to.equal(0);
    expect(await isThere(body)).to.equal(true);
    expect(await one.sweep(signal)).to.equal(1);
    expect(await messages()).to.equal(0);
    expect(await one.sweep(signal)).to.equal(0);
  });

  it('leaves those of calls that wait, that are to run later, that died and whose next step is not there yet', async () => {
    const [waiting, later, dead, next] = await Promise.all([store(), store(), store(), store()]);
    await queue.intake.accept(newCall({ body: waiting }));
    await queue.intake.accept(newCall({ body: later, runAt: Date.now() + 3_600_000 }));
    const { js, newHeaders } = await queue.sessions.get();
    const letter = encodeCall(
      { ...newCall({ body: dead }), id: 'd', instance: 'd', step: 0, attempt: 1, revision: 0 },
      newHeaders(),
    );
    await js.publish(queue.names.deadLetter({ name: 'f', namespace: 'n' }), letter.payload, letter);
    const record: CallRecord = {
      id: 'n',
      instance: 'n',
      state: 'queued',
      acceptedAt: 1,
      steps: [],
      step: 1,
      attempt: 0,
      attempts: [],
      result: { status: 200, headers: [], bytes: next.bytes, kept: next },
    };
    await js.publish(queue.names.record('n'), '', { headers: encodeRecord(record, newHeaders()) });
    const orphan = await store();
    const one = janitor();
    for (let round = 0; round < 3; round++) await one.sweep(signal);
    expect(await Promise.all([waiting, later, dead, next, orphan].map(isThere))).to.deep.equal([
      true,
      true,
      true,
      true,
      false,
    ]);
  });

  it('leaves those that are young, for their call may be on its way', async () => {
    const body = await store();
    const one = janitor(60_000);
    for (let round = 0; round < 3; round++) await one.sweep(signal);
    expect(await isThere(body)).to.equal(true);
  });

  it('removes parts of what was never whole, but not while it is being stored', async () => {
    const { js } = await queue.sessions.get();
    for (let part = 0; part < 3; part++) await js.publish(chunksOf(queue.names.bodies, 'HALF'), 'x');
    const body = await store();
    const parts = await messages();
    expect(await janitor(60_000).sweep(signal)).to.equal(0);
    expect(await messages()).to.equal(parts);
    expect(await janitor().sweep(signal)).to.equal(1);
    expect(await messages()).to.equal(parts - 3);
    expect(await isThere(body)).to.equal(true);
  });

  it('removes one whose call ended between its rounds, and not one that got a call', async () => {
    const [ended, taken] = [await store(), await store()];
    await queue.intake.accept(newCall({ body: ended }));
    const one = janitor();
    await one.sweep(signal);
    await queue.takeAll();
    await queue.intake.accept(newCall({ body: taken }));
    await one.sweep(signal);
    await one.sweep(signal);
    expect(await Promise.all([ended, taken].map(isThere))).to.deep.equal([false, true]);
  });
});
