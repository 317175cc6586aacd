import { expect } from 'chai';
import type { Load } from '../../../gateway/queue/adaptive-limit.ts';
import { Lanes } from '../../../gateway/queue/lanes.ts';

/** A line of calls, as a queue has it. */
interface Line {
  readonly name: string;
  waiting: number;
  asked: number;
  most: number;
  running: (() => Promise<void>)[];
  readonly source: { readonly asked: number; ask(count: number): void };
}

describe('lanes', () => {
  const lines = new Map<string, Line>();
  let lanes: Lanes<string>;
  let started: string[];

  const open = (places: number, isAdaptive = false): void => {
    lines.clear();
    started = [];
    lanes = new Lanes<string>({
      places,
      isAdaptive,
      now: () => 0,
      run: (_item, name) => {
        started.push(name);
        const { promise, resolve } = Promise.withResolvers<Load>();
        lineOf(name).running.push(async () => {
          resolve('taken');
          await Bun.sleep(0);
        });
        return promise;
      },
    });
  };
  const lineOf = (name: string): Line => lines.get(name) ?? expect.fail(`no line ${name}`);
  /** Gives what was asked for, as long as there is any. */
  const serve = (line: Line): void => {
    while (line.asked > 0 && line.waiting > 0) {
      line.asked--;
      line.waiting--;
      if (!lanes.take(line.name, 'call', line.waiting > 0)) line.waiting++;
    }
  };
  const serveAll = (): void => {
    for (let i = 0; i < 100; i++) for (const line of lines.values()) serve(line);
  };
  const line = (name: string, waiting: number): Line => {
    const made: Line = {
      name,
      waiting,
      asked: 0,
      most: 0,
      running: [],
      source: {
        get asked() {
          return made.asked;
        },
        ask: (count) => {
          made.asked += count;
          made.most = Math.max(made.most, made.asked);
        },
      },
    };
    lines.set(name, made);
    lanes.feed(name, made.source);
    return made;
  };
  const end = async (from: Line): Promise<void> => {
    await from.running.shift()?.();
    serveAll();
  };

  it('gives a single slow function half of the places, and leaves room for others', () => {
    open(50);
    const slow = line('slow', 1000);
    serveAll();
    expect(slow.running).to.have.length(25);
    const quick = line('quick', 10);
    serveAll();
    expect(quick.running).to.have.length(10);
  });

  it('comes to the same share for several that want more', async () => {
    open(30);
    const one = line('one', 10_000);
    serveAll();
    const two = line('two', 10_000);
    serveAll();
    for (let i = 0; i < 200; i++) await end(i % 2 === 0 ? one : two);
    expect(Math.abs(one.running.length - two.running.length)).to.be.at.most(1);
    expect(one.running.length + two.running.length).to.be.greaterThan(18);
  });

  it('runs calls of one function where there is one place', async () => {
    open(1);
    const one = line('one', 3);
    serveAll();
    expect(one.running).to.have.length(1);
    await end(one);
    await end(one);
    expect(started).to.have.length(3);
  });

  it('gives the one place to each in turn', async () => {
    open(1);
    const [one, two] = [line('one', 3), line('two', 3)];
    serveAll();
    for (let i = 0; i < 3; i++) {
      await end(one);
      await end(two);
    }
    expect(started.toSorted()).to.deep.equal(['one', 'one', 'one', 'two', 'two', 'two']);
    expect(started.slice(0, 4)).to.include.members(['one', 'two']);
  });

  it('asks for one where it knows of none, and for as many as it may run where more wait', () => {
    open(50);
    const idle = line('idle', 0);
    expect(idle.asked).to.equal(1);
    const busy = line('busy', 100);
    serve(busy);
    expect(busy.most).to.be.greaterThan(10);
  });

  it('asks again for what was forgotten', () => {
    open(5);
    const idle = line('idle', 0);
    idle.asked = 0;
    lanes.look();
    expect(idle.asked).to.equal(1);
  });

  it('holds what came beyond its places, and refuses what would be too much to hold', async () => {
    open(2);
    const all = Array.from({ length: 10 }, (_, index) => line(`f${index}`, 0));
    for (const one of all) one.waiting = 1;
    const taken = all.map(({ name }) => lanes.take(name, 'call', false));
    expect(taken.filter(Boolean)).to.have.length(4);
    expect(lanes.running).to.equal(2);
    for (const one of all) await one.running.shift()?.();
    for (const one of all) await one.running.shift()?.();
    expect(started).to.have.length(4);
  });

  it('asks a thousand functions whose calls wait for no more than it has places for', async () => {
    open(4);
    const all = Array.from({ length: 1000 }, (_, index) => line(`f${index}`, 2));
    serveAll();
    // What nobody had asked for before has come at once; from here on it is known that more wait.
    let refused = 0;
    for (let i = 0; i < 200; i++) {
      const busy = all.find(({ running }) => running.length > 0);
      if (busy === undefined) break;
      await busy.running.shift()?.();
      const asked = all.filter((one) => one.asked > 0 && one.waiting > 0);
      expect(asked.length).to.be.at.most(8);
      for (const one of asked) {
        one.asked--;
        one.waiting--;
        if (!lanes.take(one.name, 'call', one.waiting > 0)) refused++;
      }
    }
    expect(refused).to.equal(0);
    expect(started.length).to.be.greaterThan(200);
    expect(new Set(started).size).to.be.greaterThan(100);
  });

  it('goes on when a refused call comes again', async () => {
    open(1);
    const all = Array.from({ length: 5 }, (_, index) => line(`f${index}`, 1));
    for (let i = 0; i < 20; i++) {
      serveAll();
      for (const one of all) {
        await end(one);
        // As after its time, the server gives it again where it is asked.
        if (one.asked === 0) lanes.look();
      }
    }
    expect(started.toSorted()).to.deep.equal(['f0', 'f1', 'f2', 'f3', 'f4']);
  });

  it('begins low where limits are learned', async () => {
    open(50, true);
    const one = line('one', 1000);
    serveAll();
    expect(one.running).to.have.length(2);
    for (let i = 0; i < 40; i++) await end(one);
    expect(one.running).to.have.length(25);
  });

  it('gives back what it has not started, when it is stopped, and starts no more', async () => {
    open(1);
    const [one, two] = [line('one', 0), line('two', 0)];
    lanes.take('one', 'first', false);
    lanes.take('two', 'second', false);
    expect(lanes.stop()).to.deep.equal(['second']);
    expect(lanes.take('two', 'third', false)).to.equal(false);
    const idle = lanes.whenIdle();
    await one.running.shift()?.();
    await idle;
    expect(two.running).to.have.length(0);
    expect(lanes.running).to.equal(0);
  });
});
