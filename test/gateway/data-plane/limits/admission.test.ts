import { expect } from 'chai';
import type { FunctionEntry, LiveReplica } from '../../../../gateway/data-plane/function-table.ts';
import { admit, enterReplica, NO_SLOT } from '../../../../gateway/data-plane/limits/admission.ts';
import type { CallRules } from '../../../../gateway/data-plane/limits/call-rules.ts';
import { toRateRule } from '../../../../gateway/data-plane/limits/rate.ts';
import { privateCounts, type SharedCounts } from '../../../../gateway/data-plane/limits/shared-counts.ts';
import { FaasError } from '../../../../gateway/errors.ts';

describe('admission', () => {
  let counts: SharedCounts;
  let nowMs: number;
  beforeEach(() => {
    nowMs = Date.now();
    counts = privateCounts(32, () => nowMs);
  });

  const entry = (slot: number | undefined): FunctionEntry => ({
    ref: { name: 'fn', namespace: 'ns' },
    key: 'fn.ns',
    labels: {},
    annotations: {},
    envVars: {},
    desired: 1,
    deployed: undefined,
    isRemoved: false,
    replicas: [],
    failures: [],
    slot,
  });
  const rules = (concurrency: number, perSecond?: number): CallRules => ({
    concurrency,
    perReplica: 0,
    rate: perSecond === undefined ? undefined : toRateRule({ perSecond, burst: 1 }),
  });

  it('holds the slot of a function with a concurrency, and none for a rate alone', () => {
    expect(admit(entry(5), rules(1), counts)).to.equal(5);
    expect(counts.count(5)).to.equal(1);
    expect(admit(entry(6), rules(0, 1), counts)).to.equal(NO_SLOT);
    expect(counts.count(6)).to.equal(0);
  });

  it('holds nothing for a call that the rate refuses, and tells when the next may come', () => {
    const both = rules(5, 0.25);
    expect(admit(entry(5), both, counts)).to.equal(5);
    const refusal = admit(entry(5), both, counts);
    expect(refusal).to.be.instanceOf(FaasError).with.property('retryAfterSeconds', 4);
    expect(counts.count(5)).to.equal(1);
    nowMs += 2500;
    expect(admit(entry(5), both, counts)).to.have.property('retryAfterSeconds', 2);
    nowMs += 1500;
    expect(admit(entry(5), both, counts)).to.equal(5);
  });

  it('lets calls of a function through that got no slot', () => {
    for (let call = 0; call < 5; call++)
      expect(admit(entry(undefined), rules(1, 1), counts)).to.equal(NO_SLOT);
  });

  describe('to a replica', () => {
    const replica = (id: string, slot: number | undefined, isReady = true): LiveReplica => ({
      id,
      address: `10.0.0.${id}`,
      inFlight: 0,
      isReady,
      isOutdated: false,
      slot,
    });
    const enter = (replicas: LiveReplica[], tried: LiveReplica[] = []): string | undefined => {
      const chosen = enterReplica(replicas, { tried, limit: 2, counts });
      return typeof chosen === 'object' ? chosen.id : chosen;
    };

    it('fills all of them evenly, to the last place, and then says that they are full', () => {
      const replicas = ['1', '2', '3'].map((id, index) => replica(id, 10 + index));
      const chosen = Array.from({ length: 6 }, () => enter(replicas));
      expect(chosen.toSorted()).to.deep.equal(['1', '1', '2', '2', '3', '3']);
      expect(enter(replicas)).to.equal('full');
      counts.leave(11);
      expect(enter(replicas)).to.equal('2');
    });

    it('counts what other workers have there', () => {
      const [busy, idle] = [replica('1', 10), replica('2', 11)];
      counts.tryEnter(10, 2);
      for (let call = 0; call < 20; call++) {
        expect(enter([busy, idle])).to.equal('2');
        counts.leave(11);
      }
    });

    it('is none when none is ready, and full when those that were not tried are', () => {
      const [away, tried, full] = [replica('1', 10, false), replica('2', 11), replica('3', 12)];
      expect(enter([])).to.equal(undefined);
      expect(enter([away])).to.equal(undefined);
      expect(enter([away, tried], [tried])).to.equal(undefined);
      counts.tryEnter(12, 2);
      counts.tryEnter(12, 2);
      expect(enter([away, tried, full], [tried])).to.equal('full');
      expect(counts.count(11)).to.equal(0);
    });

    it('is always one that got no slot, if nothing else', () => {
      for (let call = 0; call < 5; call++) expect(enter([replica('1', undefined)])).to.equal('1');
    });
  });
});
