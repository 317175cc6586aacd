import { existsSync, statSync, utimesSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { expect } from 'chai';
import { DevProject } from './support/dev-project.ts';

describe('the life of skep dev', function () {
  this.timeout(30_000);
  let project: DevProject;
  let server: Server | undefined;

  beforeEach(() => {
    project = new DevProject();
    project.addShellTemplate();
    project.write('one/handler.sh', 'echo one\n');
    project.writeStack({ one: 'lang: shell\nhandler: ./one\nimage: one:latest' });
  });
  afterEach(async function () {
    await project.remove(this.currentTest);
    server?.close();
  });

  /** Processes that have the project's folder in their environment or arguments: its watchdogs, functions and steps. */
  const processes = async (): Promise<string[]> => {
    const listed = Bun.spawn(['ps', 'axww', '-o', 'pid=,args='], { stdout: 'pipe' });
    const lines = (await new Response(listed.stdout).text()).split('\n');
    return lines.filter((line) => line.includes(project.path));
  };
  /** Whether any of the functions and steps below sleeps. */
  const isSleeping = async (): Promise<boolean> => {
    const listed = Bun.spawn(['ps', 'axo', 'args='], { stdout: 'pipe' });
    return /^sleep 60[123]$/m.test(await new Response(listed.stdout).text());
  };
  const untilNone = async (): Promise<void> => {
    while ((await processes()).length > 0) await Bun.sleep(50);
  };

  it('saves a login, so that other commands work at once, with a password that nobody else can read', async () => {
    const dev = await project.dev();
    await dev.line(/^Watching/);
    await dev.call('one');
    const { output, exitCode } = await project.skep(['list']);
    expect(output).to.match(/^one\s+1\s+1\s*$/m);
    expect(exitCode).to.equal(0);
    expect(statSync(`${project.path}/.admin/admin-password`).mode & 0o777).to.equal(0o600);
    const health = (await project.skep(['admin', 'health'])).output;
    expect(health).to.match(/^processes +ok .* on this machine/m);
    expect(health).to.not.match(/engine|swarm/);
    const unknown = await fetch(`${dev.url}/system/functions`);
    expect(unknown.status).to.equal(401);
  });

  it('listens on the loopback interface alone', async () => {
    const dev = await project.dev();
    const port = new URL(dev.url).port;
    const others = Object.values((await import('node:os')).networkInterfaces())
      .flatMap((addresses) => addresses ?? [])
      .filter(({ family, internal }) => family === 'IPv4' && !internal);
    for (const { address } of others) {
      const reached = await fetch(`http://${address}:${port}/healthz`).then(
        () => true,
        () => false,
      );
      expect(reached, address).to.equal(false);
    }
  });

  it('is called by names of this machine alone: a web page can give it another one', async () => {
    const dev = await project.dev();
    await dev.line(/^Watching/);
    const statusFor = async (host: string): Promise<number> =>
      (await fetch(`${dev.url}/function/one`, { method: 'POST', headers: { host } })).status;
    const { port } = new URL(dev.url);
    expect(await statusFor(`localhost:${port}`)).to.equal(200);
    expect(await statusFor(`[::1]:${port}`)).to.equal(200);
    expect(await statusFor('LOCALHOST')).to.equal(200);
    for (const host of [`evil.example:${port}`, 'evil.example', '127.0.0.1.evil.example', 'localhost.']) {
      expect(await statusFor(host), host).to.equal(403);
    }
  });

  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    it(`ends with ${signal}, and all its processes with it`, async () => {
      project.write('one/handler.sh', 'sleep 603\n');
      const dev = await project.dev();
      await dev.line(/ready: /);
      const call = dev.call('one').catch(() => undefined);
      while (!(await isSleeping())) await Bun.sleep(20);
      expect(await dev.end(signal)).to.equal(0);
      await call;
      while (await isSleeping()) await Bun.sleep(20);
      await untilNone();
    });
  }

  it('leaves no process when it is killed, be it a function’s or a build’s', async () => {
    project.addShellTemplate('slow', 'dev: {build: "sleep 601 & sleep 602"}');
    project.writeStack({
      one: 'lang: shell\nhandler: ./one\nimage: one:latest',
      two: 'lang: slow\nhandler: ./one\nimage: two:latest',
    });
    const dev = await project.dev();
    await dev.line(/^one +\| ready: /);
    while (!(await isSleeping())) await Bun.sleep(20);
    await dev.end('SIGKILL');
    while (await isSleeping()) await Bun.sleep(50);
    await untilNone();
  });

  it('removes what the gateway of a killed one has left in memory', async () => {
    const killed = await project.dev();
    const left = killed.gatewayFolder;
    await killed.end('SIGKILL');
    expect(existsSync(left)).to.equal(true);
    utimesSync(left, 0, 0); // a gateway that is young may not listen yet
    const dev = await project.dev();
    await dev.line(/^Watching/);
    expect(existsSync(left)).to.equal(false);
    const own = dev.gatewayFolder;
    expect(existsSync(own)).to.equal(true);
    await dev.end('SIGINT');
    expect(existsSync(own)).to.equal(false);
  });

  it('takes back the login that it has saved, and no other', async () => {
    const other = 'auths:\n- gateway: http://gateway.example\n  auth: basic\n  token: YTpi\n';
    project.write('.login/config.yml', other);
    const dev = await project.dev();
    await dev.line(/^Watching/);
    expect(project.read('.login/config.yml')).to.include(dev.url).and.to.include('gateway.example');
    expect(await dev.end('SIGINT')).to.equal(0);
    expect(project.read('.login/config.yml')).to.equal(other);
  });

  it('leaves the login of somebody who has logged in otherwise meanwhile', async () => {
    const dev = await project.dev();
    await dev.line(/^Watching/);
    const own = /token: (\S+)/.exec(project.read('.login/config.yml'))?.[1] ?? '';
    project.replace('.login/config.yml', own, 'YTpi');
    expect(await dev.end('SIGINT')).to.equal(0);
    expect(project.read('.login/config.yml')).to.include(dev.url).and.to.include('YTpi');
  });

  it('takes back the login of one that was killed, and leaves that of another project’s', async () => {
    const killed = await project.dev();
    await killed.line(/^Watching/);
    await killed.end('SIGKILL');
    expect(project.read('.login/config.yml')).to.include(killed.url);
    const dev = await project.dev();
    await dev.line(/^Watching/);
    expect(project.read('.login/config.yml')).to.include(dev.url).and.to.not.include(killed.url);
    const other = new DevProject(project);
    try {
      other.write('one/handler.sh', 'echo other\n');
      other.addShellTemplate();
      other.writeStack({ one: 'lang: shell\nhandler: ./one\nimage: one:latest' });
      await dev.end('SIGKILL');
      const served = await other.dev(['--no-nats', '--port', new URL(dev.url).port]);
      await served.line(/^Watching/);
      const again = await project.dev();
      await again.line(/^Watching/);
      expect(project.read('.login/config.yml')).to.include(served.url).and.to.include(again.url);
    } finally {
      await other.remove();
    }
  });

  it('says that its port is taken, and what to do', async () => {
    const taken = createServer();
    server = taken;
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const { port } = taken.address() as { port: number };
    const { output, exitCode } = await project.skep(['dev', '--port', String(port), '--no-nats']);
    expect(output).to.match(/port \d+ of 127\.0\.0\.1 cannot be had: another program listens on it/i);
    expect(output).to.include('skep dev --port');
    expect(exitCode).to.equal(1);
  });

  it('runs once in a project', async () => {
    await project.dev();
    const { output, exitCode } = await project.skep(['dev', '--port', '0', '--no-nats']);
    expect(output).to.match(/another|already/i);
    expect(exitCode).to.equal(1);
  });

  it('refuses what it cannot begin with: no stack file, a wrong one, a wrong setting', async () => {
    const refused = async (args: readonly string[], says: RegExp): Promise<void> => {
      const { output, exitCode } = await project.skep(['dev', '--port', '0', '--no-nats', ...args]);
      expect(output).to.match(says);
      expect(exitCode).to.equal(1);
    };
    await refused(['-f', 'none.yaml'], /none\.yaml: no such file/);
    project.write('wrong.yaml', 'provider: {name: openfaas}\nfunctions:\n  One: {}\n');
    await refused(['-f', 'wrong.yaml'], /wrong\.yaml:3:/);
    project.write('empty.yaml', 'provider: {name: openfaas}\n');
    await refused(['-f', 'empty.yaml'], /has no functions/);
    await refused(['--set', 'upstream_timeout=soon'], /upstream_timeout=soon: expected a duration/);
    await refused(['--set', 'upstream_timout=5s'], /no such setting; did you mean upstream_timeout\?/);
    await refused(['--set', 'anything_else=5s'], /no such setting \(docs/);
    await refused(['--set', 'port=1'], /skep dev sees to that itself/);
    await refused(['--port', '70000'], /--port must be at most 65535/);
  });

  it('gives functions the secrets of the project’s files, and those that come later', async () => {
    project.write('one/handler.sh', 'cat "$key_file" "$other_file"; echo\n');
    project.write('.secrets/key', 'abc');
    project.writeStack({
      one: 'lang: shell\nhandler: ./one\nimage: one:latest\nsecrets: [key, other]\nenvironment: {key_file: /var/openfaas/secrets/key, other_file: /var/openfaas/secrets/other}',
    });
    const dev = await project.dev();
    await dev.line(/^one +\| .*secret.*other/);
    await project.skep(['secret', 'create', 'other', '--from-literal', 'xyz']);
    await dev.line(/ready: |works again/);
    expect((await dev.call('one')).text).to.equal('abcxyz\n');
    project.write('.secrets/key', 'def');
    await dev.line(/reloaded/);
    expect((await dev.call('one')).text).to.equal('defxyz\n');
  });

  it('makes the namespaces that functions name', async () => {
    project.writeStack({ one: 'lang: shell\nhandler: ./one\nimage: one:latest\nnamespace: staging' });
    const dev = await project.dev();
    await dev.line(/ready: .*\/function\/one\.staging /);
    expect((await dev.call('one.staging')).text).to.equal('one\n');
  });

  it('refuses a deployment of an image that nothing here makes, and says why', async () => {
    const dev = await project.dev();
    await dev.line(/^Watching/);
    const password = project.read('.admin/admin-password').trim();
    const response = await fetch(`${dev.url}/system/functions`, {
      method: 'POST',
      headers: { Authorization: `Basic ${btoa(`admin:${password}`)}` },
      body: JSON.stringify({ service: 'x', image: 'ghcr.io/a/b:1' }),
    });
    expect(response.status).to.equal(400);
    expect(await response.text()).to.include('nothing here makes the image ghcr.io/a/b:1');
  });

  it('runs a function of a Dockerfile by its ENV, and says what that is worth', async () => {
    project.write(
      'own/Dockerfile',
      'FROM debian\nWORKDIR /srv\nCOPY . .\nENV fprocess="sh /srv/run.sh"\nCMD ["fwatchdog"]\n',
    );
    project.write('own/run.sh', 'echo own\n');
    project.writeStack({ own: 'lang: dockerfile\nhandler: ./own\nimage: own:latest' });
    const dev = await project.dev();
    await dev.line(/^own +\| its Dockerfile is not built here/);
    await dev.line(/ready: /);
    expect((await dev.call('own')).text).to.equal('own\n');
  });
});
