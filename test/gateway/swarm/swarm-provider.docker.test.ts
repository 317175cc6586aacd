import { expect } from 'chai';
import type { FunctionDeployment } from '../../../contract/function-types.ts';
import type { FunctionSnapshot } from '../../../gateway/functions/provider.ts';
import { eventually, failure, until } from '../../provider-contract/describe-provider.ts';
import { importWebImage, openSwarm, type SwarmForTests } from '../../provider-contract/open-swarm.ts';

/** What the contract suite cannot ask of a fake. */
describe('functions on a real swarm', function () {
  this.timeout(60_000);
  const ref = { name: 'swarmtest-echo', namespace: 'openfaas-fn' };
  let swarm: SwarmForTests;

  before(async () => {
    swarm = await openSwarm('swarmtest');
  });
  afterEach(() => swarm.clean());
  after(() => swarm?.close());

  const echo = (changes: Partial<FunctionDeployment> = {}): FunctionDeployment => ({
    service: ref.name,
    image: swarm.image,
    ...changes,
  });
  const oneOf = (functions: FunctionSnapshot[]) =>
    functions.find((snapshot) => snapshot.ref.name === ref.name);
  const running = async () => {
    const functions = await until(
      swarm.provider,
      (all) => oneOf(all)?.replicas.some((r) => r.isRunning) === true,
    );
    return oneOf(functions)?.replicas.find((replica) => replica.isRunning);
  };
  const containerOf = async (taskId: string) => {
    const filters = { label: [`com.docker.swarm.task.id=${taskId}`] };
    const [found] = await swarm.docker.listContainers({ all: true, filters });
    if (found === undefined) throw new Error(`no container of task ${taskId}`);
    return swarm.docker.getContainer(found.Id);
  };
  const runIn = async (taskId: string, command: string): Promise<string> => {
    const container = await containerOf(taskId);
    const exec = await container.exec({
      Cmd: ['/bin/sh', '-c', command],
      AttachStdout: true,
      AttachStderr: true,
      Tty: true,
    });
    const stream = await exec.start({ Tty: true });
    let output = '';
    for await (const chunk of stream) output += chunk.toString();
    return output.replaceAll('\r', '').trim();
  };

  it('shows a replica its secrets, variables, limits and a read-only root with a writable /tmp', async () => {
    await swarm.provider.create(
      echo({
        envProcess: 'cat',
        envVars: { colour: 'blue' },
        secrets: [swarm.secret],
        limits: { memory: '16Mi', cpu: '250m' },
        readOnlyRootFilesystem: true,
      }),
    );
    const replica = await running();
    const id = replica?.id ?? '';
    const secret = `/var/openfaas/secrets/${swarm.secret}`;
    expect(await runIn(id, `cat ${secret}; echo; stat -c %a ${secret}`)).to.equal('hush\n444');
    expect((await runIn(id, 'env')).split('\n')).to.include.members([
      'fprocess=cat',
      'colour=blue',
      'OPENFAAS_NAME=swarmtest-echo',
      'OPENFAAS_NAMESPACE=openfaas-fn',
    ]);
    expect(await runIn(id, 'touch /x || echo refused')).to.include('refused');
    expect(await runIn(id, 'touch /tmp/x && echo fine')).to.equal('fine');
    expect(await runIn(id, 'grep CapEff /proc/1/status')).to.match(/CapEff:\s+0+$/);
    const { HostConfig, NetworkSettings } = await (await containerOf(id)).inspect();
    expect([HostConfig.Memory, HostConfig.NanoCpus]).to.deep.equal([16 * 1024 * 1024, 250e6]);
    expect(NetworkSettings.Networks[swarm.network]?.IPAddress).to.equal(replica?.address);
  });

  it('tells of an image that does not exist, and leaves the function to be mended', async () => {
    await swarm.provider.create(echo({ image: 'skep-swarmtest/no-such-image:1' }));
    const functions = await until(swarm.provider, (all) => oneOf(all)?.replicas[0]?.error !== undefined);
    expect(oneOf(functions)?.replicas[0]?.error).to.include('No such image');
    await swarm.provider.update(echo());
    expect((await running())?.isRunning).to.equal(true);
  });

  it('tells of constraints that no node fulfils, and of those that are none', async () => {
    await swarm.provider.create(echo({ constraints: ['node.labels.nowhere == true'] }));
    const functions = await until(swarm.provider, (all) => oneOf(all)?.replicas[0]?.error !== undefined);
    expect(oneOf(functions)?.replicas[0]?.error).to.include('no suitable node');
    const error = await failure(
      swarm.provider.update(echo({ constraints: ['nonsense'] })),
      'invalid_request',
    );
    expect(error.message).to.include('constraint');
  });

  it('never touches a service of that name that is no function', async () => {
    const { Id } = await swarm.docker.getNetwork(swarm.network).inspect();
    await swarm.docker.createService(
      {},
      {
        Name: ref.name,
        TaskTemplate: { ContainerSpec: { Image: swarm.image }, Networks: [{ Target: Id }] },
        EndpointSpec: { Mode: 'dnsrr' },
      },
    );
    const before = await swarm.docker.getService(ref.name).inspect();
    for (const attempt of [
      swarm.provider.create(echo()),
      swarm.provider.update(echo()),
      swarm.provider.scale(ref, 0),
      swarm.provider.remove(ref),
    ]) {
      expect((await failure(attempt, 'invalid_request')).message).to.include('Not a function');
    }
    const after = await swarm.docker.getService(ref.name).inspect();
    expect(after.Version).to.deep.equal(before.Version);
    expect((await swarm.provider.list()).map(({ name }) => name)).to.not.include(ref.name);
  });

  it('does not take the beginning of a service’s id for a name', async () => {
    await swarm.provider.create(echo());
    const { ID } = await swarm.docker.getService(ref.name).inspect();
    for (const name of [ID, ID.slice(0, 12)]) {
      await failure(swarm.provider.remove({ ...ref, name }), 'function_not_found');
    }
    await swarm.provider.read(ref);
  });

  it('reads and scales a function that somebody declared with Swarm’s own commands', async () => {
    const { Id } = await swarm.docker.getNetwork(swarm.network).inspect();
    await swarm.docker.createService(
      {},
      {
        Name: ref.name,
        Labels: { 'com.openfaas.function': ref.name },
        TaskTemplate: {
          ContainerSpec: { Image: swarm.image, Env: ['fprocess=cat', 'a=b'] },
          Networks: [{ Target: Id }],
        },
        Mode: { Replicated: { Replicas: 0 } },
        EndpointSpec: { Mode: 'dnsrr' },
      },
    );
    expect(await swarm.provider.read(ref)).to.deep.include({
      image: swarm.image,
      envProcess: 'cat',
      envVars: { a: 'b' },
      labels: { faas_function: ref.name },
      replicas: 0,
    });
    await swarm.provider.scale(ref, 1);
    expect((await running())?.address).to.be.a('string');
  });

  it('restarts nothing when the same deployment comes again, and rolls when the tag was built anew', async () => {
    await swarm.provider.create(echo());
    const first = await running();
    await swarm.provider.update(echo());
    await swarm.provider.update(echo({ limits: {} }));
    expect((await running())?.id).to.equal(first?.id);
    await importWebImage(swarm.docker, swarm.image, 'built anew');
    await swarm.provider.update(echo());
    await until(
      swarm.provider,
      (all) => oneOf(all)?.replicas.every((r) => r.isRunning && r.id !== first?.id) === true,
    );
    const replica = await running();
    expect(await runIn(replica?.id ?? '', 'cat /www/mark')).to.equal('built anew');
  });

  it('runs the very image that was built here, though its name is of a registry that does not answer', async () => {
    const image = 'skep-swarmtest.invalid:5000/web:1';
    await swarm.docker.getImage(swarm.image).tag({ repo: 'skep-swarmtest.invalid:5000/web', tag: '1' });
    try {
      for (const name of [swarm.image, image]) {
        await swarm.provider.create(echo({ image: name }));
        await running();
        const { Spec } = await swarm.docker.getService(ref.name).inspect();
        const { Id } = await swarm.docker.getImage(name).inspect();
        expect(Spec.TaskTemplate.ContainerSpec.Image).to.equal(Id);
        expect((await swarm.provider.read(ref)).image).to.equal(name);
        await swarm.provider.remove(ref);
      }
    } finally {
      await swarm.docker.getImage(image).remove();
    }
  });

  it('reads back what somebody changed with Swarm’s own commands', async () => {
    await swarm.provider.create(echo({ envVars: { a: '1' }, labels: { mine: 'x' } }));
    const service = swarm.docker.getService(ref.name);
    const { Version, Spec } = await service.inspect();
    const { ContainerSpec } = Spec.TaskTemplate;
    await service.update({
      ...Spec,
      TaskTemplate: {
        ...Spec.TaskTemplate,
        ContainerSpec: { ...ContainerSpec, Image: 'skep-swarmtest/other:2', Env: ['a=2'] },
      },
      Mode: { Replicated: { Replicas: 0 } },
      version: Version.Index,
    });
    const changed = { image: 'skep-swarmtest/other:2', envVars: { a: '2' }, replicas: 0 };
    expect(await swarm.provider.read(ref)).to.deep.include(changed);
    const listed = (await swarm.provider.list()).find(({ name }) => name === ref.name);
    expect(listed).to.deep.include({ ...changed, labels: { mine: 'x', faas_function: ref.name } });
    await swarm.provider.update(echo());
    expect((await swarm.provider.read(ref)).image).to.equal(swarm.image);
  });

  it('writes on when another writer comes between', async () => {
    await swarm.provider.create(echo());
    const service = swarm.docker.getService(ref.name);
    const meddle = async (): Promise<void> => {
      for (let count = 0; count < 20; count++) {
        const { Version, Spec } = await service.inspect();
        const Labels = { ...Spec.Labels, meddler: String(count) };
        // It may be the loser of a race itself.
        await service.update({ ...Spec, Labels, version: Version.Index }).catch(() => {});
      }
    };
    const writes = Array.from({ length: 10 }, (_, count) => swarm.provider.scale(ref, count % 3));
    await Promise.all([meddle(), ...writes]);
    expect((await swarm.provider.read(ref)).replicas).to.equal(0);
  });

  it('refuses a secret that is not meant for functions', async () => {
    const name = 'skep-swarmtest-private';
    const secret = await swarm.docker.createSecret({ Name: name, Labels: {}, Data: 'eA==' });
    try {
      const error = await failure(swarm.provider.create(echo({ secrets: [name] })), 'invalid_request');
      expect(error.message).to.include(name).and.include('com.openfaas.owner');
    } finally {
      await swarm.docker.getSecret(secret.id).remove();
    }
  });

  it('takes all that a call in flight may need before it kills a replica', async () => {
    await swarm.provider.create(echo({ envVars: { write_timeout: '2s', healthcheck_interval: '1s' } }));
    const { Spec } = await swarm.docker.getService(ref.name).inspect();
    expect(Spec.TaskTemplate.ContainerSpec.StopGracePeriod).to.equal(3e9);
    await swarm.provider.update(echo());
    // The test image says write_timeout=1s.
    const { Spec: next } = await swarm.docker.getService(ref.name).inspect();
    expect(next.TaskTemplate.ContainerSpec.StopGracePeriod).to.equal(2e9);
  });

  it('attaches a function to the network that it names, too, and to none of the platform’s', async () => {
    const name = 'skep-swarmtest-further';
    const further = await swarm.docker.createNetwork({ Name: name, Driver: 'overlay' });
    try {
      await swarm.provider.create(echo({ network: name }));
      const replica = await running();
      const { NetworkSettings } = await (await containerOf(replica?.id ?? '')).inspect();
      expect(NetworkSettings.Networks).to.have.all.keys(name, swarm.network);
      expect(NetworkSettings.Networks[swarm.network]?.IPAddress).to.equal(replica?.address);
      for (const refused of ['no-such-network', 'bridge', 'ingress', 'skep-platform']) {
        const error = await failure(swarm.provider.update(echo({ network: refused })), 'invalid_request');
        expect(error.message).to.match(/^network: /);
      }
      await swarm.provider.remove(ref);
    } finally {
      await eventually('the network is free', () =>
        further.remove().then(
          () => true,
          () => false,
        ),
      );
    }
  });

  it('waits for a node that offers the devices it asks for, and reads them back', async () => {
    await swarm.provider.create(echo({ limits: { 'nvidia.com/gpu': '1', memory: '64Mi' } }));
    const functions = await until(swarm.provider, (all) => oneOf(all)?.replicas[0]?.error !== undefined);
    expect(oneOf(functions)?.replicas[0]?.error).to.include('no suitable node');
    expect((await swarm.provider.read(ref)).limits).to.deep.equal({ 'nvidia.com/gpu': '1', memory: '64Mi' });
  });
});
