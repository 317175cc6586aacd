import { expect } from 'chai';
import type { FunctionState, ReplicaState } from '../../../gateway/data-plane/table-changes.ts';
import { TableMirror } from '../../../gateway/data-plane/table-mirror.ts';

const replica = (id: string, changes: Partial<ReplicaState> = {}): ReplicaState => ({
  id,
  address: `10.0.0.${id}`,
  isReady: true,
  proofs: 1,
  ...changes,
});
const state = (
  name: string,
  replicas: readonly ReplicaState[],
  changes: Partial<FunctionState> = {},
): FunctionState => ({
  ref: { name, namespace: 'openfaas-fn' },
  labels: {},
  annotations: {},
  envVars: {},
  desired: replicas.length,
  replicas,
  failures: [],
  ...changes,
});

describe('the mirror of the function table', () => {
  let mirror: TableMirror;
  let log: string[];

  beforeEach(() => {
    log = [];
    mirror = new TableMirror('openfaas-fn', {
      onReady: (entry) => log.push(`ready ${entry.key}`),
      onUnready: ({ id }) => log.push(`unready ${id}`),
      onEntry: () => {},
      onEntryGone: (entry) => log.push(`gone ${entry.key}`),
    });
  });
  const tell = (changed: readonly FunctionState[], removed: readonly string[] = []): void =>
    mirror.apply({ isLoaded: true, changed, removed });

  it('knows nothing, and says so, until it was told that the cluster was read', () => {
    mirror.apply({ isLoaded: false, changed: [], removed: [] });
    expect(mirror.isLoaded).to.equal(false);
    tell([]);
    expect(mirror.isLoaded).to.equal(true);
  });

  it('finds a function of the default namespace under both names, and one of another under one', () => {
    tell([state('env', []), state('env', [], { ref: { name: 'env', namespace: 'dev' } })]);
    expect(mirror.find('env')?.key).to.equal('env.openfaas-fn');
    expect(mirror.find('env.openfaas-fn')).to.equal(mirror.find('env'));
    expect(mirror.find('env.dev')?.key).to.equal('env.dev');
    tell([], ['env.dev']);
    expect(mirror.find('env')?.key).to.equal('env.openfaas-fn');
    expect(mirror.find('env.dev')).to.equal(undefined);
  });

  it('calls a replica that is to stop until another one is ready, or it cannot be reached', () => {
    const ready = (): string[] =>
      (mirror.find('env')?.replicas ?? []).filter(({ isReady }) => isReady).map(({ id }) => id);
    tell([state('env', [replica('1', { slot: 7 })])]);
    tell([state('env', [replica('2', { isReady: false, proofs: 0 })])]);
    expect(ready()).to.deep.equal(['1']);
    expect(mirror.find('env')?.replicas.map(({ slot }) => slot)).to.deep.equal([undefined, undefined]);
    expect(log).to.deep.equal(['ready env.openfaas-fn', 'unready 1']);
    tell([state('env', [replica('2')])]);
    expect(ready()).to.deep.equal(['2']);
    tell([state('env', [], { desired: 1 })]);
    expect(ready()).to.deep.equal(['2']);
    const [stopping] = mirror.find('env')?.replicas ?? [];
    if (stopping !== undefined) mirror.distrust(stopping);
    expect(ready()).to.deep.equal([]);
    tell([state('env', [replica('3', { isReady: false, proofs: 0 })])]);
    expect(mirror.find('env')?.replicas.map(({ id }) => id)).to.deep.equal(['3']);
  });

  it('calls none of a function that is scaled to zero or removed', () => {
    tell([state('env', [replica('1')]), state('dev', [replica('2')])]);
    tell([state('env', [], { desired: 0 })], ['dev.openfaas-fn']);
    expect(mirror.find('env')?.replicas).to.deep.equal([]);
    expect(mirror.find('dev')).to.equal(undefined);
  });

  it('keeps its objects, and the counts in them, through every change of what they stand for', () => {
    tell([state('env', [replica('1')])]);
    const entry = mirror.find('env');
    const [first] = entry?.replicas ?? [];
    if (entry === undefined || first === undefined) throw new Error('no replica');
    first.inFlight = 3;
    tell([state('env', [replica('1'), replica('2')], { labels: { a: 'b' }, desired: 2 })]);
    expect(mirror.find('env')).to.equal(entry);
    expect(entry.replicas[0]).to.equal(first);
    expect([entry.labels, entry.desired, first.inFlight]).to.deep.equal([{ a: 'b' }, 2, 3]);
  });

  it('leaves functions alone that it is told nothing of', () => {
    tell([state('one', [replica('1')]), state('two', [replica('2')])]);
    tell([state('one', [])]);
    expect(mirror.find('two')?.replicas).to.have.length(1);
  });

  it('takes a function that was removed and came again for another one', () => {
    tell([state('env', [replica('1')])]);
    const before = mirror.find('env');
    tell([state('env', [replica('3')])], ['env.openfaas-fn']);
    expect(before?.isRemoved).to.equal(true);
    expect(before?.replicas).to.deep.equal([]);
    expect(mirror.find('env')).to.not.equal(before);
    expect(mirror.find('env')?.replicas[0]?.id).to.equal('3');
    expect(log).to.include.members(['unready 1', 'gone env.openfaas-fn']);
  });

  it('tells when the first replica can be called, and when one cannot any more', () => {
    tell([state('env', [replica('1', { isReady: false, proofs: 0 })])]);
    expect(log).to.deep.equal([]);
    tell([state('env', [replica('1')])]);
    tell([state('env', [replica('1')], { labels: { a: 'b' } })]);
    tell([state('env', [replica('1', { isReady: false })])]);
    tell([state('env', [])]);
    expect(log).to.deep.equal(['ready env.openfaas-fn', 'unready 1', 'unready 1']);
  });

  it('does not take old news of a replica that it could not reach for good ones', () => {
    tell([state('env', [replica('1', { proofs: 4 })])]);
    const [first] = mirror.find('env')?.replicas ?? [];
    if (first === undefined) throw new Error('no replica');
    expect(mirror.distrust(first)).to.equal(4);
    expect(first.isReady).to.equal(false);
    tell([state('env', [replica('1', { proofs: 4 })], { desired: 5 })]); // sent before anybody knew
    expect(first.isReady).to.equal(false);
    tell([state('env', [replica('1', { proofs: 5 })])]);
    expect(first.isReady).to.equal(true);
    expect(log).to.deep.equal(['ready env.openfaas-fn', 'unready 1', 'ready env.openfaas-fn']);
  });

  it('takes a replica under another address for another one', () => {
    tell([state('env', [replica('1')])]);
    const [first] = mirror.find('env')?.replicas ?? [];
    tell([state('env', [replica('1', { address: '10.0.0.9' })])]);
    expect(mirror.find('env')?.replicas[0]).to.not.equal(first);
    expect(log).to.include('unready 1');
  });
});
