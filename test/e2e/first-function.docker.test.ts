import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { docker, emptyFolder, type Folder, skep, succeeded } from '../support/cli.ts';
import { openPlatform, type Platform, until } from '../support/platform.ts';

const NAME = 'e2e-hello';

describe('a first function, from an empty folder to its removal', function () {
  this.timeout(180_000);
  let folder: Folder;
  let platform: Platform;

  const call = (body: string): Promise<Response> =>
    fetch(`${platform.url}/function/${NAME}`, {
      method: 'POST',
      body,
      headers: { 'content-type': 'text/plain' },
    });
  /** The handler, and the test of it that runs in the build. */
  const writeHandler = (prefix: string): void => {
    const code = `module.exports = async (event, context) => context.status(200).succeed('${prefix}: ' + event.body);\n`;
    const test = `require('node:test')('answers', () => {});\n`;
    writeFileSync(join(folder.path, NAME, 'handler.js'), code);
    writeFileSync(join(folder.path, NAME, 'handler.test.js'), test);
  };

  before(async () => {
    platform = await openPlatform();
    folder = emptyFolder();
  });
  after(async () => {
    await skep(folder.path, ['remove', NAME]);
    folder.remove();
  });

  it('begins with `skep new`', async () => {
    const ran = succeeded('new', await skep(folder.path, ['new', NAME, '--lang', 'node']));
    expect(ran.stdout).to.contain(`Folder: ${NAME} created.`);
    expect(ran.stdout).to.contain('Stack file written: stack.yaml');
    expect(readFileSync(join(folder.path, 'stack.yaml'), 'utf8')).to.contain(`image: ${NAME}:latest`);
  });

  it('is built and deployed by `skep up`, without a push as its image names no registry', async () => {
    writeHandler('first');
    const ran = succeeded('up', await skep(folder.path, ['up', '-f', 'stack.yaml']));
    expect(ran.stdout).to.contain('Deployed. 202 Accepted.');
    expect(ran.stdout).to.contain(`URL: ${platform.url}/function/${NAME}`);
    expect(ran.stdout).to.not.contain('Pushing');
  });

  it('answers its first call, which waits for the replica', async () => {
    const response = await call('hi');
    expect(await response.text()).to.equal('first: hi');
    expect(response.status).to.equal(200);
    expect(response.headers.get('x-call-id')).to.match(/^[0-9a-f-]{36}$/);
    expect(response.headers.get('x-start-time')).to.match(/^\d{19}$/);
    expect(response.headers.get('x-duration-seconds')).to.match(/^\d+\.\d{6}$/);
  });

  it('is called by `skep invoke`, body from stdin', async () => {
    const ran = succeeded('invoke', await skep(folder.path, ['invoke', NAME], 'hi'));
    expect(ran.stdout).to.equal('first: hi');
  });

  it('is listed and described', async () => {
    const listed = succeeded('list', await skep(folder.path, ['list']));
    expect(listed.stdout).to.match(new RegExp(`^${NAME} +\\t\\d+ *\\t1 *$`, 'm'));
    const described = succeeded('describe', await skep(folder.path, ['describe', NAME]));
    expect(described.stdout).to.match(new RegExp(`^Name:\\s+${NAME}$`, 'm'));
    expect(described.stdout).to.match(/^Status:\s+Ready$/m);
    expect(described.stdout).to.match(new RegExp(`^Image:\\s+${NAME}:latest$`, 'm'));
  });

  it('reads back what was deployed', async () => {
    const status = (await (await platform.request(`/system/function/${NAME}`)).json()) as Record<
      string,
      unknown
    >;
    expect(status).to.include({ name: NAME, namespace: 'openfaas-fn', image: `${NAME}:latest`, replicas: 1 });
    expect(status['labels']).to.include({ faas_function: NAME });
    expect(status['annotations']).to.be.an('object');
  });

  it('runs new code after the next `skep up`, though the image has the same tag', async () => {
    writeHandler('second');
    succeeded('up', await skep(folder.path, ['up', '-f', 'stack.yaml']));
    await until('the new code', async () => (await (await call('hi')).text()) === 'second: hi', 90_000);
  });

  it('comes back when its container is killed', async () => {
    const containers = (): Promise<string> =>
      docker('ps', '-q', '--filter', `label=com.docker.swarm.service.name=${NAME}`).then(({ stdout }) =>
        stdout.trim(),
      );
    // A container that dies while Swarm still watches the update would have the update rolled back.
    await until('the end of the update', async () => {
      const { stdout } = await docker('service', 'inspect', '--format', '{{.UpdateStatus.State}}', NAME);
      return stdout.trim() === 'completed';
    });
    const [killed] = (await containers()).split('\n');
    if (!killed) throw new Error('no container runs');
    succeeded('kill', await docker('kill', killed));
    await until('a new container', async () => {
      const now = await containers();
      return now !== '' && !now.includes(killed);
    });
    const response = await call('again');
    expect(`${response.status} ${await response.text()}`).to.equal('200 second: again');
  });

  it('is gone after `skep remove`', async () => {
    const ran = succeeded('remove', await skep(folder.path, ['remove', NAME]));
    expect(ran.stdout).to.contain('Removing old function.');
    await until('the removal', async () => (await call('hi')).status === 404);
    const again = await skep(folder.path, ['remove', NAME]);
    expect(again.stdout).to.contain('No existing function to remove');
    expect(again.exitCode).to.equal(1);
  });
});
