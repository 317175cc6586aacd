import { expect } from 'chai';
import type { NewCall } from '../../../gateway/queue/call-queue.ts';
import { type ScheduledFunction, Scheduler, type TickResult } from '../../../gateway/schedules/scheduler.ts';
import { tickId } from '../../../gateway/schedules/ticks.ts';
import { createQuietLogger } from '../../support/quiet-logger.ts';
import { MemoryProgress } from './memory-progress.ts';

const START = Date.parse('2026-01-01T12:00:30Z');
const MINUTE = 60_000;
const KEY = 'report.openfaas-fn';

function scheduled(schedule: string, more: Readonly<Record<string, string>> = {}): ScheduledFunction {
  return {
    ref: { name: 'report', namespace: 'openfaas-fn' },
    key: KEY,
    annotations: { topic: 'cron-function', schedule, ...more },
    createdAt: '2026-01-01T00:00:00Z',
  };
}

/** One queue, one store and one clock, and schedulers that come and go. */
class World {
  now = START;
  functions: ScheduledFunction[] = [];
  readonly store = new MemoryProgress();
  readonly calls = new Map<string, NewCall>();
  readonly results: TickResult[] = [];
  refusal: Error | undefined;
  readonly signal = new AbortController().signal;

  scheduler(): Scheduler {
    return new Scheduler({
      functions: () => this.functions,
      isGone: (key) => !this.functions.some((fn) => fn.key === key),
      intake: {
        acceptFirst: async (id, call) => {
          if (this.refusal !== undefined) throw this.refusal;
          if (this.calls.has(id)) return false;
          this.calls.set(id, call);
          return true;
        },
      },
      stepsOf: ({ key }) => [{ function: key, queue: 'faas-request' }],
      store: this.store,
      onTick: (_key, result) => this.results.push(result),
      logger: createQuietLogger().logger,
      today: () => this.now,
    });
  }

  /** Looks each second, for so long. */
  async pass(scheduler: Scheduler, seconds: number): Promise<void> {
    for (let second = 0; second < seconds; second++) {
      this.now += 1000;
      await scheduler.look(this.signal);
    }
  }

  /** Times of the calls, as their ids have them. */
  get times(): string[] {
    return [...this.calls.keys()].map((id) => id.slice(`cron-${KEY}-`.length));
  }
}

describe('Scheduler', () => {
  let world: World;
  beforeEach(() => {
    world = new World();
  });

  it('calls a function once for each tick, and for none before it was first seen', async () => {
    world.functions = [scheduled('* * * * *')];
    await world.pass(world.scheduler(), 150);
    expect(world.times).to.deep.equal(['20260101T120100Z', '20260101T120200Z', '20260101T120300Z']);
    expect(world.results).to.deep.equal(['accepted', 'accepted', 'accepted']);
  });

  it('sends what the cron connector sends, and a body where one is given', async () => {
    world.functions = [
      scheduled('* * * * *'),
      {
        ...scheduled('* * * * *', { 'com.skep.schedule.body': 'grüße' }),
        key: 'other.openfaas-fn',
      },
    ];
    await world.pass(world.scheduler(), 31);
    const [first, second] = [...world.calls.values()].sort((a, b) => a.headers.length - b.headers.length);
    expect(first?.headers.slice(0, 4)).to.deep.equal([
      'X-Connector',
      'cron-connector',
      'X-Topic',
      'cron-function',
    ]);
    expect(first?.headers).to.not.include('Content-Type');
    expect(first?.body).to.deep.equal(new Uint8Array(0));
    expect(Buffer.from(second?.body as Uint8Array).toString()).to.equal('grüße');
    expect(second?.headers).to.include('Content-Type');
  });

  it('neither skips nor doubles a tick when another one takes over', async () => {
    world.functions = [scheduled('*/10 * * * *; @every 7s')];
    for (let round = 0; round < 30; round++) {
      const scheduler = world.scheduler();
      await world.pass(scheduler, 1 + (round % 20));
      world.now += (round % 9) * 1000;
    }
    await world.scheduler().look(world.signal);
    const begun = START + 1000;
    const expected = new Set<number>();
    for (let at = begun + 7000; at <= world.now; at += 7000) expected.add(at);
    for (let at = START + 570_000; at <= world.now; at += 600_000) expected.add(at);
    expect(world.now - START).to.be.above(300_000);
    expect(world.times).to.have.members([...expected].map((at) => tickId('', at).slice('cron--'.length)));
    expect(world.results).to.deep.equal(Array.from(expected, () => 'accepted'));
  });

  it('does not double a tick whose call was stored right before the scheduler was killed', async () => {
    world.functions = [scheduled('* * * * *')];
    const first = world.scheduler();
    await world.pass(first, 25);
    const kept = new Map(world.store.records);
    await world.pass(first, 10);
    expect(world.times).to.have.length(1);
    world.store.records.clear();
    for (const [key, progress] of kept) world.store.records.set(key, progress);
    await world.pass(world.scheduler(), 10);
    expect(world.times).to.have.length(1);
    expect(world.results).to.deep.equal(['accepted']);
  });

  it('lets one of two that act at the same time through, and the other one begins anew', async () => {
    world.functions = [scheduled('* * * * *')];
    const one = world.scheduler();
    const two = world.scheduler();
    await world.pass(one, 1);
    await world.pass(two, 1);
    world.now += MINUTE;
    await one.look(world.signal);
    const error = await two.look(world.signal).catch((cause: Error) => cause);
    expect(error).to.be.instanceOf(Error);
    two.begin();
    await world.pass(two, 60);
    expect(world.times).to.deep.equal(['20260101T120100Z', '20260101T120200Z']);
  });

  it('makes the calls of a short absence late, and leaves out those of a long one', async () => {
    world.functions = [scheduled('* * * * *')];
    await world.pass(world.scheduler(), 1);
    world.now += 100 * MINUTE;
    await world.scheduler().look(world.signal);
    expect(world.times).to.deep.equal(['20260101T133900Z', '20260101T134000Z']);
    expect(world.results).to.deep.equal(['missed', 'accepted', 'accepted']);
  });

  it('makes up for all that was missed with one call, where the function wants that', async () => {
    world.functions = [scheduled('@hourly', { 'com.skep.schedule.on-missed': 'once' })];
    await world.pass(world.scheduler(), 1);
    world.now += 48 * 60 * MINUTE + 10 * MINUTE;
    const scheduler = world.scheduler();
    await world.pass(scheduler, 5);
    expect(world.times).to.deep.equal(['20260101T130000Z']);
    await world.pass(scheduler, 3000);
    expect(world.times.at(-1)).to.equal('20260103T130000Z');
    expect(world.times).to.have.length(2);
  });

  it('waits for a clock that was set back a little, and goes on from one that was set back far', async () => {
    world.functions = [scheduled('*/30 * * * *')];
    const scheduler = world.scheduler();
    await world.pass(scheduler, 1800);
    expect(world.times).to.deep.equal(['20260101T123000Z']);
    world.now -= 2 * 60 * MINUTE;
    await world.pass(scheduler, 2 * 3600);
    expect(world.times).to.have.length(1);
    world.now -= 365 * 24 * 60 * MINUTE;
    await world.pass(scheduler, 1800);
    expect(world.times.at(-1)).to.equal('20250101T130000Z');
  });

  it('goes on with the ticks of a clock that was set forward', async () => {
    world.functions = [scheduled('@hourly')];
    const scheduler = world.scheduler();
    await world.pass(scheduler, 1);
    world.now += 1000 * 24 * 60 * MINUTE + 10 * MINUTE;
    await world.pass(scheduler, 3600);
    expect(world.results).to.deep.equal(['missed', 'accepted']);
  });

  it('begins anew with another schedule, and with a function that was removed and deployed again', async () => {
    world.functions = [scheduled('0 12 * * *')];
    const scheduler = world.scheduler();
    await world.pass(scheduler, 1);
    world.now += 30 * MINUTE;
    world.functions = [scheduled('* 11 * * *')];
    await world.pass(scheduler, 2);
    world.functions = [{ ...scheduled('* 11 * * *'), createdAt: '2026-01-01T12:31:00Z' }];
    await world.pass(scheduler, 2);
    expect(world.calls.size).to.equal(0);
    expect(world.results).to.deep.equal([]);
  });

  it('has missed nothing of a schedule that was taken away and given again', async () => {
    const hourly = scheduled('@hourly', { 'com.skep.schedule.on-missed': 'once' });
    world.functions = [hourly];
    const scheduler = world.scheduler();
    await world.pass(scheduler, 1);
    world.functions = [{ ...hourly, annotations: {} }];
    await world.pass(scheduler, 1);
    world.now += 5 * 60 * MINUTE + 10 * MINUTE;
    world.functions = [hourly];
    await world.pass(scheduler, 5);
    expect(world.results).to.deep.equal([]);
  });

  it('forgets a function that was removed', async () => {
    world.functions = [scheduled('@hourly')];
    const scheduler = world.scheduler();
    await world.pass(scheduler, 1);
    expect([...world.store.records.keys()]).to.deep.equal([KEY]);
    world.functions = [];
    await world.pass(scheduler, 1);
    expect(world.store.records.size).to.equal(0);
  });

  it('tries a call that was not accepted again, and another function’s is not held up by it', async () => {
    world.functions = [
      scheduled('* * * * *'),
      { ...scheduled('nonsense'), key: 'changed-by-hand.openfaas-fn' },
      { ...scheduled('* * * * *'), key: 'other.openfaas-fn' },
    ];
    const scheduler = world.scheduler();
    await world.pass(scheduler, 20);
    world.refusal = new Error('the queue is full');
    await world.pass(scheduler, 20);
    expect(world.calls.size).to.equal(0);
    expect(new Set(world.results)).to.deep.equal(new Set(['failed']));
    world.refusal = undefined;
    await world.pass(scheduler, 1);
    expect([...world.calls.keys()].sort()).to.deep.equal([
      'cron-other.openfaas-fn-20260101T120100Z',
      `cron-${KEY}-20260101T120100Z`,
    ]);
  });

  it('says that the store does not answer, and calls nobody meanwhile', async () => {
    world.functions = [scheduled('* * * * *')];
    const scheduler = world.scheduler();
    await world.pass(scheduler, 1);
    world.store.failure = new Error('NATS is away');
    world.now += MINUTE;
    expect(
      await world
        .scheduler()
        .look(world.signal)
        .catch((error: Error) => error.message),
    ).to.equal('NATS is away');
    world.store.failure = undefined;
    await world.pass(world.scheduler(), 1);
    expect(world.times).to.deep.equal(['20260101T120100Z']);
  });
});
