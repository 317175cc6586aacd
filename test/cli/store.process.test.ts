import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { Workplace } from './support/run-skep.ts';
import { ScriptedGateway } from './support/scripted-gateway.ts';

const ROOT = join(import.meta.dirname, '../..');

const TEMPLATES = [
  { template: 'plain', platform: 'x86_64', language: 'X', source: 'me', description: 'a plain one', repo: '/none', official: 'false' },
  { template: 'official', platform: 'x86_64', language: 'Y', source: 'us', description: 'ours', repo: '/none', official: 'true' },
  { template: 'best', platform: 'x86_64', language: 'Z', source: 'us', description: 'best', repo: '/none', official: 'true', recommended: true },
  { template: 'plain', platform: 'armhf', language: 'X', source: 'arm', description: 'for arm', repo: '/none', official: false },
]; // biome-ignore format: a table

const FUNCTIONS = {
  version: '0.2.1',
  functions: [
    {
      title: 'Node Info', name: 'nodeinfo', author: 'alex', description: 'Says where it runs.',
      images: { x86_64: 'example/nodeinfo:1', arm64: 'example/nodeinfo:1-arm64' },
      fprocess: 'node main.js', repo_url: 'https://example.com/nodeinfo', icon: 'x',
      environment: { write_debug: 'true', MODE: 'store' }, labels: { 'com.openfaas.ui.ext': 'x' }, readOnlyRootFilesystem: true,
    },
    { title: 'A title that is a good deal longer than forty characters', name: 'long', images: { x86_64: 'example/long:1' } },
    { title: 'ARM only', name: 'arm', images: { armhf: 'example/arm:1' } },
  ],
}; // biome-ignore format: a table

describe('stores of the CLI', function () {
  this.timeout(20_000);
  let place: Workplace;
  let server: ScriptedGateway | undefined;
  beforeEach(() => {
    place = new Workplace();
    place.write('templates.json', JSON.stringify(TEMPLATES));
    place.write('functions.json', JSON.stringify(FUNCTIONS));
  });
  afterEach(async () => {
    await place.remove();
    await server?.stop();
    server = undefined;
  });
  const lines = (text: string): string[] => text.split('\n').map((line) => line.trimEnd());

  describe('skep template store', () => {
    it('lists recommended ones first, then official ones, for one platform', async () => {
      const ran = await place.skep(['template', 'store', 'list', '--url', './templates.json']);
      expect(lines(ran.stdout)).to.deep.equal([
        '',
        'NAME     RECOMMENDED SOURCE DESCRIPTION',
        'best     [x]         us     best',
        'official [ ]         us     ours',
        'plain    [ ]         me     a plain one',
        '',
        '',
      ]);
      expect(
        (await place.skep(['template', 'store', 'ls', '-u', 'templates.json', '-p', 'ARMHF'])).stdout,
      ).to.contain('for arm');
    });

    it('lists what is recommended or official alone, with language and platform, or as JSON', async () => {
      const list = (...flags: string[]) =>
        place.skep(['template', 'store', 'list', '-u', './templates.json', ...flags]);
      expect(lines((await list('-r', '-v')).stdout).slice(1, 3)).to.deep.equal([
        'NAME RECOMMENDED SOURCE DESCRIPTION LANGUAGE PLATFORM',
        'best [x]         us     best        Z        x86_64',
      ]);
      const official = JSON.parse((await list('--official', '--json')).stdout) as typeof TEMPLATES;
      expect(official.map(({ template }) => template)).to.deep.equal(['best', 'official']);
      expect(official[1]).to.include({ official: 'true', recommended: false });
    });

    it("is Skep's own without an address: it lists the templates of this repository, and copies them", async () => {
      delete place.env['OPENFAAS_TEMPLATE_STORE_URL'];
      const ran = await place.skep(['template', 'store', 'list', '--json']);
      const names = (JSON.parse(ran.stdout) as typeof TEMPLATES).map(({ template }) => template);
      const folders = readdirSync(join(ROOT, 'templates')).filter((name) =>
        existsSync(join(ROOT, 'templates', name, 'template.yml')),
      );
      expect(names).to.have.members(folders);
      const pulled = await place.skep(['template', 'store', 'pull', 'bash']);
      expect(pulled.stdout).to.equal('Wrote 1 template(s) : [bash] \n');
      expect(place.read('template/bash/Dockerfile')).to.equal(
        readFileSync(join(ROOT, 'templates/bash/Dockerfile'), 'utf8'),
      );
      expect(JSON.parse(place.read('template/bash/meta.json'))['repository']).to.match(/^skep \d/);
      expect((await place.skep(['template', 'store', 'pull', 'bash@v1'])).stdout).to.contain(
        'comes with skep, in one version',
      );
    });

    it('shows one by its name, and by source and name', async () => {
      const ran = await place.skep(['template', 'store', 'describe', 'us/best', '-u', './templates.json']);
      expect(lines(ran.stdout)).to.include.members([
        'Name:        best',
        'Repository:  /none',
        'Recommended: [x]',
      ]);
    });

    it('takes the store from OPENFAAS_TEMPLATE_STORE_URL, over HTTP, and a flag before it', async () => {
      server = await ScriptedGateway.start(() => ({ status: 200, body: JSON.stringify(TEMPLATES) }));
      place.env['OPENFAAS_TEMPLATE_STORE_URL'] = `${server.url}/templates.json`;
      expect((await place.skep(['template', 'store', 'list'])).stdout).to.contain('a plain one');
      expect(server.calls).to.deep.equal(['GET /templates.json']);
      await place.skep(['template', 'store', 'list', '-u', './templates.json']);
      expect(server.received).to.have.length(1);
    });

    it('is part of "new --list": what is fetched when it is used', async () => {
      place.env['OPENFAAS_TEMPLATE_STORE_URL'] = './templates.json';
      const { stdout } = await place.skep(['new', '--list']);
      expect(stdout).to.match(/^Languages available as templates:\n- bash\n/);
      expect(stdout).to.contain(
        'Fetched from ./templates.json when they are used:\n- best\n- official\n- plain\n',
      );
    });

    it('refuses what is not in the store, naming what is', async () => {
      const ran = await place.skep(['template', 'store', 'pull', 'nope', '-u', './templates.json']);
      expect(ran.stdout)
        .to.contain('Template with name: `nope` does not exist in the store')
        .and.to.contain('best, official');
      expect(ran.exitCode).to.equal(1);
      expect((await place.skep(['template', 'store', 'pull'])).stdout).to.contain(
        'Please give the name of a template',
      );
    });
  });

  describe('skep store', () => {
    it('lists functions for the platform', async () => {
      const ran = await place.skep(['store', 'list', '-u', './functions.json', '-p', 'x86_64']);
      expect(lines(ran.stdout).slice(1, 4)).to.deep.equal([
        'FUNCTION AUTHOR  DESCRIPTION',
        'nodeinfo alex    Node Info',
        'long     unknown A title that is a good deal longer than forty characters',
      ]);
      const short = await place.skep(['store', 'ls', '-u', './functions.json', '-p', 'x86_64', '-v=false']);
      expect(short.stdout).to.contain('unknown A title that is a good deal longer th...');
      const json = JSON.parse(
        (await place.skep(['store', 'list', '-u', './functions.json', '-p', 'armhf', '-j'])).stdout,
      );
      expect(json).to.have.length(1);
    });

    it('shows one', async () => {
      place.env['OPENFAAS_STORE'] = './functions.json';
      const ran = await place.skep(['store', 'describe', 'nodeinfo', '-p', 'arm64']);
      expect(lines(ran.stdout)).to.include.members([
        'Title:       Node Info', 'Author:      alex', 'Says where it runs.', 'Image:    example/nodeinfo:1-arm64',
        'Process:  node main.js', 'Repo URL: https://example.com/nodeinfo', 'Environment:', '-  MODE: store',
      ]); // biome-ignore format: short
    });

    it('deploys one by its title, with what the store says of it, flags over that', async () => {
      server = await ScriptedGateway.start(({ method }) => ({ status: method === 'PUT' ? 404 : 202 }));
      const flags = [
        '--name',
        'info',
        '-e',
        'MODE=flag',
        '-l',
        'a=b',
        '--memory-limit',
        '64Mi',
        '-p',
        'x86_64',
      ];
      const ran = await place.skep([
        'store',
        'deploy',
        'node info',
        '-u',
        './functions.json',
        '-g',
        server.url,
        ...flags,
      ]);
      expect(ran.exitCode, ran.stdout).to.equal(0);
      expect(ran.stdout)
        .to.contain('Deployed. 202 Accepted.')
        .and.to.contain(`URL: ${server.url}/function/info`);
      expect(server.calls).to.deep.equal(['PUT /system/functions', 'POST /system/functions']);
      expect(JSON.parse(server.received[1]?.body ?? '')).to.deep.equal({
        service: 'info', image: 'example/nodeinfo:1', envProcess: 'node main.js', envVars: { write_debug: 'true', MODE: 'flag' },
        labels: { 'com.openfaas.ui.ext': 'x', a: 'b' }, limits: { memory: '64Mi' }, readOnlyRootFilesystem: true,
      }); // biome-ignore format: short
    });

    it('does not look at a stack file', async () => {
      server = await ScriptedGateway.start(() => ({ status: 200 }));
      place.write('stack.yaml', 'provider: {name: openfaas, gateway: "http://127.0.0.1:1"}\nfunctions: {}\n');
      await place.skep([
        'store',
        'deploy',
        'long',
        '-u',
        './functions.json',
        '-g',
        server.url,
        '-p',
        'x86_64',
      ]);
      expect(server.calls).to.deep.equal(['PUT /system/functions']);
    });

    it('fails where the gateway refuses', async () => {
      server = await ScriptedGateway.start(() => ({ status: 400, body: 'no' }));
      const ran = await place.skep([
        'store',
        'deploy',
        'long',
        '-u',
        './functions.json',
        '-g',
        server.url,
        '-p',
        'x86_64',
      ]);
      expect(ran.stdout).to.contain("Function 'long' failed to deploy with status code: 400");
      expect(ran.exitCode).to.equal(1);
    });

    it('reads the older list, with one image for each', async () => {
      place.write(
        'old.json',
        JSON.stringify([{ title: 'Old', name: 'old', image: 'example/old:1', network: 'x' }]),
      );
      expect((await place.skep(['store', 'list', '-u', './old.json', '-p', 'x86_64'])).stdout).to.contain(
        'old',
      );
    });

    it('describes one that has no image for the platform, and says for which it has', async () => {
      const ran = await place.skep(['store', 'describe', 'arm', '-u', './functions.json', '-p', 'x86_64']);
      expect(ran.exitCode, ran.stdout).to.equal(0);
      expect(ran.stdout).to.match(/^Image: +none for x86_64; armhf: \S+$/m);
    });

    it('refuses one that is not there, or for another platform', async () => {
      const get = (name: string) =>
        place.skep(['store', 'deploy', name, '-u', './functions.json', '-p', 'x86_64']);
      expect((await get('nope')).stdout).to.contain("Function 'nope' not found for platform 'x86_64'");
      expect((await get('arm')).stdout).to.contain('it is there for armhf: choose with --platform');
      expect((await get('arm')).exitCode).to.equal(1);
    });

    it('lists the examples of this repository, which exist', async () => {
      const ran = await place.skep([
        'store',
        'list',
        '-u',
        join(ROOT, 'store/functions.json'),
        '-j',
        '-p',
        'x86_64',
      ]);
      for (const { name } of JSON.parse(ran.stdout) as { name: string }[])
        expect(existsSync(join(ROOT, 'examples', name)), name).to.equal(true);
    });
  });

  const wrong: readonly (readonly [what: string, text: string, told: string])[] = [
    ['no JSON', '{"functions": [', 'it is not valid JSON'],
    ['a page', '<!DOCTYPE html>', 'it is not valid JSON'],
    ['another object', '{"items": []}', 'it has no list "functions"'],
    ['a list of names', '["a"]', 'entry 1 must be an object'],
    ['an entry without a name', '{"functions": [{"title": "x"}]}', 'entry 1 has no "name"'],
    ['an image that is a number', '{"functions": [{"name": "x", "images": {"x86_64": 5}}]}', '"x86_64" must be a text'],
    ['labels that are a list', '{"functions": [{"name": "x", "labels": []}]}', 'entry 1: "labels" must be an object'],
  ]; // biome-ignore format: a table
  for (const [what, text, told] of wrong) {
    it(`refuses a store that is ${what}`, async () => {
      place.write('wrong.json', text);
      const ran = await place.skep(['store', 'list', '-u', './wrong.json']);
      expect(ran.stdout).to.contain(told);
      expect(ran.exitCode).to.equal(1);
    });
  }

  it('refuses a template of a store whose name is a path', async () => {
    place.write('wrong.json', JSON.stringify([{ template: '../../x', repo: '.' }]));
    const ran = await place.skep(['template', 'store', 'pull', '../../x', '-u', './wrong.json']);
    expect(ran.stdout).to.contain('entry 1: "../../x" is no template name');
  });

  it('says which store cannot be read, and why', async () => {
    server = await ScriptedGateway.start(() => ({ status: 404, body: '<html>' }));
    const told = async (url: string) => (await place.skep(['store', 'list', '-u', url])).stdout;
    expect(await told(`${server.url}/x`)).to.contain('Server returned unexpected status code: 404');
    expect(await told('http://127.0.0.1:1/x')).to.contain(
      'Cannot connect to the store at URL: http://127.0.0.1:1/x',
    );
    expect(await told('./nothing.json')).to.contain('no such file');
  });
});
