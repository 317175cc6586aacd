import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { emptyFolder, type Folder, type Ran, run, succeeded } from '../support/cli.ts';
import { openPlatform, type Platform, until } from '../support/platform.ts';

/** Path of the real faas-cli; it is built from its own public repository, outside this one. */
const FAAS_CLI = process.env['FAAS_CLI'] ?? '';
const NAME = 'clients-tour';

describe(FAAS_CLI === '' ? 'faas-cli (set FAAS_CLI to its executable)' : 'faas-cli', function () {
  this.timeout(120_000);
  let folder: Folder;
  let platform: Platform;
  let image: string;

  const faas = (args: readonly string[], stdin = ''): Promise<Ran> =>
    run(FAAS_CLI, args, {
      folder: folder.path,
      stdin,
      env: { OPENFAAS_URL: platform.url, OPENFAAS_CONFIG: join(folder.path, '.config') },
    });
  const does = async (args: readonly string[], stdin = ''): Promise<string> =>
    succeeded(`faas-cli ${args.join(' ')}`, await faas(args, stdin)).stdout;
  const password = (): string =>
    Buffer.from(platform.authorization.replace('Basic ', ''), 'base64')
      .toString('utf8')
      .replace('admin:', '');
  const removeFunction = async (): Promise<void> => {
    const gone = async (): Promise<boolean> =>
      (await platform.request(`/system/function/${NAME}`)).status === 404;
    await platform.request('/system/functions', { method: 'DELETE', json: { functionName: NAME } });
    await until('the function is gone', gone);
  };

  before(async function () {
    if (FAAS_CLI === '') {
      this.skip();
      return;
    }
    if (!existsSync(FAAS_CLI)) throw new Error(`FAAS_CLI=${FAAS_CLI}: no such file`);
    platform = await openPlatform();
    image = await platform.exampleImage();
    folder = emptyFolder();
    await removeFunction();
    await does(['login', '--password-stdin'], password());
    await does([
      'deploy',
      '--image',
      image,
      '--name',
      NAME,
      '--env',
      'fprocess_note=hi',
      '--label',
      'tour=yes',
    ]);
    await does(['ready', NAME, '--attempts', '60']);
  });
  after(async () => {
    if (folder === undefined) return;
    await removeFunction();
    folder.remove();
  });

  it('is refused without a login, and says what to do', async () => {
    const ran = await run(FAAS_CLI, ['list'], {
      folder: folder.path,
      stdin: '',
      env: { OPENFAAS_URL: platform.url, OPENFAAS_CONFIG: join(folder.path, '.nothing') },
    });
    expect(ran.exitCode).to.equal(1);
    expect(ran.stdout + ran.stderr).to.match(/unauthorized access, run "faas-cli login"/i);
  });

  it('refuses a wrong password', async () => {
    const ran = await faas(['login', '--password-stdin'], `${password()}x`);
    expect(ran.exitCode).to.equal(1);
    expect(ran.stdout + ran.stderr).to.match(/either username or password is incorrect/i);
    await does(['login', '--password-stdin'], password());
  });

  it('shows the versions of gateway and provider', async () => {
    // Or else it asks the internet for its own newest version, and fails where there is none.
    const said = await does(['version', '--warn-update=false']);
    expect(said).to.match(/Gateway\s+uri: {5}http/);
    expect(said).to.match(/orchestration: swarm/);
  });

  it('lists the function', async () => {
    expect(await does(['list'])).to.match(new RegExp(`^${NAME} +\t\\d+ +\t1`, 'm'));
    expect(await does(['list', '--quiet'])).to.match(new RegExp(`^${NAME}$`, 'm'));
    expect(await does(['list', '-v'])).to.match(new RegExp(`^${NAME} +\t${image} *\t`, 'm'));
  });

  it('describes it as it was deployed', async () => {
    const said = await does(['describe', NAME]);
    expect(said).to.match(/^Status: +Ready$/m);
    expect(said).to.match(/^Available Replicas: +1$/m);
    expect(said).to.contain(`Image:              ${image}\n`);
    expect(said).to.match(/^ tour: yes$/m);
  });

  it('deploys it again, in place', async () => {
    const said = await does(['deploy', '--image', image, '--name', NAME, '--label', 'tour=again']);
    expect(said).to.contain('Deployed. 202 Accepted.');
    expect(await does(['describe', NAME])).to.match(/^ tour: again$/m);
    await does(['ready', NAME]);
  });

  it('invokes it', async () => {
    expect(await does(['invoke', NAME], 'Ada')).to.contain('Hello, Ada!');
  });

  it('is told of functions that there are not', async () => {
    for (const args of [
      ['describe', 'clients-nobody'],
      ['remove', 'clients-nobody'],
      ['logs', 'clients-nobody', '--tail=false'],
    ]) {
      const ran = await faas(args);
      expect(ran.exitCode, args.join(' ')).to.equal(1);
      expect(ran.stdout + ran.stderr, args.join(' ')).to.match(
        /no such function|no existing function|not found|404/i,
      );
    }
  });

  it('shows its log: all, the newest line, as keys and values, as JSON', async () => {
    const all = await does(['logs', NAME, '--tail=false']);
    expect(all).to.match(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ .*Listening on port: 8080/m);
    const newest = (await does(['logs', NAME, '--tail=false', '--lines=1'])).trimEnd().split('\n');
    expect(newest).to.have.length(1);
    expect(await does(['logs', NAME, '--tail=false', '--output=keyvalue', '--name'])).to.contain(
      `name="${NAME}" text="`,
    );
    const [json = ''] = (await does(['logs', NAME, '--tail=false', '--lines=1', '--json'])).split('\n');
    expect(Object.keys(JSON.parse(json))).to.deep.equal([
      'name',
      'namespace',
      'instance',
      'timestamp',
      'text',
    ]);
    expect(await does(['logs', NAME, '--tail=false', '--since-time=2100-01-01T00:00:00Z'])).to.equal('');
  });

  it('is ready for the gateway', async () => {
    expect(await does(['ready'])).to.contain('OpenFaaS gateway is ready');
  });

  it('removes it, and logs out', async () => {
    expect(await does(['remove', NAME])).to.contain('Removing old function.');
    await until('it is gone', async () => !(await does(['list', '--quiet'])).includes(NAME));
    expect(await does(['logout'])).to.contain(`credentials removed for ${platform.url}`);
    expect((await faas(['list'])).exitCode).to.equal(1);
  });
});
