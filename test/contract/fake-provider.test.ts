import { expect } from 'chai';
import { createFakeProvider, type FakeProvider } from '../support/fake-provider.ts';

const ref = { name: 'echo', namespace: 'openfaas-fn' };
const codeOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => 'done',
    (error: unknown) => (error as { code?: string }).code,
  );

describe('the fake provider', () => {
  let provider: FakeProvider;

  beforeEach(async () => {
    provider = createFakeProvider({ secrets: ['key'], replicasRun: 'by_hand' });
    await provider.create({ service: 'echo', image: 'a', labels: { 'com.openfaas.scale.min': '2' } });
  });

  it('lets replicas run when a test says so, and not before', async () => {
    expect((await provider.read(ref)).availableReplicas).to.equal(0);
    provider.cluster.run(ref, 1);
    const [snapshot] = await provider.snapshot();
    expect(snapshot?.replicas.map(({ isRunning }) => isRunning)).to.deep.equal([true, false]);
  });

  it('lets them run soon by default, and tells those who watch', async () => {
    const soon = createFakeProvider();
    const { promise: running, resolve } = Promise.withResolvers<void>();
    const stop = soon.watch(() => {
      void soon.read(ref).then(({ availableReplicas }) => availableReplicas === 1 && resolve());
    });
    await soon.create({ service: 'echo', image: 'a' });
    await running;
    stop();
  });

  it('tells why a replica does not run', async () => {
    provider.cluster.fail(ref, 'no such image');
    const [snapshot] = await provider.snapshot();
    expect(snapshot?.replicas.map(({ error }) => error)).to.deep.equal(['no such image', 'no such image']);
  });

  it('keeps the count inside the new bounds on update', async () => {
    const update = async (min: string, max: string): Promise<number> => {
      const labels = { 'com.openfaas.scale.min': min, 'com.openfaas.scale.max': max };
      await provider.update({ service: 'echo', image: 'a', labels });
      return (await provider.read(ref)).replicas;
    };
    await provider.scale(ref, 7);
    expect([await update('1', '10'), await update('1', '4'), await update('6', '9')]).to.deep.equal([
      7, 4, 6,
    ]);
  });

  it('refuses what Swarm refuses', async () => {
    const echo = { service: 'echo', image: 'a' };
    expect(await codeOf(provider.create(echo))).to.equal('function_exists');
    expect(await codeOf(provider.update({ ...echo, service: 'other' }))).to.equal('function_not_found');
    expect(await codeOf(provider.update({ ...echo, secrets: ['nope'] }))).to.equal('invalid_request');
    expect(await codeOf(provider.update({ ...echo, secrets: ['key'] }))).to.equal('done');
    expect(await codeOf(provider.update({ ...echo, limits: { memory: 'lots' } }))).to.equal(
      'invalid_request',
    );
    expect(await codeOf(provider.update({ ...echo, labels: { faas_function: 'x' } }))).to.equal(
      'invalid_request',
    );
    expect(await codeOf(provider.scale({ ...ref, namespace: 'dev' }, 1))).to.equal('function_not_found');
    provider.cluster.goDown();
    expect(await codeOf(provider.ping())).to.equal('provider_unavailable');
  });

  it('does not keep the password of a registry, nor a caller hold on what it stored', async () => {
    const envVars: Record<string, string> = { A: '1' };
    await provider.update({ service: 'echo', image: 'a', registryAuth: 'dTpw', envVars });
    envVars['A'] = 'changed';
    expect(JSON.stringify(await provider.read(ref)))
      .to.contain('"A":"1"')
      .and.not.contain('dTpw');
  });
});
