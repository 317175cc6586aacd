import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { DevProcess } from '../dev/support/dev-project.ts';

const ROOT = join(import.meta.dirname, '../..');

describe('npm run dev', function () {
  this.timeout(60_000);
  const home = mkdtempSync(join(tmpdir(), 'skep-run-dev-'));
  after(() => rmSync(home, { recursive: true, force: true }));

  it('runs the examples of this repository without Docker', async function () {
    if (['node', 'npm', 'python3'].some((program) => Bun.which(program) === null)) this.skip();
    const env = { ...process.env, SKEP_HOME: home, OPENFAAS_CONFIG: home, DOCKER_HOST: 'tcp://127.0.0.1:1' };
    const dev = new DevProcess(['bash', 'scripts/dev', '--port', '0', '--no-nats'], { cwd: ROOT, env });
    try {
      const [, url = ''] = /(http:\S+)/.exec(await dev.line(/^Gateway/)) ?? [];
      dev.url = url;
      await dev.line(/^Watching/);
      expect((await dev.call('markdown', '# Hi')).text, dev.output).to.include('<h1>Hi</h1>');
      expect((await dev.call('wordcount', 'one two')).text).to.include('2');
      expect((await dev.call('sha512', 'abc')).text).to.match(/^ddaf35a1/);
      expect((await dev.call('hello-ts', 'you')).text).to.include('you');
    } finally {
      await dev.end('SIGTERM');
    }
  });
});
