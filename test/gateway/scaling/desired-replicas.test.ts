import { expect } from 'chai';
import fc from 'fast-check';
import { desiredReplicas } from '../../../gateway/scaling/desired-replicas.ts';

const base = { alert: 'firing', current: 1, min: 1, max: 20, factorPercent: 20, zero: false } as const;

describe('desiredReplicas', () => {
  it('climbs in steps of a fifth of the maximum', () => {
    const steps = [1];
    for (let alert = 0; alert < 6; alert++) {
      steps.push(desiredReplicas({ ...base, current: steps.at(-1) ?? 0 }));
    }
    expect(steps).to.deep.equal([1, 5, 9, 13, 17, 20, 20]);
  });

  const table: readonly [string, Partial<Parameters<typeof desiredReplicas>[0]>, number][] = [
    ['rounds a fractional step up, so a small factor still scales', { max: 4, factorPercent: 1 }, 2],
    ['jumps to the maximum at factor 100', { factorPercent: 100 }, 20],
    ['keeps the rounding noise of the contract', { current: 0, max: 14, factorPercent: 50 }, 8],
    ['stays when the factor is 0 and it fires', { current: 7, factorPercent: 0 }, 7],
    ['stays when the factor is 0 and it is resolved', { alert: 'resolved', current: 7, factorPercent: 0 }, 7],
    ['goes back to the minimum when resolved', { alert: 'resolved', current: 17, min: 2 }, 2],
    ['stays at the only count when minimum is maximum', { current: 2, min: 2, max: 2 }, 2],
    ['wakes nobody up', { alert: 'resolved', current: 0 }, 0],
    ['reaches the minimum at once', { current: 0, min: 10 }, 10],
    ['comes down to the maximum when it was scaled past it', { current: 30 }, 20],
  ];
  for (const [sentence, input, expected] of table) {
    it(sentence, () => {
      expect(desiredReplicas({ ...base, ...input })).to.equal(expected);
    });
  }

  it('always answers inside [min, max] and never lowers a count for a firing alert inside it', () => {
    for (let max = 1; max <= 40; max++) {
      for (let min = 1; min <= max; min += 3) {
        for (let factorPercent = 1; factorPercent <= 100; factorPercent += 7) {
          for (let current = 0; current <= max; current += 2) {
            const fired = desiredReplicas({ ...base, current, min, max, factorPercent });
            const resolved = desiredReplicas({
              ...base,
              alert: 'resolved',
              current,
              min,
              max,
              factorPercent,
            });
            if (fired < Math.max(current, min) || fired > max || resolved !== (current === 0 ? 0 : min)) {
              expect.fail(JSON.stringify({ current, min, max, factorPercent, fired, resolved }));
            }
          }
        }
      }
    }
  });
});

describe('desiredReplicas, on any labels', () => {
  it("steps by the contract's formula, in doubles and in its order", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 10_000 }),
        fc.integer({ min: 1, max: 100 }),
        fc.nat({ max: 10_000 }),
        fc.nat({ max: 10_000 }),
        (max, factorPercent, current, least) => {
          const min = Math.min(least, max);
          const step = Math.ceil((max / 100) * factorPercent);
          const fired = desiredReplicas({ ...base, current, min, max, factorPercent });
          expect(fired).to.equal(Math.max(min, Math.min(current + step, max)));
          expect(step).to.be.at.least(1);
        },
      ),
    );
  });
});
