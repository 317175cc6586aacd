import { expect } from 'chai';
import { FaasError } from '../../../../gateway/errors.ts';
import { JetStreamCallBook } from '../../../../gateway/nats/queue/book.ts';
import { QueueConsumers } from '../../../../gateway/nats/queue/queue-consumers.ts';
import type { ObjectBody } from '../../../../gateway/queue/call.ts';
import type { CallBook, CallPage, CallQuery } from '../../../../gateway/queue/call-queue.ts';
import { type NatsServer, startNats } from '../../../support/nats-server.ts';
import { type CallStages, callStages } from './fixtures/call-stages.ts';
import { newCall, openQueue, type TestQueue } from './fixtures/test-queue.ts';

const MIB = 1024 * 1024;

describe('the book of calls', function () {
  this.timeout(60_000);
  let nats: NatsServer;
  let queue: TestQueue;
  let book: CallBook;
  let calls: CallStages;

  before(async () => {
    nats = await startNats();
  });
  beforeEach(async () => {
    queue = await openQueue(nats);
    book = new JetStreamCallBook(
      queue.sessions,
      queue.names,
      new QueueConsumers(queue.sessions, queue.names),
    );
    calls = callStages(queue);
  });
  afterEach(() => queue.close());
  after(() => nats.close());

  const accept = (changes: Parameters<typeof newCall>[0] = {}): Promise<string> =>
    queue.intake.accept(newCall(changes));
  const longBody = (): Promise<ObjectBody> =>
    queue.intake.storeBody(new Blob([Buffer.alloc(MIB, 7)]).stream(), 2 * MIB);
  const isKept = async ({ name }: ObjectBody): Promise<boolean> => {
    const { manager } = await queue.sessions.get();
    const { state } = await manager.streams.info(`OBJ_${queue.names.bodies}`, { subjects_filter: '>' });
    const encoded = Buffer.from(name).toString('base64');
    return Object.keys(state.subjects ?? {}).some((subject) => subject.endsWith(encoded));
  };

  describe('reading', () => {
    it('tells of a call that nobody has begun, without any record of it', async () => {
      const id = await accept({ callbackUrl: 'http://example.com/' });
      expect(await book.read(id)).to.deep.include({
        id,
        state: 'queued',
        attempt: 0,
        attempts: [],
        callbackUrl: 'http://example.com/',
        steps: [{ function: 'echo.openfaas-fn', queue: 'faas-request' }],
      });
    });

    it('tells when one is to run that is to run later', async () => {
      const runAt = Date.now() + 3_600_000;
      expect(await book.read(await accept({ runAt }))).to.deep.include({ state: 'queued', runAt });
    });

    it('follows a call to its end, and has the answer then', async () => {
      const id = await accept();
      await calls.begin(id);
      expect(await book.read(id)).to.deep.include({ state: 'running', attempt: 1 });
      expect(await book.result(id)).to.equal(undefined);
      await calls.end(id);
      expect(await book.read(id)).to.deep.include({ state: 'succeeded' });
      const { result, body } = (await book.result(id)) ?? expect.fail('no result');
      expect(result).to.deep.include({ status: 200, headers: ['Content-Type', 'text/plain'], bytes: 4 });
      expect(Buffer.from(body as Uint8Array).toString()).to.equal('done');
    });

    it('has no answer where it was too long to be kept', async () => {
      const id = await accept();
      await calls.begin(id);
      await calls.end(id, { result: { status: 200, headers: [], bytes: 5e9, kept: 'dropped' } });
      expect(await book.result(id)).to.equal(undefined);
    });

    it('knows nothing of other ids: made up, of other calls, of nothing', async () => {
      const id = await accept();
      const stranger = `0${id.slice(1)}` === id ? `1${id.slice(1)}` : `0${id.slice(1)}`;
      for (const other of [stranger, 'nobody', '', '*', '>', 'a b', 'ä'.repeat(50), `${id}.callback`]) {
        expect(await book.read(other), other).to.equal(undefined);
        expect(await book.cancel(other), other).to.equal('unknown');
        expect(await book.result(other), other).to.equal(undefined);
      }
    });

    it('tells of calls with ids of their own, whatever those are', async () => {
      for (const id of ['order 7/€', '*', '>', 'a.b', 'x'.repeat(128)]) {
        await queue.intake.acceptAs(id, newCall());
        expect(await book.read(id), id).to.deep.include({ id, state: 'queued' });
      }
    });
  });

  describe('waiting', () => {
    it('resolves when the call ends', async () => {
      const id = await accept();
      const waited = book.read(id, { waitMs: 30_000 });
      await calls.begin(id);
      await calls.end(id);
      expect(await waited).to.deep.include({ state: 'succeeded' });
    });

    it('tells how it is when time is up, or whoever waits has gone', async () => {
      const id = await accept();
      expect(await book.read(id, { waitMs: 30 })).to.deep.include({ state: 'queued' });
      const leaving = new AbortController();
      const waited = book.read(id, { waitMs: 30_000, signal: leaving.signal });
      leaving.abort();
      expect(await waited).to.deep.include({ state: 'queued' });
    });

    it('does not wait for what there is not, nor for what has ended', async () => {
      expect(await book.read('nobody', { waitMs: 30_000 })).to.equal(undefined);
      const id = await accept();
      await calls.begin(id);
      await calls.end(id, { state: 'failed' });
      expect(await book.read(id, { waitMs: 30_000 })).to.deep.include({ state: 'failed' });
    });
  });

  describe('cancelling', () => {
    it('ends a call that waits, and nothing is left of it but the record', async () => {
      const body = await longBody();
      const id = await accept({ body });
      expect(await isKept(body)).to.equal(true);
      expect(await book.cancel(id)).to.equal('cancelled');
      expect(await book.read(id)).to.deep.include({ state: 'cancelled', reason: 'it was cancelled' });
      expect(await queue.waiting()).to.deep.equal([]);
      expect(await isKept(body)).to.equal(false);
    });

    it('ends one that was to run later', async () => {
      const id = await accept({ runAt: Date.now() + 3_600_000 });
      expect(await book.cancel(id)).to.equal('cancelled');
      expect(await queue.waiting('later')).to.deep.equal([]);
      const record = await book.read(id);
      expect(record).to.deep.include({ state: 'cancelled' });
      expect(record).not.to.have.property('runAt');
    });

    it('tells whoever runs it', async () => {
      const heard = queue.hear(queue.names.cancel);
      const id = await accept();
      const { instance } = await calls.begin(id);
      expect(await book.cancel(id)).to.equal('cancelled');
      expect((await queue.record(id)).state).to.equal('cancelled');
      expect(heard.map((text) => JSON.parse(text))).to.deep.equal([{ id, instance }]);
    });

    it('may be done twice, but not after the end', async () => {
      const id = await accept();
      expect(await book.cancel(id)).to.equal('cancelled');
      expect(await book.cancel(id)).to.equal('cancelled');
      const ended = await accept();
      await calls.begin(ended);
      await calls.end(ended);
      expect(await book.cancel(ended)).to.equal('ended');
      expect((await queue.record(ended)).state).to.equal('succeeded');
    });

    it('comes before the beginning or after it, never in between', async () => {
      for (let turn = 0; turn < 30; turn++) {
        const id = await accept();
        const [begun, cancelled] = await Promise.all([
          calls.begin(id).then(
            () => true,
            () => false,
          ),
          book.cancel(id),
        ]);
        expect(cancelled).to.equal('cancelled');
        expect((await queue.record(id)).state, begun ? 'it had begun' : 'it had not').to.equal('cancelled');
      }
    });
  });

  describe('lists', () => {
    const all = async (query: Partial<CallQuery>): Promise<{ ids: string[]; pages: number }> => {
      const ids: string[] = [];
      let pages = 0;
      let page: CallPage = { calls: [] };
      do {
        page = await book.list({
          limit: 7,
          ...query,
          ...(page.cursor !== undefined && { cursor: page.cursor }),
        });
        ids.push(...page.calls.map(({ id }) => id));
        pages++;
      } while (page.cursor !== undefined);
      return { ids, pages };
    };

    it('is empty where there are no calls', async () => {
      expect(await book.list({ limit: 10 })).to.deep.equal({ calls: [] });
    });

    it('has every call once, in pages, what changed last first', async () => {
      const ended: string[] = [];
      for (let i = 0; i < 10; i++) ended.push(await accept());
      const waiting: string[] = [];
      for (let i = 0; i < 10; i++) {
        const id = ended[i] ?? '';
        await calls.begin(id);
        await calls.end(id);
        // Stored in the same millisecond, either may come first.
        await Bun.sleep(3);
        waiting.push(await accept({ runAt: Date.now() + 1e6 }), await accept());
        await Bun.sleep(3);
      }
      const { ids, pages } = await all({});
      expect(ids).to.have.length(30);
      expect(new Set(ids).size).to.equal(30);
      expect(pages).to.be.greaterThan(3);
      expect(ids.filter((id) => ended.includes(id))).to.deep.equal(ended.toReversed());
      const [first = '', second = ''] = ids;
      expect(waiting.slice(-2)).to.have.members([first, second]);
      expect(ids.at(-1)).to.equal(ended[0]);
    });

    it('by state: each has its own', async () => {
      const [a, b, c, d] = [await accept(), await accept(), await accept(), await accept()];
      await calls.begin(b);
      await calls.begin(c);
      await calls.end(c, { state: 'failed' });
      await book.cancel(d);
      const later = await accept({ runAt: Date.now() + 1e6 });
      await queue.intake.acceptAs('mine', newCall());
      expect((await all({ state: 'queued' })).ids).to.have.members([a, later, 'mine']);
      expect((await all({ state: 'running' })).ids).to.deep.equal([b]);
      expect((await all({ state: 'failed' })).ids).to.deep.equal([c]);
      expect((await all({ state: 'cancelled' })).ids).to.deep.equal([d]);
      expect((await all({ state: 'dead' })).ids).to.deep.equal([]);
      expect((await all({})).ids).to.have.members([a, b, c, d, later, 'mine']);
    });

    it('by function, few among many', async () => {
      const mine: string[] = [];
      for (let i = 0; i < 300; i++) {
        if (i % 100 === 50) mine.push(await accept({ function: 'rare.openfaas-fn' }));
        await accept({ function: 'frequent.openfaas-fn' });
      }
      const ended = await accept({ function: 'rare.openfaas-fn' });
      await calls.begin(ended);
      const page = await book.list({ function: 'rare.openfaas-fn', limit: 50 });
      expect(page.calls.map(({ id }) => id)).to.deep.equal([ended, ...mine.toReversed()]);
      expect((await book.list({ function: 'unknown.openfaas-fn', limit: 50 })).calls).to.deep.equal([]);
    });

    it('tells of an id that two calls have once', async () => {
      await queue.intake.acceptAs('twice', newCall());
      await queue.intake.acceptAs('twice', newCall());
      expect((await all({})).ids).to.deep.equal(['twice']);
      expect((await all({ state: 'queued' })).ids).to.deep.equal(['twice']);
    });

    it('refuses a cursor that is none', async () => {
      for (const cursor of ['x', '1.2', '1.2.3.4', '../..', '1.2.-1', 'ä.b.c', '']) {
        const error = await book.list({ limit: 1, cursor }).catch((reason: unknown) => reason);
        expect(error, cursor).to.be.instanceOf(FaasError).with.property('code', 'invalid_request');
      }
    });
  });

  describe('dead letters', () => {
    it('are listed in pages, the oldest first, read and counted out', async () => {
      const ids: string[] = [];
      for (let i = 0; i < 5; i++) {
        ids.push(await accept({ function: i % 2 === 0 ? 'even.openfaas-fn' : 'odd.openfaas-fn' }));
        await calls.die(ids[i] ?? '');
      }
      const first = await book.listDead({ limit: 3 });
      const second = await book.listDead({ limit: 3, ...(first.cursor && { cursor: first.cursor }) });
      expect([...first.letters, ...second.letters].map(({ call }) => call.id)).to.deep.equal(ids);
      expect(second.cursor).to.equal(undefined);
      const odd = await book.listDead({ limit: 3, function: 'odd.openfaas-fn' });
      expect(odd.letters.map(({ call }) => call.id)).to.deep.equal([ids[1], ids[3]]);

      const letter = (await book.readDead(ids[2] ?? '')) ?? expect.fail('no letter');
      expect(letter.reason).to.contain('500');
      expect(letter.record).to.deep.include({ state: 'dead', id: ids[2] });
      expect(Buffer.from(letter.response).toString()).to.equal('oh no');
      expect(Buffer.from(letter.call.body as Uint8Array).toString()).to.equal('hello');
      expect(await book.readDead('nobody')).to.equal(undefined);
    });

    it('are sent again: as the same call, which waits and is told of', async () => {
      const id = await accept({ headers: ['A', 'b'], path: '/x?y' });
      const { instance } = await calls.message(id);
      await calls.die(id);
      expect(await book.redrive({ id }, 0)).to.equal(1);
      const [call] = await queue.waiting();
      expect(call).to.deep.include({ id, attempt: 1, path: '/x?y' });
      expect(call?.instance).not.to.equal(instance);
      expect(Buffer.from(call?.body as Uint8Array).toString()).to.equal('hello');
      expect(await book.read(id)).to.deep.include({ id, state: 'queued', attempt: 0 });
      expect(await calls.begin(id)).to.deep.include({ state: 'running' });
      expect((await book.listDead({ limit: 10 })).letters).to.deep.equal([]);
      expect(await book.redrive({ id }, 0)).to.equal(0);
    });

    it('are sent again at a rate: one after the other, by whoever moves what is to run later', async () => {
      for (let i = 0; i < 4; i++) await calls.die(await accept());
      const from = Date.now();
      expect(await book.redrive({ function: 'echo.openfaas-fn' }, 2)).to.equal(4);
      const runAts = (await queue.waiting('later')).map(({ runAt = 0 }) => runAt).sort((a, b) => a - b);
      expect(runAts.map((at) => at - (runAts[0] ?? 0))).to.deep.equal([0, 500, 1000, 1500]);
      expect(runAts[0]).to.be.within(from, Date.now());
      expect(await queue.waiting()).to.deep.equal([]);
    });

    it('are sent once by two at the same time, and after one was killed on the way', async () => {
      const ids = [await accept(), await accept(), await accept()];
      for (const id of ids) await calls.die(id);
      await Promise.all([book.redrive({}, 0), book.redrive({}, 0)]);
      expect((await queue.waiting()).map(({ id }) => id)).to.have.members(ids);
    });

    it('stay where their call is not yet settled', async () => {
      const id = await accept();
      await calls.die(id);
      await queue.records.write({ ...(await queue.record(id)), state: 'running' }, undefined);
      expect(await book.redrive({}, 0)).to.equal(0);
      expect(await queue.waiting()).to.deep.equal([]);
      expect((await book.listDead({ limit: 10 })).letters).to.have.length(1);
    });

    it('outlive their records', async () => {
      const id = await accept();
      await calls.die(id);
      await queue.forgetRecords();
      expect((await book.readDead(id))?.call.id).to.equal(id);
      expect(await book.redrive({ id }, 0)).to.equal(1);
      expect(await book.read(id)).to.deep.include({ state: 'queued' });
    });

    it('run without being told of where another call has their id', async () => {
      const id = await accept();
      await calls.die(id);
      await queue.intake.acceptAs(id, newCall());
      const { instance } = await queue.record(id);
      expect(await book.redrive({ id }, 0)).to.equal(1);
      expect(await queue.waiting()).to.have.length(2);
      expect((await queue.record(id)).instance).to.equal(instance);
    });

    it('are thrown away with their bodies: one, those of a function, all', async () => {
      const body = await longBody();
      const [a, b, c] = [
        await accept({ body }),
        await accept({ function: 'other.openfaas-fn' }),
        await accept(),
      ];
      for (const id of [a, b, c]) await calls.die(id);
      expect(await book.purgeDead({ id: 'nobody' })).to.equal(0);
      expect(await isKept(body)).to.equal(true);
      expect(await book.purgeDead({ id: a })).to.equal(1);
      expect(await isKept(body)).to.equal(false);
      expect(await book.purgeDead({ function: 'other.openfaas-fn' })).to.equal(1);
      expect(await book.purgeDead({})).to.equal(1);
      expect((await book.listDead({ limit: 10 })).letters).to.deep.equal([]);
      expect((await book.read(a))?.state).to.equal('dead');
    });
  });

  it('says so when NATS is away, and goes on when it is back', async () => {
    const own = await startNats();
    const other = await openQueue(own);
    const lost = new JetStreamCallBook(
      other.sessions,
      other.names,
      new QueueConsumers(other.sessions, other.names),
    );
    try {
      const id = await other.intake.accept(newCall());
      await own.kill();
      for (const work of [
        () => lost.read(id),
        () => lost.read(id, { waitMs: 1000 }),
        () => lost.list({ limit: 1 }),
        () => lost.cancel(id),
        () => lost.listDead({ limit: 1 }),
        () => lost.redrive({}, 0),
      ]) {
        const error = await work().catch((reason: unknown) => reason);
        expect(error).to.be.instanceOf(FaasError).with.property('code', 'queue_unavailable');
      }
      await own.start();
      for (;;) {
        const found = await lost.read(id).catch(() => undefined);
        if (found !== undefined) break;
        await Bun.sleep(50);
      }
    } finally {
      await other.close();
      await own.close();
    }
  });
});
