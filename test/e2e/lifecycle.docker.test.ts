import { cpSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { docker, emptyFolder, run, succeeded } from '../support/cli.ts';
import { openPlatform, type Platform, until } from '../support/platform.ts';

const ROOT = new URL('../../', import.meta.url).pathname;
/** What git does not hold, or what a copy must not share. */
const NOT_COPIED = new Set(['node_modules', '.git', 'build']);

describe('the life of a platform', function () {
  this.timeout(300_000);
  let platform: Platform;

  before('what this checkout is, runs', async () => {
    succeeded('up', await up(ROOT));
    platform = await openPlatform();
  });
  after('what this checkout is, runs again', async () => {
    succeeded('up', await up(ROOT));
  });

  const up = (folder: string, ...args: string[]) =>
    run('bash', ['scripts/up', ...args], { folder, stdin: '' });
  const containers = async (): Promise<string> =>
    (await docker('ps', '-q', '--no-trunc', '--filter', 'label=com.docker.stack.namespace=skep')).stdout;
  const callHello = (): Promise<Response> =>
    fetch(`${platform.url}/function/hello-ts`, { method: 'POST', body: 'Ada' });
  const release = async (): Promise<string> =>
    ((await (await platform.request('/system/info')).json()) as { version: { release: string } }).version
      .release;
  const removeStack = async (): Promise<void> => {
    succeeded('stack rm', await docker('stack', 'rm', 'skep'));
    // The network goes last: a new stack made before that would be promised the old one.
    await until('the end of the stack', async () => {
      const networks = await docker('network', 'ls', '-q', '--filter', 'name=skep-platform');
      return (await containers()) === '' && networks.stdout.trim() === '';
    });
  };

  it('a second `up` restarts nothing', async () => {
    const before = await containers();
    const ran = succeeded('up', await up(ROOT));
    expect(ran.stdout).to.contain(`Gateway      ${platform.url}`);
    expect(await containers()).to.equal(before);
  });

  it('`up` prints no password, and keeps it where only its owner reads it', async () => {
    const ran = succeeded('up', await up(ROOT));
    const password =
      Buffer.from(platform.authorization.split(' ')[1] ?? '', 'base64')
        .toString()
        .split(':')[1] ?? '';
    expect(password.length).to.be.greaterThan(20);
    expect(ran.stdout + ran.stderr).to.not.contain(password);
  });

  it('functions outlive the stack, and answer when it is up again', async () => {
    await removeStack();
    const hello = (await docker('service', 'ls', '-q', '--filter', 'name=hello-ts')).stdout.trim();
    expect(hello).to.not.equal('');
    succeeded('up', await up(ROOT));
    const response = await callHello();
    expect(response.status).to.equal(200);
    expect(await response.text()).to.contain('Ada');
  });

  it('`down` names the service of somebody else that holds a network, and `up` mends what was left', async () => {
    const stranger = 'e2e-lifecycle-stranger';
    const image = await platform.exampleImage();
    const { stdout: imageId } = await docker('image', 'inspect', '--format', '{{.Id}}', image);
    const made = await docker(
      ...[
        'service',
        'create',
        '--detach',
        '--no-resolve-image',
        '--name',
        stranger,
        '--endpoint-mode',
        'dnsrr',
      ],
      ...['--network', 'skep-platform', imageId.trim()],
    );
    succeeded('service create', made);
    try {
      const ran = await run('bash', ['scripts/down'], { folder: ROOT, stdin: '' });
      expect(ran.exitCode).to.equal(1);
      expect(ran.stderr).to.contain(`is used by ${stranger}`).and.contain(`docker service rm ${stranger}`);
    } finally {
      succeeded('service rm', await docker('service', 'rm', stranger));
    }
    succeeded('up', await up(ROOT));
    expect((await callHello()).status).to.equal(200);
  });

  it('by hand, as the README says: `docker stack deploy` with images already built', async () => {
    const command = 'docker stack deploy -c stack.yml skep';
    for (const page of ['README.md', 'docs/install.md']) {
      expect(readFileSync(join(ROOT, page), 'utf8'), page).to.contain(command);
    }
    await removeStack();
    const [program = '', ...words] = command.split(' ');
    const socket = /^unix:\/\/(.+)/.exec(process.env['DOCKER_HOST'] ?? '')?.[1] ?? '/var/run/docker.sock';
    const env = { SKEP_DOCKER_SOCKET: socket };
    succeeded(command, await run(program, words, { folder: ROOT, stdin: '', env }));
    await until(
      'the gateway',
      async () => (await fetch(`${platform.url}/healthz`).catch(() => undefined))?.status === 200,
    );
    await until('the function', async () => (await callHello()).status === 200);
    expect((await platform.request('/system/functions')).status).to.equal(200);
  });

  it('`up` after a change of the source runs the new code', async () => {
    const copy = emptyFolder();
    try {
      cpSync(ROOT, copy.path, {
        recursive: true,
        verbatimSymlinks: true,
        filter: (source) => !NOT_COPIED.has(source.slice(ROOT.length)),
      });
      symlinkSync(join(ROOT, 'node_modules'), join(copy.path, 'node_modules'));
      const manifest = join(copy.path, 'package.json');
      writeFileSync(
        manifest,
        readFileSync(manifest, 'utf8').replace(/"version": ".*?"/, '"version": "9.9.9"'),
      );
      succeeded('up', await up(copy.path));
      expect(await release()).to.equal('9.9.9');
    } finally {
      copy.remove();
    }
    succeeded('up', await up(ROOT));
    expect(await release()).to.not.equal('9.9.9');
  });

  it('`down` removes the stack and the functions, and leaves what `up` would have to make anew', async () => {
    const down = (): ReturnType<typeof run> => run('bash', ['scripts/down'], { folder: ROOT, stdin: '' });
    succeeded('down', await down());
    expect(await containers()).to.equal('');
    expect((await docker('service', 'ls', '-q')).stdout).to.equal('');
    expect((await docker('secret', 'ls', '--format', '{{.Name}}')).stdout).to.contain('basic-auth-password');
    expect((await docker('volume', 'ls', '-q')).stdout).to.contain('skep-prometheus');
    succeeded('down again', await down());
    succeeded('up', await up(ROOT));
    expect(await (await callHello()).text()).to.contain('Ada');
  });

  it('`up` with a word it does not know says what it knows', async () => {
    const ran = await up(ROOT, '--force');
    expect(ran.exitCode).to.equal(1);
    expect(ran.stderr).to.match(/up takes no --force[\s\S]*SKEP_HOME/);
  });
});
