import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import type { NewCall } from '../../../../gateway/queue/call-queue.ts';
import { MemoryCallBook } from '../../../../gateway/queue/memory/memory-book.ts';
import { MemoryIntake } from '../../../../gateway/queue/memory/memory-intake.ts';
import { MEMORY_LIMITS, MemoryStore } from '../../../../gateway/queue/memory/memory-store.ts';
import { memoryWorkerQueue } from '../../../../gateway/queue/memory/memory-worker-queue.ts';
import { loadQueueWorkerConfig } from '../../../../gateway/queue-worker/config.ts';
import { WorkerMetrics } from '../../../../gateway/queue-worker/metrics.ts';
import { startWorkerParts } from '../../../../gateway/queue-worker/worker-parts.ts';
import { bodyOf, QUICK_SETTINGS } from '../../../queue-contract/opened-queue.ts';
import { createQuietLogger } from '../../../support/quiet-logger.ts';
import { newCall } from '../../nats/queue/fixtures/test-queue.ts';
import { startFakeGateway } from '../../queue-worker/fixtures/fake-gateway.ts';

const MIB = 1024 * 1024;
const LONG = 'abcdefgh'.repeat(80 * 1024);
const CALLS = 300;

/** The same numbers each time, from 0 to 1. */
function dice(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

function listen(answer: (roll: number) => number, roll: () => number): Promise<Server> {
  const server = createServer((request, response) => {
    request.resume().on('end', () => response.writeHead(answer(roll())).end());
  });
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
}

describe('a queue in memory, when all of its calls have ended', () => {
  for (const seed of [1, 2, 3]) {
    it(`has given back all room, whatever became of them (seed ${seed})`, async function () {
      this.timeout(30_000);
      const roll = dice(seed);
      const pick = <T>(...choices: readonly [T, ...T[]]): T =>
        choices[Math.floor(roll() * choices.length)] ?? choices[0];
      const gateway = await startFakeGateway();
      gateway.answer = (call, response) => {
        const status = pick(200, 200, 200, 404, 500);
        const body = pick<Buffer | string>(call.body, LONG, '');
        setTimeout(() => response.writeHead(status).end(body), roll() * 5);
      };
      const receiver = await listen((rolled) => (rolled < 0.3 ? 500 : 200), roll);
      const store = new MemoryStore(MEMORY_LIMITS);
      const [intake, book] = [new MemoryIntake(store), new MemoryCallBook(store)];
      const parts = startWorkerParts({
        config: loadQueueWorkerConfig({
          ...QUICK_SETTINGS,
          gateway_url: gateway.url,
          initial_retry_wait: '1ms',
          max_retry_wait: '5ms',
        }),
        logger: createQuietLogger().logger,
        queue: memoryWorkerQueue(store),
        metrics: new WorkerMetrics({ queue: 'all', host: 'here' }),
      });
      const callbackUrl = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`;
      const accept = async (index: number): Promise<string> => {
        const body =
          pick('inline', 'long') === 'long' ? await intake.storeBody(bodyOf(LONG), MIB) : Buffer.from('x');
        const steps = pick(['a.ns'], ['b.ns'], ['a.ns', 'b.ns', 'c.ns']).map((name) => ({
          function: name,
          queue: 'faas-request',
        }));
        const runAt = pick(undefined, undefined, Date.now() + Math.round(roll() * 50));
        const call: NewCall = { ...newCall(), body, steps, runAt, callbackUrl: pick(undefined, callbackUrl) };
        if (roll() < 0.5) return intake.accept(call);
        const id = `id-${index % 50}`;
        await intake.acceptAs(id, call);
        return id;
      };
      for (let i = 0; i < CALLS; i++) {
        const id = await accept(i);
        if (roll() < 0.3) await book.cancel(id);
        if (roll() < 0.1) await book.redrive({}, pick(0, 1000));
        if (roll() < 0.2) await Bun.sleep(2);
      }
      while (store.left > 0) await Bun.sleep(10);
      await book.purgeDead({});
      store.sweep(-1);
      const { queue, later } = store.rooms;
      expect({ queue: queue.share, later: later.share, dead: store.dead.share }).to.deep.equal({
        queue: 0,
        later: 0,
        dead: 0,
      });
      expect(store.inputs.bytes).to.equal(0);
      expect(store.placesKnown).to.equal(0);
      const running = (await book.list({ limit: 1000 })).calls.filter(({ endedAt }) => endedAt === undefined);
      expect(running).to.deep.equal([]);
      await parts.stop(1000);
      store.close();
      receiver.close();
      await gateway.close();
    });
  }
});
