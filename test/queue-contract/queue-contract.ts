import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import type { NewCall } from '../../gateway/queue/call-queue.ts';
import type { GatewayQueue } from '../../gateway/queue/gateway-queue.ts';
import { newCall } from '../gateway/nats/queue/fixtures/test-queue.ts';
import {
  type FakeGateway,
  type SeenCall,
  startFakeGateway,
} from '../gateway/queue-worker/fixtures/fake-gateway.ts';
import { createQuietLogger } from '../support/quiet-logger.ts';
import {
  bodyOf,
  codeOf,
  type OpenedQueue,
  type OpenQueue,
  QUICK_SETTINGS,
  resultOf,
  toldOf,
} from './opened-queue.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
const LONG = 'abcdefgh'.repeat(100 * KIB);

/** What every queue does, wherever it is. */
export function describeQueue(name: string, open: OpenQueue): void {
  describe(`the queue of ${name}`, function () {
    this.timeout(30_000);
    let gateway: FakeGateway;
    let opened: OpenedQueue | undefined;

    const start = async (
      settings: Readonly<Record<string, string>> = {},
      limits: Parameters<OpenQueue>[0]['limits'] = {},
    ): Promise<GatewayQueue> => {
      opened = await open({ gateway, settings: { ...QUICK_SETTINGS, ...settings }, limits });
      return opened.queue;
    };
    /** Answers wait until they are let go. */
    const hold = (): { readonly held: (() => void)[]; letGo(): void } => {
      const held: (() => void)[] = [];
      const { answer } = gateway;
      gateway.answer = (call, response) => held.push(() => answer(call, response));
      return {
        held,
        letGo: () => {
          gateway.answer = answer;
          for (const go of held.splice(0)) go();
        },
      };
    };
    const failAlways = (status = 500): void => {
      gateway.answer = (_call, response) => response.writeHead(status).end('no');
    };

    beforeEach(async () => {
      gateway = await startFakeGateway();
    });
    afterEach(async () => {
      await opened?.stop();
      opened = undefined;
      await gateway.close();
    });

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
        const [call] = gateway.seen;
        expect(call?.path).to.equal('/function/echo.openfaas-fn/a?b=c');
        expect(call?.headers).to.include({ 'x-one': '1', 'x-call-id': id, host: 'h:1' });
      });

      it('of functions of all names, in the order in which they came', async () => {
        const queue = await start({ max_inflight: '1' });
        const gate = hold();
        const first = await queue.intake.accept(newCall());
        await gateway.came(1);
        const ids = [first];
        for (const body of ['1', '2', '3'])
          ids.push(await queue.intake.accept(newCall({ body: Buffer.from(body) })));
        const other = await queue.intake.accept(newCall({ function: 'other.ns' }));
        gate.letGo();
        for (const id of [...ids, other]) expect((await toldOf(queue, id)).state).to.equal('succeeded');
        const bodies = gateway.seen
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
        expect(gateway.seen[0]?.body.toString() === LONG).to.equal(true);
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
        await gateway.came(1);
        await queue.intake.acceptAs('mine', newCall({ body: Buffer.from('two') }));
        await gateway.came(2);
        gate.letGo();
        await toldOf(queue, 'mine');
        expect(await resultOf(queue, 'mine')).to.equal('two');
        expect(gateway.seen.map(({ body }) => body.toString())).to.deep.equal(['one', 'two']);
      });

      it('once where an id stands for one call only', async () => {
        const queue = await start();
        expect(await queue.intake.acceptFirst('tick', newCall())).to.equal(true);
        expect(await queue.intake.acceptFirst('tick', newCall())).to.equal(false);
        await toldOf(queue, 'tick');
        expect(await queue.intake.acceptFirst('tick', newCall())).to.equal(false);
        expect(gateway.seen).to.have.length(1);
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
        await gateway.came(2);
        expect(gateway.seen.map(({ body }) => body.toString())).to.deep.equal(['client', 'tick']);
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
        expect(gateway.seen).to.have.length(2);
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

    describe('tries again', () => {
      it('what failed, until it succeeds', async () => {
        const queue = await start();
        gateway.answer = (call, response) =>
          response.writeHead(gateway.seen.length < 3 ? 500 : 200).end(call.body);
        const record = await toldOf(queue, await queue.intake.accept(newCall()));
        expect(record).to.include({ state: 'succeeded', attempt: 3 });
        expect(record.attempts.map(({ status }) => status)).to.deep.equal([500, 500, 200]);
        expect(new Set(gateway.seen.map(({ headers }) => headers['x-call-id'])).size).to.equal(1);
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
        await gateway.goAway();
        const id = await queue.intake.accept(newCall());
        await toldOf(queue, id, ({ state }) => state === 'running');
        await gateway.comeBack();
        expect(await toldOf(queue, id)).to.include({ state: 'succeeded', attempt: 1 });
      });

      it('with the long body that it had', async () => {
        const queue = await start();
        gateway.answer = (call, response) =>
          response.writeHead(gateway.seen.length < 2 ? 500 : 200).end(call.body);
        const body = await queue.intake.storeBody(bodyOf(LONG), MIB);
        expect(await toldOf(queue, await queue.intake.accept(newCall({ body })))).to.include({
          state: 'succeeded',
          attempt: 2,
        });
        expect(gateway.seen.map((call) => call.body.toString() === LONG)).to.deep.equal([true, true]);
      });
    });

    describe('keeps dead calls', () => {
      const die = async (
        queue: GatewayQueue,
        changes: Parameters<typeof newCall>[0] = {},
      ): Promise<string> => {
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
        gateway.answer = (call, response) => response.end(call.body);
        expect(await queue.book.redrive({ id }, 0)).to.equal(1);
        expect(await toldOf(queue, id, ({ state }) => state === 'succeeded')).to.include({ attempt: 1 });
        expect(gateway.seen[1]?.body.toString() === LONG).to.equal(true);
        expect(await queue.book.readDead(id)).to.equal(undefined);
        expect(await queue.book.redrive({ id }, 0)).to.equal(0);
      });

      it('and sends as many a second as is wanted', async () => {
        const queue = await start();
        for (let i = 0; i < 3; i++) await die(queue);
        gateway.answer = (call, response) => response.end(call.body);
        expect(await queue.book.redrive({ function: 'echo.openfaas-fn' }, 20)).to.equal(3);
        await gateway.came(6);
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

    describe('runs calls later', () => {
      it('and not before', async () => {
        const queue = await start();
        const runAt = Date.now() + 300;
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
        const ids = [await at(600, 'c'), await at(300, 'b'), await at(100, 'a')];
        for (const id of ids) await toldOf(queue, id);
        expect(gateway.seen.map(({ body }) => body.toString()).join('')).to.equal('abc');
      });

      it('unless they are cancelled before', async () => {
        const queue = await start();
        const runAt = Date.now() + 400;
        const id = await queue.intake.accept(newCall({ runAt }));
        await queue.intake.acceptAs('mine', newCall({ runAt }));
        expect(await queue.book.cancel(id)).to.equal('cancelled');
        expect(await queue.book.cancel('mine')).to.equal('cancelled');
        const after = await queue.intake.accept(newCall({ runAt: runAt + 100, body: Buffer.from('after') }));
        await toldOf(queue, after);
        expect(gateway.seen.map(({ body }) => body.toString())).to.deep.equal(['after']);
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
        gateway.answer = ({ path, body }, response) =>
          response.writeHead(200, { 'content-type': 'text/x' }).end(`${body.toString()}${path}`);
        const id = await queue.intake.accept(chain('a', 'b', 'c'));
        expect(await toldOf(queue, id)).to.include({ state: 'succeeded', step: 2, attempt: 1 });
        expect(await resultOf(queue, id)).to.equal('hello/function/a.ns//function/b.ns//function/c.ns/');
        expect(gateway.seen.map(({ headers }) => headers['content-type'])).to.deep.equal([
          'text/plain',
          'text/x',
          'text/x',
        ]);
      });

      it('also with long answers', async () => {
        const queue = await start();
        gateway.answer = (_call, response) => response.end(LONG);
        const id = await queue.intake.accept(chain('a', 'b'));
        expect((await toldOf(queue, id)).state).to.equal('succeeded');
        expect(gateway.seen[1]?.body.toString() === LONG).to.equal(true);
        expect((await resultOf(queue, id)) === LONG).to.equal(true);
      });

      it('no further than to the step that fails, which is tried again alone', async () => {
        const queue = await start();
        gateway.answer = ({ path }, response) =>
          response.writeHead(path.includes('b.ns') ? 500 : 200).end('x');
        const id = await queue.intake.accept(chain('a', 'b', 'c'));
        expect(await toldOf(queue, id)).to.include({ state: 'dead', step: 1, attempt: 2 });
        expect(gateway.seen).to.have.length(3);
        gateway.answer = (_call, response) => response.end('y');
        expect(await queue.book.redrive({ id }, 0)).to.equal(1);
        expect(await toldOf(queue, id, ({ state }) => state === 'succeeded')).to.include({ step: 2 });
        expect(gateway.seen.slice(3).map(({ path }) => path)).to.deep.equal([
          '/function/b.ns/',
          '/function/c.ns/',
        ]);
      });
    });

    describe('posts results', () => {
      let server: ReturnType<typeof createServer>;
      let url: string;
      let status: number;
      const seen: SeenCall[] = [];
      let came = Promise.withResolvers<void>();

      beforeEach(async () => {
        seen.splice(0);
        status = 200;
        came = Promise.withResolvers();
        server = createServer((request, response) => {
          const chunks: Buffer[] = [];
          request.on('data', (chunk: Buffer) => chunks.push(chunk));
          request.on('end', () => {
            seen.push({ path: request.url ?? '', headers: request.headers, body: Buffer.concat(chunks) });
            response.writeHead(status).end();
            came.resolve();
          });
        });
        await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
        url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/result`;
      });
      afterEach(() => void server.close());

      const delivered = async (queue: GatewayQueue, id: string, state = 'delivered'): Promise<number> => {
        for (;;) {
          const record = await queue.book.callback(id);
          if (record?.state === state) return record.attempts.length;
          await Bun.sleep(10);
        }
      };

      it('to the client’s address', async () => {
        const queue = await start();
        const id = await queue.intake.accept(newCall({ callbackUrl: url }));
        expect(await delivered(queue, id)).to.equal(1);
        expect(seen).to.have.length(1);
        expect(seen[0]?.headers).to.include({
          'x-call-id': id,
          'x-function-status': '200',
          'content-type': 'text/plain',
        });
        expect(seen[0]?.body.toString()).to.equal('hello');
      });

      it('that are long', async () => {
        const queue = await start();
        gateway.answer = (_call, response) => response.end(LONG);
        await delivered(queue, await queue.intake.accept(newCall({ callbackUrl: url })));
        expect(seen[0]?.body.toString() === LONG).to.equal(true);
      });

      it('of calls that died, too', async () => {
        const queue = await start();
        failAlways();
        await delivered(
          queue,
          await queue.intake.accept(newCall({ callbackUrl: url, retry: { retries: 0 } })),
        );
        expect(seen[0]?.headers).to.include({ 'x-function-status': '500' });
      });

      it('again, when they were not taken, as often as they may be', async () => {
        const queue = await start();
        status = 503;
        const id = await queue.intake.accept(newCall({ callbackUrl: url }));
        await came.promise;
        expect(await delivered(queue, id, 'failed')).to.equal(2);
        expect(seen).to.have.length(2);
      });
    });

    describe('lets calls be cancelled', () => {
      it('that wait', async () => {
        const queue = await start({ max_inflight: '1' });
        const gate = hold();
        const first = await queue.intake.accept(newCall());
        await gateway.came(1);
        const ids = [];
        for (let i = 0; i < 3; i++)
          ids.push(await queue.intake.accept(newCall({ body: Buffer.from('waits') })));
        for (const id of ids) expect(await queue.book.cancel(id)).to.equal('cancelled');
        expect(await queue.book.cancel(ids[0] ?? '')).to.equal('cancelled');
        gate.letGo();
        await toldOf(queue, first);
        const last = await queue.intake.accept(newCall({ body: Buffer.from('last') }));
        await toldOf(queue, last);
        expect(gateway.seen.map(({ body }) => body.toString())).to.deep.equal(['hello', 'last']);
        for (const id of ids) expect(await queue.book.read(id)).to.include({ state: 'cancelled' });
      });

      it('that run: the function is told by its connection', async () => {
        const queue = await start();
        const ended = Promise.withResolvers<void>();
        gateway.answer = (_call, response) => void response.on('close', () => ended.resolve());
        const id = await queue.intake.accept(newCall());
        await gateway.came(1);
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
        expect(gateway.seen).to.have.length(1);
      });

      it('but not when they have ended, nor when there are none', async () => {
        const queue = await start();
        const id = await queue.intake.accept(newCall());
        await toldOf(queue, id);
        expect(await queue.book.cancel(id)).to.equal('ended');
        expect(await queue.book.cancel('nobody')).to.equal('unknown');
      });
    });

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
        await gateway.came(1);
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
        } while (cursor !== undefined);
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
        gateway.answer = ({ path }, response) => response.end(path.includes('more') ? LONG + LONG : LONG);
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
        await toldOf(
          queue,
          await queue.intake.accept(newCall({ function: 'dead.ns', retry: { retries: 0 } })),
        );
        await queue.intake.accept(newCall({ runAt: Date.now() + 600_000 }));
        const before = Date.now();
        hold();
        for (let i = 0; i < 3; i++) await queue.intake.accept(newCall());
        await gateway.came(2);
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

    describe('keeps what gateways agree on', () => {
      it('how far schedules have come, for who has seen it', async () => {
        const { progress } = await start();
        const kept = { of: 'a', from: 1, until: 2 };
        const revision = await progress.write('f.ns', kept, 0);
        expect(await progress.write('f.ns', kept, 0)).to.equal('conflict');
        expect((await progress.all()).get('f.ns')).to.deep.equal({ ...kept, revision });
        const next = await progress.write('f.ns', { ...kept, until: 3 }, Number(revision));
        expect(await progress.write('f.ns', kept, Number(revision))).to.equal('conflict');
        expect((await progress.all()).get('f.ns')).to.include({ until: 3, revision: next });
        await progress.remove('f.ns');
        expect((await progress.all()).size).to.equal(0);
      });

      it('and has a task done, again and again until it is stopped', async () => {
        const queue = await start();
        const { logger, lines } = createQuietLogger();
        let begun = 0;
        const again = Promise.withResolvers<void>();
        const task = queue.holdAlone({
          key: 'task',
          id: 'this one',
          logger,
          act: async (signal) => {
            begun++;
            if (begun === 1) throw new Error('not yet');
            again.resolve();
            await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
          },
        });
        task.start();
        await again.promise;
        await task.stop();
        expect(begun).to.equal(2);
        expect(lines.join('')).to.include('not yet');
      });
    });

    it('finishes what runs when it is drained, and leaves no call half done', async () => {
      const queue = await start();
      const gate = hold();
      const id = await queue.intake.accept(newCall());
      await gateway.came(1);
      const drained = queue.drain(20_000);
      gate.letGo();
      await drained;
      expect((await toldOf(queue, id)).state).to.equal('succeeded');
    });
  });
}
