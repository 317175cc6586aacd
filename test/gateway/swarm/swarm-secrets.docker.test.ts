import { expect } from 'chai';
import type { SecretStore } from '../../../gateway/functions/secret-store.ts';
import { createSwarmSecrets } from '../../../gateway/swarm/swarm-secrets.ts';
import { failure } from '../../provider-contract/describe-provider.ts';
import { openSwarm, type SwarmForTests } from '../../provider-contract/open-swarm.ts';

const NAMESPACE = 'secrettest-ns';
const ref = { name: 'secrettest.key', namespace: NAMESPACE };
const fn = { name: 'secrettest-reader', namespace: NAMESPACE };

/** What the contract suite cannot ask of a fake: what functions find in the file, and which versions Swarm keeps. */
describe('secrets on a real swarm', function () {
  this.timeout(60_000);
  let swarm: SwarmForTests;
  let secrets: SecretStore;

  before(async () => {
    swarm = await openSwarm('secrettest');
    secrets = createSwarmSecrets({ docker: swarm.docker });
  });
  afterEach(async () => {
    await swarm.clean();
    for (const one of await secrets.list(NAMESPACE)) await secrets.remove(one);
  });
  after(() => swarm?.close());

  const reader = (revision: string) => ({
    service: fn.name,
    namespace: NAMESPACE,
    image: swarm.image,
    secrets: [ref.name],
    envVars: { revision },
  });
  /** Swarm's names of the versions that there are. */
  const kept = async (): Promise<string[]> =>
    (await swarm.docker.listSecrets())
      .map(({ Spec }) => Spec?.Name ?? '')
      .filter((name) => name.startsWith('secrettest'))
      .sort();
  const deployedId = async (): Promise<string> => (await swarm.provider.look(fn))?.deployed?.id ?? '';
  /** What a replica of the wanted revision reads. */
  const valueIn = async (revision: string): Promise<string> => {
    for (;;) {
      const filters = { label: [`com.openfaas.namespace=${NAMESPACE}`], status: ['running'] };
      for (const { Id } of await swarm.docker.listContainers({ filters })) {
        const container = swarm.docker.getContainer(Id);
        const script = `env | grep -q ^revision=${revision}$ && cat /var/openfaas/secrets/${ref.name} && stat -c :%a:%u /var/openfaas/secrets/${ref.name}`;
        const exec = await container.exec({ Cmd: ['/bin/sh', '-c', script], AttachStdout: true, Tty: true });
        let output = '';
        for await (const chunk of await exec.start({ Tty: true })) output += chunk.toString();
        if (output !== '') return output.trim();
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  };

  it('gives a function the newest value with its next deployment, at the same path, and drops what nobody needs', async () => {
    await secrets.create(ref, Buffer.from('one'));
    await swarm.provider.create(reader('a'));
    expect(await valueIn('a')).to.equal('one:444:0');

    await secrets.update(ref, Buffer.from('two'));
    expect(await kept()).to.deep.equal([
      'secrettest.key_secrettest-ns_v1',
      'secrettest.key_secrettest-ns_v2',
    ]);
    expect(await valueIn('a')).to.equal('one:444:0');
    await swarm.provider.update(reader('b'));
    expect(await valueIn('b')).to.equal('two:444:0');
    expect((await swarm.provider.read(fn)).secrets).to.deep.equal([ref.name]);

    // A rollback would want the first version back.
    await secrets.removeUnused();
    expect(await kept()).to.have.length(2);
    await swarm.provider.update(reader('c'), { provenId: await deployedId() });
    await secrets.removeUnused();
    expect(await kept()).to.deep.equal(['secrettest.key_secrettest-ns_v2']);
    expect(await valueIn('c')).to.equal('two:444:0');
  });

  it('keeps what the last version that answered mounts, however many came after it', async () => {
    await secrets.create(ref, Buffer.from('one'));
    await swarm.provider.create(reader('a'));
    const answered = { provenId: await deployedId() };
    await secrets.update(ref, Buffer.from('two'));
    await swarm.provider.update(reader('b'), answered);
    await swarm.provider.update(reader('c'), answered);
    await secrets.removeUnused();
    expect(await kept()).to.have.length(2);
    await swarm.provider.revert(fn, { deployedId: await deployedId(), error: 'mute' });
    expect(await valueIn('a')).to.equal('one:444:0');
  });

  it('drops a replaced version at once where nobody uses it', async () => {
    await secrets.create(ref, Buffer.from('one'));
    await secrets.update(ref, Buffer.from('two'));
    expect(await kept()).to.deep.equal(['secrettest.key_secrettest-ns_v2']);
  });

  it('takes a secret made by hand for one of the default namespace, and replaces it by versions of its own', async () => {
    const byHand = { name: 'secrettest-hand', namespace: 'openfaas-fn' };
    await swarm.docker.createSecret({
      Name: byHand.name,
      Labels: { 'com.openfaas.owner': 'openfaas' },
      Data: Buffer.from('hand').toString('base64'),
    });
    try {
      expect(await secrets.list('openfaas-fn')).to.deep.include(byHand);
      await failure(secrets.create(byHand, Buffer.from('x')), 'secret_exists');
      await secrets.update(byHand, Buffer.from('next'));
      expect(await kept()).to.deep.equal(['secrettest-hand_openfaas-fn_v1']);
    } finally {
      await secrets.remove(byHand);
    }
  });

  it('never lists, changes or removes what has not the label of functions', async () => {
    const own = { name: 'secrettest-platform', namespace: 'openfaas-fn' };
    const { id } = await swarm.docker.createSecret({ Name: own.name, Labels: {}, Data: 'eA==' });
    try {
      expect(await secrets.list('openfaas-fn')).not.to.deep.include(own);
      await failure(secrets.update(own, Buffer.from('x')), 'secret_not_found');
      await failure(secrets.remove(own), 'secret_not_found');
      expect(await kept()).to.deep.equal([own.name]);
    } finally {
      await swarm.docker.getSecret(id).remove();
    }
  });

  it('names a service that is no function and uses the secret', async () => {
    await secrets.create(ref, Buffer.from('one'));
    const [version] = (await swarm.docker.listSecrets()).filter(
      ({ Spec }) => Spec?.Labels?.['skep.secret'] === ref.name,
    );
    const { Id: network } = await swarm.docker.getNetwork(swarm.network).inspect();
    await swarm.docker.createService({
      Name: 'secrettest-plain',
      TaskTemplate: {
        ContainerSpec: {
          Image: swarm.image,
          Secrets: [
            {
              SecretID: version?.ID ?? '',
              SecretName: version?.Spec?.Name ?? '',
              File: { Name: 'key', UID: '0', GID: '0', Mode: 0o444 },
            },
          ],
        },
        Networks: [{ Target: network }],
      },
      Mode: { Replicated: { Replicas: 0 } },
      EndpointSpec: { Mode: 'dnsrr' },
    });
    const error = await failure(secrets.remove(ref), 'secret_in_use');
    expect(error.message).to.include('service secrettest-plain');
  });
});
