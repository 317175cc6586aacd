import { expect } from 'chai';
import { TablePoller } from '../../../gateway/data-plane/table-poller.ts';
import type { FunctionSnapshot } from '../../../gateway/functions/provider.ts';

describe('the table poller', () => {
  let poller: TablePoller;
  let reads: PromiseWithResolvers<FunctionSnapshot[]>[];
  let applied: number;
  let health: string[];

  beforeEach(() => {
    reads = [];
    applied = 0;
    health = [];
    poller = new TablePoller({
      snapshot: () => {
        const read = Promise.withResolvers<FunctionSnapshot[]>();
        reads.push(read);
        return read.promise;
      },
      apply: () => {
        applied++;
      },
      onHealth: (error) => health.push(error?.message ?? 'fine'),
    });
  });
  afterEach(() => poller.stop());

  const nextRead = async (count: number): Promise<PromiseWithResolvers<FunctionSnapshot[]>> => {
    for (;;) {
      const read = reads[count - 1];
      if (read !== undefined) return read;
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  };

  it('reads once at a time, and once more after a nudge that came during a read', async () => {
    const started = poller.start();
    poller.nudge();
    poller.nudge();
    expect(reads.length).to.equal(1);
    reads[0]?.resolve([]);
    await started;
    (await nextRead(2)).resolve([]);
    expect(reads.length).to.equal(2);
  });

  it('leaves the cluster a rest between two reads, however often it is nudged', async () => {
    const started = poller.start();
    reads[0]?.resolve([]);
    await started;
    const before = performance.now();
    const storm = setInterval(() => poller.nudge(), 1);
    await nextRead(2);
    clearInterval(storm);
    expect(performance.now() - before).to.be.at.least(45);
  });

  it('keeps the table and says so once when the cluster cannot be read, and again when it can', async () => {
    const started = poller.start();
    reads[0]?.reject(new Error('no quorum'));
    await started;
    poller.nudge();
    (await nextRead(2)).reject(new Error('still none'));
    poller.nudge();
    (await nextRead(3)).resolve([]);
    poller.nudge();
    await nextRead(4);
    expect(applied).to.equal(1);
    expect(health).to.deep.equal(['no quorum', 'fine']);
  });

  it('applies nothing of a read that ends after it stopped', async () => {
    const started = poller.start();
    poller.stop();
    reads[0]?.resolve([]);
    await started;
    expect(applied).to.equal(0);
  });
});
