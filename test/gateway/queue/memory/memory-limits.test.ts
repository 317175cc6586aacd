import { expect } from 'chai';
import type { GatewayQueue } from '../../../../gateway/queue/gateway-queue.ts';
import { KeptMap } from '../../../../gateway/queue/memory/kept-map.ts';
import { MemoryIntake } from '../../../../gateway/queue/memory/memory-intake.ts';
import { MEMORY_LIMITS, MemoryStore } from '../../../../gateway/queue/memory/memory-store.ts';
import type { QueueLimits } from '../../../../gateway/queue/queue-limits.ts';
import { loadQueueWorkerConfig } from '../../../../gateway/queue-worker/config.ts';
import { openMemoryQueue } from '../../../../gateway/queue-worker/memory-queue.ts';
import { bodyOf, codeOf, QUICK_SETTINGS, resultOf, toldOf } from '../../../queue-contract/opened-queue.ts';
import { createQuietLogger } from '../../../support/quiet-logger.ts';
import { newCall } from '../../nats/queue/fixtures/test-queue.ts';
import { type FakeGateway, startFakeGateway } from '../../queue-worker/fixtures/fake-gateway.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
const LONG = 'abcdefgh'.repeat(100 * KIB);

describe('a queue in memory', () => {
  let gateway: FakeGateway;
  let queue: GatewayQueue | undefined;

  const open = (
    limits: Partial<QueueLimits> = {},
    settings: Readonly<Record<string, string>> = {},
  ): GatewayQueue => {
    const worker = loadQueueWorkerConfig({ ...QUICK_SETTINGS, ...settings, gateway_url: gateway.url });
    queue = openMemoryQueue({ worker, limits, logger: createQuietLogger().logger });
    return queue;
  };

  beforeEach(async () => {
    gateway = await startFakeGateway();
  });
  afterEach(async () => {
    await queue?.stop();
    queue = undefined;
    await gateway.close();
  });

  it('tells how much is lost when it ends', async () => {
    const { intake, drain, stop } = open({}, { max_inflight: '1' });
    const answers: (() => void)[] = [];
    gateway.answer = (_call, response) => answers.push(() => response.end());
    for (let i = 0; i < 3; i++) await intake.accept(newCall());
    await intake.accept(newCall({ runAt: Date.now() + 600_000 }));
    await gateway.came(1);
    const drained = drain(20_000);
    for (const answer of answers) answer();
    await drained;
    expect(await stop()).to.deep.equal({ lost: 3 });
    expect(gateway.seen).to.have.length(1);
  });

  it('counts what it had to cut off as lost', async () => {
    const { intake, drain, stop } = open();
    gateway.answer = () => undefined;
    await intake.accept(newCall());
    await gateway.came(1);
    await drain(10);
    expect(await stop()).to.deep.equal({ lost: 1 });
  });

  it('takes nothing that it would lose, once it ends', async () => {
    const { intake, drain } = open();
    const drained = drain(1000);
    for (const work of [
      intake.accept(newCall()),
      intake.acceptAs('a', newCall()),
      intake.acceptFirst('b', newCall()),
      intake.acceptKeyed('c', newCall()),
      intake.storeBody(bodyOf('d'), 10),
    ]) {
      expect(await codeOf(work)).to.equal('queue_unavailable');
    }
    await drained;
  });

  it('runs the calls of all queues', async () => {
    const { intake, book, load } = open();
    const id = await intake.accept(newCall({ queue: 'slow' }));
    expect((await toldOf({ book }, id)).state).to.equal('succeeded');
    const view = await load.lookWithin(1000);
    expect(view?.backlogs.map((one) => one.queue)).to.deep.equal(['slow']);
  });

  it('forgets the oldest long results when there are too many, and tells of the calls still', async () => {
    const { intake, book } = open({ resultBytes: 2 * MIB });
    gateway.answer = (_call, response) => response.end(LONG);
    const ids: string[] = [];
    for (let i = 0; i < 4; i++) {
      const id = await intake.accept(newCall());
      await toldOf({ book }, id);
      ids.push(id);
    }
    const [first = '', , , last = ''] = ids;
    expect(await book.result(first)).to.equal(undefined);
    expect((await resultOf({ book }, last)) === LONG).to.equal(true);
    expect(await book.read(first)).to.include({ state: 'succeeded' });
  });

  it('forgets the oldest calls when there are too many to be told of', async () => {
    const { intake, book } = open({ recordBytes: 64 * KIB });
    const first = await intake.accept(newCall({ body: Buffer.alloc(10 * KIB) }));
    await toldOf({ book }, first);
    for (let i = 0; i < 10; i++)
      await toldOf({ book }, await intake.accept(newCall({ body: Buffer.alloc(10 * KIB) })));
    expect(await book.read(first)).to.equal(undefined);
  });

  it('refuses a body at once that it will never have room for', async () => {
    const { intake } = open({ bodyBytes: MIB / 2 });
    expect(await codeOf(intake.storeBody(bodyOf(LONG), 100 * MIB))).to.equal('body_too_large');
  });

  it('keeps a dead call waiting until there is room for its letter', async () => {
    const { intake, book, load } = open({ deadBytes: 4 * KIB });
    gateway.answer = (_call, response) => response.writeHead(500).end();
    const retry = { retries: 0 };
    const dead = await intake.accept(newCall({ retry }));
    expect(await toldOf({ book }, dead)).to.include({ state: 'dead' });
    await intake.accept(newCall({ retry, body: Buffer.alloc(4 * KIB) }));
    await gateway.came(2);
    await Bun.sleep(20);
    expect((await book.listDead({ limit: 10 })).letters).to.have.length(1);
    expect((await load.loads()).get('echo.openfaas-fn')).to.equal(1);
  });

  it('gives back the room of a body that was too long, or broke off', async () => {
    const store = new MemoryStore(MEMORY_LIMITS);
    expect(await codeOf(store.inputs.put(bodyOf(LONG), LONG.length - 1))).to.equal('body_too_large');
    let isBegun = false;
    const broken = new ReadableStream<Uint8Array>({
      pull: (controller) => {
        if (isBegun) controller.error(new Error('the client has gone'));
        else controller.enqueue(Buffer.from(LONG));
        isBegun = true;
      },
    });
    const error = await store.inputs.put(broken, MIB).catch((cause: Error) => cause);
    expect(String(error)).to.include('the client has gone');
    expect(store.inputs.bytes).to.equal(0);
    store.close();
  });

  it('removes bodies that no call has, and no others', async () => {
    const store = new MemoryStore(MEMORY_LIMITS);
    const intake = new MemoryIntake(store);
    const [lost, queued, later] = [
      await intake.storeBody(bodyOf('lost'), 10),
      await intake.storeBody(bodyOf('queued'), 10),
      await intake.storeBody(bodyOf('later'), 10),
    ];
    await intake.accept(newCall({ body: queued }));
    await intake.accept(newCall({ body: later, runAt: Date.now() + 1000 }));
    expect(store.sweep(60_000)).to.equal(0);
    expect(store.sweep(-1)).to.equal(1);
    expect(await store.inputs.open(lost)).to.equal(undefined);
    for (const body of [queued, later]) expect(await store.inputs.open(body)).to.not.equal(undefined);
    store.close();
  });

  it('has a body of many small pieces for no more than it is long', async () => {
    const store = new MemoryStore({ ...MEMORY_LIMITS, bodyBytes: MIB });
    let left = 200_000;
    const pieces = new ReadableStream<Uint8Array>({
      pull: (controller) => {
        if (left-- > 0) controller.enqueue(new Uint8Array([left & 255]));
        else controller.close();
      },
    });
    const body = await store.inputs.put(pieces, MIB);
    expect(body.bytes).to.equal(200_000);
    const lengths: number[] = [];
    const stream = await store.inputs.open(body);
    for await (const piece of stream ?? []) lengths.push(piece.length);
    expect(lengths).to.deep.equal([65_536, 65_536, 65_536, 200_000 - 3 * 65_536]);
    store.close();
  });
});

describe('what is kept for a while', () => {
  it('is forgotten when it has not changed for long, or when there is no room for it', () => {
    let nowMs = 0;
    const kept = new KeptMap<string>({ mostBytes: 2000, ttlMs: 100, now: () => nowMs });
    kept.set('a', 'first', 500);
    nowMs = 60;
    kept.set('b', 'second', 500);
    expect(kept.values()).to.deep.equal(['first', 'second']);
    expect(kept.hasRoomFor(100)).to.equal(true);
    expect(kept.hasRoomFor(1000)).to.equal(false);
    kept.set('a', 'first again', 500);
    kept.set('c', 'third', 500);
    expect(kept.values()).to.deep.equal(['first again', 'third']);
    nowMs = 161;
    expect(kept.get('a')).to.equal(undefined);
    expect(kept.bytes).to.equal(0);
    expect(kept.delete('a')).to.equal(false);
  });
});
