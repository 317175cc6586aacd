import { join } from 'node:path';
import { expect } from 'chai';
import { call, closeClusters, FIXTURES, openCluster, REF, seen } from './open-cluster.ts';

const SERVER = `${process.execPath} ${join(FIXTURES, 'listens-on-3000.mjs')}`;

describe('roll-outs of processes', function () {
  this.timeout(40_000);
  afterEach(closeClusters);

  const ids = (replicas: readonly { readonly id: string }[]): string[] => replicas.map(({ id }) => id).sort();

  it('replace replicas when their source is another, one after the other, and never run fewer', async () => {
    const opened = openCluster();
    const { provider } = opened.cluster;
    await provider.create(opened.deployment({ labels: { 'com.openfaas.scale.min': '2' } }));
    const first = ids(await opened.serving());
    let least = 2;
    let most = 0;
    let isLooking = true;
    const stop = provider.watch(() => {
      if (!isLooking) return;
      void provider.look(REF).then((one) => {
        least = Math.min(least, one?.replicas.filter(({ isRunning }) => isRunning).length ?? 0);
        most = Math.max(most, one?.replicas.length ?? 0);
      });
    });
    opened.source = { version: '2' };
    await provider.update(opened.deployment({ labels: { 'com.openfaas.scale.min': '2' } }));
    const second = ids(await opened.serving());
    isLooking = false;
    stop();
    expect(second.filter((id) => first.includes(id))).to.deep.equal([]);
    expect([least, most]).to.deep.equal([2, 3]);
    expect((await provider.snapshot())[0]?.ended).to.equal(undefined);
  });

  it('replace none when nothing that runs is another', async () => {
    const opened = openCluster();
    const { provider } = opened.cluster;
    await provider.create(opened.deployment({ labels: { a: '1' } }));
    const first = ids(await opened.serving());
    await provider.update(opened.deployment({ labels: { a: '2' }, annotations: { b: '1' } }));
    expect((await provider.look(REF))?.labels['a']).to.equal('2');
    expect(ids(await opened.serving())).to.deep.equal(first);
  });

  it('stop at a version that cannot run: the one before it serves on, and is the same after it was taken back', async () => {
    const opened = openCluster();
    const { provider } = opened.cluster;
    await provider.create(opened.deployment());
    const first = ids(await opened.serving());
    opened.source = { version: '2', env: { mode: 'nonsense' } };
    await provider.update(opened.deployment());
    const stopped = await opened.until('stopped', ({ deployed }) => deployed?.isStopped === true);
    expect(stopped.deployed?.isRevertible).to.equal(true);
    const serving = stopped.replicas.filter(({ isRunning }) => isRunning);
    expect(serving.map(({ id, isOutdated }) => [id, isOutdated])).to.deep.equal([[first[0], true]]);
    await opened.logged('the version before it goes on');
    expect((await provider.read(REF)).rollout).to.deep.equal({ state: 'running', error: 'exit code 1' });
    const why = {
      deployedId: stopped.deployed?.id ?? '',
      error: 'exit code 1: the version before it is back',
    };
    expect(await provider.revert(REF, why)).to.equal(true);
    expect(ids((await provider.look(REF))?.replicas ?? [])).to.deep.equal(first);
    expect((await provider.read(REF)).rollout).to.deep.equal({ state: 'failed', error: why.error });
    opened.source = { version: '3' };
    await provider.update(opened.deployment());
    expect(ids(await opened.serving())).to.not.deep.equal(first);
  });

  it('wait for a version that starts slowly, and drop it when the next one comes', async () => {
    const opened = openCluster();
    const { provider } = opened.cluster;
    const env = { mode: 'http', upstream_url: 'http://127.0.0.1:3000' };
    opened.source = { env: { ...env, fprocess: SERVER } };
    await provider.create(opened.deployment());
    const [first] = await opened.serving();
    if (first === undefined) throw new Error('no replica');
    // It runs, but no server of it will ever listen.
    opened.source = { version: '2', env: { ...env, fprocess: 'sleep 1000' } };
    await provider.update(opened.deployment());
    const both = await opened.until('both run', ({ replicas }) =>
      replicas.every(({ isRunning }) => isRunning),
    );
    expect(both.replicas.map(({ isOutdated }) => isOutdated === true).sort()).to.deep.equal([false, true]);
    expect((await provider.read(REF)).rollout).to.deep.equal({ state: 'running' });
    expect(JSON.parse(await call(first)).pid).to.be.a('number');
    opened.source = { version: '3', env: { ...env, fprocess: SERVER } };
    await provider.update(opened.deployment());
    const [third] = await opened.serving();
    expect(third?.id).to.not.equal(first.id);
    expect((await provider.look(REF))?.replicas).to.have.length(1);
  });

  it('do not hold back more replicas that are asked for meanwhile', async () => {
    const opened = openCluster();
    const { provider } = opened.cluster;
    await provider.create(opened.deployment());
    await opened.serving();
    opened.source = { version: '2' };
    await provider.update(opened.deployment());
    await provider.scale(REF, 4);
    expect(await opened.serving()).to.have.length(4);
    await provider.scale(REF, 0);
    expect((await provider.look(REF))?.replicas).to.deep.equal([]);
  });

  it('take the reason back with the failure once a version runs', async () => {
    const opened = openCluster();
    const { provider } = opened.cluster;
    opened.source = { env: { mode: 'nonsense' } };
    await provider.create(opened.deployment());
    await seen('failed', async () => (await provider.read(REF)).rollout?.state === 'failed');
    opened.source = { version: '2' };
    await provider.update(opened.deployment());
    await opened.serving();
    expect((await provider.look(REF))?.replicas[0]).to.not.have.property('error');
  });
});
