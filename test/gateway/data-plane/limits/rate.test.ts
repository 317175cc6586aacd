import { expect } from 'chai';
import { decideRate, type RateRule, toRateRule } from '../../../../gateway/data-plane/limits/rate.ts';

const SECOND = 1_000_000;
const START = 20_000_000 * SECOND;

/** A bucket that is asked at given times. */
function bucket(rule: RateRule): (atMicros: number) => number {
  let fullAt = 0;
  return (atMicros) => {
    const decision = decideRate(rule, fullAt, START + atMicros);
    if (!decision.isAllowed) return decision.retryAfterMs;
    fullAt = decision.fullAtMicros;
    return 0;
  };
}

describe('decideRate', () => {
  it('lets a burst through at once, and not one call more', () => {
    for (const [perSecond, burst] of [
      [1, 5],
      [3, 7],
      [0.1, 3],
      [300, 1000],
      [7000, 10_000],
    ] as const) {
      const ask = bucket(toRateRule({ perSecond, burst }));
      for (let call = 0; call < burst; call++) expect(ask(0)).to.equal(0);
      expect(ask(0)).to.be.greaterThan(0);
    }
  });

  it('tells how long to wait, and lets the call through after that', () => {
    const ask = bucket(toRateRule({ perSecond: 2, burst: 1 }));
    expect(ask(0)).to.equal(0);
    expect(ask(0)).to.equal(500);
    expect(ask(100_000)).to.equal(400);
    expect(ask(499_000)).to.equal(1);
    expect(ask(500_000)).to.equal(0);
  });

  it('lets through the rate over a long time, however often it is asked', () => {
    const ask = bucket(toRateRule({ perSecond: 30, burst: 1 }));
    let allowed = 0;
    for (let ms = 0; ms < 100_000; ms++)
      for (let call = 0; call < 3; call++) if (ask(ms * 1000) === 0) allowed++;
    expect(allowed).to.be.within(2940, 3001);
  });

  it('reaches a rate that is quicker than its clock ticks', () => {
    const ask = bucket(toRateRule({ perSecond: 50_000, burst: 1 }));
    let allowed = 0;
    for (let ms = 0; ms < 1000; ms++)
      for (let call = 0; call < 100; call++) if (ask(ms * 1000) === 0) allowed++;
    expect(allowed).to.be.within(49_900, 50_100);
  });

  it('does not save up more than the burst in a long pause', () => {
    const ask = bucket(toRateRule({ perSecond: 10, burst: 4 }));
    ask(0);
    let allowed = 0;
    for (let call = 0; call < 100; call++) if (ask(3600 * SECOND) === 0) allowed++;
    expect(allowed).to.equal(4);
  });

  it('does not count refused calls', () => {
    const ask = bucket(toRateRule({ perSecond: 1, burst: 1 }));
    ask(0);
    for (let ms = 1; ms < 1000; ms++) ask(ms * 1000);
    expect(ask(SECOND)).to.equal(0);
  });

  it('begins anew when the clock was set back, or the rate was a slower one', () => {
    const rule = toRateRule({ perSecond: 10, burst: 2 });
    expect(decideRate(rule, START + 3600 * SECOND, START).isAllowed).to.equal(true);
  });
});
