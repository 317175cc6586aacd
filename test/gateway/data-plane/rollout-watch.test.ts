import { expect } from 'chai';
import type { FunctionEntry, LiveReplica } from '../../../gateway/data-plane/function-table.ts';
import { RolloutWatch } from '../../../gateway/data-plane/rollout-watch.ts';

const TIMEOUT_MS = 30_000;
const DEPLOYED_AT = Date.parse('2026-01-01T00:00:00Z');

describe('the watch over roll-outs', () => {
  let nowMs: number;
  let seenAfterMs: number;
  let reverts: { deployedId: string; error: string }[];
  let watch: RolloutWatch;
  let obstacle: string | undefined;

  beforeEach(() => {
    nowMs = 1000;
    seenAfterMs = 0;
    obstacle = undefined;
    reverts = [];
    watch = newWatch();
  });

  const newWatch = (): RolloutWatch =>
    new RolloutWatch({
      timeoutMs: TIMEOUT_MS,
      now: () => nowMs,
      today: () => DEPLOYED_AT + seenAfterMs,
      revert: async (_, why) => {
        reverts.push(why);
        return obstacle;
      },
    });
  const replica = (id: string, changes: Partial<LiveReplica> = {}): LiveReplica => ({
    id,
    address: '10.0.0.1',
    inFlight: 0,
    isReady: false,
    isOutdated: false,
    ...changes,
  });
  const deployed = (changes: Partial<FunctionEntry> = {}): FunctionEntry => ({
    ref: { name: 'env', namespace: 'openfaas-fn' },
    key: 'env.openfaas-fn',
    labels: {},
    annotations: {},
    envVars: {},
    desired: 1,
    deployed: { id: 'd2', at: '2026-01-01T00:00:00Z', isRevertible: true },
    isRemoved: false,
    replicas: [],
    failures: [],
    ...changes,
  });
  const pass = (ms: number): void => {
    nowMs += ms;
  };

  it('calls a version done once one of its replicas has answered, and leaves it alone from then on', () => {
    const entry = deployed({ replicas: [replica('1')] });
    watch.observe(entry);
    expect(watch.rolloutOf(entry)).to.deep.equal({ state: 'running' });
    expect(watch.provenId(entry)).to.equal(undefined);
    entry.replicas = [replica('1', { isReady: true })];
    watch.observe(entry);
    expect(watch.rolloutOf(entry)).to.equal(undefined);
    expect(watch.provenId(entry)).to.equal('d2');
    entry.replicas = [replica('1')];
    pass(TIMEOUT_MS * 2);
    watch.observe(entry);
    expect(reverts).to.deep.equal([]);
  });

  it('does not call a version done while one before it is called, too', () => {
    const before = replica('0', { isReady: true, isOutdated: true });
    const entry = deployed({ replicas: [before, replica('1', { isReady: true })] });
    watch.observe(entry);
    expect(watch.rolloutOf(entry)).to.deep.equal({ state: 'running' });
    entry.replicas = [replica('1', { isReady: true })];
    watch.observe(entry);
    expect(watch.rolloutOf(entry)).to.equal(undefined);
  });

  it('takes a version back whose replicas run and never answer, once', () => {
    const entry = deployed({ replicas: [replica('1')] });
    watch.observe(entry);
    pass(TIMEOUT_MS - 1);
    watch.observe(entry);
    expect(reverts).to.deep.equal([]);
    pass(1);
    watch.observe(entry);
    watch.observe(entry);
    expect(reverts).to.deep.equal([
      {
        deployedId: 'd2',
        error: 'no replica of the new version answered /_/health within 30 s: the version before it is back',
      },
    ]);
    expect(watch.rolloutOf(entry), 'until the cluster has gone back').to.deep.equal({
      state: 'running',
      error: 'no replica of the new version answered /_/health within 30 s',
    });
  });

  it('tells why the last probe of a version that never answered did not take it', () => {
    const entry = deployed({ replicas: [replica('1', { probeFailure: 'nothing listens on port 8080' })] });
    watch.observe(entry);
    pass(TIMEOUT_MS);
    watch.observe(entry);
    expect(reverts[0]?.error).to.match(/^no replica .* within 30 s \(nothing listens on port 8080\): /);
  });

  it('does not take the answers of the version before for those of the new one', () => {
    const old = replica('0', { isReady: true, isOutdated: true });
    const entry = deployed({ replicas: [old, replica('1')] });
    watch.observe(entry);
    pass(TIMEOUT_MS);
    watch.observe(entry);
    expect(reverts).to.have.length(1);
  });

  it('gives the time that a pull takes, but not that of a replica which cannot start', () => {
    const entry = deployed({ replicas: [replica('0', { isReady: true, isOutdated: true })] });
    watch.observe(entry);
    pass(TIMEOUT_MS * 10);
    watch.observe(entry);
    expect(reverts).to.deep.equal([]);
    entry.failures = [{ id: '1', error: 'no suitable node', isOutdated: false }];
    watch.observe(entry);
    pass(TIMEOUT_MS);
    watch.observe(entry);
    expect(reverts[0]?.error).to.contain('no suitable node');
  });

  it('counts on while replicas come and go', () => {
    const entry = deployed();
    for (let life = 0; life < 3; life++) {
      entry.replicas = [replica(`${life}`)];
      entry.failures = [];
      watch.observe(entry);
      pass(TIMEOUT_MS / 4);
      entry.replicas = [];
      entry.failures = [{ id: `${life}`, error: 'exit code 1', isOutdated: false }];
      watch.observe(entry);
      pass(TIMEOUT_MS / 4);
    }
    watch.observe(entry);
    expect(reverts).to.have.length(1);
  });

  it('waits as long as the function’s annotation says', () => {
    const annotations = { 'com.skep.rollout.timeout': '2m' };
    const entry = deployed({ annotations, replicas: [replica('1')] });
    watch.observe(entry);
    pass(119_999);
    watch.observe(entry);
    expect(reverts).to.deep.equal([]);
    pass(1);
    watch.observe(entry);
    expect(reverts).to.have.length(1);
  });

  it('asks nothing of a function without replicas, and begins to count when it wakes', () => {
    const entry = deployed({ desired: 0 });
    watch.observe(entry);
    pass(TIMEOUT_MS * 2);
    watch.observe(entry);
    expect(watch.rolloutOf(entry)).to.equal(undefined);
    entry.desired = 1;
    entry.replicas = [replica('1')];
    watch.observe(entry);
    pass(TIMEOUT_MS - 1);
    watch.observe(entry);
    expect(reverts).to.deep.equal([]);
  });

  it('calls a first version failed that never answers, and done when it does after all', () => {
    const first = { id: 'd1', at: '2026-01-01T00:00:00Z', isRevertible: false };
    const entry = deployed({ deployed: first, replicas: [replica('1')] });
    watch.observe(entry);
    pass(TIMEOUT_MS);
    watch.observe(entry);
    expect(watch.rolloutOf(entry)?.state).to.equal('failed');
    expect(reverts).to.deep.equal([]);
    entry.replicas = [replica('1', { isReady: true })];
    watch.observe(entry);
    expect(watch.rolloutOf(entry)).to.equal(undefined);
  });

  it('begins anew with the next deployment, and ends with the function', () => {
    const entry = deployed({ replicas: [replica('1', { isReady: true })] });
    watch.observe(entry);
    entry.deployed = { id: 'd3', at: '2026-01-01T00:01:00Z', isRevertible: true };
    entry.replicas = [replica('2')];
    watch.observe(entry);
    expect(watch.provenId(entry)).to.equal(undefined);
    entry.isRemoved = true;
    watch.observe(entry);
    expect(watch.provenId(entry)).to.equal(undefined);
  });

  it('takes a version back at once that the cluster has stopped, and says why', () => {
    const entry = deployed({ failures: [{ id: '1', error: 'exit code 1', isOutdated: false }] });
    watch.observe(entry);
    expect(reverts).to.deep.equal([]);
    entry.deployed = { id: 'd2', at: '2026-01-01T00:00:00Z', isRevertible: true, isStopped: true };
    watch.observe(entry);
    expect(reverts[0]?.error).to.equal(
      'a replica of the new version ended before any has answered (exit code 1): the version before it is back',
    );
  });

  it('tells why a version could not be taken back', async () => {
    const entry = deployed({ replicas: [replica('1')] });
    obstacle = 'secret not found: key_openfaas-fn_v1';
    watch.observe(entry);
    pass(TIMEOUT_MS);
    watch.observe(entry);
    await new Promise(setImmediate);
    expect(watch.rolloutOf(entry)).to.deep.equal({
      state: 'failed',
      error:
        'no replica of the new version answered /_/health within 30 s; it could not be taken back yet: secret not found: key_openfaas-fn_v1',
    });
  });

  it('asks again when the cluster could not be asked, and anew after a restart', async () => {
    const entry = deployed({ replicas: [replica('1')] });
    watch.observe(entry);
    pass(TIMEOUT_MS);
    watch.observe(entry);
    await new Promise(setImmediate);
    watch.observe(entry);
    expect(reverts, 'not at every look').to.have.length(1);
    pass(5000);
    watch.observe(entry);
    expect(reverts).to.have.length(2);
    watch = newWatch();
    watch.observe(entry);
    pass(TIMEOUT_MS);
    watch.observe(entry);
    expect(reverts).to.have.length(3);
  });

  it('takes for good what is first seen long after it was deployed, as by a gateway that reaches no replica', () => {
    for (const [afterMs, reverted] of [
      [TIMEOUT_MS + 60_001, 0],
      [TIMEOUT_MS + 60_000, 1],
    ] as const) {
      seenAfterMs = afterMs;
      watch = newWatch();
      const entry = deployed({ replicas: [replica('1')] });
      watch.observe(entry);
      pass(TIMEOUT_MS);
      watch.observe(entry);
      expect(reverts, `${afterMs}`).to.have.length(reverted);
    }
  });
});
