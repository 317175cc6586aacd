import { expect } from 'chai';
import { HostLanes } from '../../../gateway/queue/host-lanes.ts';

describe('lines of callbacks by host', () => {
  let nowMs = 0;
  let lanes: HostLanes<string>;

  beforeEach(() => {
    nowMs = 0;
    lanes = new HostLanes({ most: 8, mostPerHost: 4, now: () => nowMs });
  });

  type Running = NonNullable<ReturnType<HostLanes<string>['next']>>;
  const startAll = (): Running[] => {
    const started: Running[] = [];
    for (let next = lanes.next(); next !== undefined; next = lanes.next()) started.push(next);
    return started;
  };
  const add = (host: string, count: number): void => {
    for (let i = 0; i < count; i++) lanes.add(host, host);
  };
  const makeGood = (host: string): void => {
    lanes.add(host, host);
    lanes.next()?.done({ seconds: 0.01, isAnswered: true });
  };

  it('are served in turn', () => {
    for (const host of ['a', 'b']) makeGood(host);
    add('a', 5);
    add('b', 2);
    expect(startAll().map(({ item }) => item)).to.deep.equal(['a', 'b', 'a', 'b', 'a', 'a']);
    expect([lanes.held, lanes.running]).to.deep.equal([7, 6]);
  });

  it('have half of the places while nothing is known of their hosts, however many there are', () => {
    for (let i = 0; i < 20; i++) lanes.add(`unknown-${i}`, 'x');
    makeGoodWhileFull();
    expect(startAll()).to.have.length(4);
    add('good', 9);
    expect(startAll().map(({ item }) => item)).to.deep.equal(['good', 'good', 'good', 'good']);
  });

  const makeGoodWhileFull = (): void => {
    const only = new HostLanes<string>({ most: 8, mostPerHost: 4, now: () => nowMs });
    const unknown = lanes;
    lanes = only;
    makeGood('good');
    for (const item of unknown.takeWaiting()) lanes.add(`${item}-${Math.random()}`, item);
  };

  it('have fewer places before somebody has answered, fewer still after nobody did, and all after somebody did', () => {
    add('a', 12);
    const first = startAll();
    expect(first).to.have.length(2);
    for (const one of first) one.done({ seconds: 30, isAnswered: false });
    const second = startAll();
    expect(second).to.have.length(1);
    for (const one of second) one.done({ seconds: 0.1, isAnswered: true });
    expect(startAll()).to.have.length(4);
  });

  it('put off what has waited long enough, each after those before it, and hold nothing of it', () => {
    makeGood('quick');
    add('hangs', 10);
    const running = startAll();
    expect(lanes.takeImpatient()).to.deep.equal([]);
    nowMs = 1000;
    const away = lanes.takeImpatient();
    expect(away.map(({ delayMs }) => delayMs)).to.deep.equal([
      5000, 5050, 5100, 5150, 5200, 5250, 5300, 5350,
    ]);
    expect(lanes.held).to.equal(2);
    // Those that come now go away at once, and further.
    add('hangs', 1);
    expect(lanes.takeImpatient().map(({ delayMs }) => delayMs)).to.deep.equal([5400]);
    for (const one of running) one.done({ seconds: 30, isAnswered: false });
    add('hangs', 3);
    expect(startAll()).to.have.length(1);
    const [last] = lanes.takeImpatient();
    expect(last?.delayMs).to.be.greaterThan(10_000);
    expect(last?.delayMs).to.be.at.most(600_000);
  });

  it('do not put off what a quick host is about to take', () => {
    makeGood('a');
    add('a', 100);
    nowMs = 999;
    expect(lanes.takeImpatient()).to.deep.equal([]);
  });

  it('can be emptied of what waits, and what runs ends as it would', () => {
    makeGood('a');
    add('a', 6);
    const running = startAll();
    expect(lanes.takeWaiting()).to.deep.equal(['a', 'a']);
    expect(lanes.held).to.equal(4);
    for (const one of running) one.done({ seconds: 1, isAnswered: true });
    expect([lanes.held, lanes.running]).to.deep.equal([0, 0]);
  });
});
