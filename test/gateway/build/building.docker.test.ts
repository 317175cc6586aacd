import { statfs } from 'node:fs/promises';
import { expect } from 'chai';
import { signBuild } from '../../../contract/build-signature.ts';
import type { BuildProgress } from '../../../contract/function-types.ts';
import { parsePublicKey, sealSecrets } from '../../../contract/sealed-secrets.ts';
import { parseRegistryLogins } from '../../../gateway/build/registry-logins.ts';
import { hasBuildKit } from '../../../gateway/swarm/buildkit/has-buildkit.ts';
import { connectEngine } from '../../../gateway/swarm/connect-engine.ts';
import { createEngine } from '../../../gateway/swarm/engine.ts';
import { importWebImage } from '../../provider-contract/open-swarm.ts';
import {
  type BuildingOptions,
  PAYLOAD_SECRET,
  startBuildingGateway,
} from '../../support/building-gateway.ts';
import { basic, CREDENTIALS, type RunningControlPlane } from '../../support/control-plane.ts';
import { until } from '../../support/platform.ts';
import { type Registry, startRegistry } from '../../support/registry.ts';
import { configEntry, tarOf } from './build-tar.ts';

const BASE = 'skep-building-test/base:latest';
const IMAGE = 'skep-building-test/fn:1';

describe('builds with an engine, over HTTP', function () {
  this.timeout(60_000);
  const docker = connectEngine(process.env);
  let gateway: RunningControlPlane | undefined;
  const images = new Set<string>();

  before(() => importWebImage(docker, BASE));
  afterEach(async () => {
    await gateway?.close();
    gateway = undefined;
    for (const name of images) await remove(name);
    images.clear();
  });
  after(() => remove(BASE));

  const remove = async (name: string): Promise<void> => {
    await docker
      .getImage(name)
      .remove({ force: true })
      .catch(() => {}); // one that was never made
  };
  const start = async (options: Omit<BuildingOptions, 'docker'> = {}): Promise<RunningControlPlane> => {
    gateway = await startBuildingGateway({ docker, ...options });
    return gateway;
  };
  const request = async (dockerfile: string, config: object = {}): Promise<Buffer> => {
    const { image = IMAGE } = config as { image?: string };
    images.add(image);
    return tarOf(
      configEntry({ image, ...config }),
      ['context/Dockerfile', dockerfile],
      ['context/a', 'hello'],
    );
  };
  const post = async (tar: Buffer, init: RequestInit = {}): Promise<Response> =>
    fetch(`${gateway?.url}/system/build`, {
      method: 'POST',
      body: new Uint8Array(tar),
      ...init,
      headers: {
        authorization: basic(CREDENTIALS.username, CREDENTIALS.password),
        accept: 'application/x-ndjson',
      },
    });
  const build = async (dockerfile: string, config: object = {}): Promise<BuildProgress[]> => {
    const text = await (await post(await request(dockerfile, config))).text();
    return text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as BuildProgress);
  };
  const last = async (dockerfile: string, config: object = {}): Promise<BuildProgress | undefined> =>
    (await build(dockerfile, config)).at(-1);
  const noContainerOf = (image: string): Promise<void> =>
    until(`no container of ${image}`, async () => {
      const filters = { ancestor: [image] };
      return (await docker.listContainers({ all: true, filters })).length === 0;
    });

  it('make an image of what was signed with the payload secret, and make it anew', async () => {
    const { url } = await start();
    const tar = await request(`FROM ${BASE}\nCOPY a /a\n`);
    for (let build = 0; build < 2; build++) {
      const response = await fetch(`${url}/build`, {
        method: 'POST',
        body: new Uint8Array(tar),
        headers: { 'X-Build-Signature': signBuild(tar, PAYLOAD_SECRET) },
      });
      const progress = (await response.json()) as BuildProgress;
      expect(progress.status, JSON.stringify(progress)).to.equal('success');
    }
    await docker.getImage(IMAGE).inspect();
  });

  it('take the platform of the engine, as faas-cli names it always', async () => {
    await start();
    const { Architecture } = await docker.version().then(({ Arch }) => ({ Architecture: Arch }));
    const progress = await last(`FROM ${BASE}\n`, { platforms: [`linux/${Architecture}`] });
    expect(progress?.status, JSON.stringify(progress)).to.equal('success');
  });

  it('keep every line of progress under 64 KiB, whatever a step writes', async () => {
    await start();
    const text = await (
      await post(
        await request(`FROM ${BASE}\nRUN busybox yes | busybox tr -d '\\n' | busybox head -c 500000\n`),
      )
    ).text();
    const lines = text.trim().split('\n');
    expect(JSON.parse(lines.at(-1) ?? '')).to.have.property('status', 'success');
    expect(Math.max(...lines.map((line) => Buffer.byteLength(line)))).to.be.lessThan(64 * 1024);
  });

  it('end a step that takes more memory than it may, and say so', async () => {
    await start({ memoryBytes: 32 * 1024 * 1024 });
    const progress = await last(`FROM ${BASE}\nRUN ["busybox", "tail", "/dev/zero"]\n`);
    expect(progress?.status).to.equal('failed');
    expect(progress?.error).to.include('137').and.to.include('32 MiB');
    await noContainerOf(BASE);
  });

  it('are ended when they fill the disk, with how much is left and what to do', async () => {
    const { bavail, bsize } = await statfs('/');
    const floorBytes = bavail * bsize - 300 * 1024 * 1024;
    const freeBytes = async (): Promise<number> => {
      const now = await statfs('/');
      return now.bavail * now.bsize;
    };
    await start({ disk: { freeBytes, floorBytes } });
    const progress = await last(`FROM ${BASE}\nRUN ["sh", "-c", "cat /dev/zero > /fill"]\n`);
    expect(progress?.status).to.equal('failed');
    expect(progress?.error).to.include('free').and.to.include('docker image prune');
    await noContainerOf(BASE);
  });

  it('that never end are ended at the limit, and leave no container', async () => {
    await start({ timeoutMs: 1500 });
    const progress = await last(`FROM ${BASE}\nRUN ["sleep", "600"]\n`);
    expect(progress?.error).to.equal('the build took longer than 1.5 s');
    await noContainerOf(BASE);
  });

  it('are ended when their client goes away, and leave no container', async () => {
    await start();
    const client = new AbortController();
    const response = await post(await request(`FROM ${BASE}\nRUN ["sleep", "600"]\n`), {
      signal: client.signal,
    });
    const reader = response.body?.getReader();
    let said = '';
    while (!said.includes('Running in')) {
      const { value, done } = (await reader?.read()) ?? { done: true };
      if (done) throw new Error(`it ended by itself:\n${said}`);
      said += Buffer.from(value ?? []).toString();
    }
    client.abort();
    await noContainerOf(BASE);
    const again = await last(`FROM ${BASE}\nCOPY a /a\n`);
    expect(again?.status).to.equal('success'); // the place was given back
  });

  it('remove the image whose name they took, but not one that a service without replicas is to run', async () => {
    await start();
    const idOf = async (): Promise<string> => (await docker.getImage(IMAGE).inspect()).Id;
    const isThere = (id: string): Promise<boolean> =>
      docker
        .getImage(id)
        .inspect()
        .then(
          () => true,
          () => false,
        );
    await last(`FROM ${BASE}\nENV version=1\n`);
    const first = await idOf();
    const service = await docker.createService({
      Name: 'skep-building-test',
      Labels: { 'com.openfaas.function': 'skep-building-test' },
      TaskTemplate: { ContainerSpec: { Image: first } },
      Mode: { Replicated: { Replicas: 0 } },
    });
    try {
      await last(`FROM ${BASE}\nENV version=2\n`);
      const second = await idOf();
      await last(`FROM ${BASE}\nENV version=3\n`);
      const third = await idOf();
      await until('the second is removed', async () => !(await isThere(second)));
      expect([await isThere(first), await isThere(third)]).to.deep.equal([true, true]);
    } finally {
      await docker.getService(service.id).remove();
    }
    await last(`FROM ${BASE}\nENV version=4\n`);
    await until('the first is removed', async () => !(await isThere(first)));
  });

  it('do not take the name of an image that a service runs which is no function, in no spelling of it', async () => {
    await start();
    const service = await docker.createService({
      Name: 'skep-building-platform',
      TaskTemplate: { ContainerSpec: { Image: 'docker.io/skep-building-test/platform:1' } },
      Mode: { Replicated: { Replicas: 0 } },
    });
    try {
      for (const image of ['skep-building-test/platform:1', 'docker.io/skep-building-test/platform:1']) {
        const progress = await last(`FROM ${BASE}\n`, { image, skipPush: true });
        expect(progress?.error, image).to.include('service skep-building-platform');
      }
      const other = await last(`FROM ${BASE}\n`, { image: 'skep-building-test/platform:2' });
      expect(other?.status).to.equal('success');
    } finally {
      await docker.getService(service.id).remove();
    }
  });

  it('need BuildKit for build secrets, where the engine has none, and say so', async function () {
    const { url } = await start();
    const publicKey = parsePublicKey(await (await fetch(`${url}/publickey`)).text());
    if (await hasBuildKit(createEngine(docker))) this.skip();
    const tar = await tarOf(
      configEntry({ image: IMAGE }),
      ['com.openfaas.secrets', sealSecrets(publicKey, { token: Buffer.from('hush') })],
      ['context/Dockerfile', `FROM ${BASE}\n`],
    );
    const text = await (await post(tar)).text();
    expect(text).to.include('BuildKit').and.not.to.include('hush');
  });

  describe('with a registry that wants a login', () => {
    let registry: Registry;
    const login = { user: 'me', password: 'pass:word' };
    before(async () => {
      registry = await startRegistry(login);
    });
    after(() => registry.stop());

    const loginsOf = (password: string) =>
      parseRegistryLogins(JSON.stringify({ auths: { [registry.host]: { username: login.user, password } } }));

    it('push with the credentials of the gateway, and pull their base images with them', async () => {
      await start({ logins: loginsOf(login.password) });
      const pushed = `${registry.host}/team/base:1`;
      const progress = await last(`FROM ${BASE}\n`, { image: pushed });
      expect(progress?.status, JSON.stringify(progress)).to.equal('success');
      await remove(pushed);
      const above = await last(`FROM ${pushed}\nCOPY a /a\n`, { image: `${registry.host}/team/above:1` });
      expect(above?.status, JSON.stringify(above)).to.equal('success');
    });

    it('fail without them, with wrong ones, and where nobody answers, each saying what to do', async () => {
      const image = `${registry.host}/team/fn:1`;
      const errors: (string | undefined)[] = [];
      for (const options of [{}, { logins: loginsOf('wrong') }]) {
        await start(options);
        errors.push((await last(`FROM ${BASE}\n`, { image }))?.error);
        await gateway?.close();
      }
      await start();
      errors.push((await last(`FROM ${BASE}\n`, { image: '127.0.0.1:1/team/fn:1' }))?.error);
      expect(errors[0]).to.include(`push of ${image} failed`).and.to.include('wants credentials');
      expect(errors[1]).to.include('does not let me push');
      expect(errors[2]).to.include('nothing answers at the registry 127.0.0.1:1');
      expect(errors.join()).not.to.include('wrong');
    });
  });
});
