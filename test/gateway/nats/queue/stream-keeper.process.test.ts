import { expect } from 'chai';
import { openJetStreamQueue } from '../../../../gateway/nats/queue/jetstream-queue.ts';
import { makeMissingConsumers } from '../../../../gateway/nats/queue/missing-consumers.ts';
import { UnusedConsumers } from '../../../../gateway/nats/queue/unused-consumers.ts';
import { type NatsServer, startNats } from '../../../support/nats-server.ts';
import { createQuietLogger } from '../../../support/quiet-logger.ts';
import { newCall, openQueue, SMALL_LIMITS, type TestQueue } from './fixtures/test-queue.ts';

const MIB = 1024 * 1024;

describe('the streams of the queue', function () {
  this.timeout(30_000);
  let nats: NatsServer;
  let queue: TestQueue;
  const closing: (() => Promise<unknown>)[] = [];

  before(async () => {
    nats = await startNats();
  });
  beforeEach(async () => {
    queue = await openQueue(nats, 'without streams');
  });
  afterEach(async () => {
    for (const close of closing.splice(0)) await close();
    await queue.close();
  });
  after(() => nats.close());

  /** As the gateway keeps them. */
  const keep = (limits = SMALL_LIMITS): { look(): Promise<string>; readonly lines: readonly string[] } => {
    const { logger, lines } = createQuietLogger();
    const kept = openJetStreamQueue({
      ...nats,
      name: 'keeper',
      cluster: queue.cluster,
      limits,
      isDeployed: () => true,
      logger,
    });
    closing.push(() => kept.stop());
    return { look: () => kept.look(AbortSignal.timeout(10_000)), lines };
  };
  const maxBytes = async (stream: string): Promise<number> => {
    const { manager } = await queue.sessions.get();
    return (await manager.streams.info(stream)).config.max_bytes;
  };
  const accepted = async (): Promise<string> => {
    for (;;) {
      const id = await queue.intake.accept(newCall()).catch(() => '');
      if (id !== '') return id;
      await Bun.sleep(20);
    }
  };

  it('are made by the gateway, and kept on files', async () => {
    const { look } = keep();
    await accepted();
    const { manager } = await queue.sessions.get();
    for (const stream of [queue.names.queue, queue.names.later, queue.names.records, queue.names.dead]) {
      expect((await manager.streams.info(stream)).config.storage, stream).to.equal('file');
    }
    while ((await look().catch(() => '')) === '') await Bun.sleep(20);
    expect(await look()).to.match(/^1 waiting or running asynchronously \(0 % of the queue's room\)$/);
  });

  it('may keep for as short as settings allow', async () => {
    await queue.ensure({ ...SMALL_LIMITS, resultTtlMs: 60_000, keyTtlMs: 60_000 });
    await queue.ensure(SMALL_LIMITS);
    await queue.ensure({ ...SMALL_LIMITS, resultTtlMs: 365 * 86_400_000, keyTtlMs: 60_000 });
    await queue.intake.acceptKeyed('key', newCall());
  });

  it('take new limits, and keep what they have', async () => {
    await queue.ensure(SMALL_LIMITS);
    const id = await queue.intake.accept(newCall());
    keep({ ...SMALL_LIMITS, queueBytes: 12 * MIB, resultBytes: 13 * MIB });
    while ((await maxBytes(`OBJ_${queue.names.results}`)) !== 13 * MIB) await Bun.sleep(20);
    expect(await maxBytes(queue.names.queue)).to.equal(12 * MIB);
    expect((await queue.waiting()).map((call) => call.id)).to.deep.equal([id]);
  });

  it('are told of when NATS has no room for them, and the gateway goes on', async () => {
    const { look, lines } = keep({ ...SMALL_LIMITS, laterBytes: 2 ** 52 });
    while (!lines.some((line) => /insufficient storage/.test(line))) await Bun.sleep(20);
    expect(lines.join('')).to.match(new RegExp(`refuses the stream ${queue.names.later}`));
    const error = await look().catch((cause: Error) => cause);
    expect((error as Error).message).to.match(/the queue cannot be used: .*insufficient storage/);
  });

  it('are not used where a message of NATS is too short for a call', async () => {
    const short = await startNats({ maxPayload: 512 * 1024 });
    const { logger, lines } = createQuietLogger();
    const kept = openJetStreamQueue({
      ...short,
      name: 'keeper',
      cluster: queue.cluster,
      limits: SMALL_LIMITS,
      isDeployed: () => true,
      logger,
    });
    try {
      while (!lines.some((line) => /max_payload of NATS is 524288/.test(line))) await Bun.sleep(20);
    } finally {
      await kept.stop();
      await short.close();
    }
  });

  it('are made anew where NATS came back without anything', async () => {
    keep();
    await accepted();
    await nats.kill();
    const empty = await startNats({ port: nats.port });
    try {
      await accepted();
      expect(await queue.waiting()).to.have.length(1);
    } finally {
      await empty.close();
      await nats.start();
      await queue.back();
    }
  });

  it('give calls a consumer again that somebody has removed', async () => {
    await queue.ensure(SMALL_LIMITS);
    await queue.intake.accept(newCall());
    await queue.intake.accept(newCall({ function: 'other.openfaas-fn' }));
    const { manager, js } = await queue.sessions.get();
    await js.publish(queue.names.callback('slow'), 'a callback');
    const consumer = 'call_faas-request_openfaas-fn_echo';
    await manager.consumers.delete(queue.names.queue, consumer);
    expect(await makeMissingConsumers(queue.sessions, queue.names)).to.have.members([
      consumer,
      'callback_slow',
    ]);
    expect(await makeMissingConsumers(queue.sessions, queue.names)).to.deep.equal([]);
    const info = await manager.consumers.info(queue.names.queue, consumer);
    expect(info.num_pending).to.equal(1);
  });

  it('lose the consumers of functions that are gone for long, and have no calls', async () => {
    await queue.ensure(SMALL_LIMITS);
    for (const name of ['kept', 'gone', 'waited-for', 'unknown']) {
      await queue.intake.accept(newCall({ function: `${name}.openfaas-fn` }));
    }
    const { manager } = await queue.sessions.get();
    for (const name of ['kept', 'gone', 'unknown']) {
      const filter = queue.names.call('faas-request', { name, namespace: 'openfaas-fn' });
      await manager.streams.purge(queue.names.queue, { filter });
    }
    let nowMs = 0;
    const unused = new UnusedConsumers({
      ...queue,
      isDeployed: ({ name }) => (name === 'unknown' ? undefined : name === 'kept'),
      now: () => nowMs,
    });
    expect(await unused.look()).to.deep.equal([]);
    nowMs = 599_999;
    expect(await unused.look()).to.deep.equal([]);
    nowMs = 600_000;
    expect(await unused.look()).to.deep.equal(['call_faas-request_openfaas-fn_gone']);
    expect((await queue.consumers()).map(({ name }) => name)).to.have.members([
      'call_faas-request_openfaas-fn_kept',
      'call_faas-request_openfaas-fn_waited-for',
      'call_faas-request_openfaas-fn_unknown',
    ]);
    // Another process makes it anew with the first call.
    await (await queue.another()).accept(newCall({ function: 'gone.openfaas-fn' }));
    expect(await queue.consumers()).to.have.length(4);
  });
});
