import { expect } from 'chai';
import fc from 'fast-check';
import { byChance } from '../../../bench/support/simulator/arrivals.ts';
import {
  capacity,
  HOUR_S,
  labelsOf,
  MINUTE_S,
  rps,
  type ShortLabels,
  WHOLE,
  World,
} from './scaling-world.ts';

describe('ReplicaDecider by target', () => {
  for (const [load, target, proportion, desired, expected] of [
    [15, 5, '1', 1, 3],
    [25, 5, '1', 3, 5],
    [90, 100, '0.7', 1, 2],
    [0, 5, '1', 1, 1],
    [16, 5, '1', 1, 4],
    [100, 10, '0.90', 1, 12],
  ] as const) {
    it(`gives ${expected} for load ${load}, target ${target}, proportion ${proportion}`, () => {
      const labels = { 'scale.target-proportion': proportion };
      const byRate = new World(rps(target, labels), { desired }).run(MINUTE_S, load);
      expect(byRate.desired, 'rps').to.equal(expected);
      const byCalls = new World(capacity(target, labels), { desired });
      byCalls.inFlight = load;
      expect(byCalls.run(2).desired, 'capacity').to.equal(expected);
      const byRule = new World({ ...rps(target, labels), 'scale.type': 'orders' }, { desired });
      byRule.measured = load;
      expect(byRule.run(1).desired, 'custom').to.equal(expected);
    });
  }

  it('takes the default target of the gateway', () => {
    const world = new World({ 'scale.type': 'capacity' });
    world.inFlight = 46;
    expect(world.run(2).desired).to.equal(2);
  });

  for (const phaseMs of [0, 100, 200, 300, 400, 499]) {
    it(`answers a step within 2 s when it begins ${phaseMs} ms after a tick`, () => {
      for (const [before, after] of [
        [0, 10],
        [0, 200],
        [3, 12],
        [10, 20],
        [20, 40],
        [40, 60],
        [100, 130],
        [200, 260],
      ] as const) {
        const perReplica = ((before + after) / 2) * 0.95;
        const world = new World(rps(perReplica, WHOLE), { desired: 1 }).run(2 * MINUTE_S, before);
        expect(world.desired).to.equal(1);
        const stepMs = world.nowMs + phaseMs;
        world.tick(Math.round((before * phaseMs + after * (500 - phaseMs)) / 1000));
        world.run(10, after);
        const first = world.changes[0];
        expect(first?.to, `${before} to ${after} a second`).to.be.greaterThan(1);
        expect((first?.atMs ?? 0) - stepMs, `${before} to ${after} a second`).to.be.at.most(2000);
      }
    });
  }

  it('comes down to the minimum within a minute of the end of the load, never by more than half at once', () => {
    const world = new World(rps(10, { 'scale.min': '2' })).run(2 * MINUTE_S, 150);
    expect(world.desired).to.equal(17);
    const steps = [17, ...world.changesIn(() => world.run(MINUTE_S)).map(({ to }) => to)];
    expect(world.desired).to.equal(2);
    for (const [index, to] of steps.slice(1).entries()) {
      expect(to).to.be.within(Math.ceil((steps[index] ?? 0) / 2), (steps[index] ?? 0) - 1);
    }
  });

  it('keeps the replicas of a burst for half a minute, and with a down window for as long as that', () => {
    const burst = (labels: ShortLabels): number => {
      const world = new World(rps(10, labels)).run(MINUTE_S).run(10, 100).run(3);
      const endMs = world.nowMs - 3000;
      const downs = world.changesIn(() => world.run(10 * MINUTE_S));
      expect(world.desired).to.equal(1);
      return (downs[0]?.atMs ?? 0) - endMs;
    };
    expect(burst({})).to.be.within(25_000, 35_000);
    expect(burst({ 'scale.down.window': '5m' })).to.be.within(290_000, 305_000);
  });

  it('never changes on an even load, at the very borders of a replica, too', () => {
    for (const perSecond of [0.5, 1, 4.5, 5, 9, 10, 13.5, 27, 45, 90, 100, 899.9, 900]) {
      const world = new World(rps(5, { 'scale.max': '1000' })).run(6 * MINUTE_S, perSecond);
      const least = Math.ceil(perSecond / 4.5);
      expect(world.desired, `${perSecond} a second`).to.be.within(least, least + 1);
      expect(
        world.changesIn(() => world.run(HOUR_S, perSecond)),
        `${perSecond} a second`,
      ).to.deep.equal([]);
    }
  });

  it('never goes back and forth on calls that come by chance, at the very borders of a replica, too', function () {
    this.timeout(60_000);
    for (const [index, part] of [0.9, 0.97, 1, 1.03].entries()) {
      for (const [target, replicas] of [
        [1, 2],
        [5, 3],
        [20, 10],
      ] as const) {
        const arrivals = byChance(17 * target + index);
        const perSecond = target * 0.9 * replicas * part;
        const world = new World(rps(target)).run(6 * MINUTE_S, perSecond, arrivals);
        const changes = world.changesIn(() => world.run(2 * HOUR_S, perSecond, arrivals)).map(({ to }) => to);
        expect(turns(changes), `${perSecond} a second: ${changes.join(' ')}`).to.be.at.most(1);
        expect(world.desired).to.be.within(Math.ceil(perSecond / (target * 0.9)), replicas + 2);
      }
    }
  });

  it('never goes back and forth on long calls, as many at a time as there always are', () => {
    const world = new World(capacity(5, WHOLE), { desired: 3 });
    world.inFlight = 10;
    world.run(2 * MINUTE_S);
    expect(world.desired).to.equal(2);
    expect(world.changesIn(() => world.run(HOUR_S))).to.deep.equal([]);
  });

  it('counts calls that take a quarter of an hour for as long as they take', () => {
    const world = new World(capacity(1, WHOLE));
    world.inFlight = 6;
    world.run(15 * MINUTE_S);
    expect(world.changes.map(({ to }) => to)).to.deep.equal([6]);
    world.inFlight = 1;
    expect(world.changesIn(() => world.run(40))).to.deep.equal([]);
    expect(world.run(MINUTE_S).desired).to.equal(1);
  });

  it('computes nothing without a ready replica', () => {
    const world = new World(capacity(1));
    world.ready = 0;
    world.inFlight = 500;
    expect(world.run(10).changes).to.deep.equal([]);
    world.ready = 1;
    expect(world.run(1).desired).to.equal(20);
  });

  it('follows the calls in its queue before a replica is ready, up to the maximum, and waits with going down', () => {
    const world = new World({ 'scale.type': 'queue', 'scale.target': '10', 'scale.target-proportion': '1' });
    world.ready = 0;
    world.measured = 25;
    expect(world.run(1).changes.at(-1)).to.include({ to: 3, cause: 'queue' });
    world.measured = 1_000_000;
    expect(world.run(1).desired).to.equal(20);
    world.measured = 0;
    expect(world.run(10 * MINUTE_S).desired).to.equal(20);
    world.ready = undefined;
    expect(world.run(5 * MINUTE_S).desired).to.equal(1);
  });

  it('does not sleep while calls wait for it, nor wake for those of another kind', () => {
    const asleep = { 'scale.zero': 'true', 'scale.zero-duration': '10s' };
    const queued = new World({ 'scale.type': 'queue', 'scale.target': '10', ...asleep });
    queued.measured = 1;
    expect(queued.run(MINUTE_S).desired).to.equal(1);
    queued.measured = 0;
    expect(queued.run(MINUTE_S).desired).to.equal(0);
    queued.measured = 1;
    expect(queued.run(1).desired).to.equal(1);
    const loaded = new World({ 'scale.type': 'cpu', 'scale.target': '10', ...asleep }, { desired: 0 });
    loaded.measured = 1000;
    expect(loaded.run(MINUTE_S).desired).to.equal(0);
  });

  it('wakes to its minimum, and not beyond its maximum', () => {
    const least = { 'scale.type': 'queue', 'scale.target': '10', 'scale.min': '4', 'scale.max': '6' };
    const world = new World(least, { desired: 0 });
    world.measured = 1;
    expect(world.run(1).desired).to.equal(4);
    world.measured = 999;
    expect(world.run(1).desired).to.equal(6);
  });

  it('leaves a function alone whose minimum is its maximum', () => {
    const world = new World(rps(1, { 'scale.min': '3', 'scale.max': '3' }), { desired: 4 });
    expect(world.run(MINUTE_S, 100).changes).to.deep.equal([]);
    expect(world.last?.load).to.be.closeTo(100, 1);
  });

  it('keeps the replicas while Prometheus says nothing', () => {
    const world = new World({ ...rps(100), 'scale.type': 'cpu' });
    world.measured = 450;
    expect(world.run(1).changes.at(-1)).to.include({ to: 5, cause: 'cpu' });
    for (const nothing of [undefined, Number.NaN, Number.POSITIVE_INFINITY]) {
      world.measured = nothing;
      expect(world.changesIn(() => world.run(HOUR_S))).to.deep.equal([]);
      expect(world.last?.load).to.equal(undefined);
    }
    world.measured = 90;
    expect(world.run(2 * MINUTE_S).desired).to.equal(2);
  });

  it('puts back a count that somebody set outside of minimum and maximum, and leaves one inside for half a minute', () => {
    const world = new World(rps(10, { 'scale.min': '2', 'scale.max': '6' }), { desired: 2 }).run(MINUTE_S);
    world.desired = 1;
    expect(world.tick()).to.include({ desired: 2, cause: 'minimum' });
    world.desired = 40;
    expect(world.tick().desired).to.equal(6);
    expect(world.changesIn(() => world.run(29))).to.deep.equal([]);
    expect(world.run(MINUTE_S).desired).to.equal(2);
  });

  it('does not lower what it has not watched for long enough', () => {
    const world = new World(rps(10), { desired: 9 });
    expect(world.run(29).changes).to.deep.equal([]);
    expect(world.run(MINUTE_S).desired).to.equal(1);
  });

  it('takes what is there for right when it begins in the middle of a load, unless that is clearly too little', () => {
    for (const seed of [1, 2, 3, 4, 5]) {
      const right = new World(rps(10), { desired: 6 });
      expect(right.run(29, 52, byChance(seed)).changes, `seed ${seed}`).to.deep.equal([]);
      const tooLittle = new World(rps(10), { desired: 2 });
      expect(tooLittle.run(4, 90, byChance(seed)).desired, `seed ${seed}`).to.be.at.least(6);
    }
  });

  it('asks for more again when what it asked for was not done', () => {
    const world = new World(rps(10)).run(MINUTE_S);
    for (let tick = 0; tick < 40; tick++) {
      world.desired = 1;
      world.tick(50);
    }
    expect(world.last?.desired).to.be.at.least(10);
  });

  it('knows what it has seen after new labels of the same type, and begins anew with another type', () => {
    const world = new World(rps(10)).run(MINUTE_S, 45);
    expect(world.desired).to.equal(5);
    world.decider.redeployed(labelsOf(rps(5)));
    world.tick(22);
    expect(world.desired).to.equal(10);
    world.decider.redeployed(labelsOf(capacity(5)));
    world.tick(23);
    expect(world.last).to.include({ desired: 10, load: 0 });
    world.decider.redeployed(labelsOf({}));
    expect(world.run(HOUR_S).desired).to.equal(10);
  });

  it('stands a clock that goes back, stops or leaps, and ticks that are late', () => {
    const world = new World(rps(10, { 'scale.zero': 'true' })).run(MINUTE_S, 45);
    world.tick(0, -30_000);
    world.run(10, 45).tick(0, 0);
    world.tick(45 * 20, 20_000);
    world.run(MINUTE_S, 45);
    expect(world.desired).to.be.within(5, 20);
    world.tick(45 * 3600, HOUR_S * 1000);
    expect(world.run(10 * MINUTE_S, 45).desired).to.be.within(5, 6);
  });

  it('stays inside minimum and maximum, whatever comes', () => {
    const look = fc.record({
      ms: fc.constantFrom(0, 1, 500, 500, 500, 3000, 60_000),
      started: fc.nat({ max: 1_000_000 }),
      inFlight: fc.nat({ max: 100_000 }),
      measured: fc.option(fc.double(), { nil: undefined }),
      ready: fc.nat({ max: 30 }),
      set: fc.option(fc.integer({ min: 1, max: 60 }), { nil: undefined }),
    });
    fc.assert(
      fc.property(
        fc.constantFrom('rps', 'capacity', 'cpu', 'queue', 'orders'),
        fc.integer({ min: 0, max: 20 }),
        fc.integer({ min: 1, max: 20 }),
        fc.array(look, { maxLength: 60 }),
        (type, min, more, looks) => {
          const labels = {
            ...rps(3, { 'scale.min': `${min}`, 'scale.max': `${min + more}` }),
            'scale.type': type,
          };
          const world = new World(labels, { desired: Math.max(1, min) });
          for (const { ms, started, inFlight, measured, ready, set } of looks) {
            Object.assign(world, { inFlight, measured, ready, ...(set !== undefined && { desired: set }) });
            const { desired } = world.tick(started, ms);
            expect(desired).to.be.within(Math.max(1, min), min + more);
            expect(Number.isInteger(desired)).to.equal(true);
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  it('asks for no fewer replicas of a higher load', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('rps', 'capacity', 'orders'),
        fc.double({ min: 0.1, max: 300, noNaN: true }),
        fc.double({ min: 0, max: 300, noNaN: true }),
        fc.integer({ min: 1, max: 120 }),
        (type, load, more, seconds) => {
          const [lower, higher] = [load, load + more].map((perSecond) => {
            const world = new World({ ...rps(7, { 'scale.max': '200' }), 'scale.type': type });
            world.inFlight = Math.floor(perSecond);
            world.measured = perSecond;
            return world.run(seconds, perSecond).desired;
          });
          expect(higher).to.be.at.least(lower ?? 0);
        },
      ),
      { numRuns: 150 },
    );
  });
});

/** How often counts go down after they went up, or up after they went down. */
function turns(counts: readonly number[]): number {
  const directions = counts.slice(1).map((count, index) => Math.sign(count - (counts[index] ?? 0)));
  return directions.filter((direction, index) => index > 0 && direction !== directions[index - 1]).length;
}
