import { expect } from 'chai';
import { eventually } from '../../provider-contract/describe-provider.ts';
import { importWebImage, openSwarm, type SwarmForTests } from '../../provider-contract/open-swarm.ts';
import { type Registry, startRegistry } from '../../support/registry.ts';

const LOGIN = { user: 'ada', password: 'pass:with:colons' };

/** A password reaches the node that pulls, and stays with the service without being shown. */
describe('a function whose image is in a registry that asks for a password', function () {
  this.timeout(90_000);
  const ref = { name: 'authtest-web', namespace: 'openfaas-fn' };
  const registryAuth = Buffer.from(`${LOGIN.user}:${LOGIN.password}`).toString('base64');
  let swarm: SwarmForTests;
  let registry: Registry;
  let image: string;

  before(async () => {
    swarm = await openSwarm('authtest');
    registry = await startRegistry(LOGIN);
    image = `${registry.host}/authtest/web:1`;
    await importWebImage(swarm.docker, 'skep-authtest/private:1');
    const [repo, tag] = [`${registry.host}/authtest/web`, '1'];
    await swarm.docker.getImage('skep-authtest/private:1').tag({ repo, tag });
    await push();
    await forget();
  });
  afterEach(() => swarm.clean());
  after(async () => {
    await forget().catch(() => {});
    await registry?.stop();
    await swarm?.close();
  });

  const push = async (): Promise<void> => {
    const authconfig = { username: LOGIN.user, password: LOGIN.password, serveraddress: registry.host };
    const told = await swarm.docker.getImage(image).push({ authconfig });
    let text = '';
    for await (const chunk of told) text += chunk.toString();
    expect(text).to.not.contain('"error"');
  };
  /** Takes the image off this node, so that the next replica has to pull it. */
  const forget = async (): Promise<void> => {
    for (const { Id } of await swarm.docker.listImages({
      filters: { reference: [`${registry.host}/authtest/web`] },
    })) {
      await swarm.docker.getImage(Id).remove({ force: true });
    }
  };
  const runs = (): Promise<void> =>
    eventually('a replica runs', async () => (await swarm.provider.read(ref)).availableReplicas === 1);

  it('runs with the password, also when it is scaled up from nothing long after', async () => {
    await swarm.provider.create({ service: ref.name, image, registryAuth });
    await runs();
    const { Spec } = await swarm.docker.getService(ref.name).inspect();
    expect(Spec.TaskTemplate.ContainerSpec.Image).to.match(/authtest\/web:1@sha256:/);
    expect(JSON.stringify(Spec)).to.not.contain(registryAuth).and.not.contain(LOGIN.password);
    expect((await swarm.provider.read(ref)).image).to.equal(image);
    await swarm.provider.scale(ref, 0);
    await eventually('none runs', async () =>
      (await swarm.provider.snapshot()).every(
        (one) => one.ref.name !== ref.name || one.replicas.length === 0,
      ),
    );
    await eventually('the image is gone', () =>
      forget().then(
        () => true,
        () => false,
      ),
    );
    await swarm.provider.scale(ref, 1);
    await runs();
  });

  it('does not run without it, or with a wrong one, and says why', async () => {
    const wrong = Buffer.from(`${LOGIN.user}:wrong`).toString('base64');
    for (const auth of [{}, { registryAuth: wrong }]) {
      await swarm.provider.create({ service: ref.name, image, ...auth });
      await eventually('failed', async () => (await swarm.provider.read(ref)).rollout?.state === 'failed');
      expect((await swarm.provider.read(ref)).rollout?.error).to.match(/No such image/);
      await swarm.provider.remove(ref);
    }
  });
});
