import { expect } from 'chai';
import { FaasError } from '../../../gateway/errors.ts';
import type { Engine } from '../../../gateway/swarm/engine.ts';
import { type ListedService, onePerFunction } from '../../../gateway/swarm/read-back.ts';
import { takeSnapshot, toSnapshots } from '../../../gateway/swarm/snapshot.ts';
import type { Task } from '../../../gateway/swarm/tasks.ts';

const OPTIONS = { functionsNetwork: 'fns', defaultNamespace: 'openfaas-fn' };

describe('the snapshot of the cluster', () => {
  const service = (changes: Partial<ListedService> = {}): ListedService => ({
    ID: 's1',
    CreatedAt: '2026-01-01T00:00:00Z',
    UpdatedAt: '2026-01-02T00:00:00Z',
    Spec: {
      Name: 'echo',
      Labels: { 'com.openfaas.function': 'echo', mine: 'x', 'com.openfaas.annotations.a': 'b' },
      TaskTemplate: { ContainerSpec: { Image: 'echo:1', Env: ['fprocess=cat', 'x=y=z'] } },
      Mode: { Replicated: { Replicas: 1 } },
    },
    ...changes,
  });
  const task = (changes: Partial<Task> = {}): Task => ({
    ID: 't1',
    ServiceID: 's1',
    Slot: 1,
    CreatedAt: '2026-01-03T00:00:00Z',
    DesiredState: 'running',
    Status: { State: 'running' },
    NetworksAttachments: [
      { Network: { ID: 'i', Spec: { Name: 'ingress' } }, Addresses: ['10.0.0.9/24'] },
      { Network: { ID: 'f', Spec: { Name: 'fns' } }, Addresses: ['10.62.0.7/16'] },
    ],
    ...changes,
  });
  const replicas = (live: Task[], past: Task[] = []) =>
    toSnapshots({ services: [service()], live, past }, OPTIONS)[0]?.replicas;

  it('calls a replica by its address on the functions’ network', () => {
    expect(replicas([task()])).to.deep.equal([{ id: 't1', address: '10.62.0.7', isRunning: true }]);
  });

  it('counts a replica as running only while it runs and is meant to', () => {
    expect(replicas([task({ DesiredState: 'shutdown' })])?.[0]?.isRunning).to.equal(false);
    expect(replicas([task({ Status: { State: 'starting' } })])?.[0]?.isRunning).to.equal(false);
    expect(replicas([task({ NetworksAttachments: [] })])?.[0]?.address).to.equal(undefined);
  });

  it('tells why a replica does not run: its own error, or that of the one before it', () => {
    const waiting = task({ Status: { State: 'preparing' } });
    expect(replicas([task({ Status: { State: 'pending', Err: 'no suitable node' } })])?.[0]?.error).to.equal(
      'no suitable node',
    );
    const rejected = task({
      ID: 't0',
      DesiredState: 'shutdown',
      Status: { State: 'rejected', Err: 'No such image: x' },
    });
    expect(replicas([waiting], [rejected])?.[0]?.error).to.equal('No such image: x');
    const ended = { ...rejected, Status: { State: 'complete', ContainerStatus: { ExitCode: 0 } } };
    expect(replicas([waiting], [ended])?.[0]?.error).to.equal('exit code 0');
  });

  it('keeps errors of another slot, and of before the last change, out of it', () => {
    const waiting = task({ Status: { State: 'preparing' } });
    const failed = task({ ID: 't0', DesiredState: 'shutdown', Status: { State: 'failed', Err: 'old' } });
    expect(replicas([waiting], [{ ...failed, Slot: 2 }])?.[0]).to.not.have.property('error');
    expect(replicas([waiting], [{ ...failed, CreatedAt: '2026-01-01T12:00:00Z' }])?.[0]).to.not.have.property(
      'error',
    );
  });

  it('reads a service that somebody else made, by its label', () => {
    const [one] = toSnapshots({ services: [service()], live: [], past: [] }, OPTIONS);
    expect(one).to.deep.include({
      ref: { name: 'echo', namespace: 'openfaas-fn' },
      labels: { mine: 'x', faas_function: 'echo' },
      annotations: { a: 'b' },
      envVars: { x: 'y=z' },
      desired: 1,
    });
  });

  it('takes one of two services that say they are the same function: the one of its name, or the older', () => {
    const named = (ID: string, Name: string, CreatedAt: string) => {
      const { Spec } = service();
      return service({ ID, CreatedAt, Spec: { ...Spec, Name } });
    };
    const proper = named('1', 'echo', '2026-01-03T00:00:00Z');
    const older = named('2', 'stack_echo', '2026-01-01T00:00:00Z');
    const newer = named('3', 'other_echo', '2026-01-02T00:00:00Z');
    expect(onePerFunction([older, proper, newer], 'openfaas-fn')).to.deep.equal([proper]);
    expect(onePerFunction([newer, older], 'openfaas-fn')).to.deep.equal([older]);
  });

  it('survives a stored request that somebody has broken', () => {
    const broken = service();
    const labels = { ...broken.Spec?.Labels, 'skep.deployment': '{broken' };
    const [one] = toSnapshots(
      {
        services: [{ ...broken, Spec: { ...broken.Spec, Name: 'echo', Labels: labels } }],
        live: [],
        past: [],
      },
      OPTIONS,
    );
    expect(one?.envVars).to.deep.equal({ x: 'y=z' });
  });

  it('goes on without past tasks when a service was removed since it was listed', async () => {
    let taskLists = 0;
    const ask = async (what: string): Promise<unknown> => {
      expect(what).to.equal('list tasks');
      taskLists++;
      if (taskLists === 1) return [{ ID: 't1', ServiceID: service().ID, Status: { State: 'preparing' } }];
      throw new FaasError('provider_unavailable', 'no such service', { cause: { statusCode: 404 } });
    };
    const engine = { ask, call: ask } as unknown as Engine;
    const [one] = await takeSnapshot(
      engine,
      { list: { read: async () => [service()] }, endings: { since: async () => [] } },
      OPTIONS,
    );
    expect(one?.replicas.map(({ id, error }) => ({ id, error }))).to.deep.equal([
      { id: 't1', error: undefined },
    ]);
    expect(taskLists).to.equal(2);
  });
});
