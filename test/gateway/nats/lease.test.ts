import { expect } from 'chai';
import fc from 'fast-check';
import { Lease, type LeaseRecord, type LeaseStore, type StoredLease } from '../../../gateway/nats/lease.ts';

const EXPIRES_MS = 3000;
const BELIEVED_MS = 2000;
const LOOK_MS = 500;

/** A store that does what it is asked at once. */
class OneRecord implements LeaseStore {
  record: StoredLease | undefined;
  #revision = 0;
  failure: Error | undefined;

  async read(): Promise<StoredLease | undefined> {
    if (this.failure !== undefined) throw this.failure;
    return this.record;
  }

  async write(record: LeaseRecord, seen: number): Promise<number | 'conflict'> {
    if (this.failure !== undefined) throw this.failure;
    if ((this.record?.revision ?? 0) !== seen) return 'conflict';
    this.record = { ...record, revision: ++this.#revision };
    return this.#revision;
  }

  lose(): void {
    this.record = undefined;
    this.#revision = 0;
  }
}

describe('a lease', () => {
  let now = 0;
  let store = new OneRecord();
  const lease = (id: string): Lease =>
    new Lease({ id, store, expiresMs: EXPIRES_MS, believedMs: BELIEVED_MS, now: () => now });
  /** Looks at it in turn until so many milliseconds have passed. */
  const pass = async (ms: number, ...leases: readonly Lease[]): Promise<void> => {
    for (const end = now + ms; now < end; now += LOOK_MS) for (const each of leases) await each.step();
  };
  const held = (...leases: readonly Lease[]): number[] =>
    leases.flatMap((each, index) => (each.isHeld ? [index] : []));

  beforeEach(() => {
    now = 1000;
    store = new OneRecord();
  });

  it('is held by nobody at first, and then by one', async () => {
    const [a, b] = [lease('a'), lease('b')];
    await pass(EXPIRES_MS, a, b);
    expect(held(a, b)).to.deep.equal([]);
    await pass(LOOK_MS, a, b);
    expect(held(a, b)).to.deep.equal([0]);
    expect([a.holder, b.holder]).to.deep.equal(['a', 'a']);
  });

  it('passes on when its holder says nothing more, and not while it renews', async () => {
    const [a, b] = [lease('a'), lease('b')];
    await pass(60_000, a, b);
    expect(held(a, b)).to.deep.equal([0]);
    await pass(EXPIRES_MS - LOOK_MS, b);
    expect(held(a, b)).to.deep.equal([]);
    await pass(LOOK_MS, b);
    expect(held(a, b)).to.deep.equal([1]);
    await pass(60_000, a, b);
    expect(held(a, b)).to.deep.equal([1]);
  });

  it('passes on at once when it is given away', async () => {
    const [a, b] = [lease('a'), lease('b')];
    await pass(10_000, a, b);
    await a.resign();
    await b.step();
    expect(held(a, b)).to.deep.equal([1]);
    await pass(60_000, a, b);
    expect(held(a, b)).to.deep.equal([1]);
  });

  it('is believed in for less time than others wait, when the store is away', async () => {
    const a = lease('a');
    await pass(10_000, a);
    store.failure = new Error('away');
    let failure: unknown;
    await a.step().catch((error: unknown) => {
      failure = error;
    });
    expect(failure).to.equal(store.failure);
    now += BELIEVED_MS - LOOK_MS - 1;
    expect(a.isHeld).to.equal(true);
    now += 1;
    expect(a.isHeld).to.equal(false);
  });

  it('goes on at once with its holder when the store lost it', async () => {
    const [a, b] = [lease('a'), lease('b')];
    await pass(10_000, a, b);
    store.lose();
    await pass(LOOK_MS, a, b);
    expect(held(a, b)).to.deep.equal([0]);
  });

  it('holds for another one only when its holder cannot believe in it any more, when the store lost it', async () => {
    const [a, b] = [lease('a'), lease('b')];
    await pass(10_000, a, b);
    store.lose();
    await b.step();
    expect(held(a, b)).to.deep.equal([0]);
    await a.step();
    await pass(BELIEVED_MS, b);
    expect(held(a, b)).to.deep.equal([]);
    await pass(EXPIRES_MS, b);
    expect(held(a, b)).to.deep.equal([1]);
  });

  it('is taken up again by its holder when the answer to a write was lost', async () => {
    const a = lease('a');
    await pass(10_000, a);
    const { write } = store;
    store.write = async (...args) => {
      await write.apply(store, args);
      throw new Error('no answer');
    };
    await a.step().catch(() => undefined);
    store.write = write;
    await a.step();
    expect(a.isHeld).to.equal(true);
    await pass(10_000, a);
    expect(a.isHeld).to.equal(true);
  });

  it('is taken from a record that nobody can read, after the same time', async () => {
    const a = lease('a');
    store.record = { holder: '(unreadable)', renewal: 0, revision: 7 };
    store.write = async (record, seen) => {
      if (store.record?.revision !== seen) return 'conflict';
      store.record = { ...record, revision: seen + 1 };
      return seen + 1;
    };
    await pass(EXPIRES_MS, a);
    expect(a.isHeld).to.equal(false);
    await pass(LOOK_MS, a);
    expect(a.isHeld).to.equal(true);
  });

  it('is never held by two, whatever is lost, late or paused, with clocks that differ in time and in speed; and by one in the end', async function () {
    this.timeout(60_000);
    await fc.assert(
      fc.asyncProperty(fc.integer(), async (seed) => {
        const world = new World(seed);
        const leases = ['a', 'b', 'c'].map((id) => world.add(id));
        await world.run(60_000, () => {
          const holders = leases.filter((each) => each.isHeld);
          expect(holders.length, `holders at ${world.nowMs} ms, seed ${seed}`).to.be.at.most(1);
        });
        world.isCalm = true;
        await world.run(15_000, () => undefined);
        expect(leases.filter((each) => each.isHeld).length, `in the end, seed ${seed}`).to.equal(1);
      }),
      { numRuns: 100 },
    );
  });
});

/** Time, a store and processes, all of it badly behaved, the same for the same seed. */
class World {
  nowMs = 0;
  isCalm = false;
  readonly #store = new OneRecord();
  readonly #timers: { readonly atMs: number; readonly fire: () => void }[] = [];
  #state: number;
  #losses = 0;

  constructor(seed: number) {
    this.#state = seed >>> 0 || 1;
  }

  add(id: string): Lease {
    const rate = 0.9 + this.#random() * 0.2;
    const offset = this.#random() * 1e6;
    let losses = 0;
    const lease = new Lease({
      id,
      store: {
        read: () =>
          this.#ask(() => {
            losses = this.#losses;
            return this.#store.read();
          }),
        write: async (record, seen) => {
          if (losses !== this.#losses) throw new Error('the store was started anew');
          return this.#ask(() => this.#store.write(record, seen));
        },
      },
      expiresMs: EXPIRES_MS,
      believedMs: BELIEVED_MS,
      now: () => offset + this.nowMs * rate,
    });
    void this.#live(lease);
    return lease;
  }

  async run(ms: number, check: () => void): Promise<void> {
    const end = this.nowMs + ms;
    await settle();
    for (;;) {
      this.#timers.sort((one, other) => other.atMs - one.atMs);
      const next = this.#timers.at(-1);
      if (next === undefined || next.atMs > end) return;
      this.#timers.pop();
      // A moment before, too: what one believes ends between two events.
      this.nowMs = next.atMs;
      check();
      next.fire();
      await settle();
      check();
    }
  }

  async #live(lease: Lease): Promise<void> {
    for (;;) {
      await lease.step().catch(() => undefined);
      await this.#sleep(LOOK_MS);
      if (!this.isCalm && this.#random() < 0.03) await this.#sleep(this.#random() * 8000); // the process is stopped
      if (!this.isCalm && this.#random() < 0.01) {
        this.#store.lose();
        this.#losses++;
      }
    }
  }

  async #ask<T>(work: () => Promise<T>): Promise<T> {
    const isBad = (chance: number): boolean => !this.isCalm && this.#random() < chance;
    const losses = this.#losses;
    await this.#sleep(this.#random() * 20);
    if (isBad(0.05)) await this.#sleep(this.#random() * 6000);
    // A store that loses what it had has been started anew: what was under way to it is lost, too.
    if (isBad(0.03) || losses !== this.#losses) throw new Error('not delivered');
    const result = await work();
    await this.#sleep(this.#random() * 20);
    if (isBad(0.05)) await this.#sleep(this.#random() * 6000);
    if (isBad(0.03)) throw new Error('no answer');
    return result;
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((fire) => this.#timers.push({ atMs: this.nowMs + ms, fire }));
  }

  /** From 0 to 1. */
  #random(): number {
    this.#state = (Math.imul(this.#state, 1_664_525) + 1_013_904_223) >>> 0;
    return this.#state / 2 ** 32;
  }
}

/** Everything that can go on without a timer has gone on. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
