import { expect } from 'chai';
import type { FunctionEntry, LiveReplica } from '../../../../gateway/data-plane/function-table.ts';
import { LimitKeeper } from '../../../../gateway/data-plane/limits/limit-keeper.ts';
import { privateCounts, type SharedCounts } from '../../../../gateway/data-plane/limits/shared-counts.ts';

describe('the keeper of limits', () => {
  let counts: SharedCounts;
  let keeper: LimitKeeper;
  let nowMs: number;
  const problems: string[] = [];

  beforeEach(() => {
    problems.length = 0;
    nowMs = 0;
    counts = privateCounts();
    keeper = new LimitKeeper({ counts, onProblem: (_, why) => problems.push(why), nowMs: () => nowMs });
  });

  const replica = (id: string): LiveReplica => ({
    id,
    address: `10.0.0.${id}`,
    inFlight: 0,
    isReady: true,
    isOutdated: false,
  });
  const entry = (key: string, facts: Partial<FunctionEntry> = {}): FunctionEntry => ({
    ref: { name: key, namespace: 'openfaas-fn' },
    key,
    labels: {},
    annotations: {},
    envVars: {},
    desired: 1,
    deployed: undefined,
    isRemoved: false,
    replicas: [],
    failures: [],
    ...facts,
  });

  it('gives a place to what is limited, and to nothing else', () => {
    const free = entry('free', { replicas: [replica('1')] });
    const limited = entry('limited', {
      labels: { 'com.skep.limit.concurrency': '2' },
      replicas: [replica('2')],
    });
    const narrow = entry('narrow', {
      envVars: { max_inflight: '1' },
      replicas: [replica('3'), replica('4')],
    });
    for (const one of [free, limited, narrow]) keeper.onEntry(one);
    expect([free.slot, free.replicas[0]?.slot, limited.replicas[0]?.slot, narrow.slot]).to.deep.equal([
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
    const slots = [limited.slot, ...narrow.replicas.map(({ slot }) => slot)];
    expect(slots).to.not.include(undefined);
    expect(new Set(slots).size).to.equal(3);
    keeper.onEntry(limited);
    expect(limited.slot).to.equal(slots[0]);
  });

  it('gives the place of a function that is gone to another one, empty, but not at once', () => {
    const labels = { 'com.skep.limit.concurrency': '2' };
    const first = entry('first', { labels });
    keeper.onEntry(first);
    const slot = first.slot ?? -1;
    counts.tryEnter(slot, 2);
    keeper.onEntryGone(first);
    const second = entry('second', { labels });
    keeper.onEntry(second);
    expect(second.slot).to.not.equal(slot);
    nowMs += 120_000;
    const third = entry('third', { labels });
    keeper.onEntry(third);
    expect(third.slot).to.not.equal(slot); // a call of the first is still in flight
    counts.leave(slot);
    nowMs += 120_000;
    const fourth = entry('fourth', { labels });
    keeper.onEntry(fourth);
    expect(fourth.slot).to.equal(slot);
    expect(counts.count(slot)).to.equal(0);
  });

  it('tells of a limit that cannot be read once, and again when it is another one', () => {
    const one = entry('one', { labels: { 'com.skep.limit.rate': 'fast' } });
    for (let read = 0; read < 5; read++) {
      one.labels = { ...one.labels };
      keeper.onEntry(one);
    }
    expect(problems).to.have.length(1);
    one.labels = { 'com.skep.limit.rate': 'slow' };
    keeper.onEntry(one);
    expect(problems).to.have.length(2);
    one.labels = {};
    keeper.onEntry(one);
    expect(problems).to.have.length(2);
  });
});
