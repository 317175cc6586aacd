import { existsSync, readFileSync } from 'node:fs';
import type Docker from 'dockerode';
import { type Pack, pack } from 'tar-stream';
import { connectEngine } from '../../gateway/swarm/connect-engine.ts';
import { toServiceName } from '../../gateway/swarm/service-name.ts';
import { createSwarmProvider } from '../../gateway/swarm/swarm-provider.ts';
import type { OpenedProvider } from './describe-provider.ts';

const BUSYBOX = '/bin/busybox';
const TEST_LABEL = 'skep-test-image';

/** A provider on the local swarm, with a network, an image and a secret of its own; all are removed by `close`. */
export interface SwarmForTests extends OpenedProvider {
  readonly docker: Docker;
  readonly network: string;
}

/** @throws {Error} that says what is missing; never skips in silence */
export async function openSwarm(prefix: string, secretNamespace = 'openfaas-fn'): Promise<SwarmForTests> {
  const docker = connectEngine(process.env);
  const network = `skep-${prefix}-test`;
  const secretName = `skep-${prefix}-secret`;
  const image = `skep-${prefix}-test/web:latest`;
  await removeRemains(docker, network, secretName);
  await importWebImage(docker, image);
  await docker.createNetwork({
    Name: network,
    Driver: 'overlay',
    Attachable: true,
    IPAM: { Driver: 'default', Config: [] },
    CheckDuplicate: true,
  });
  const secret = await docker.createSecret({
    Name: secretName,
    Labels: { 'com.openfaas.owner': 'openfaas', 'com.openfaas.namespace': secretNamespace },
    Data: Buffer.from('hush').toString('base64'),
  });
  const provider = createSwarmProvider({
    docker,
    functionsNetwork: network,
    version: { release: '0.0.0', sha: 'test' },
  });
  const clean = (): Promise<void> => removeServicesOn(docker, network);
  return {
    docker,
    network,
    provider,
    image,
    secret: secretName,
    crash: async (ref) => {
      // By their tasks: a container that was told to stop is still listed for a while.
      const filters = JSON.stringify({ service: [toServiceName(ref)], 'desired-state': ['running'] });
      const tasks: { Status?: { State?: string; ContainerStatus?: { ContainerID?: string } } }[] =
        await docker.listTasks({ filters });
      for (const { Status } of tasks) {
        const id = Status?.ContainerStatus?.ContainerID;
        if (Status?.State === 'running' && id !== undefined) await docker.getContainer(id).kill();
      }
    },
    clean,
    close: async () => {
      await clean();
      // The engine refuses while the last containers still end.
      await retry(() => removeTestImages(docker, image));
      await retry(() => docker.getNetwork(network).remove());
      await docker.getSecret(secret.id).remove();
    },
  };
}

/** Only the services on the network of a test: others may live in the same swarm. */
async function removeServicesOn(docker: Docker, network: string): Promise<void> {
  const { Id } = await docker.getNetwork(network).inspect();
  for (const service of await docker.listServices()) {
    const networks = service.Spec?.TaskTemplate?.Networks ?? [];
    if (networks.some(({ Target }) => Target === Id)) await docker.getService(service.ID).remove();
  }
}

/** What a run left that could not end: its engine may have died under it. */
async function removeRemains(docker: Docker, network: string, secretName: string): Promise<void> {
  const networks = await docker.listNetworks({ filters: { name: [network] } });
  if (networks.some(({ Name }) => Name === network)) {
    await removeServicesOn(docker, network);
    await retry(() => docker.getNetwork(network).remove());
  }
  for (const { ID, Spec } of await docker.listSecrets({ filters: { name: [secretName] } })) {
    if (Spec?.Name === secretName) await retry(() => docker.getSecret(ID).remove());
  }
}

/**
 * Makes an image whose replicas answer `OK` on 8080 to any path that a watchdog's health check has.
 * @param changes instructions of a Dockerfile that come last
 */
export async function importWebImage(
  docker: Docker,
  image: string,
  mark = '',
  changes: readonly string[] = [],
): Promise<void> {
  if (!existsSync(BUSYBOX))
    throw new Error('this test needs busybox-static: apt-get install -y busybox-static');
  const files = pack();
  files.entry({ name: 'bin/busybox', mode: 0o755 }, readFileSync(BUSYBOX));
  for (const applet of ['sh', 'cat', 'sleep', 'env', 'ls', 'grep', 'touch', 'cp', 'stat']) {
    files.entry({ name: `bin/${applet}`, type: 'symlink', linkname: 'busybox' });
  }
  files.entry({ name: 'tmp', type: 'directory', mode: 0o1777 });
  files.entry({ name: 'www/_/health', mode: 0o644 }, 'OK');
  files.entry({ name: 'www/mark', mode: 0o644 }, mark);
  files.finalize();
  const [repo = '', tag = 'latest'] = image.split(':');
  // dockerode's type of this method is a union that no caller can satisfy.
  const importImage = docker.importImage.bind(docker) as unknown as (
    tar: Pack,
    options: Record<string, unknown>,
  ) => Promise<NodeJS.ReadableStream>;
  const answer = await importImage(files, {
    repo,
    tag,
    changes: [
      'CMD ["/bin/busybox","httpd","-f","-p","8080","-h","/www"]',
      'ENV write_timeout=1s',
      `LABEL ${TEST_LABEL}=${image}`,
      ...changes,
    ],
  });
  let told = '';
  for await (const chunk of answer) told += chunk.toString();
  if (told.includes('"error"')) throw new Error(`the test image could not be made: ${told}`);
}

/** Also those that lost their name to a newer image. */
async function removeTestImages(docker: Docker, image: string): Promise<void> {
  for (const { Id } of await docker.listImages({ filters: { label: [`${TEST_LABEL}=${image}`] } })) {
    await docker.getImage(Id).remove();
  }
}

async function retry(attempt: () => Promise<unknown>): Promise<void> {
  for (let left = 200; ; left--) {
    try {
      await attempt();
      return;
    } catch (error) {
      if (left === 0) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}
