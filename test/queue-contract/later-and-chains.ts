import { expect } from 'chai';
import type { NewCall } from '../../gateway/queue/call-queue.ts';
import { newCall } from '../gateway/nats/queue/fixtures/test-queue.ts';
import { LONG, type QueueBench, resultOf, toldOf } from './opened-queue.ts';

/** Delays, and functions one after the other. */
export function describeLaterAndChains(bench: QueueBench): void {
  const { start } = bench;
  describe('runs calls later', () => {
    it('and not before', async () => {
      const queue = await start();
      const runAt = Date.now() + 1000;
      const id = await queue.intake.accept(newCall({ runAt }));
      expect(await queue.book.read(id)).to.deep.include({ state: 'queued', runAt, attempt: 0 });
      const record = await toldOf(queue, id);
      expect(record.state).to.equal('succeeded');
      expect(record.attempts[0]?.startedAt).to.be.at.least(runAt);
    });

    it('the earliest first, however they came', async () => {
      const queue = await start();
      const from = Date.now();
      const at = (ms: number, body: string): Promise<string> =>
        queue.intake.accept(newCall({ runAt: from + ms, body: Buffer.from(body) }));
      const ids = [await at(2500, 'c'), await at(1500, 'b'), await at(500, 'a')];
      for (const id of ids) await toldOf(queue, id);
      expect(bench.gateway.seen.map(({ body }) => body.toString()).join('')).to.equal('abc');
    });

    it('unless they are cancelled before', async () => {
      const queue = await start();
      const runAt = Date.now() + 1500;
      const id = await queue.intake.accept(newCall({ runAt }));
      await queue.intake.acceptAs('mine', newCall({ runAt }));
      expect(await queue.book.cancel(id)).to.equal('cancelled');
      expect(await queue.book.cancel('mine')).to.equal('cancelled');
      const after = await queue.intake.accept(newCall({ runAt: runAt + 100, body: Buffer.from('after') }));
      await toldOf(queue, after);
      expect(bench.gateway.seen.map(({ body }) => body.toString())).to.deep.equal(['after']);
      expect(await queue.book.read(id)).to.include({ state: 'cancelled' });
      while (((await queue.load.lookWithin(1000))?.later ?? 1) > 0) await Bun.sleep(10);
    });
  });

  describe('runs chains', () => {
    const chain = (...names: string[]): NewCall => ({
      ...newCall(),
      steps: names.map((each) => ({
        function: `${each}.ns`,
        queue: 'faas-request',
        retry: { retries: 1 },
      })),
    });

    it('each step with what the one before has answered', async () => {
      const queue = await start();
      bench.gateway.answer = ({ path, body }, response) =>
        response.writeHead(200, { 'content-type': 'text/x' }).end(`${body.toString()}${path}`);
      const id = await queue.intake.accept(chain('a', 'b', 'c'));
      expect(await toldOf(queue, id)).to.include({ state: 'succeeded', step: 2, attempt: 1 });
      expect(await resultOf(queue, id)).to.equal('hello/function/a.ns//function/b.ns//function/c.ns/');
      expect(bench.gateway.seen.map(({ headers }) => headers['content-type'])).to.deep.equal([
        'text/plain',
        'text/x',
        'text/x',
      ]);
    });

    it('also with long answers', async () => {
      const queue = await start();
      bench.gateway.answer = (_call, response) => response.end(LONG);
      const id = await queue.intake.accept(chain('a', 'b'));
      expect((await toldOf(queue, id)).state).to.equal('succeeded');
      expect(bench.gateway.seen[1]?.body.toString() === LONG).to.equal(true);
      expect((await resultOf(queue, id)) === LONG).to.equal(true);
    });

    it('no further than to the step that fails, which is tried again alone', async () => {
      const queue = await start();
      bench.gateway.answer = ({ path }, response) =>
        response.writeHead(path.includes('b.ns') ? 500 : 200).end('x');
      const id = await queue.intake.accept(chain('a', 'b', 'c'));
      expect(await toldOf(queue, id)).to.include({ state: 'dead', step: 1, attempt: 2 });
      expect(bench.gateway.seen).to.have.length(3);
      bench.gateway.answer = (_call, response) => response.end('y');
      expect(await queue.book.redrive({ id }, 0)).to.equal(1);
      expect(await toldOf(queue, id, ({ state }) => state === 'succeeded')).to.include({ step: 2 });
      expect(bench.gateway.seen.slice(3).map(({ path }) => path)).to.deep.equal([
        '/function/b.ns/',
        '/function/c.ns/',
      ]);
    });
  });
}
