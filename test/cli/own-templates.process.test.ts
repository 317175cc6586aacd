import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { Workplace } from './support/run-skep.ts';
import { ScriptedGateway } from './support/scripted-gateway.ts';

const FAAS_CLI = process.env['FAAS_CLI'];
const ROOT = join(import.meta.dirname, '../..');
const tracked = spawnSync('git', ['ls-files', 'templates/*/template.yml'], { cwd: ROOT, encoding: 'utf8' });
const NAMES = tracked.stdout
  .trim()
  .split('\n')
  .map((path) => path.split('/')[1] ?? '');

describe('the templates of this repository', function () {
  this.timeout(30_000);
  let place: Workplace;
  beforeEach(() => {
    place = new Workplace();
  });
  afterEach(() => place.remove());
  const pulled = (): string[] => readdirSync(join(place.path, 'template')).sort();

  it('can be pulled from it', async () => {
    const ran = await place.skep(['template', 'pull', ROOT]);
    expect(ran.exitCode, ran.stdout).to.equal(0);
    expect(pulled()).to.deep.equal([...NAMES].sort());
  });

  it('each say in a README how they run, and in template.yml how without an image', () => {
    for (const name of NAMES) {
      const readme = readFileSync(join(ROOT, 'templates', name, 'README.md'), 'utf8');
      expect(readme, name).to.match(/mode|process per request/i);
      const manifest = readFileSync(join(ROOT, 'templates', name, 'template.yml'), 'utf8');
      if (name !== 'dockerfile') expect(manifest, name).to.match(/^dev:$/m);
    }
  });

  it('are listed, fetched and built by faas-cli from our store', async function () {
    if (FAAS_CLI === undefined) {
      console.log('      skipped: FAAS_CLI names no faas-cli');
      this.skip();
    }
    const store = readFileSync(join(ROOT, 'store/templates.json'), 'utf8').replaceAll(
      '"repo": "."',
      `"repo": "${ROOT}"`,
    );
    const server = await ScriptedGateway.start(() => ({ status: 200, body: store }));
    // Not spawnSync: the store is served by this process.
    const faas = async (...args: readonly string[]): Promise<string> => {
      const env = { ...place.env, OPENFAAS_TEMPLATE_STORE_URL: `${server.url}/templates.json` };
      const child = Bun.spawn([FAAS_CLI ?? '', ...args], { cwd: place.path, env, stderr: 'pipe' });
      const [out, err] = await Promise.all([
        new Response(child.stdout).text(),
        new Response(child.stderr).text(),
      ]);
      expect(await child.exited, out + err).to.equal(0);
      return out;
    };
    try {
      const listed = await faas('template', 'store', 'list', '--url', `${server.url}/templates.json`);
      for (const name of NAMES) expect(listed).to.match(new RegExp(`^${name} `, 'm'));
      await faas('new', 'hello', '--lang', 'ruby', '--quiet');
      expect(pulled()).to.include('ruby');
      await faas('build', '--shrinkwrap', '-f', 'stack.yaml');
      expect(place.read('build/hello/function/handler.rb')).to.contain('Hello from Ruby');
    } finally {
      await server.stop();
    }
  });
});
