import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type Docker from 'dockerode';
import { FaasError } from '../../../gateway/errors.ts';
import { connectEngine } from '../../../gateway/swarm/connect-engine.ts';
import { createEngine } from '../../../gateway/swarm/engine.ts';
import { createSwarmNamespaces } from '../../../gateway/swarm/swarm-namespaces.ts';
import { createSwarmProvider } from '../../../gateway/swarm/swarm-provider.ts';
import { createSwarmSecrets } from '../../../gateway/swarm/swarm-secrets.ts';
import { failure } from '../../provider-contract/describe-provider.ts';
import {
  type CertificateFiles,
  type CertificateMaker,
  createCertificateMaker,
} from '../../support/certificates.ts';
import { freePort } from '../../support/free-port.ts';
import { until } from '../../support/platform.ts';

/** Its own, since a second dockerd without a bridge (`none`) deletes docker0, the bridge of the machine's engine. */
const BRIDGE = 'skep-tls0';

/** Runs `ip`. @returns whether it succeeded */
const ip = (...args: string[]): boolean => spawnSync('ip', args, { stdio: 'ignore' }).status === 0;

/** A second engine of its own, which asks for client certificates; the machine's own one is left alone. */
describe('a real engine over TLS with client certificates', function () {
  this.timeout(120_000);
  let root: string;
  let make: CertificateMaker;
  let ca: CertificateFiles;
  let client: CertificateFiles;
  let engine: ChildProcess | undefined;
  let host: string;
  let good: Docker;
  let start: () => Promise<void>;

  before(async function () {
    if (Bun.which('dockerd') === null || process.getuid?.() !== 0) {
      console.log('      skipped: needs dockerd on this machine, and root to start one');
      this.skip();
    }
    root = mkdtempSync(join(tmpdir(), 'skep-dockerd-'));
    make = createCertificateMaker(root);
    ca = make.authority('ca');
    client = make.issue(ca, 'client', 'client');
    const server = make.issue(ca, 'server', 'IP:127.0.0.1');
    host = `tcp://127.0.0.1:${freePort()}`;
    writeFileSync(join(root, 'daemon.json'), '{}'); // not the machine's own
    ip('link', 'del', BRIDGE); // an earlier run may have been killed
    // A network for documentation: no machine has a route to it.
    expect(ip('link', 'add', BRIDGE, 'type', 'bridge')).to.equal(true);
    expect(ip('addr', 'add', '192.0.2.1/24', 'dev', BRIDGE)).to.equal(true);
    good = open(make.folder('good', { ca: ca.cert, ...client }));
    start = () => startEngine(server);
    await start();
    const docker = good;
    await docker.swarmInit({
      AdvertiseAddr: '127.0.0.1',
      ListenAddr: `127.0.0.1:${freePort()}`,
      DataPathPort: freePort(),
    });
    await createOverlay(docker);
  });

  after(async function () {
    this.timeout(60_000);
    await stopEngine();
    ip('link', 'del', BRIDGE);
    if (root === undefined) return;
    spawnSync('umount', [join(root, 'data')]); // bound to itself by dockerd, which does not always undo it
    rmSync(root, { recursive: true, force: true });
  });

  const readLog = (): string => readFileSync(join(root, 'log'), 'utf8').slice(-2000);

  const startEngine = async (server: CertificateFiles): Promise<void> => {
    engine = spawnEngine(server);
    const isUp = (): Promise<boolean> =>
      good.version().then(
        () => true,
        () => {
          if (engine?.exitCode !== null) throw new Error(`dockerd ended:\n${readLog()}`);
          return false;
        },
      );
    await until('the second engine', isUp);
  };

  const stopEngine = async (): Promise<void> => {
    if (engine === undefined || engine.exitCode !== null) return;
    const ended = once(engine, 'exit');
    engine.kill('SIGTERM');
    await ended;
  };

  const spawnEngine = (server: CertificateFiles): ChildProcess => {
    const paths = ['--data-root', join(root, 'data'), '--exec-root', join(root, 'exec')];
    const child = spawn(
      'dockerd',
      [
        ...[...paths, '--pidfile', join(root, 'pid'), '--config-file', join(root, 'daemon.json')],
        ...[`--bridge=${BRIDGE}`, '--iptables=false', '--ip-masq=false', '-H', host],
        ...['--tlsverify', '--tlscacert', ca.cert, '--tlscert', server.cert, '--tlskey', server.key],
      ],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    );
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => appendFileSync(join(root, 'log'), chunk));
    }
    return child;
  };

  const open = (certPath: string): Docker =>
    connectEngine({ DOCKER_HOST: host, DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: certPath });

  const createOverlay = (docker: Docker): Promise<unknown> =>
    docker.createNetwork({ Name: 'fns', Driver: 'overlay', Attachable: true });

  const refusal = async (certPath: string): Promise<string> => {
    const asked = createEngine(open(certPath), { callLimitMs: 5000 }).ask('ask', (docker) => docker.info());
    return (await failure(asked, 'provider_unavailable')).message;
  };

  it('deploys, lists, reads, scales, updates and removes functions, secrets and namespaces', async () => {
    const docker = good;
    const provider = createSwarmProvider({
      docker,
      functionsNetwork: 'fns',
      version: { release: '0', sha: '0' },
    });
    const secrets = createSwarmSecrets({ docker });
    const namespaces = createSwarmNamespaces({ docker });
    const ref = { name: 'over-tls', namespace: 'openfaas-fn' };
    const sent = { service: ref.name, image: 'x:1', labels: { 'com.openfaas.scale.min': '0' } };
    await provider.ping();
    await secrets.create({ name: 'key', namespace: 'openfaas-fn' }, Buffer.from('hush'));
    await namespaces.create({ name: 'dev', labels: {}, annotations: {} });
    await provider.create({ ...sent, secrets: ['key'] });
    expect((await provider.list()).map(({ name }) => name)).to.deep.equal(['over-tls']);
    await provider.scale(ref, 1);
    await provider.update({ ...sent, envProcess: 'cat' });
    expect(await provider.read(ref)).to.deep.include({ envProcess: 'cat', replicas: 1 });
    expect((await provider.snapshot()).length).to.equal(1);
    await provider.remove(ref);
    await failure(provider.read(ref), 'function_not_found');
    await namespaces.remove('dev');
    await secrets.remove({ name: 'key', namespace: 'openfaas-fn' });
    expect(await provider.list()).to.deep.equal([]);
  });

  it('tells of its events', async () => {
    const docker = good;
    const provider = createSwarmProvider({
      docker,
      functionsNetwork: 'fns',
      version: { release: '0', sha: '0' },
    });
    let hints = 0;
    const stop = provider.watch(() => void hints++);
    try {
      await until('the first hint, of being connected', async () => hints > 0);
      const before = hints;
      await provider.create({
        service: 'seen',
        image: 'x:1',
        labels: { 'com.openfaas.scale.min': '0' },
      });
      await until('the hint of the new service', async () => hints > before);
      await provider.remove({ name: 'seen', namespace: 'openfaas-fn' });
    } finally {
      stop();
    }
  });

  it('says that it wants a certificate, where there is none', async () => {
    const told = await refusal(make.folder('none', { ca: ca.cert }));
    expect(told).to.include('refuses the certificate of this client: cert.pem');
  });

  it('says that it does not trust the certificate of another CA', async () => {
    const stranger = make.issue(make.authority('other-ca'), 'stranger', 'client');
    const told = await refusal(make.folder('stranger', { ca: ca.cert, ...stranger }));
    expect(told).to.include('refuses the certificate of this client');
  });

  it('says that it speaks nothing but TLS', async () => {
    const plain = createSwarmProvider({
      docker: connectEngine({ DOCKER_HOST: host }),
      functionsNetwork: 'fns',
      version: { release: '0', sha: '0' },
    });
    const error = await plain.list().catch((cause: unknown) => cause);
    expect(error).to.be.instanceOf(FaasError).with.property('code', 'provider_unavailable');
    expect((error as FaasError).message).to.include('set DOCKER_TLS_VERIFY=1 and DOCKER_CERT_PATH');
  });

  it('is used again after a restart, by the same provider and over new connections', async () => {
    const provider = createSwarmProvider({
      docker: good,
      functionsNetwork: 'fns',
      version: { release: '0', sha: '0' },
    });
    const ref = { name: 'stays', namespace: 'openfaas-fn' };
    await provider.create({ service: ref.name, image: 'x:1', labels: { 'com.openfaas.scale.min': '0' } });
    await stopEngine();
    for (const change of [provider.list(), provider.scale(ref, 1), provider.remove(ref)]) {
      expect((await failure(change, 'provider_unavailable')).message).to.include('cannot be reached');
    }
    await start();
    const isLed = (): Promise<boolean> =>
      provider.ping().then(
        () => true,
        () => false,
      );
    await until('the swarm to have a leader again', isLed);
    expect(await provider.read(ref)).to.include({ name: 'stays', replicas: 0 });
    await provider.remove(ref);
  });

  it('serves a right certificate while others are refused, never over their connections', async () => {
    const outcomes = await Promise.all(
      Array.from({ length: 12 }, (_, index) =>
        open(join(root, index % 2 === 0 ? 'good' : 'none'))
          .version()
          .then(
            () => 'served',
            () => 'refused',
          ),
      ),
    );
    expect(outcomes).to.deep.equal(Array.from({ length: 6 }, () => ['served', 'refused']).flat());
  });
});
