import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { docker, emptyFolder, type Folder, type Ran, run, succeeded } from '../support/cli.ts';
import { freePort } from '../support/free-port.ts';
import { until } from '../support/platform.ts';

const STACK = 'rotatetest';
const SECRET = `${STACK}-password`;
const SKEP = new URL('../../dist/skep', import.meta.url).pathname;

/** A stack of its own beside the platform: rotating the platform's password would lock the other tests out. */
describe('skep admin rotate-password on a real swarm', function () {
  this.timeout(180_000);
  let folder: Folder;
  let url: string;
  let env: Record<string, string>;

  before(async () => {
    folder = emptyFolder();
    await clean();
    const image = succeeded(
      'the image',
      await docker(
        'service',
        'inspect',
        '--format',
        '{{.Spec.TaskTemplate.ContainerSpec.Image}}',
        'skep_gateway',
      ),
    ).stdout.trim();
    const port = freePort();
    url = `http://127.0.0.1:${port}`;
    env = {
      SKEP_HOME: join(folder.path, 'home'),
      OPENFAAS_CONFIG: join(folder.path, 'login'),
      OPENFAAS_URL: url,
    };
    writeFileSync(join(folder.path, 'stack.yml'), stackFile(image, port));
    await createSecret(`${STACK}-user`, 'admin');
    await createSecret(SECRET, 'the-former-password');
    await deploy();
    await until('the gateway', () => isTaken('the-former-password'));
  });
  after(async () => {
    await clean();
    folder.remove();
  });

  const clean = async (): Promise<void> => {
    await docker('stack', 'rm', STACK);
    await until('the end of the stack', async () => {
      const left = await docker('ps', '-q', '--filter', `label=com.docker.stack.namespace=${STACK}`);
      const networks = await docker('network', 'ls', '-q', '--filter', `name=${STACK}_`);
      return left.stdout + networks.stdout === '';
    });
    const names = await secrets();
    if (names.length > 0) await docker('secret', 'rm', ...names);
  };
  const secrets = async (): Promise<string[]> => {
    const { stdout } = await docker('secret', 'ls', '--format', '{{.Name}}', '--filter', `name=${STACK}-`);
    return stdout
      .split('\n')
      .filter((name) => name !== '')
      .sort();
  };
  const createSecret = async (name: string, value: string): Promise<void> => {
    const created = await run('docker', ['secret', 'create', name, '-'], { folder: '.', stdin: value });
    succeeded(`the secret ${name}`, created);
  };
  const deploy = async (more: Record<string, string> = {}): Promise<void> => {
    const words = ['stack', 'deploy', '--resolve-image', 'never', '-c', 'stack.yml', STACK];
    succeeded('stack deploy', await run('docker', words, { folder: folder.path, stdin: '', env: more }));
  };
  /** Swarm forgets the state of the last update when another begins. */
  const untilUpdated = (): Promise<void> =>
    until('the end of the update', async () => {
      const format = '{{with .UpdateStatus}}{{.State}}{{end}}';
      const { stdout } = await docker('service', 'inspect', '--format', format, `${STACK}_gateway`);
      return stdout.trim() === 'completed';
    });
  const rotate = (args: readonly string[] = [], stdin = ''): Promise<Ran> =>
    run(SKEP, ['admin', 'rotate-password', '--stack', STACK, ...args], { folder: folder.path, stdin, env });
  const isTaken = async (password: string): Promise<boolean> => {
    const authorization = `Basic ${Buffer.from(`admin:${password}`).toString('base64')}`;
    const response = await fetch(`${url}/system/info`, { headers: { authorization } }).catch(() => undefined);
    return response?.status === 200;
  };
  const saved = (): string => readFileSync(join(folder.path, 'home', 'admin-password'), 'utf8').trim();
  const mountedBy = async (service: string): Promise<string> =>
    (
      await docker(
        'service',
        'inspect',
        '--format',
        '{{range .Spec.TaskTemplate.ContainerSpec.Secrets}}{{.File.Name}}={{.SecretName}} {{end}}',
        `${STACK}_${service}`,
      )
    ).stdout.trim();

  it('gives gateway and company the new password, and forgets the former one', async () => {
    const ran = succeeded('rotate-password', await rotate());
    expect(ran.stdout + ran.stderr).to.not.contain(saved());
    expect(await isTaken(saved())).to.equal(true);
    expect(await isTaken('the-former-password')).to.equal(false);
    expect(await mountedBy('gateway')).to.contain(`basic-auth-password=${SECRET}_v2`);
    expect(await mountedBy('company')).to.equal(`/etc/company/password=${SECRET}_v2`);
    expect(await secrets()).to.deep.equal([SECRET, `${SECRET}_v2`, `${STACK}-user`]);
    const health = await run(SKEP, ['admin', 'health'], { folder: folder.path, stdin: '', env });
    expect(health.stdout).to.match(/^engine +ok/m);
  });

  it('is not undone by a `docker stack deploy` that knows of no version', async () => {
    await deploy();
    expect(`${await mountedBy('gateway')} `).to.contain(`basic-auth-password=${SECRET} `);
    await untilUpdated();
    await until('the gateway', () => isTaken(saved()));
    expect(await isTaken('the-former-password')).to.equal(false);
  });

  it('goes on from there, to a password of my own', async () => {
    succeeded('rotate-password', await rotate(['--password-stdin'], 'my own password\n'));
    expect(saved()).to.equal('my own password');
    expect(await isTaken('my own password')).to.equal(true);
    expect(await secrets()).to.deep.equal([SECRET, `${SECRET}_v3`, `${STACK}-user`]);
  });

  it('stays as it is when the stack is deployed with the version that is in force', async () => {
    await deploy({ SKEP_PASSWORD_SECRET: `${SECRET}_v3` });
    await untilUpdated();
    await until('the gateway', () => isTaken('my own password'));
    expect(await mountedBy('gateway')).to.contain(`basic-auth-password=${SECRET}_v3`);
  });
});

/** As stack.yml has it, without what this does not need. */
function stackFile(image: string, port: number): string {
  return `version: '3.8'
services:
  gateway:
    image: ${image}
    environment:
      secret_mount_path: /run/secrets/
      write_timeout: 5s
      faas_prometheus_host: 127.0.0.1
    ports:
      - { target: 8080, published: ${port}, mode: host }
    volumes: ['/var/run/docker.sock:/var/run/docker.sock']
    secrets: [basic-auth-user, basic-auth-password]
    deploy:
      endpoint_mode: dnsrr
      update_config: { order: stop-first, failure_action: rollback }
  company:
    image: ${image}
    environment: { basic_auth: 'false' }
    volumes: ['/var/run/docker.sock:/var/run/docker.sock']
    secrets:
      - { source: basic-auth-password, target: /etc/company/password }
    deploy: { endpoint_mode: dnsrr }
secrets:
  basic-auth-user: { external: true, name: ${STACK}-user }
  basic-auth-password: { external: true, name: '\${SKEP_PASSWORD_SECRET:-${SECRET}}' }
`;
}
