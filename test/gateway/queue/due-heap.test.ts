import { expect } from 'chai';
import { DueHeap } from '../../../gateway/queue/due-heap.ts';

describe('what is due', () => {
  const empty = (heap: DueHeap<{ runAt: number; seq: number }>): number[][] => {
    const taken: number[][] = [];
    for (let item = heap.pop(); item !== undefined; item = heap.pop()) taken.push([item.runAt, item.seq]);
    return taken;
  };

  it('comes by its time, and of one time as it was stored, however it was added', () => {
    const heap = new DueHeap();
    const items = Array.from({ length: 500 }, (_, seq) => ({ runAt: (seq * 7919) % 50, seq }));
    for (const item of items) heap.push(item);
    expect(heap.size).to.equal(500);
    expect(heap.peek()).to.equal(items[0]);
    const sorted = items.sort((a, b) => a.runAt - b.runAt || a.seq - b.seq);
    expect(empty(heap)).to.deep.equal(sorted.map(({ runAt, seq }) => [runAt, seq]));
    expect([heap.size, heap.peek(), heap.pop()]).to.deep.equal([0, undefined, undefined]);
  });

  it('can lose any of many, and the others stay in order', () => {
    for (let lost = 0; lost < 60; lost++) {
      const heap = new DueHeap();
      const items = Array.from({ length: 60 }, (_, seq) => ({ runAt: (seq * 37) % 23, seq }));
      for (const item of items) heap.push(item);
      expect(heap.takeFirst(({ seq }) => seq === lost)?.seq).to.equal(lost);
      const left = items.filter(({ seq }) => seq !== lost).sort((a, b) => a.runAt - b.runAt || a.seq - b.seq);
      expect(empty(heap)).to.deep.equal(left.map(({ runAt, seq }) => [runAt, seq]));
    }
  });

  it('can lose one from its middle, and keeps the others in order', () => {
    const heap = new DueHeap();
    for (let seq = 10; seq > 0; seq--) heap.push({ runAt: seq, seq });
    expect(heap.takeFirst(({ seq }) => seq === 4)).to.deep.equal({ runAt: 4, seq: 4 });
    expect(heap.takeFirst(({ seq }) => seq === 4)).to.equal(undefined);
    expect(empty(heap).map(([runAt]) => runAt)).to.deep.equal([1, 2, 3, 5, 6, 7, 8, 9, 10]);
  });
});
