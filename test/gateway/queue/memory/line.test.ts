import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { Line } from '../../../../gateway/queue/memory/line.ts';

describe('a line of calls in memory', () => {
  let line: Line<string>;
  let gone: number[];
  const push = (seq: number): void =>
    line.push(seq, `call ${seq}`, { at: seq, onGone: () => gone.push(seq) });
  const ready = (): Promise<void> => {
    const { promise, resolve } = Promise.withResolvers<void>();
    line.onReady = resolve;
    return promise;
  };
  beforeEach(() => {
    line = new Line();
    gone = [];
  });
  afterEach(() => line.stop());

  it('gives the oldest first, each to one, and keeps it until it is removed', () => {
    for (const seq of [1, 2]) push(seq);
    expect([line.take()?.seq, line.take()?.seq, line.take()]).to.deep.equal([1, 2, undefined]);
    expect([line.size, line.waiting]).to.deep.equal([2, 0]);
    expect([line.remove(1), line.remove(1)]).to.deep.equal([true, false]);
    expect(gone).to.deep.equal([1]);
    expect(line.entries()).to.deep.equal([[2, 'call 2']]);
  });

  it('gives again what comes back, before what came later, and says how often it was given', async () => {
    for (const seq of [1, 2]) push(seq);
    line.take();
    const isBack = ready();
    line.giveBack(1, 0);
    await isBack;
    expect(line.take()).to.deep.equal({ item: 'call 1', seq: 1, deliveries: 2 });
    expect(line.take()).to.deep.equal({ item: 'call 2', seq: 2, deliveries: 1 });
  });

  it('does not give again what is to come back later, nor what was removed meanwhile', async () => {
    for (const seq of [1, 2]) push(seq);
    line.take();
    line.take();
    line.giveBack(1, 60_000);
    line.giveBack(2, 0);
    line.remove(2);
    await sleep(20);
    expect([line.waiting, line.take()]).to.deep.equal([0, undefined]);
    expect(line.get(1)).to.equal('call 1');
  });
});
