import { expect } from 'chai';
import { type Arrivals, byChance, evenly } from '../../../bench/support/simulator/arrivals.ts';
import { CallHistory } from '../../../gateway/scaling/call-history.ts';
import { HighestLately } from '../../../gateway/scaling/highest-lately.ts';

describe('CallHistory', () => {
  it('counts the calls of a while, evenly between two looks', () => {
    const history = new CallHistory();
    history.add(10_000, 0);
    history.add(10_500, 10);
    history.add(11_000, 20);
    expect(history.count({ ms: 500 })).to.equal(20);
    expect(history.count({ ms: 750 })).to.equal(25);
    expect(history.count({ ms: 500, agoMs: 250 })).to.equal(15);
    expect(history.count({ ms: 60_000 })).to.equal(30);
  });

  it('knows five minutes, whatever the distance of the looks', () => {
    for (const everyMs of [10, 500, 4000, 30_000]) {
      const history = new CallHistory();
      for (let at = 0; at <= 3_600_000; at += everyMs) history.add(at, everyMs / 10);
      for (const ms of [1000, 30_000, 299_000]) {
        expect(history.count({ ms }), `${ms} ms of looks every ${everyMs}`).to.be.closeTo(ms / 10, 0.01);
      }
    }
  });

  it('has nothing before it began', () => {
    const history = new CallHistory();
    expect(history.count({ ms: 1000 })).to.equal(0);
    expect(history.ageMs).to.equal(0);
    history.add(5000, 7);
    expect(history.ageMs).to.equal(1000);
    expect(history.count({ ms: 1000 })).to.equal(7);
    expect(history.count({ ms: 300_000, agoMs: 2000 })).to.equal(0);
  });

  it('stands still while its clock is behind', () => {
    const history = new CallHistory();
    history.add(10_000, 0);
    history.add(5000, 3);
    history.add(10_500, 2);
    expect(history.count({ ms: 1000 })).to.equal(5);
  });

  it('tells how uneven calls were: little like clockwork, as much as chance by chance, as nothing known when it knows nothing', () => {
    const unevennessOf = (arrivals: Arrivals, perSecond: number): number => {
      const history = new CallHistory();
      for (let at = 0; at <= 120_000; at += 500) history.add(at, arrivals(perSecond, 0.5));
      return history.unevenness(1000);
    };
    for (const perSecond of [3, 10, 33, 100]) {
      expect(unevennessOf(evenly(), perSecond), `${perSecond} a second`).to.be.below(0.6);
      for (const seed of [1, 2, 3, 4]) {
        expect(unevennessOf(byChance(seed), perSecond), `${perSecond} a second by chance`).to.be.above(0.9);
      }
    }
    expect(unevennessOf(evenly(), 0)).to.equal(1);
    expect(new CallHistory().unevenness(0)).to.equal(1);
  });
});

describe('HighestLately', () => {
  it('has the highest of a while', () => {
    const highest = new HighestLately();
    expect(highest.within(0, 1000)).to.equal(0);
    for (const [at, value] of [
      [0, 5],
      [100, 3],
      [200, 3],
      [300, 1],
    ] as const) {
      highest.add(at, value);
    }
    expect(highest.within(300, 1000)).to.equal(5);
    expect(highest.within(1001, 1000)).to.equal(3);
    expect(highest.within(1250, 1000)).to.equal(1);
    expect(highest.within(9000, 1000)).to.equal(0);
  });
});
