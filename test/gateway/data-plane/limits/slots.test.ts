import { expect } from 'chai';
import { Slots } from '../../../../gateway/data-plane/limits/slots.ts';

const LATER = 60_000;

describe('slots', () => {
  const make = (count = 4): { slots: Slots; inFlight: Map<number, number>; cleared: number[] } => {
    const inFlight = new Map<number, number>();
    const cleared: number[] = [];
    const slots = new Slots({
      count,
      first: 1,
      inFlight: (slot) => inFlight.get(slot) ?? 0,
      clear: (slot) => cleared.push(slot),
    });
    return { slots, inFlight, cleared };
  };

  it('are another for each name, and stay the same', () => {
    const { slots } = make();
    expect([slots.assign('a', 0), slots.assign('b', 0), slots.assign('a', 9)]).to.deep.equal([1, 2, 1]);
  });

  it('are not given out twice when there are no more', () => {
    const { slots } = make(3);
    expect(['a', 'b', 'c'].map((name) => slots.assign(name, 0))).to.deep.equal([1, 2, undefined]);
    slots.release('a', 0);
    expect(slots.assign('c', 1)).to.equal(undefined);
    expect(slots.assign('c', LATER)).to.equal(1);
  });

  it('are cleared before another has them', () => {
    const { slots, cleared } = make();
    slots.assign('a', 0);
    slots.release('a', 0);
    expect(slots.assign('b', LATER)).to.equal(1);
    expect(cleared).to.deep.equal([1]);
  });

  it('are left alone while a call of the one before is in flight', () => {
    const { slots, inFlight } = make();
    slots.assign('a', 0);
    inFlight.set(1, 1);
    slots.release('a', 0);
    expect(slots.assign('b', LATER)).to.equal(2);
    inFlight.delete(1);
    expect(slots.assign('c', 2 * LATER)).to.equal(1);
  });

  it('do for thousands of names that come and go', () => {
    const { slots } = make(300);
    for (let round = 0; round < 100; round++) {
      const names = Array.from({ length: 100 }, (_, index) => `r${round}-${index}`);
      const given = names.map((name) => slots.assign(name, round * LATER));
      expect(new Set(given).size).to.equal(100);
      expect(given).to.not.include(undefined);
      for (const name of names) slots.release(name, round * LATER);
    }
    expect(slots.used).to.equal(0);
  });

  it('do not mind a name that has none', () => {
    const { slots } = make();
    slots.release('nobody', 0);
    expect(slots.assign('a', LATER)).to.equal(1);
  });
});
