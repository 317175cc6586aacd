import { createHash, randomBytes } from 'node:crypto';
import { Objm } from '@nats-io/obj';
import { expect } from 'chai';
import { Bodies } from '../../../../gateway/nats/queue/bodies.ts';
import { type NatsServer, startNats } from '../../../support/nats-server.ts';
import { openQueue, type TestQueue } from './fixtures/test-queue.ts';

const MIB = 1024 * 1024;

describe('bodies that are too long for a message', function () {
  this.timeout(30_000);
  let nats: NatsServer;
  let queue: TestQueue;
  let bodies: Bodies;

  before(async () => {
    nats = await startNats();
  });
  beforeEach(async () => {
    queue = await openQueue(nats);
    bodies = new Bodies(queue.sessions, queue.names.bodies);
  });
  afterEach(() => queue.close());
  after(() => nats.close());

  const messages = async (): Promise<number> => {
    const { manager } = await queue.sessions.get();
    return (await manager.streams.info(`OBJ_${queue.names.bodies}`)).state.messages;
  };

  for (const bytes of [0, 1, 512 * 1024, 512 * 1024 + 1, 5 * MIB + 7]) {
    it(`come back as they were: ${bytes} bytes`, async () => {
      const data = randomBytes(bytes);
      const stored = await bodies.put(inPieces(data, 100_000), 8 * MIB);
      expect(stored.bytes).to.equal(bytes);
      const opened = (await bodies.open(stored)) ?? expect.fail('it is not there');
      expect(sha256(new Uint8Array(await new Response(opened).arrayBuffer()))).to.equal(sha256(data));
    });
  }

  it('are objects to every client of NATS', async () => {
    const data = randomBytes(MIB + 1);
    const { name } = await bodies.put(inPieces(data, 100_000), 8 * MIB);
    const { js } = await queue.sessions.get();
    const store = await new Objm(js).open(queue.names.bodies);
    expect(sha256((await store.getBlob(name)) ?? expect.fail('it is not there'))).to.equal(sha256(data));
    const theirs = await store.putBlob({ name: 'theirs' }, data);
    expect(theirs.size).to.equal(data.length);
    const opened = (await bodies.open({ name: 'theirs' })) ?? expect.fail('it is not there');
    expect(sha256(new Uint8Array(await new Response(opened).arrayBuffer()))).to.equal(sha256(data));
    await store.delete('theirs');
    expect(await bodies.open({ name: 'theirs' })).to.equal(undefined);
  });

  it('leave nothing when they are dropped', async () => {
    const one = await bodies.put(inPieces(randomBytes(MIB), 100_000), 8 * MIB);
    const other = await bodies.put(inPieces(randomBytes(MIB), 100_000), 8 * MIB);
    await bodies.drop(one);
    await bodies.drop(one);
    expect(await bodies.open(one)).to.equal(undefined);
    expect(await bodies.open(other)).not.to.equal(undefined);
    await bodies.drop(other);
    expect(await messages()).to.equal(0);
  });

  it('are refused when they are longer than they may be, and leave nothing', async () => {
    const error = await bodies.put(inPieces(randomBytes(3 * MIB), 100_000), 2 * MIB).catch((cause) => cause);
    expect(error).to.include({ code: 'body_too_large' });
    expect(error.message).to.match(/2097152 bytes/);
    expect(await messages()).to.equal(0);
  });

  it('leave nothing when the client goes away in the middle', async () => {
    let pieces = 0;
    const broken = new ReadableStream<Uint8Array>({
      pull: (controller) => {
        if (pieces++ < 20) controller.enqueue(randomBytes(100_000));
        else controller.error(new Error('the client went away'));
      },
    });
    const error = await bodies.put(broken, 8 * MIB).catch((cause) => cause);
    expect(error.message).to.equal('the client went away');
    expect(await messages()).to.equal(0);
  });

  it('are read on when what was read is stored', async () => {
    let asked = 0;
    const endless = new ReadableStream<Uint8Array>(
      {
        pull: (controller) => {
          asked++;
          controller.enqueue(new Uint8Array(MIB));
        },
      },
      { highWaterMark: 0 },
    );
    nats.pause();
    const storing = bodies.put(endless, 4 * MIB).catch((cause) => cause);
    await Bun.sleep(200);
    const askedWhileStopped = asked;
    nats.resume();
    expect(await storing).to.include({ code: 'body_too_large' });
    expect(askedWhileStopped).to.be.at.most(2);
  });

  it('are fetched as they are read, and not before', async () => {
    const stored = await bodies.put(inPieces(randomBytes(8 * MIB), MIB), 8 * MIB);
    const opened = (await bodies.open(stored)) ?? expect.fail('it is not there');
    const reader = opened.getReader();
    await reader.read();
    // What is gone before it was read shows that it was not in memory.
    await bodies.drop(stored);
    const rest = async (): Promise<number> => {
      for (let pieces = 0; ; pieces++) if ((await reader.read()).done) return pieces;
    };
    const error = await rest().catch((cause: unknown) => cause);
    expect(error).to.be.instanceOf(Error);
  });

  it('do not fit where there is no room, and leave nothing', async () => {
    const error = await queue.intake
      .storeBody(inPieces(randomBytes(20 * MIB), MIB), 64 * MIB)
      .catch((cause) => cause);
    expect(error).to.include({ code: 'queue_full' });
    expect(await messages()).to.equal(0);
  });
});

function inPieces(data: Uint8Array, bytes: number): ReadableStream<Uint8Array> {
  let at = 0;
  return new ReadableStream<Uint8Array>({
    pull: (controller) => {
      if (at < data.length) controller.enqueue(data.subarray(at, at + bytes));
      else controller.close();
      at += bytes;
    },
  });
}

function sha256(data: Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}
