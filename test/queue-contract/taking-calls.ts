import { expect } from 'chai';
import type { NewCall } from '../../gateway/queue/call-queue.ts';
import { newCall } from '../gateway/nats/queue/fixtures/test-queue.ts';
import { bodyOf, codeOf, KIB, LONG, MIB, type QueueBench, resultOf, toldOf } from './opened-queue.ts';

/** What is taken, how it is known, and when it is refused. */
export function describeTaking(bench: QueueBench): void {
  const { start, hold } = bench;
  describe('takes calls', () => {
    it('and runs them, and tells of them', async () => {
      const queue = await start();
      const id = await queue.intake.accept(
        newCall({ path: '/a?b=c', headers: ['X-One', '1', 'Host', 'h:1'] }),
      );
      const record = await toldOf(queue, id);
      expect(record).to.deep.include({ id, state: 'succeeded', attempt: 1, step: 0 });
      expect(record.attempts).to.have.length(1);
      expect(record.attempts[0]).to.include({ attempt: 1, status: 200 });
      expect(record.result).to.deep.include({ status: 200, bytes: 5, kept: 'message' });
      expect(await resultOf(queue, id)).to.equal('hello');
      const [call] = bench.gateway.seen;
      expect(call?.path).to.equal('/function/echo.openfaas-fn/a?b=c');
      expect(call?.headers).to.include({ 'x-one': '1', 'x-call-id': id, host: 'h:1' });
    });

    it('of functions of all names, in the order in which they came', async () => {
      const queue = await start({ max_inflight: '1' });
      const gate = hold();
      const first = await queue.intake.accept(newCall());
      await bench.gateway.came(1);
      const ids = [first];
      for (const body of ['1', '2', '3'])
        ids.push(await queue.intake.accept(newCall({ body: Buffer.from(body) })));
      const other = await queue.intake.accept(newCall({ function: 'other.ns' }));
      gate.letGo();
      for (const id of [...ids, other]) expect((await toldOf(queue, id)).state).to.equal('succeeded');
      const bodies = bench.gateway.seen
        .filter(({ path }) => path.includes('echo'))
        .map(({ body }) => body.toString());
      expect(bodies).to.deep.equal(['hello', '1', '2', '3']);
    });

    it('with long bodies, which are gone when the call has ended', async () => {
      const queue = await start();
      const body = await queue.intake.storeBody(bodyOf(LONG), MIB);
      expect(body.bytes).to.equal(LONG.length);
      const id = await queue.intake.accept(newCall({ body }));
      expect((await toldOf(queue, id)).state).to.equal('succeeded');
      expect(bench.gateway.seen[0]?.body.toString() === LONG).to.equal(true);
      const again = await queue.intake.accept(newCall({ body, retry: { retries: 0 } }));
      const { reason } = await toldOf(queue, again);
      expect(reason).to.equal('its body is not there any more, after 1 attempt');
    });

    it('but no body that is longer than may be, and nothing of it is left', async () => {
      const queue = await start({}, { bodyBytes: 8 * MIB });
      for (let i = 0; i < 20; i++) {
        expect(await codeOf(queue.intake.storeBody(bodyOf(LONG), LONG.length - 1))).to.equal(
          'body_too_large',
        );
      }
      await queue.intake.dropBody(await queue.intake.storeBody(bodyOf(LONG), MIB));
    });

    it('by an id of the client’s own: each is run, the last one is told of', async () => {
      const queue = await start();
      const gate = hold();
      await queue.intake.acceptAs('mine', newCall({ body: Buffer.from('one') }));
      await bench.gateway.came(1);
      await queue.intake.acceptAs('mine', newCall({ body: Buffer.from('two') }));
      await bench.gateway.came(2);
      gate.letGo();
      await toldOf(queue, 'mine');
      expect(await resultOf(queue, 'mine')).to.equal('two');
      expect(bench.gateway.seen.map(({ body }) => body.toString())).to.deep.equal(['one', 'two']);
    });

    it('once where an id stands for one call only', async () => {
      const queue = await start();
      expect(await queue.intake.acceptFirst('tick', newCall())).to.equal(true);
      expect(await queue.intake.acceptFirst('tick', newCall())).to.equal(false);
      await toldOf(queue, 'tick');
      expect(await queue.intake.acceptFirst('tick', newCall())).to.equal(false);
      expect(bench.gateway.seen).to.have.length(1);
    });

    it('whose id a client has taken all the same, once', async () => {
      const queue = await start();
      await queue.intake.acceptAs('taken tick', newCall({ body: Buffer.from('client') }));
      await toldOf(queue, 'taken tick');
      expect(await queue.intake.acceptFirst('taken tick', newCall({ body: Buffer.from('tick') }))).to.equal(
        true,
      );
      expect(await queue.intake.acceptFirst('taken tick', newCall({ body: Buffer.from('tick') }))).to.equal(
        false,
      );
      await bench.gateway.came(2);
      expect(bench.gateway.seen.map(({ body }) => body.toString())).to.deep.equal(['client', 'tick']);
      expect(await resultOf(queue, 'taken tick')).to.equal('client');
    });

    it('once for an idempotency key, of each function', async () => {
      const queue = await start();
      const first = await queue.intake.acceptKeyed('order 7', newCall());
      expect(first.isFirst).to.equal(true);
      expect(await queue.intake.acceptKeyed('order 7', newCall())).to.deep.equal({
        id: first.id,
        isFirst: false,
      });
      const other = await queue.intake.acceptKeyed('order 7', newCall({ function: 'other.ns' }));
      expect(other.isFirst).to.equal(true);
      expect(other.id).to.not.equal(first.id);
      const different = newCall({ body: Buffer.from('other') });
      expect(await codeOf(queue.intake.acceptKeyed('order 7', different))).to.equal('invalid_request');
      for (const id of [first.id, other.id]) await toldOf(queue, id);
      expect(bench.gateway.seen).to.have.length(2);
    });

    it('but no chain that is too long to be told of', async () => {
      const queue = await start();
      const step = {
        function: 'f.ns',
        queue: 'faas-request',
        retry: { codes: Array.from({ length: 500 }, () => 500) },
      };
      const call: NewCall = { ...newCall(), steps: Array.from({ length: 40 }, () => step) };
      expect(await codeOf(queue.intake.accept(call))).to.equal('invalid_request');
    });

    it('until it is full, and then says so', async () => {
      const queue = await start({ max_inflight: '1' }, { queueBytes: 8 * MIB });
      const gate = hold();
      const body = Buffer.alloc(400 * KIB);
      const ids: string[] = [];
      let refusal: unknown;
      while (refusal === undefined) {
        const call = newCall({ body });
        await queue.intake.accept(call).then(
          (id) => ids.push(id),
          (error: unknown) => {
            refusal = error;
          },
        );
      }
      expect(refusal).to.include({ code: 'queue_full', status: 503 });
      expect((refusal as { retryAfterSeconds?: number }).retryAfterSeconds).to.be.greaterThan(0);
      expect(ids.length).to.be.within(10, 20);
      gate.letGo();
      for (const id of ids) expect((await toldOf(queue, id)).state).to.equal('succeeded');
      while ((await codeOf(queue.intake.accept(newCall()))) === 'queue_full') await Bun.sleep(50);
    });

    it('with bodies until those are too much', async () => {
      const queue = await start({}, { bodyBytes: 8 * MIB });
      const codes = new Set<unknown>();
      for (let i = 0; i < 12; i++) codes.add(await codeOf(queue.intake.storeBody(bodyOf(LONG), MIB)));
      expect([...codes]).to.include('queue_full');
    });
  });
}
