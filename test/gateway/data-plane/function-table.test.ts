import { expect } from 'chai';
import { FunctionTable } from '../../../gateway/data-plane/function-table.ts';
import type { FunctionSnapshot, Replica } from '../../../gateway/functions/provider.ts';

const running = (id: string, address = `10.0.0.${id}`): Replica => ({ id, address, isRunning: true });

const snapshot = (
  name: string,
  replicas: readonly Replica[],
  namespace = 'openfaas-fn',
): FunctionSnapshot => ({
  ref: { name, namespace },
  labels: {},
  annotations: {},
  envVars: {},
  desired: replicas.length,
  replicas,
  createdAt: '2026-01-01T00:00:00Z',
});

function tableWithLog(): { table: FunctionTable; log: string[] } {
  const log: string[] = [];
  const table = new FunctionTable('openfaas-fn', {
    onReplica: (entry, replica) => log.push(`+${entry.key} ${replica.id}`),
    onReplicaGone: (replica) => log.push(`-${replica.id}`),
    onEntry: () => {},
    onEntryGone: (entry) => log.push(`gone ${entry.key}`),
  });
  return { table, log };
}

describe('the function table', () => {
  it('finds a function of the default namespace with and without the namespace', () => {
    const { table } = tableWithLog();
    table.apply([snapshot('env', []), snapshot('env', [], 'dev')], 0);
    expect(table.find('env')?.key).to.equal('env.openfaas-fn');
    expect(table.find('env.openfaas-fn')).to.equal(table.find('env'));
    expect(table.find('env.dev')?.key).to.equal('env.dev');
    expect(table.find('dev')).to.equal(undefined);
  });

  it('keeps the counts of replicas that stay, and tells of those that come and go', () => {
    const { table, log } = tableWithLog();
    table.apply([snapshot('env', [running('1')])], 0);
    const first = table.find('env')?.replicas[0];
    if (first === undefined) throw new Error('no replica');
    first.inFlight = 3;
    table.apply([snapshot('env', [running('1'), running('2')])], 0);
    expect(table.find('env')?.replicas[0]?.inFlight).to.equal(3);
    table.apply([snapshot('env', [running('2')])], 0);
    expect(log).to.deep.equal(['+env.openfaas-fn 1', '+env.openfaas-fn 2', '-1']);
  });

  it('takes a replica that came back under another address for a new one', () => {
    const { table, log } = tableWithLog();
    table.apply([snapshot('env', [running('1', '10.0.0.8')])], 0);
    table.apply([snapshot('env', [running('1', '10.0.0.9')])], 0);
    expect(log).to.deep.equal(['+env.openfaas-fn 1', '-1', '+env.openfaas-fn 1']);
  });

  it('forgets a removed function under both its names', () => {
    const { table, log } = tableWithLog();
    table.apply([snapshot('env', [running('1')])], 0);
    table.apply([], 0);
    expect(table.find('env')).to.equal(undefined);
    expect(table.find('env.openfaas-fn')).to.equal(undefined);
    expect(log.slice(1)).to.deep.equal(['-1', 'gone env.openfaas-fn']);
  });

  it('does not lose the function of the default namespace when its namesake elsewhere is removed', () => {
    const { table } = tableWithLog();
    table.apply([snapshot('env', []), snapshot('env', [], 'dev')], 0);
    table.apply([snapshot('env', [])], 0);
    expect(table.find('env')?.key).to.equal('env.openfaas-fn');
    expect(table.find('env.dev')).to.equal(undefined);
  });

  it('shows the failures of replicas that do not run', () => {
    const { table } = tableWithLog();
    const failed: Replica = { id: '1', address: undefined, isRunning: false, error: 'No such image' };
    table.apply([snapshot('env', [failed, running('2')])], 0);
    expect(table.find('env')?.failures).to.deep.equal([
      { id: '1', error: 'No such image', isOutdated: false },
    ]);
    table.apply([snapshot('env', [running('2')])], 0);
    expect(table.find('env')?.failures).to.deep.equal([]);
  });

  it('takes news of one function alone, and keeps them from a read of all that began before', () => {
    const { table } = tableWithLog();
    table.apply([snapshot('env', [running('1')]), snapshot('other', [])], 10);
    const env = table.find('env');
    table.applyAlone({ name: 'new', namespace: 'openfaas-fn' }, snapshot('new', [running('2')]), 30);
    table.applyAlone({ name: 'env', namespace: 'openfaas-fn' }, undefined, 30);
    expect([table.find('env'), env?.isRemoved]).to.deep.equal([undefined, true]);
    table.apply([snapshot('env', [running('1')])], 20);
    expect(table.find('env')).to.equal(undefined);
    expect(table.find('new')?.replicas).to.have.length(1);
    expect(table.find('other')).to.equal(undefined);
    table.apply([snapshot('env', [running('3')])], 40);
    expect(table.find('env')?.replicas[0]?.id).to.equal('3');
    expect(table.find('new')).to.equal(undefined);
  });

  it('keeps the newer of two reads of one function, whichever ends last', () => {
    const { table } = tableWithLog();
    const ref = { name: 'env', namespace: 'openfaas-fn' };
    table.applyAlone(ref, snapshot('env', [running('2')]), 20);
    table.applyAlone(ref, undefined, 10);
    expect(table.find('env')?.replicas[0]?.id).to.equal('2');
    table.apply([], 40);
    table.applyAlone(ref, snapshot('env', [running('2')]), 30);
    expect(table.find('env'), 'removed, as a read of all that began later has seen').to.equal(undefined);
  });
});
