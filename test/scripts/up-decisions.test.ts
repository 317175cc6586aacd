import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { expect } from 'chai';
import { mirrorsOf, proxyLines } from '../../scripts/base-images/host-trust.ts';
import { begunRotation, chooseSecret } from '../../scripts/platform/credentials.ts';
import { checkDisk } from '../../scripts/platform/disk.ts';
import { gatewayUrl } from '../../scripts/platform/gateway.ts';
import { checkPorts, publishedPorts } from '../../scripts/platform/ports.ts';
import { freeSubnet, parseSubnet } from '../../scripts/platform/subnet.ts';
import { Problem } from '../../scripts/shell/problem.ts';
import { emptyFolder, type Folder } from '../support/cli.ts';

async function problemOf(work: () => unknown): Promise<Problem> {
  try {
    await work();
  } catch (error) {
    if (error instanceof Problem) return error;
    throw error;
  }
  throw new Error('expected a Problem');
}

describe('freeSubnet', () => {
  it('takes the first /16 when nothing is in use', () => {
    expect(freeSubnet([])).to.equal('10.96.0.0/16');
  });

  it('passes over what lies in it, around it, or is a single address of it', () => {
    expect(freeSubnet(['10.96.3.0/24'])).to.equal('10.97.0.0/16');
    expect(freeSubnet(['10.96.0.0/15', '10.98.7.1'])).to.equal('10.99.0.0/16');
    expect(freeSubnet(['10.0.0.0/8'])).to.equal('172.20.0.0/16');
  });

  it('passes over words and IPv6 in a routing table', () => {
    expect(freeSubnet(['default', 'via', 'fd00::/64', 'eth0'])).to.equal('10.96.0.0/16');
  });

  it('has no answer when everything private is taken', () => {
    expect(freeSubnet(['10.0.0.0/8', '172.16.0.0/12'])).to.equal(undefined);
  });

  it('refuses what is no network', () => {
    expect(parseSubnet('10.0.0.0/33')).to.equal(undefined);
    expect(parseSubnet('300.0.0.0/8')).to.equal(undefined);
  });
});

describe('ports of the stack', () => {
  it('are those of stack.yml, unless the environment moves them', () => {
    const ports = publishedPorts({ SKEP_GATEWAY_PORT: '18080' });
    expect(ports.map(({ port }) => port)).to.deep.equal([18080, 9090, 3000]);
  });

  for (const wrong of ['no', '0', '65536', '80.5', '-1']) {
    it(`refuses ${wrong}, and names the variable`, async () => {
      const problem = await problemOf(() => publishedPorts({ SKEP_PROMETHEUS_PORT: wrong }));
      expect(problem.message).to.contain(`SKEP_PROMETHEUS_PORT=${wrong}`);
    });
  }

  it('says which is taken, for what it is needed, and how to move it', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => {
      server.listen(0, '0.0.0.0', resolve);
    });
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    try {
      const ports = publishedPorts({ SKEP_GATEWAY_PORT: String(port) }).slice(0, 1);
      const problem = await problemOf(() => checkPorts(ports));
      expect(problem.message).to.contain(`port ${port}, which gateway needs, is in use`);
      expect(problem.message).to.contain('SKEP_GATEWAY_PORT');
      expect(problem.advice).to.contain('run this again');
    } finally {
      server.close();
    }
  });
});

describe('chooseSecret', () => {
  const all = ['basic-auth-password_v3', 'basic-auth-password_v2', 'basic-auth-password'];

  it('stays with the version that the gateway has mounted', () => {
    const mounted = ['basic-auth-user', 'basic-auth-password_v2', ''];
    expect(chooseSecret(all, { mounted, begun: undefined })).to.equal('basic-auth-password_v2');
  });

  it('takes the newest where no gateway runs', () => {
    expect(chooseSecret(all, { mounted: [], begun: undefined })).to.equal('basic-auth-password_v3');
  });

  it('brings back none that is gone', () => {
    const mounted = ['basic-auth-password_v1'];
    expect(chooseSecret(all, { mounted, begun: undefined })).to.equal('basic-auth-password_v3');
  });

  it('passes over one that a rotation has only begun with, whose password nobody uses yet', () => {
    const begun = 'basic-auth-password_v3';
    expect(chooseSecret(all, { mounted: [], begun })).to.equal('basic-auth-password_v2');
  });

  it('has the name itself where there is nothing else', () => {
    expect(chooseSecret([], { mounted: [], begun: undefined })).to.equal('basic-auth-password');
  });
});

describe('begunRotation', () => {
  let folder: Folder;
  let file: string;
  beforeEach(() => {
    folder = emptyFolder();
    file = join(folder.path, 'admin-password');
    writeFileSync(file, 'in-force\n');
  });
  afterEach(() => folder.remove());
  const begin = (password: string): void =>
    writeFileSync(`${file}.next`, JSON.stringify({ secret: 'basic-auth-password_v2', password }));

  it('is one whose password the gateway has not taken', () => {
    begin('not-yet');
    expect(begunRotation(file)).to.equal('basic-auth-password_v2');
  });

  it('is none once its password is in force', () => {
    begin('in-force');
    expect(begunRotation(file)).to.equal(undefined);
  });

  it('is none where there is no file, or a damaged one', () => {
    expect(begunRotation(file)).to.equal(undefined);
    writeFileSync(`${file}.next`, '{');
    expect(begunRotation(file)).to.equal(undefined);
  });
});

describe('checkDisk', () => {
  it('is content with room enough', () => {
    checkDisk('/tmp', 1);
  });

  it('says how much is free, how much is needed, and how to get it, for a folder that does not exist yet', async () => {
    const problem = await problemOf(() => checkDisk('/var/lib/not-made-yet/docker', 2 ** 60));
    expect(problem.message).to.match(/only [\d.]+ GiB are free for \/var\/lib\/not-made-yet\/docker/);
    expect(problem.advice).to.contain('docker system df');
  });
});

describe('gatewayUrl', () => {
  it('is this machine, or the one that DOCKER_HOST names', () => {
    expect(gatewayUrl({}, 8080)).to.equal('http://127.0.0.1:8080');
    expect(gatewayUrl({ DOCKER_HOST: 'unix:///run/d.sock' }, 8080)).to.equal('http://127.0.0.1:8080');
    expect(gatewayUrl({ DOCKER_HOST: 'tcp://10.1.2.3:2376' }, 80)).to.equal('http://10.1.2.3:80');
    expect(gatewayUrl({ DOCKER_HOST: 'ssh://me@box' }, 80)).to.equal('http://box:80');
    expect(gatewayUrl({ DOCKER_HOST: 'tcp://[fd00::1]:2376' }, 80)).to.equal('http://[fd00::1]:80');
  });
});

describe('what a stand-in takes over from the host', () => {
  it("is apt's mirror for the suite, and none when the host has another suite", () => {
    const targets =
      'http://mirror/debian/ bookworm main\nhttp://mirror/sec/ bookworm-security main\nhttp://x/ stable main';
    expect(mirrorsOf(targets, 'bookworm')).to.deep.equal({
      mirror: 'http://mirror/debian/',
      securityMirror: 'http://mirror/sec/',
    });
    expect(mirrorsOf(targets, 'trixie')).to.deep.equal({ mirror: '', securityMirror: '' });
  });

  it('is the proxy, unless it holds a password', () => {
    const configuration = 'Acquire::Retries "3";\nAcquire::http::Proxy "http://proxy:3128";\n';
    expect(proxyLines(configuration)).to.equal('Acquire::http::Proxy "http://proxy:3128";');
    expect(proxyLines('Acquire::http::Proxy "http://me:secret@proxy:3128";')).to.equal('');
  });
});
