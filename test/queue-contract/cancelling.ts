import { expect } from 'chai';
import { newCall } from '../gateway/nats/queue/fixtures/test-queue.ts';
import { type QueueBench, toldOf } from './opened-queue.ts';

/** Calls that nobody wants any more, wherever they are. */
export function describeCancelling(bench: QueueBench): void {
  const { start, hold, failAlways } = bench;
  describe('lets calls be cancelled', () => {
    it('that wait', async () => {
      const queue = await start({ max_inflight: '1' });
      const gate = hold();
      const first = await queue.intake.accept(newCall());
      await bench.gateway.came(1);
      const ids = [];
      for (let i = 0; i < 3; i++)
        ids.push(await queue.intake.accept(newCall({ body: Buffer.from('waits') })));
      for (const id of ids) expect(await queue.book.cancel(id)).to.equal('cancelled');
      expect(await queue.book.cancel(ids[0] ?? '')).to.equal('cancelled');
      gate.letGo();
      await toldOf(queue, first);
      const last = await queue.intake.accept(newCall({ body: Buffer.from('last') }));
      await toldOf(queue, last);
      expect(bench.gateway.seen.map(({ body }) => body.toString())).to.deep.equal(['hello', 'last']);
      for (const id of ids) expect(await queue.book.read(id)).to.include({ state: 'cancelled' });
    });

    it('that run: the function is told by its connection', async () => {
      const queue = await start();
      const ended = Promise.withResolvers<void>();
      bench.gateway.answer = (_call, response) => void response.on('close', () => ended.resolve());
      const id = await queue.intake.accept(newCall());
      await bench.gateway.came(1);
      expect(await queue.book.cancel(id)).to.equal('cancelled');
      await ended.promise;
      expect(await toldOf(queue, id)).to.include({ state: 'cancelled', reason: 'it was cancelled' });
      while (((await queue.load.loads()).get('echo.openfaas-fn') ?? 1) > 0) await Bun.sleep(10);
    });

    it('that wait to be tried again', async () => {
      const queue = await start({ initial_retry_wait: '10m', max_retry_wait: '10m' });
      failAlways();
      const id = await queue.intake.accept(newCall());
      await toldOf(queue, id, ({ state, runAt }) => state === 'queued' && runAt !== undefined);
      expect(await queue.book.cancel(id)).to.equal('cancelled');
      while (((await queue.load.lookWithin(1000))?.later ?? 1) > 0) await Bun.sleep(10);
      expect(bench.gateway.seen).to.have.length(1);
    });

    it('but not when they have ended, nor when there are none', async () => {
      const queue = await start();
      const id = await queue.intake.accept(newCall());
      await toldOf(queue, id);
      expect(await queue.book.cancel(id)).to.equal('ended');
      expect(await queue.book.cancel('nobody')).to.equal('unknown');
    });
  });
}
