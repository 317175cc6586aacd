import { expect } from 'chai';
import type { GatewayQueue } from '../../gateway/queue/gateway-queue.ts';
import { newCall } from '../gateway/nats/queue/fixtures/test-queue.ts';
import { bodyOf, codeOf, LONG, MIB, type QueueBench, resultOf, toldOf } from './opened-queue.ts';

/** What becomes of calls that fail: retries, then dead letters. */
export function describeTryingAgain(bench: QueueBench): void {
  const { start, failAlways } = bench;
  describe('tries again', () => {
    it('what failed, until it succeeds', async () => {
      const queue = await start();
      bench.gateway.answer = (call, response) =>
        response.writeHead(bench.gateway.seen.length < 3 ? 500 : 200).end(call.body);
      const record = await toldOf(queue, await queue.intake.accept(newCall()));
      expect(record).to.include({ state: 'succeeded', attempt: 3 });
      expect(record.attempts.map(({ status }) => status)).to.deep.equal([500, 500, 200]);
      expect(new Set(bench.gateway.seen.map(({ headers }) => headers['x-call-id'])).size).to.equal(1);
    });

    it('not what a function has refused', async () => {
      const queue = await start();
      failAlways(404);
      const id = await queue.intake.accept(newCall());
      const record = await toldOf(queue, id);
      expect(record).to.include({ state: 'failed', attempt: 1, reason: 'the function answered 404' });
      expect(await resultOf(queue, id)).to.equal('no');
    });

    it('as a function’s own rules say', async () => {
      const queue = await start();
      failAlways(418);
      const retry = { retries: 1, codes: [418], minWaitMs: 1, maxWaitMs: 1 };
      const record = await toldOf(queue, await queue.intake.accept(newCall({ retry })));
      expect(record).to.include({
        state: 'dead',
        attempt: 2,
        reason: 'the function answered 418, after 2 attempts',
      });
    });

    it('at no attempt’s cost while the gateway is away', async () => {
      const queue = await start();
      await bench.gateway.goAway();
      const id = await queue.intake.accept(newCall());
      await toldOf(queue, id, ({ state }) => state === 'running');
      await bench.gateway.comeBack();
      expect(await toldOf(queue, id)).to.include({ state: 'succeeded', attempt: 1 });
    });

    it('with the long body that it had', async () => {
      const queue = await start();
      bench.gateway.answer = (call, response) =>
        response.writeHead(bench.gateway.seen.length < 2 ? 500 : 200).end(call.body);
      const body = await queue.intake.storeBody(bodyOf(LONG), MIB);
      expect(await toldOf(queue, await queue.intake.accept(newCall({ body })))).to.include({
        state: 'succeeded',
        attempt: 2,
      });
      expect(bench.gateway.seen.map((call) => call.body.toString() === LONG)).to.deep.equal([true, true]);
    });
  });

  describe('keeps dead calls', () => {
    const die = async (queue: GatewayQueue, changes: Parameters<typeof newCall>[0] = {}): Promise<string> => {
      failAlways();
      const id = await queue.intake.accept(newCall({ retry: { retries: 0 }, ...changes }));
      expect((await toldOf(queue, id)).state).to.equal('dead');
      return id;
    };

    it('with why they died', async () => {
      const queue = await start();
      const id = await die(queue);
      const letter = await queue.book.readDead(id);
      expect(letter?.call).to.deep.include({ id, attempt: 1, step: 0 });
      expect(letter?.reason).to.equal('the function answered 500, after 1 attempt');
      expect(Buffer.from(letter?.response ?? []).toString()).to.equal('no');
      expect(letter?.record?.attempts).to.have.length(1);
      expect(await queue.book.readDead('another')).to.equal(undefined);
    });

    it('with how their last answer begins, however long it is', async () => {
      const queue = await start();
      const long = 'abcdefgh'.repeat(100_000);
      bench.gateway.answer = (_call, response) => response.writeHead(500).end(long);
      const id = await queue.intake.accept(newCall({ retry: { retries: 0 } }));
      expect((await toldOf(queue, id)).state).to.equal('dead');
      const { response = new Uint8Array(0) } = (await queue.book.readDead(id)) ?? {};
      expect(response.length)
        .to.be.above(1000)
        .and.at.most(16 * 1024);
      expect(long.startsWith(Buffer.from(response).toString())).to.equal(true);
    });

    it('in pages, those of one function or all', async () => {
      const queue = await start();
      const ids: string[] = [];
      for (const function_ of ['a.ns', 'b.ns', 'a.ns']) ids.push(await die(queue, { function: function_ }));
      const first = await queue.book.listDead({ limit: 2 });
      const second = await queue.book.listDead({ limit: 2, cursor: first.cursor });
      expect([...first.letters, ...second.letters].map(({ call }) => call.id)).to.deep.equal(ids);
      expect(second.cursor).to.equal(undefined);
      const ofA = await queue.book.listDead({ limit: 10, function: 'a.ns' });
      expect(ofA.letters.map(({ call }) => call.id)).to.deep.equal([ids[0], ids[2]]);
      expect(await codeOf(queue.book.listDead({ limit: 1, cursor: '%' }))).to.equal('invalid_request');
    });

    it('until they are sent again, with the bodies that they had', async () => {
      const queue = await start();
      const body = await queue.intake.storeBody(bodyOf(LONG), MIB);
      const id = await die(queue, { body });
      bench.gateway.answer = (call, response) => response.end(call.body);
      expect(await queue.book.redrive({ id }, 0)).to.equal(1);
      expect(await toldOf(queue, id, ({ state }) => state === 'succeeded')).to.include({ attempt: 1 });
      expect(bench.gateway.seen[1]?.body.toString() === LONG).to.equal(true);
      expect(await queue.book.readDead(id)).to.equal(undefined);
      expect(await queue.book.redrive({ id }, 0)).to.equal(0);
    });

    it('and sends as many a second as is wanted', async () => {
      const queue = await start();
      for (let i = 0; i < 3; i++) await die(queue);
      bench.gateway.answer = (call, response) => response.end(call.body);
      expect(await queue.book.redrive({ function: 'echo.openfaas-fn' }, 20)).to.equal(3);
      await bench.gateway.came(6);
    });

    it('until they are thrown away', async () => {
      const queue = await start();
      const ids = [await die(queue), await die(queue, { function: 'b.ns' })];
      expect(await queue.book.purgeDead({ function: 'b.ns' })).to.equal(1);
      expect((await queue.book.listDead({ limit: 10 })).letters.map(({ call }) => call.id)).to.deep.equal([
        ids[0],
      ]);
      expect(await queue.book.purgeDead({})).to.equal(1);
      expect(await queue.book.purgeDead({})).to.equal(0);
    });
  });
}
