import { expect } from 'chai';
import type { FunctionDeployment, Rollout } from '../../../contract/function-types.ts';
import { eventually, failure } from '../../provider-contract/describe-provider.ts';
import { importWebImage, openSwarm, type SwarmForTests } from '../../provider-contract/open-swarm.ts';

/** What only a real swarm does with a new version: replicas that end, its own rollback, services of other names. */
describe('roll-outs on a real swarm', function () {
  this.timeout(90_000);
  const ref = { name: 'rollouttest-echo', namespace: 'openfaas-fn' };
  let swarm: SwarmForTests;

  before(async () => {
    swarm = await openSwarm('rollouttest');
  });
  afterEach(() => swarm.clean());
  after(() => swarm?.close());

  const echo = (changes: Partial<FunctionDeployment> = {}): FunctionDeployment => ({
    service: ref.name,
    image: swarm.image,
    ...changes,
  });
  const rollout = async (): Promise<Rollout | undefined> => (await swarm.provider.read(ref)).rollout;
  const becomes = (state: Rollout['state']): Promise<void> =>
    eventually(state, async () => (await rollout())?.state === state);
  /** An image whose replicas end at once. */
  const dying = async (): Promise<string> => {
    const image = 'skep-rollouttest/dying:1';
    await importWebImage(swarm.docker, image, '', ['CMD ["/bin/busybox","false"]']);
    return image;
  };

  it('of a version whose replicas end is rolled back by Swarm, and says why, also after the count was changed', async () => {
    const image = await dying();
    try {
      await swarm.provider.create(echo({ envVars: { v: '1' } }));
      await becomes('done');
      await swarm.provider.update(echo({ image, envVars: { v: '2' } }));
      await becomes('failed');
      expect((await rollout())?.error).to.match(/a replica of the new version ended \(.*\(1\)\)/);
      await eventually('back', async () => (await swarm.provider.read(ref)).envVars?.['v'] === '1');
      const { ID } = await swarm.docker.getService(ref.name).inspect();
      await eventually('rolled back', async () => {
        const { UpdateStatus } = await swarm.docker.getService(ID).inspect();
        return UpdateStatus?.State === 'rollback_completed';
      });
      expect((await rollout())?.error).to.match(/a replica of the new version ended \(.*\(1\)\)/);
      await swarm.provider.scale(ref, 2);
      const read = await swarm.provider.read(ref);
      expect(read.rollout?.state).to.equal('failed');
      expect(read.rollout?.error).to.contain('the version before it is back');
      expect([read.replicas, read.image]).to.deep.equal([2, swarm.image]);
      await swarm.provider.update(echo({ envVars: { v: '3' } }));
      await becomes('done');
    } finally {
      await swarm.docker.getImage(image).remove({ force: true });
    }
  });

  it('of a first version that cannot start fails with the task’s own error, and is mended by an update', async () => {
    await swarm.provider.create(echo({ image: 'skep-rollouttest/no-such-image:1' }));
    expect((await rollout())?.state).to.equal('running');
    await becomes('failed');
    expect((await rollout())?.error).to.contain('No such image');
    await swarm.provider.update(echo());
    await becomes('done');
  });

  it('that waits for a node says so while it runs', async () => {
    await swarm.provider.create(echo());
    await becomes('done');
    await swarm.provider.update(echo({ constraints: ['node.labels.nowhere == true'] }));
    await eventually('told', async () => (await rollout())?.error?.includes('no suitable node') === true);
    expect((await rollout())?.state).to.equal('running');
    expect((await swarm.provider.read(ref)).availableReplicas).to.equal(1);
  });

  it('that was scaled while it ran is taken back to the version that answered', async () => {
    const image = await dying();
    try {
      await swarm.provider.create(echo({ envVars: { v: '1' } }));
      await becomes('done');
      await swarm.provider.update(echo({ image, envVars: { v: '2' } }));
      // Swarm now holds the dying version for the one before: it must not go on with that one for ever.
      await swarm.provider.scale(ref, 2, { provenId: '' });
      const deployed = (await swarm.provider.snapshot()).find((one) => one.ref.name === ref.name)?.deployed;
      expect(deployed?.isRevertible).to.equal(true);
      await swarm.provider.revert(ref, { deployedId: deployed?.id ?? '', error: 'it ended' });
      const read = await swarm.provider.read(ref);
      expect([read.envVars, read.replicas, read.image]).to.deep.equal([{ v: '1' }, 2, swarm.image]);
      await eventually('both run', async () => (await swarm.provider.read(ref)).availableReplicas === 2);
    } finally {
      await swarm.docker.getImage(image).remove({ force: true });
    }
  });

  it('of one that ends, over one that never answered, is stopped and goes back to the one that did', async () => {
    const image = await dying();
    const deployed = async () => (await swarm.provider.look(ref))?.deployed;
    try {
      await swarm.provider.create(echo({ envVars: { v: '1' } }));
      const answered = { provenId: (await deployed())?.id };
      await becomes('done');
      await swarm.provider.update(echo({ envVars: { v: '2' } }), answered);
      await swarm.provider.update(echo({ image, envVars: { v: '3' } }), answered);
      await eventually('stopped', async () => (await deployed())?.isStopped === true);
      expect((await rollout())?.error).to.match(/a replica of the new version ended \(.*\(1\)\)$/);
      // The count belongs to somebody else: it is no reason to give the way back up.
      await swarm.provider.scale(ref, 2, answered);
      await swarm.provider.revert(ref, { deployedId: (await deployed())?.id ?? '', error: 'it ended' });
      const read = await swarm.provider.read(ref);
      expect([read.envVars, read.replicas, read.image]).to.deep.equal([{ v: '1' }, 2, swarm.image]);
      expect(read.rollout).to.deep.equal({ state: 'failed', error: 'it ended' });
      await eventually('both run', async () => (await swarm.provider.read(ref)).availableReplicas === 2);
    } finally {
      await swarm.docker.getImage(image).remove({ force: true });
    }
  });

  it('of a service that runs once on every node leaves it so', async () => {
    const { Id } = await swarm.docker.getNetwork(swarm.network).inspect();
    await swarm.docker.createService(
      {},
      {
        Name: ref.name,
        Labels: { 'com.openfaas.function': ref.name },
        TaskTemplate: { ContainerSpec: { Image: swarm.image }, Networks: [{ Target: Id }] },
        Mode: { Global: {} },
        EndpointSpec: { Mode: 'dnsrr' },
      },
    );
    await becomes('done');
    await swarm.provider.update(echo({ envVars: { v: '2' } }));
    expect((await swarm.docker.getService(ref.name).inspect()).Spec.Mode).to.deep.equal({ Global: {} });
    await eventually('replaced', async () => {
      const { replicas, availableReplicas } = await swarm.provider.read(ref);
      return (await rollout())?.state === 'done' && replicas === 1 && availableReplicas === 1;
    });
    expect((await swarm.provider.list()).find(({ name }) => name === ref.name)?.replicas).to.equal(1);
  });

  it('is that of the service a stack declared, whatever it is called', async () => {
    const { Id } = await swarm.docker.getNetwork(swarm.network).inspect();
    const name = 'rolloutstack_web';
    await swarm.docker.createService(
      {},
      {
        Name: name,
        Labels: { 'com.openfaas.function': ref.name, 'com.docker.stack.namespace': 'rolloutstack' },
        TaskTemplate: { ContainerSpec: { Image: swarm.image }, Networks: [{ Target: Id }] },
        EndpointSpec: { Mode: 'vip' },
      },
    );
    await becomes('done');
    const error = await failure(swarm.provider.create(echo()), 'function_exists');
    expect(error.message).to.contain('PUT');
    await swarm.provider.scale(ref, 2);
    await swarm.provider.update(echo({ envVars: { v: '2' } }));
    const { Spec } = await swarm.docker.getService(name).inspect();
    expect(Spec.Labels['com.docker.stack.namespace']).to.equal('rolloutstack');
    expect(Spec.Mode.Replicated.Replicas).to.equal(2);
    await becomes('done');
    expect((await swarm.provider.read(ref)).envVars).to.deep.equal({ v: '2' });
    await swarm.provider.remove(ref);
    await failure(swarm.provider.read(ref), 'function_not_found');
  });
});
