import { expect } from 'chai';
import { pickReplica } from '../../../gateway/data-plane/balance.ts';
import type { LiveReplica } from '../../../gateway/data-plane/function-table.ts';

const replica = (id: string, inFlight: number, isReady = true): LiveReplica => ({
  id,
  address: `10.0.0.${id}`,
  inFlight,
  isReady,
  isOutdated: false,
});

describe('pickReplica', () => {
  it('chooses none where none is ready', () => {
    expect(pickReplica([], [])).to.equal(undefined);
    expect(pickReplica([replica('1', 0, false)], [])).to.equal(undefined);
  });

  it('chooses none that this call already failed to reach', () => {
    const only = replica('1', 0);
    expect(pickReplica([only], [only])).to.equal(undefined);
  });

  it('never chooses the busier of two', () => {
    const [idle, busy] = [replica('1', 0), replica('2', 9)];
    for (let round = 0; round < 100; round++) expect(pickReplica([busy, idle], [])).to.equal(idle);
  });

  it('never chooses the busiest of many, as it is always compared with another', () => {
    const replicas = ['1', '2', '3', '4'].map((id) => replica(id, Number(id)));
    for (let round = 0; round < 200; round++) expect(pickReplica(replicas, [])?.id).to.not.equal('4');
  });

  it('spreads calls over replicas that are equally busy', () => {
    const replicas = ['1', '2', '3'].map((id) => replica(id, 0));
    for (let round = 0; round < 300; round++) {
      const chosen = pickReplica(replicas, []);
      if (chosen !== undefined) chosen.inFlight++;
    }
    const counts = replicas.map(({ inFlight }) => inFlight);
    expect(Math.max(...counts) - Math.min(...counts)).to.be.at.most(5);
  });
});
