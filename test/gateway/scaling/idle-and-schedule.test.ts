import { expect } from 'chai';
import { minimumAt } from '../../../gateway/scaling/schedule.ts';
import { HOUR_S, labelsOf, MINUTE_S, MONDAY_MS, rps, type ShortLabels, World } from './scaling-world.ts';

const ZERO = { 'scale.zero': 'true', 'scale.zero-duration': '5m' };
const IDLE_S = 5 * MINUTE_S;
const scheduled = (schedule: string, timezone = 'UTC'): ShortLabels => ({
  'com.skep.scale.schedule': schedule,
  'com.skep.scale.timezone': timezone,
});

describe('ReplicaDecider, idle functions', () => {
  for (const [kind, labels, desired] of [
    ['alerts scale', {}, 3],
    ['a target scales', rps(10), 1],
    ['are static', { 'scale.min': '3', 'scale.max': '3' }, 3],
    ['have a minimum', { 'scale.min': '3' }, 3],
  ] as const) {
    it(`puts those to sleep that ${kind}: counted from the first look, which is their deployment`, () => {
      const world = new World({ ...labels, ...ZERO }, { desired });
      world.run(IDLE_S);
      expect(world.changes.filter(({ to }) => to === 0)).to.deep.equal([]);
      expect(world.tick()).to.include({ desired: 0, cause: 'idle' });
      expect(world.run(HOUR_S).desired).to.equal(0);
    });
  }

  it('counts from the last call that was begun, and none is idle while one is in flight', () => {
    const world = new World(ZERO).run(IDLE_S - 10);
    world.tick(1);
    expect(world.run(IDLE_S - 1).changes).to.deep.equal([]);
    world.inFlight = 1;
    expect(world.run(HOUR_S).changes).to.deep.equal([]);
    world.inFlight = 0;
    expect(world.run(IDLE_S - 1).changes).to.deep.equal([]);
    expect(world.run(2).desired).to.equal(0);
  });

  it('counts anew when it was deployed anew, or woken by somebody', () => {
    const world = new World(ZERO).run(IDLE_S - 10);
    world.decider.redeployed(labelsOf(ZERO));
    expect(world.run(IDLE_S - 1).changes).to.deep.equal([]);
    world.run(2).desired = 2;
    expect(world.run(IDLE_S - 1).desired).to.equal(2);
    expect(world.run(2).desired).to.equal(0);
  });

  it('leaves those alone that may not sleep', () => {
    expect(new World({}).run(HOUR_S).changes).to.deep.equal([]);
    expect(new World({ 'scale.zero': 'false' }).run(HOUR_S).changes).to.deep.equal([]);
  });

  it('puts nothing back that was scaled to 0 by hand, unless minimums are to be maintained', () => {
    const labels = { 'scale.min': '2' };
    expect(new World(labels, { desired: 0 }).run(HOUR_S).changes).to.deep.equal([]);
    const kept = new World(labels, { desired: 0, maintainMinReplicas: true });
    expect(kept.tick()).to.include({ desired: 2, cause: 'minimum' });
    const asleep = new World({ ...labels, ...ZERO }, { desired: 0, maintainMinReplicas: true });
    expect(asleep.run(HOUR_S).changes).to.deep.equal([]);
  });
});

describe('ReplicaDecider, minimums by the time of day', () => {
  const day = scheduled('* 8-17 * * mon-fri = 5; * 10-15 * * sat,sun = 2');
  const at = (world: World, day: number, hour: number, minute = 0): World => {
    world.todayMs = MONDAY_MS + ((day * 24 + hour) * 60 + minute) * 60_000;
    return world;
  };

  it('raises one that alerts scale when the window begins, and lowers it when it ends', () => {
    const world = at(new World(day), 0, 7, 59);
    expect(world.run(59).changes).to.deep.equal([]);
    expect(world.run(2).changes.at(-1)).to.include({ to: 5, cause: 'schedule' });
    expect(world.last?.minimum).to.equal(5);
    at(world, 0, 17, 59).run(59);
    expect(world.desired).to.equal(5);
    expect(world.run(2).changes.at(-1)).to.include({ to: 1, cause: 'schedule' });
    expect(at(world, 5, 12).run(1).desired).to.equal(2);
  });

  it('does not lower at the end what an alert asks for', () => {
    const world = at(new World(day), 0, 17, 59).run(30);
    world.alertedMs = world.nowMs;
    expect(world.run(50).desired).to.equal(5);
    expect(world.run(20).desired).to.equal(1);

    const raised = at(new World(day), 0, 17, 59).run(30);
    raised.desired = 9; // an alert that fires still; the one that resolves it asks for the minimum
    expect(raised.run(HOUR_S).desired).to.equal(9);
  });

  it('lowers at the end also when no gateway was there at that moment', () => {
    expect(at(new World(day, { desired: 5 }), 0, 18, 7).run(1).desired).to.equal(1);
    expect(at(new World(day, { desired: 5 }), 0, 18, 30).run(1).desired).to.equal(5);
  });

  it('is the least of one with a target, which goes down by itself afterwards', () => {
    const world = at(new World({ ...rps(10), ...day }), 0, 7, 59).run(120);
    expect(world.changes.map(({ to }) => to)).to.deep.equal([5]);
    expect(world.run(MINUTE_S, 90).desired).to.equal(10);
    expect(world.run(3 * MINUTE_S).desired).to.equal(5);
    expect(at(world, 0, 18).run(MINUTE_S).desired).to.equal(1);
  });

  it('keeps awake and wakes while it asks for one or more, and lets sleep outside', () => {
    const world = at(new World({ ...ZERO, ...day }), 0, 0).run(2 * HOUR_S);
    expect(world.desired).to.equal(0);
    expect(at(world, 0, 8).tick()).to.include({ desired: 5, cause: 'schedule' });
    expect(world.run(2 * HOUR_S).desired).to.equal(5);
    expect(at(world, 0, 18).run(1).desired).to.equal(0);
  });

  it('lets sleep inside a window that asks for none', () => {
    const night = scheduled('* 0-5 * * * = 0');
    expect(new World({ 'scale.min': '2', ...ZERO, ...night }, { desired: 2 }).run(HOUR_S).desired).to.equal(
      0,
    );
  });

  it('takes the highest of the windows that hold, and the label outside', () => {
    const labels = labelsOf({
      'scale.min': '2',
      ...scheduled('* * * * mon = 3; * 12 * * * = 7; 30-59 12 * * * = 4; * 3 * * * = 1'),
    });
    const least = (day: number, hour: number, minute = 0): number =>
      minimumAt(labels, MONDAY_MS + ((day * 24 + hour) * 60 + minute) * 60_000 + 59_999);
    expect([
      least(0, 0),
      least(0, 12),
      least(0, 12, 45),
      least(1, 12),
      least(1, 3),
      least(1, 4),
    ]).to.deep.equal([3, 7, 7, 7, 1, 2]);
  });

  it("goes by the zone's clocks, in summer and in winter", () => {
    const labels = labelsOf(scheduled('* 8-17 * * * = 5', 'Europe/Berlin'));
    const least = (time: string): number => minimumAt(labels, Date.parse(time));
    expect(least('2026-01-15T06:59:59Z')).to.equal(1);
    expect(least('2026-01-15T07:00:00Z')).to.equal(5);
    expect(least('2026-07-15T05:59:59Z')).to.equal(1);
    expect(least('2026-07-15T06:00:00Z')).to.equal(5);
    expect(least('2026-07-15T15:59:59Z')).to.equal(5);
    expect(least('2026-07-15T16:00:00Z')).to.equal(1);
    // The hour that comes twice in autumn is inside twice; the one that is left out in spring never comes.
    const night = labelsOf(scheduled('* 2 * * * = 3', 'Europe/Berlin'));
    const minutes = (day: string): number => {
      const from = Date.parse(`${day}T00:00:00+02:00`);
      return Array.from({ length: 24 * 60 }, (_, minute) => minimumAt(night, from + minute * 60_000)).filter(
        (count) => count === 3,
      ).length;
    };
    expect(minutes('2026-10-25')).to.equal(120);
    expect(minutes('2026-03-29')).to.equal(0);
  });
});
