import { connect } from 'node:net';
import { join } from 'node:path';
import { expect } from 'chai';
import { pack } from 'tar-stream';
import { connectEngine } from '../../gateway/swarm/connect-engine.ts';
import { BASE_IMAGES, DEBIAN_IMAGE, REGISTRY_IMAGES } from '../../scripts/base-images/catalog.ts';
import { ensureBaseImages } from '../../scripts/base-images/ensure-base-images.ts';
import { type Ran, run, succeeded } from '../support/cli.ts';
import { type Engine, type EngineSwarm, openEngineSwarm, whyNoEngineSwarm } from '../support/engine-swarm.ts';
import { openPlatform, until } from '../support/platform.ts';
import { answeringImage } from '../zero-loss/answering-function.ts';
import { gatewayImage, startGatewayOn } from '../zero-loss/own-gateway.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const IMAGE = '127.0.0.1:5000/everywhere:latest';
const NAME = 'everywhere';
const STORE = '/var/lib/registry/docker/registry/v2';
/** Three engines on two cores. */
const PATIENCE_MS = 180_000;

/** A swarm of three engines that share nothing but the network between them; only one of them has what a build needs. */
describe('registry.yml on a swarm of three nodes', function () {
  this.timeout(300_000);
  let swarm: EngineSwarm | undefined;
  let gateway: string;
  let base: string;

  before(async function () {
    const reason = whyNoEngineSwarm();
    if (reason !== undefined) {
      console.log(`      skipped: ${reason}`);
      this.skip();
    }
    await ensureBaseImages(
      (_name, work) => work(),
      [...BASE_IMAGES.filter(({ name }) => name === DEBIAN_IMAGE), ...REGISTRY_IMAGES],
    );
    base = await answeringImage(await openPlatform());
    swarm = await openEngineSwarm(2);
    const { manager, workers } = swarm;
    for (const engine of [manager, ...workers]) {
      for (const { name } of REGISTRY_IMAGES) await engine.load(name);
    }
    await manager.load(base);
    gateway = await startGatewayOn(manager, await gatewayImage(connectEngine()));
    await stackDeploy(manager);
    for (const engine of [manager, ...workers]) await forwarded(engine);
  });
  after(() => swarm?.close());

  it('lets an image that the gateway built run on every node', async () => {
    const { manager, workers } = opened(swarm);
    expect(await build({ FROM: base, text: 'one' })).to.equal('success');
    const engines = [manager, ...workers];
    await until(
      'a replica on each node',
      async () => {
        const running = await Promise.all(engines.map((engine) => replicas(engine)));
        return running.every((images) => images.length === 1);
      },
      PATIENCE_MS,
    );
    // Each node has pulled it by the digest that the registry told.
    for (const engine of engines) {
      expect((await replicas(engine))[0]).to.match(
        /^127\.0\.0\.1:5000\/everywhere:latest@sha256:[0-9a-f]{64}$/,
      );
    }
    expect(await answers()).to.equal('one');
  });

  it('rolls out what was built anew under the same name', async () => {
    expect(await build({ FROM: base, text: 'two' })).to.equal('success');
    await until('the new version', async () => (await rollout()) === 'done', PATIENCE_MS);
    expect(await answers()).to.equal('two');
  });

  it('is found again when the registry has another address', async () => {
    const { manager, workers } = opened(swarm);
    await docker(manager, 'service', 'update', '--force', '--detach=false', '-q', 'skep-registry_registry');
    for (const engine of [manager, ...workers]) await forwarded(engine);
    expect(await build({ FROM: base, text: 'three' })).to.equal('success');
    await until('the new version', async () => (await rollout()) === 'done', PATIENCE_MS);
    expect(await answers()).to.equal('three');
  });

  it('is cleaned of what nothing names any more, keeps what runs, and takes the rest again afterwards', async () => {
    const { manager, workers } = opened(swarm);
    const running = await versions(manager, NAME);
    // For several platforms: what an index is made of has no tag of its own.
    const parts = await pushIndex(manager);
    // Pushed and not deployed: no tag names any more what runs, nor what it would go back to.
    expect(await build({ FROM: base, text: 'four', deploys: false })).to.equal('success');
    expect(await versions(manager, NAME)).to.have.length(running.length + 1);
    const before = await stored(manager);
    expect(await clean(manager, '--dry-run')).to.match(/^1 would be removed\.$/m);
    expect(await clean(manager)).to.match(/^Removed 1; [\d.]+ MiB are free again\.$/m);
    expect(await stored(manager)).to.be.below(before);
    expect(await versions(manager, 'index')).to.include.members(parts);
    const engines = [manager, ...workers];
    const [image = ''] = (await Promise.all(engines.map((engine) => replicas(engine)))).flat();
    for (const engine of engines) {
      await pull(engine, image);
      await pull(engine, IMAGE);
    }
    // What the registry has thrown away it is given once more, and does not say that it has it.
    expect(await build({ FROM: base, text: 'one' })).to.equal('success');
    await until('the first version again', async () => (await rollout()) === 'done', PATIENCE_MS);
    expect(await answers()).to.equal('one');
  });

  it('cannot be reached by the address of a node', async () => {
    const { manager, workers } = opened(swarm);
    for (const { address } of [manager, ...workers]) {
      expect(await dial(address, 5000), address).to.equal('ECONNREFUSED');
    }
  });

  it('moves to another node with its volume', async () => {
    const { manager, workers } = opened(swarm);
    const [worker] = workers;
    if (worker === undefined) throw new Error('there is no other node');
    const [image = ''] = REGISTRY_IMAGES.map(({ name }) => name);
    const tar = `run --rm -i -v skep-registry:/images --entrypoint tar ${image} -C /images`;
    const copy = `set -o pipefail; docker -H unix://${manager.socketPath} ${tar} -cf - . | docker -H unix://${worker.socketPath} ${tar} -xf -`;
    succeeded('the copy', await run('bash', ['-c', copy], { folder: ROOT, stdin: '' }));
    await stackDeploy(manager, { SKEP_REGISTRY_NODE: `node.id == ${worker.node}` });
    await until(
      'the registry there',
      async () => (await registryContainers(worker)).length === 1,
      PATIENCE_MS,
    );
    for (const engine of [manager, ...workers]) {
      await forwarded(engine);
      await pull(engine, IMAGE);
    }
    // It is cleaned where it is, by who knows all services.
    const elsewhere = await tryToClean(manager);
    expect(elsewhere.stdout).to.match(/^The registry does not run on the engine here.*\n.*: Running/);
    expect([elsewhere.exitCode, (await tryToClean(worker)).exitCode]).to.deep.equal([1, 1]);
  });

  async function build({ FROM, text, deploys = true }: Build): Promise<string> {
    const body = pack();
    const deploy = { service: NAME, labels: { 'com.openfaas.scale.min': '3' } };
    const config = { image: IMAGE, ...(deploys && { deploy }) };
    body.entry({ name: 'com.openfaas.docker.config' }, JSON.stringify(config));
    body.entry({ name: 'context/Dockerfile' }, `FROM ${FROM}\nENV fprocess="echo ${text}"\n`);
    body.finalize();
    const chunks: Buffer[] = [];
    for await (const chunk of body) chunks.push(chunk as Buffer);
    const tar = Buffer.concat(chunks);
    const response = await fetch(`${gateway}/system/build`, { method: 'POST', body: tar });
    const told = (await response.json()) as { status: string; log?: readonly string[]; error?: string };
    if (told.status !== 'success') console.log(told);
    return told.status;
  }
  async function answers(): Promise<string> {
    const response = await fetch(`${gateway}/function/${NAME}`, { method: 'POST' });
    return (await response.text()).trim();
  }
  async function rollout(): Promise<string | undefined> {
    const response = await fetch(`${gateway}/system/function/${NAME}`);
    return ((await response.json()) as { rollout?: { state: string } }).rollout?.state;
  }
});

interface Build {
  readonly FROM: string;
  readonly text: string;
  readonly deploys?: boolean;
}

function opened(swarm: EngineSwarm | undefined): EngineSwarm {
  if (swarm === undefined) throw new Error('there is no swarm');
  return swarm;
}

/** By hand, as the docs tell. */
async function stackDeploy(manager: Engine, settings: Readonly<Record<string, string>> = {}): Promise<void> {
  const ran = await run('docker', ['stack', 'deploy', '-c', join(ROOT, 'registry.yml'), 'skep-registry'], {
    folder: ROOT,
    stdin: '',
    env: { DOCKER_HOST: `unix://${manager.socketPath}`, ...settings },
  });
  succeeded('docker stack deploy', ran);
}

async function docker(engine: Engine, ...args: string[]): Promise<void> {
  const ran = await run('docker', args, {
    folder: ROOT,
    stdin: '',
    env: { DOCKER_HOST: `unix://${engine.socketPath}` },
  });
  succeeded(`docker ${args.join(' ')}`, ran);
}

/** Resolves when the node's engine reaches the registry: asked for an image that is not there, it says so. */
async function forwarded(engine: Engine): Promise<void> {
  await until(
    `the registry at ${engine.address}`,
    async () => {
      const answer = await engine.docker.pull('127.0.0.1:5000/nothing:latest').then(
        () => 'pulled',
        (error: unknown) => String(error),
      );
      return /manifest unknown|not found/.test(answer);
    },
    PATIENCE_MS,
  );
}

async function pull(engine: Engine, image: string): Promise<void> {
  await docker(engine, 'pull', '-q', image);
}

/** On the manager, since a registry by hand runs on one. */
async function registryContainer(manager: Engine): Promise<string> {
  const [container] = await registryContainers(manager);
  if (container === undefined) throw new Error('the registry does not run');
  return container;
}

async function registryContainers(engine: Engine): Promise<string[]> {
  const filters = JSON.stringify({ label: ['com.docker.swarm.service.name=skep-registry_registry'] });
  return (await engine.docker.listContainers({ filters })).map(({ Id }) => Id);
}

/** How many blobs the registry keeps. */
async function stored(manager: Engine): Promise<number> {
  return (await inRegistry(manager, 'find', STORE, '-name', 'data')).length;
}

/** Digests of the versions that it has of an image. */
async function versions(manager: Engine, image: string): Promise<string[]> {
  const folder = `${STORE}/repositories/${image}/_manifests/revisions/sha256`;
  return (await inRegistry(manager, 'ls', folder)).map((id) => `sha256:${id}`);
}

/** Lines that a program in the registry's container prints. */
async function inRegistry(manager: Engine, ...command: string[]): Promise<string[]> {
  const id = await registryContainer(manager);
  const ran = await run('docker', ['exec', id, ...command], {
    folder: ROOT,
    stdin: '',
    env: { DOCKER_HOST: `unix://${manager.socketPath}` },
  });
  return succeeded(command.join(' '), ran).stdout.trim().split('\n');
}

/** As docs/operations.md has it. */
async function clean(manager: Engine, ...flags: string[]): Promise<string> {
  return succeeded('skep admin clean-registry', await tryToClean(manager, ...flags)).stdout;
}

async function tryToClean(engine: Engine, ...flags: string[]): Promise<Ran> {
  const command = [join(ROOT, 'cli/main.ts'), 'admin', 'clean-registry', ...flags];
  const env = { DOCKER_HOST: `unix://${engine.socketPath}` };
  return run(process.execPath, command, { folder: ROOT, stdin: '', env });
}

/** Digests of the two images that `index:latest` is made of. */
async function pushIndex({ namespace }: Engine): Promise<string[]> {
  const script = join(import.meta.dirname, 'push-index.ts');
  const inside = [`--net=/run/netns/${namespace}`, process.execPath, script];
  const ran = await run('nsenter', [...inside, 'http://127.0.0.1:5000', 'index'], {
    folder: ROOT,
    stdin: '',
  });
  return succeeded('push-index', ran).stdout.trim().split('\n');
}

/** The images of the function's replicas that run on this node, as the swarm names them. */
async function replicas(engine: Engine): Promise<string[]> {
  const filters = JSON.stringify({ label: [`com.docker.swarm.service.name=${NAME}`], status: ['running'] });
  const containers = await engine.docker.listContainers({ filters });
  const details = await Promise.all(containers.map(({ Id }) => engine.docker.getContainer(Id).inspect()));
  return details.map(({ Config }) => Config.Image);
}

async function dial(host: string, port: number): Promise<string> {
  return await new Promise((resolve) => {
    const socket = connect({ host, port });
    socket.once('connect', () => {
      socket.destroy();
      resolve('connected');
    });
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
  });
}
