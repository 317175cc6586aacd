import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import type { GatewayQueue } from '../../gateway/queue/gateway-queue.ts';
import { newCall } from '../gateway/nats/queue/fixtures/test-queue.ts';
import type { SeenCall } from '../gateway/queue-worker/fixtures/fake-gateway.ts';
import { LONG, type QueueBench } from './opened-queue.ts';

/** Callbacks. */
export function describePosting(bench: QueueBench): void {
  const { start, failAlways } = bench;
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
      bench.gateway.answer = (_call, response) => response.end(LONG);
      await delivered(queue, await queue.intake.accept(newCall({ callbackUrl: url })));
      expect(seen[0]?.body.toString() === LONG).to.equal(true);
    });

    it('of calls that died, too', async () => {
      const queue = await start();
      failAlways();
      await delivered(queue, await queue.intake.accept(newCall({ callbackUrl: url, retry: { retries: 0 } })));
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
}
