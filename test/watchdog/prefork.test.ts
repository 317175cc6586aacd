import { expect } from 'chai';
import { type PoolEvents, type PoolProcess, PreforkPool } from '../../watchdog/prefork/prefork-pool.ts';
import { backoffMs, startsNow } from '../../watchdog/prefork/refill.ts';
import { until } from './start-watchdog.ts';

describe('startsNow', () => {
  const state = { size: 8, waiting: 0, starting: 0, running: 0, cores: 4 } as const;
  it('starts as many at a time as there are cores', () => {
    expect(startsNow(state)).to.equal(4);
    expect(startsNow({ ...state, starting: 3 })).to.equal(1);
    expect(startsNow({ ...state, starting: 4 })).to.equal(0);
  });

  it('never starts more than are missing', () => {
    expect(startsNow({ ...state, waiting: 7 })).to.equal(1);
    expect(startsNow({ ...state, waiting: 6, starting: 2 })).to.equal(0);
    expect(startsNow({ ...state, waiting: 8 })).to.equal(0);
  });

  it('leaves the cores to calls, and still starts one at a time', () => {
    expect(startsNow({ ...state, running: 3 })).to.equal(1);
    expect(startsNow({ ...state, running: 2, starting: 1 })).to.equal(1);
    expect(startsNow({ ...state, running: 100 })).to.equal(1);
    expect(startsNow({ ...state, running: 100, starting: 1 })).to.equal(0);
  });
});

describe('backoffMs', () => {
  it('doubles up to a limit', () => {
    const backoff = { firstMs: 100, mostMs: 1000 };
    expect([1, 2, 3, 4, 5, 50, 5000].map((failures) => backoffMs(failures, backoff))).to.deep.equal([
      100, 200, 400, 800, 1000, 1000, 1000,
    ]);
  });
});

describe('the pool of waiting processes', () => {
  class Fake implements PoolProcess {
    isReady = false;
    hasEnded = false;
    readonly pid: number;
    readonly events: PoolEvents;
    constructor(pid: number, events: PoolEvents) {
      this.pid = pid;
      this.events = events;
    }
    sayReady(): void {
      this.isReady = true;
      this.events.onReady();
    }
    end(): void {
      this.hasEnded = true;
    }
  }
  const timing = { backoff: { firstMs: 1, mostMs: 4 }, yieldMs: 1, startLimitMs: 60_000, adviceMs: 60_000 };
  let started: Fake[] = [];
  let pool: PreforkPool<Fake> | undefined;
  const open = (size: number, cores: number, change: Partial<typeof timing> = {}): PreforkPool<Fake> => {
    started = [];
    pool = new PreforkPool({
      size,
      cores,
      timing: { ...timing, ...change },
      start: (events) => {
        const fake = new Fake(started.length + 1, events);
        started.push(fake);
        return fake;
      },
    });
    return pool;
  };
  afterEach(() => pool?.close());
  const at = (index: number): Fake => {
    const fake = started[index];
    if (fake === undefined) throw new Error(`process ${index} was not started`);
    return fake;
  };

  it('hands nothing to a program that has never said that it waits', async () => {
    const opened = open(2, 4);
    await until(() => started.length === 2, 'both are started');
    expect(opened.take()).to.equal(undefined);
    at(1).sayReady();
    expect(opened.take()?.pid).to.equal(2);
  });

  it('takes the one that has waited longest, and one that starts where none waits', async () => {
    const opened = open(3, 4);
    await until(() => started.length === 3, 'all are started');
    at(0).sayReady();
    at(2).sayReady();
    expect(opened.take()?.pid).to.equal(1);
    expect(opened.take()?.pid).to.equal(3);
    expect(opened.take()?.pid).to.equal(2);
    expect(opened.take()).to.equal(undefined);
    await until(() => started.length === 6, 'three more are started');
  });

  it('starts the next when one is ready, until all wait', async () => {
    const opened = open(3, 1);
    for (let i = 0; i < 3; i++) {
      await until(() => started.length === i + 1, `number ${i + 1} is started`);
      expect([opened.waiting, opened.starting]).to.deep.equal([i, 1]);
      at(i).sayReady();
    }
    expect([opened.waiting, opened.starting]).to.deep.equal([3, 0]);
  });

  it('replaces one that ends while it waits, and one that cannot be started', async () => {
    const opened = open(1, 1);
    for (let i = 0; i < 5; i++) {
      await until(() => started.length === i + 1, `number ${i + 1} is started`);
      at(i).events.onEnded('exit status 1', 'why');
      expect([opened.waiting, opened.starting]).to.deep.equal([0, 0]);
    }
  });

  it('ends one that does not say in time that it waits', async () => {
    open(1, 1, { startLimitMs: 5 });
    await until(() => started.length >= 2, 'another is started');
    expect(at(0).hasEnded).to.equal(true);
  });

  it('ends what waits when it is closed, and starts no more', async () => {
    const opened = open(2, 2);
    await until(() => started.length === 2, 'both are started');
    at(0).sayReady();
    opened.close();
    expect(started.map(({ hasEnded }) => hasEnded)).to.deep.equal([true, true]);
    expect(opened.take()).to.equal(undefined);
    at(0).events.onEnded('SIGTERM', '');
    await Bun.sleep(20);
    expect(started.length).to.equal(2);
  });
});
