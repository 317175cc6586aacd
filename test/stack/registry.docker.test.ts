import { connect } from 'node:net';
import { join } from 'node:path';
import { expect } from 'chai';
import { pack } from 'tar-stream';
import { connectEngine } from '../../gateway/swarm/connect-engine.ts';
import { BASE_IMAGES, DEBIAN_IMAGE, REGISTRY_IMAGES } from '../../scripts/base-images/catalog.ts';
import { ensureBaseImages } from '../../scripts/base-images/ensure-base-images.ts';
import { run, succeeded } from '../support/cli.ts';
import { type Engine, type EngineSwarm, openEngineSwarm, whyNoEngineSwarm } from '../support/engine-swarm.ts';
import { openPlatform, until } from '../support/platform.ts';
import { answeringImage } from '../zero-loss/answering-function.ts';
import { gatewayImage, startGatewayOn } from '../zero-loss/own-gateway.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const IMAGE = '127.0.0.1:5000/everywhere:latest';
const NAME = 'everywhere';
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

  it('is cleaned of what no tag names any more, and takes it again afterwards', async () => {
    const { manager, workers } = opened(swarm);
    const before = await stored(manager);
    // As docs/operations.md has it.
    const clean = ['registry', 'garbage-collect', '--delete-untagged', '/etc/docker/registry/config.yml'];
    await docker(manager, 'exec', await registryContainer(manager), ...clean);
    expect(await stored(manager)).to.be.below(before);
    for (const worker of workers) await pull(worker, IMAGE);
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

  async function build({ FROM, text }: { FROM: string; text: string }): Promise<string> {
    const body = pack();
    const config = { image: IMAGE, deploy: { service: NAME, labels: { 'com.openfaas.scale.min': '3' } } };
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

function opened(swarm: EngineSwarm | undefined): EngineSwarm {
  if (swarm === undefined) throw new Error('there is no swarm');
  return swarm;
}

/** By hand, as the docs tell. */
async function stackDeploy(manager: Engine): Promise<void> {
  await docker(manager, 'stack', 'deploy', '-c', join(ROOT, 'registry.yml'), 'skep-registry');
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
  const filters = JSON.stringify({ label: ['com.docker.swarm.service.name=skep-registry_registry'] });
  const [container] = await manager.docker.listContainers({ filters });
  if (container === undefined) throw new Error('the registry does not run');
  return container.Id;
}

/** How many blobs the registry keeps. */
async function stored(manager: Engine): Promise<number> {
  const id = await registryContainer(manager);
  const found = await run('docker', ['exec', id, 'find', '/var/lib/registry', '-name', 'data'], {
    folder: ROOT,
    stdin: '',
    env: { DOCKER_HOST: `unix://${manager.socketPath}` },
  });
  return succeeded('find', found).stdout.trim().split('\n').length;
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
