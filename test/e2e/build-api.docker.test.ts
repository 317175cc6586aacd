import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { pack } from 'tar-stream';
import { docker, emptyFolder, run } from '../support/cli.ts';
import { openPlatform, type Platform, until } from '../support/platform.ts';

const NAME = 'e2e-built';
const IMAGE = `skep-e2e/${NAME}:latest`;

describe('a build by the gateway', function () {
  this.timeout(180_000);
  let platform: Platform;
  let base: string;

  before(async () => {
    platform = await openPlatform();
    base = await platform.exampleImage();
  });
  after(async () => {
    await platform.request('/system/functions', { method: 'DELETE', json: { functionName: NAME } });
    await docker('rmi', '-f', IMAGE);
  });

  const tar = async (files: Readonly<Record<string, string>>): Promise<Uint8Array<ArrayBuffer>> => {
    const archive = pack();
    for (const [name, text] of Object.entries(files)) archive.entry({ name }, text);
    archive.finalize();
    const chunks: Uint8Array[] = [];
    for await (const chunk of archive) chunks.push(chunk as Uint8Array);
    return new Uint8Array(Buffer.concat(chunks));
  };
  const build = async (files: Readonly<Record<string, string>>, authorization = platform.authorization) =>
    fetch(`${platform.url}/system/build`, {
      method: 'POST',
      body: await tar(files),
      headers: { authorization, accept: 'application/x-ndjson', 'content-type': 'application/octet-stream' },
    });
  const lines = async (response: Response): Promise<{ status: string; log: string[]; error?: string }[]> =>
    (await response.text())
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));

  it('goes from source to a function that answers, in one request', async () => {
    const config = {
      image: IMAGE,
      deploy: { service: NAME, envProcess: 'cat /etc/motto', envVars: { cgi_response: 'false' } },
    };
    const response = await build({
      'com.openfaas.docker.config': JSON.stringify(config),
      'context/Dockerfile': `FROM ${base}\nCOPY motto /etc/motto\n`,
      'context/motto': 'built in the gateway',
    });
    expect(response.status).to.equal(200);
    expect(response.headers.get('content-type')).to.match(/^application\/x-ndjson/);
    const progress = await lines(response);
    expect(progress.at(-1)?.status, JSON.stringify(progress)).to.equal('success');
    expect(progress.length).to.be.greaterThan(2);
    expect(progress.flatMap(({ log }) => log).join('\n')).to.match(/Step 1\/2|FROM/);
    const answer = await fetch(`${platform.url}/function/${NAME}`, { method: 'POST', body: '' });
    expect(await answer.text()).to.equal('built in the gateway');
  });

  it('is one curl of a tar, whose last line has the URL that answers', async () => {
    const folder = emptyFolder();
    try {
      mkdirSync(join(folder.path, 'context'));
      const config = {
        image: IMAGE,
        deploy: { service: NAME, envProcess: 'cat /etc/motto', envVars: { cgi_response: 'false' } },
      };
      writeFileSync(join(folder.path, 'com.openfaas.docker.config'), JSON.stringify(config));
      writeFileSync(join(folder.path, 'context/Dockerfile'), `FROM ${base}\nCOPY motto /etc/motto\n`);
      writeFileSync(join(folder.path, 'context/motto'), 'from one curl');
      const script =
        'tar -czf - com.openfaas.docker.config context | curl -sSN -H "Authorization: $AUTH" -H "Accept: application/x-ndjson" --data-binary @- "$GATEWAY/system/build"';
      const ran = await run('sh', ['-c', script], {
        folder: folder.path,
        stdin: '',
        env: { AUTH: platform.authorization, GATEWAY: platform.url },
      });
      const last = JSON.parse(ran.stdout.trim().split('\n').at(-1) ?? '') as { status: string; url: string };
      expect(last.status, ran.stdout + ran.stderr).to.equal('success');
      expect(last.url).to.equal(`${platform.url}/function/${NAME}`);
      expect(await (await fetch(last.url, { method: 'POST' })).text()).to.equal('from one curl');
    } finally {
      folder.remove();
    }
  });

  it('tells why a version does not run, and leaves the one before it', async () => {
    const before = await fetch(`${platform.url}/function/${NAME}`, { method: 'POST' });
    const response = await build({
      'com.openfaas.docker.config': JSON.stringify({ image: IMAGE, deploy: { service: NAME } }),
      'context/Dockerfile': `FROM ${base}\nENTRYPOINT ["sh", "-c", "exit 3"]\n`,
    });
    const last = (await lines(response)).at(-1);
    expect(last?.status).to.equal('failed');
    expect(last?.error).to.contain('non-zero exit (3)');
    const after = await fetch(`${platform.url}/function/${NAME}`, { method: 'POST' });
    expect([after.status, await after.text()]).to.deep.equal([200, await before.text()]);
  });

  it('ends with its client, though the step that runs says nothing', async () => {
    const isRunning = async (): Promise<boolean> =>
      (await docker('ps', '--no-trunc', '--format', '{{.Command}}')).stdout.includes('sleep 151');
    const folder = emptyFolder();
    try {
      mkdirSync(join(folder.path, 'context'));
      writeFileSync(join(folder.path, 'com.openfaas.docker.config'), JSON.stringify({ image: IMAGE }));
      writeFileSync(join(folder.path, 'context/Dockerfile'), `FROM ${base}\nUSER root\nRUN sleep 151\n`);
      const archive = await run('tar', ['-cf', 'build.tar', 'com.openfaas.docker.config', 'context'], {
        folder: folder.path,
        stdin: '',
      });
      expect(archive.exitCode, archive.stderr).to.equal(0);
      for (const accept of ['application/x-ndjson', 'application/json']) {
        const client = Bun.spawn(
          ['curl', '-sN', '-H', `Authorization: ${platform.authorization}`, '-H', `Accept: ${accept}`].concat(
            ['--data-binary', '@build.tar', `${platform.url}/system/build`],
          ),
          { cwd: folder.path, stdout: 'ignore' },
        );
        await until('the step runs', isRunning, 30_000);
        client.kill('SIGKILL');
        await until('the step has ended', async () => !(await isRunning()), 60_000);
      }
    } finally {
      folder.remove();
    }
  });

  it('that fails says which step and why, with status `failed`', async () => {
    const response = await build({
      'com.openfaas.docker.config': JSON.stringify({ image: IMAGE }),
      'context/Dockerfile': `FROM ${base}\nRUN exit 7\n`,
    });
    expect(response.status).to.equal(200);
    const last = (await lines(response)).at(-1);
    expect(last?.status).to.equal('failed');
    expect(last?.error).to.match(/7/);
  });

  it('without a Dockerfile, or without a configuration, is refused with the reason', async () => {
    const noDockerfile = await build({
      'com.openfaas.docker.config': JSON.stringify({ image: IMAGE }),
      'context/a': '',
    });
    expect(noDockerfile.status).to.equal(400);
    expect(await noDockerfile.text()).to.contain('Dockerfile');
    const noConfig = await build({ 'context/Dockerfile': 'FROM scratch\n' });
    expect(noConfig.status).to.equal(400);
    expect(await noConfig.text()).to.contain('com.openfaas.docker.config');
  });

  it('needs credentials', async () => {
    expect((await build({ 'context/Dockerfile': '' }, 'Basic bm86bm8=')).status).to.equal(401);
  });
});
