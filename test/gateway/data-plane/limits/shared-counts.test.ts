import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { toRateRule } from '../../../../gateway/data-plane/limits/rate.ts';
import {
  createCountsFile,
  openCountsFile,
  privateCounts,
} from '../../../../gateway/data-plane/limits/shared-counts.ts';

describe('counts', () => {
  it('let in as many as the limit allows, and the next one when one has left', () => {
    const counts = privateCounts(8);
    expect([1, 2, 3].map(() => counts.tryEnter(5, 2))).to.deep.equal([true, true, false]);
    expect(counts.count(5)).to.equal(2);
    counts.leave(5);
    expect(counts.tryEnter(5, 2)).to.equal(true);
    expect(counts.count(4)).to.equal(0);
  });

  it('keep a bucket for each slot', () => {
    let nowMs = Date.now();
    const counts = privateCounts(8, () => nowMs);
    const rule = toRateRule({ perSecond: 1, burst: 2 });
    expect([1, 2, 3].map(() => counts.take(1, rule).isAllowed)).to.deep.equal([true, true, false]);
    expect(counts.take(2, rule).isAllowed).to.equal(true);
    nowMs += 1000;
    expect([1, 2].map(() => counts.take(1, rule).isAllowed)).to.deep.equal([true, false]);
  });

  it('begin anew in a slot that was cleared', () => {
    const counts = privateCounts(8);
    const rule = toRateRule({ perSecond: 0.1, burst: 1 });
    counts.tryEnter(3, 9);
    counts.take(3, rule);
    counts.clearSlot(3);
    expect(counts.count(3)).to.equal(0);
    expect(counts.take(3, rule).isAllowed).to.equal(true);
  });

  describe('in a file', () => {
    let folder: string;
    let path: string;

    beforeEach(() => {
      folder = mkdtempSync(join(tmpdir(), 'skep-counts-'));
      path = join(folder, 'counts');
      createCountsFile(path, 2, 64);
    });
    afterEach(() => rmSync(folder, { recursive: true, force: true }));

    const open = (worker: number) => openCountsFile(path, { workers: 2, worker, slots: 64 });

    it('hold a limit over all workers', () => {
      const [a, b] = [open(0), open(1)];
      expect([a.tryEnter(7, 3), b.tryEnter(7, 3), a.tryEnter(7, 3), b.tryEnter(7, 3)]).to.deep.equal([
        true,
        true,
        true,
        false,
      ]);
      a.leave(7);
      expect(b.count(7)).to.equal(2);
      const rule = toRateRule({ perSecond: 0.1, burst: 2 });
      expect(
        [a.take(7, rule), b.take(7, rule), a.take(7, rule)].map(({ isAllowed }) => isAllowed),
      ).to.deep.equal([true, true, false]);
    });

    it('lose what a worker that died had in flight, and nothing of the others', () => {
      const [a, b] = [open(0), open(1)];
      a.tryEnter(7, 9);
      a.tryEnter(8, 9);
      b.tryEnter(7, 9);
      b.clearWorker(0);
      expect([b.count(7), b.count(8)]).to.deep.equal([1, 0]);
    });

    it('are refused for a row or a size that the file does not have', () => {
      expect(() => openCountsFile(path, { workers: 2, worker: 2, slots: 64 })).to.throw(RangeError);
      expect(() => openCountsFile(path, { workers: 3, worker: 0, slots: 64 })).to.throw(RangeError);
      expect(() => createCountsFile(path, 2, 64)).to.throw('EEXIST');
    });
  });
});
