import { expect } from 'chai';
import { AdaptiveLimit, type Load } from '../../../gateway/queue/adaptive-limit.ts';

describe('the number of calls at a time that a function takes', () => {
  /** Rounds of as many calls as may be; `capacity`: those beyond it are too many. */
  const run = (limit: AdaptiveLimit, rounds: number, capacity = Number.POSITIVE_INFINITY): number[] => {
    const seen: number[] = [];
    for (let round = 1; round <= rounds; round++) {
      atMs += 1000;
      const now = atMs;
      const count = limit.limitAt(now);
      seen.push(count);
      const starts = Array.from({ length: count }, (_, index) => limit.start(now, index + 1));
      for (const [index, start] of starts.entries()) {
        const load: Load = index < capacity ? 'taken' : 'too_many';
        limit.end({ ...start, isAtLimit: true }, load, now + 10);
      }
    }
    return seen;
  };
  let atMs = 0;

  it('begins low and doubles while all goes well, up to what is there', () => {
    expect(run(new AdaptiveLimit(50), 7)).to.deep.equal([2, 4, 8, 16, 32, 50, 50]);
  });

  it('halves once for each round in which there were too many, and looks for more by one each round', () => {
    expect(run(new AdaptiveLimit(50), 6, 10)).to.deep.equal([2, 4, 8, 16, 13, 6]);
  });

  it('stays near what the function takes', () => {
    const limit = new AdaptiveLimit(50);
    run(limit, 20, 10);
    const later = run(limit, 40, 10);
    expect(Math.max(...later)).to.be.lessThan(16);
    expect(Math.min(...later)).to.be.greaterThan(3);
  });

  it('does not grow while there are fewer calls than it allows', () => {
    const limit = new AdaptiveLimit(50);
    for (let i = 0; i < 20; i++) limit.end(limit.start(1, 1), 'taken', 2);
    expect(limit.limitAt(3)).to.equal(2);
  });

  it('learns nothing from calls that failed in other ways', () => {
    const limit = new AdaptiveLimit(50);
    for (let i = 0; i < 20; i++) limit.end(limit.start(1, 2), 'neither', 2);
    expect(limit.limitAt(3)).to.equal(2);
  });

  it('pauses where even one at a time is too many, longer each time, until one is taken', () => {
    const limit = new AdaptiveLimit(1);
    limit.end(limit.start(0, 1), 'too_many', 10);
    expect([limit.limitAt(109), limit.limitAt(110)]).to.deep.equal([0, 1]);
    limit.end(limit.start(110, 1), 'too_many', 120);
    expect([limit.limitAt(319), limit.limitAt(320)]).to.deep.equal([0, 1]);
    limit.end(limit.start(320, 1), 'taken', 330);
    limit.end(limit.start(330, 1), 'too_many', 340);
    expect([limit.limitAt(439), limit.limitAt(440)]).to.deep.equal([0, 1]);
  });
});
