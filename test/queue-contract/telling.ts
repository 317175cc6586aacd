import { expect } from 'chai';
import { newCall } from '../gateway/nats/queue/fixtures/test-queue.ts';
import { codeOf, LONG, MIB, type QueueBench, resultOf, toldOf } from './opened-queue.ts';

/** Records, pages, results and backlogs. */
export function describeTelling(bench: QueueBench): void {
  const { start, hold, failAlways } = bench;
  describe('tells of calls', () => {
    it('nothing where there are none', async () => {
      const queue = await start();
      expect(await queue.book.read('nobody', { waitMs: 60_000 })).to.equal(undefined);
      expect(await queue.book.result('nobody')).to.equal(undefined);
      expect(await queue.book.callback('nobody')).to.equal(undefined);
      expect((await queue.book.list({ limit: 10 })).calls).to.deep.equal([]);
    });

    it('to who waits for their end', async () => {
      const queue = await start();
      const gate = hold();
      const id = await queue.intake.accept(newCall());
      const waiting = queue.book.read(id, { waitMs: 20_000 });
      await bench.gateway.came(1);
      gate.letGo();
      expect(await waiting).to.include({ state: 'succeeded' });
    });

    it('to who does not wait any more', async () => {
      const queue = await start();
      hold();
      const id = await queue.intake.accept(newCall());
      expect((await queue.book.read(id, { waitMs: 20 }))?.endedAt).to.equal(undefined);
      const leaving = new AbortController();
      const waiting = queue.book.read(id, { waitMs: 20_000, signal: leaving.signal });
      leaving.abort();
      expect((await waiting)?.endedAt).to.equal(undefined);
    });

    it('in pages, what has changed last first', async () => {
      const queue = await start();
      const ids: string[] = [];
      for (let i = 0; i < 5; i++) {
        const id = await queue.intake.accept(newCall(i === 2 ? { function: 'other.ns' } : {}));
        await toldOf(queue, id);
        ids.unshift(id);
      }
      const runAt = Date.now() + 600_000;
      ids.unshift(await queue.intake.accept(newCall({ runAt })));
      const told: string[] = [];
      let cursor: string | undefined;
      do {
        const page = await queue.book.list({ limit: 2, cursor });
        told.push(...page.calls.map(({ id }) => id));
        cursor = page.cursor;
      } while (cursor !== undefined && told.length < 10);
      expect(told).to.deep.equal(ids);
      const others = await queue.book.list({ limit: 10, function: 'other.ns' });
      expect(others.calls.map(({ id }) => id)).to.deep.equal([ids[3]]);
      const queued = await queue.book.list({ limit: 10, state: 'queued' });
      expect(queued.calls.map(({ id }) => id)).to.deep.equal([ids[0]]);
      expect((await queue.book.list({ limit: 10, state: 'dead' })).calls).to.deep.equal([]);
      expect(await codeOf(queue.book.list({ limit: 1, cursor: '%' }))).to.equal('invalid_request');
    });

    it('with results that are long, but not longer than may be', async () => {
      const queue = await start({ result_limit_bytes: String(MIB) });
      bench.gateway.answer = ({ path }, response) => response.end(path.includes('more') ? LONG + LONG : LONG);
      const long = await queue.intake.accept(newCall());
      const longer = await queue.intake.accept(newCall({ path: '/more' }));
      await toldOf(queue, long);
      expect((await resultOf(queue, long)) === LONG).to.equal(true);
      expect((await toldOf(queue, longer)).result).to.deep.include({
        bytes: 2 * LONG.length,
        kept: 'dropped',
      });
      expect(await queue.book.result(longer)).to.equal(undefined);
    });
  });

  describe('tells how much there is', () => {
    it('by function, and of each kind', async () => {
      const queue = await start({ max_inflight: '1', initial_retry_wait: '10m', max_retry_wait: '10m' });
      failAlways();
      await toldOf(queue, await queue.intake.accept(newCall({ function: 'dead.ns', retry: { retries: 0 } })));
      await queue.intake.accept(newCall({ runAt: Date.now() + 600_000 }));
      const before = Date.now();
      hold();
      for (let i = 0; i < 3; i++) await queue.intake.accept(newCall());
      await bench.gateway.came(2);
      for (;;) {
        const view = await queue.load.lookWithin(1000);
        const backlog = view?.backlogs.find((one) => one.function === 'echo.openfaas-fn');
        if (view === undefined || backlog?.running !== 1 || backlog.waitingSince === undefined) {
          await Bun.sleep(20);
          continue;
        }
        expect(backlog).to.include({ queue: 'faas-request', waiting: 2 });
        expect(backlog.waitingSince).to.be.at.least(before - 1000);
        expect(view.later).to.equal(1);
        expect([...view.dead]).to.deep.equal([['dead.ns', 1]]);
        break;
      }
      expect((await queue.load.loads()).get('echo.openfaas-fn')).to.equal(3);
    });

    it('to people', async () => {
      const queue = await start();
      await toldOf(queue, await queue.intake.accept(newCall()));
      let told = '';
      while (!told.startsWith('0 ')) told = await queue.look(AbortSignal.timeout(5000)).catch(() => '');
      expect(told).to.match(/^0 waiting or running asynchronously.* \(0 % of the queue's room\)$/);
      expect(await queue.lookAtWorkers(AbortSignal.timeout(5000))).to.match(/there is one|in this process/);
    });
  });
}
