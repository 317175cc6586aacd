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

  it('refreshes by a read that began after it was asked for', async () => {
    void poller.start();
    let isFresh = false;
    const fresh = poller.refresh().then(() => {
      isFresh = true;
    });
    reads[0]?.resolve([]);
    const second = await nextRead(2);
    expect(isFresh).to.equal(false);
    second.resolve([]);
    await fresh;
    expect(applied).to.equal(2);
  });

  it('keeps the table and says so once when the cluster cannot be read, and again when it can', async () => {
    const started = poller.start();
    reads[0]?.reject(new Error('no quorum'));
    await started;
    poller.nudge();
    (await nextRead(2)).reject(new Error('still none'));
    const fresh = poller.refresh();
    (await nextRead(3)).resolve([]);
    await fresh;
    expect(applied).to.equal(1);
    expect(health).to.deep.equal(['no quorum', 'fine']);
  });

  it('lets go of those who wait when it stops', async () => {
    void poller.start();
    const fresh = poller.refresh();
    poller.stop();
    await fresh;
    expect(applied).to.equal(0);
  });
});
