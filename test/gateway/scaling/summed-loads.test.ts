import { expect } from 'chai';
import fc from 'fast-check';
import type { GatewayLoad } from '../../../gateway/scaling/function-load.ts';
import { SummedLoads } from '../../../gateway/scaling/summed-loads.ts';

const EXPIRES_MS = 3000;

describe('the calls that several gateways have together', () => {
  let loads = new SummedLoads({ expiresMs: EXPIRES_MS, forgottenMs: 600_000 });
  const some = (id: string, nowMs: number, fns: Record<string, readonly [number, number]>): void =>
    loads.tellSome(id, toLoads(fns), nowMs);
  const all = (id: string, nowMs: number, fns: Record<string, readonly [number, number]>): void => {
    loads.beginAll(id, nowMs);
    some(id, nowMs, fns);
    loads.endAll(id, nowMs);
  };
  const take = (nowMs: number) => Object.fromEntries(loads.take(nowMs));

  beforeEach(() => {
    loads = new SummedLoads({ expiresMs: EXPIRES_MS, forgottenMs: 600_000 });
  });

  it('are those of this one, from its first', () => {
    loads.tellOwn(toLoads({ f: [3, 1] }));
    expect(take(0)).to.deep.equal({ f: { started: 3, inFlight: 1 } });
    loads.tellOwn(toLoads({ f: [3, 0], g: [1, 1] }));
    expect(take(500)).to.deep.equal({ f: { started: 0, inFlight: 0 }, g: { started: 1, inFlight: 1 } });
  });

  it('are those of this one also after it has done nothing for long', () => {
    loads.tellOwn(toLoads({ f: [3, 1] }));
    take(0);
    loads.tellOwn(toLoads({ f: [103, 1] }));
    expect(take(1e9)).to.deep.equal({ f: { started: 100, inFlight: 1 } });
  });

  it('are the sum over all', () => {
    loads.tellOwn(toLoads({ f: [0, 0] }));
    all('b', 0, { f: [100, 5] });
    all('c', 0, { f: [200, 7], g: [1, 1] });
    expect(take(0)).to.deep.equal({ f: { started: 0, inFlight: 12 }, g: { started: 0, inFlight: 1 } });
    some('b', 500, { f: [110, 6] });
    some('c', 500, { f: [203, 7] });
    loads.tellOwn(toLoads({ f: [2, 1] }));
    expect(take(500)).to.deep.equal({ f: { started: 15, inFlight: 14 }, g: { started: 0, inFlight: 1 } });
  });

  it('do not hold what another gateway had before it was heard of', () => {
    some('b', 0, { f: [1_000_000, 5] });
    expect(take(0)).to.deep.equal({ f: { started: 0, inFlight: 5 } });
  });

  it('hold the first calls of a function that was deployed since', () => {
    all('b', 0, {});
    take(0);
    some('b', 500, { f: [4, 2] });
    expect(take(500)).to.deep.equal({ f: { started: 4, inFlight: 2 } });
  });

  it('hold the calls of a function that was removed and deployed again, whose count began anew', () => {
    all('b', 0, { f: [100, 0] });
    take(0);
    some('b', 500, { f: [7, 1] });
    expect(take(500)).to.deep.equal({ f: { started: 7, inFlight: 1 } });
  });

  it('lose nothing with a telling that was lost', () => {
    all('b', 0, { f: [100, 0] });
    take(0);
    take(500);
    some('b', 1000, { f: [120, 1] });
    expect(take(1000)).to.deep.equal({ f: { started: 20, inFlight: 1 } });
  });

  it('lose what is in flight at a gateway that is silent, and nothing else', () => {
    loads.tellOwn(toLoads({ f: [10, 1] }));
    all('b', 0, { f: [100, 5] });
    take(0);
    loads.tellOwn(toLoads({ f: [11, 1] }));
    expect(take(EXPIRES_MS - 1)).to.deep.equal({ f: { started: 1, inFlight: 6 } });
    expect(take(EXPIRES_MS)).to.deep.equal({ f: { started: 0, inFlight: 1 } });
    expect(loads.others(EXPIRES_MS)).to.deep.equal([]);
  });

  it('lose it at once when the gateway leaves', () => {
    all('b', 0, { f: [100, 5] });
    loads.leave('b');
    expect(take(1)).to.deep.equal({});
    expect(loads.others(1)).to.deep.equal([]);
  });

  it('hold no burst of what came during a silence, but that there was something', () => {
    all('b', 0, { f: [100, 0], g: [5, 0] });
    take(0);
    all('b', 60_000, { f: [9100, 3], g: [5, 0] });
    expect(take(60_000)).to.deep.equal({ f: { started: 1, inFlight: 3 }, g: { started: 0, inFlight: 0 } });
    some('b', 60_500, { f: [9110, 3] });
    expect(take(60_500)['f']).to.deep.equal({ started: 10, inFlight: 3 });
  });

  it('hold nothing of a function that a gateway has no more, once all parts of what it has have come', () => {
    all('b', 0, { f: [100, 2], g: [1, 1] });
    loads.beginAll('b', 500);
    some('b', 500, { g: [1, 1] });
    expect(take(500)['f']).to.deep.equal({ started: 0, inFlight: 2 });
    loads.endAll('b', 500);
    expect(take(600)['f']).to.equal(undefined);
  });

  it('are not those of more gateways than can be, nor of more functions', () => {
    const others = Array.from({ length: 99 }, (_, index) => `g${index}`);
    for (const id of others) some(id, 0, { f: [1, 1] });
    expect(() => some('one more', 0, { f: [1, 1] })).to.throw('more than 100 gateways');
    loads.leave('g0');
    const many = Object.fromEntries(
      Array.from({ length: 50_001 }, (_, index) => [`f${index}`, [1, 1] as const]),
    );
    expect(() => some('one more', 0, many)).to.throw('more than 50000 functions');
    expect(take(0)).to.deep.equal({ f: { started: 0, inFlight: 98 } });
  });

  it('forget a gateway that is silent for long: as many may come as go', () => {
    for (let n = 0; n < 1000; n++) {
      some(`run ${n}`, n * 600_000, { f: [1, 1] });
      expect(take(n * 600_000)).to.deep.equal({ f: { started: 0, inFlight: 1 } });
    }
  });

  it('are never negative, and in sum exactly those that were started, whoever comes, goes, and is not heard', () => {
    const step = fc.record({
      gateway: fc.constantFrom('a', 'b', 'c'),
      calls: fc.integer({ min: 0, max: 9 }),
      isHeard: fc.boolean(),
      isLost: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const sums = new SummedLoads({ expiresMs: EXPIRES_MS, forgottenMs: 600_000 });
        const started = new Map<string, number>();
        const heard = new Map<string, number>();
        let taken = 0;
        for (const [index, { gateway, calls, isHeard, isLost }] of steps.entries()) {
          const count = (started.get(gateway) ?? 0) + calls;
          started.set(gateway, count);
          if (!isHeard) continue;
          if (!heard.has(gateway)) sums.beginAll(gateway, index);
          if (!heard.has(gateway)) sums.endAll(gateway, index);
          sums.tellSome(gateway, toLoads({ f: [count, calls] }), index);
          heard.set(gateway, count);
          if (isLost && gateway === 'c') continue;
          const { f } = Object.fromEntries(sums.take(index));
          expect(f?.started).to.be.at.least(0);
          expect(f?.inFlight).to.be.at.least(0);
          taken += f?.started ?? 0;
        }
        taken += sums.take(steps.length).get('f')?.started ?? 0;
        expect(taken).to.equal([...heard.values()].reduce((sum, count) => sum + count, 0));
      }),
    );
  });
});

function toLoads(fns: Record<string, readonly [number, number]>): Map<string, GatewayLoad> {
  return new Map(
    Object.entries(fns).map(([name, [started, inFlight]]) => [name, { started, inFlight }] as const),
  );
}
