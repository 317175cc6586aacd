import { expect } from 'chai';
import { newCall } from '../gateway/nats/queue/fixtures/test-queue.ts';
import { createQuietLogger } from '../support/quiet-logger.ts';
import { type QueueBench, toldOf } from './opened-queue.ts';

/** What several gateways have in common, and how a queue ends. */
export function describeAgreeing(bench: QueueBench): void {
  const { start, hold } = bench;
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
    await bench.gateway.came(1);
    const drained = queue.drain(20_000);
    gate.letGo();
    await drained;
    expect((await toldOf(queue, id)).state).to.equal('succeeded');
  });
}
