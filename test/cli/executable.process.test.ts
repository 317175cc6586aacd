import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { generateTemplateArchive } from '../../cli/templates/embed.ts';
import { createProcessCluster } from '../../gateway/processes/create-process-cluster.ts';
import { until } from '../provider-contract/describe-provider.ts';
import { createQuietLogger } from '../support/quiet-logger.ts';

const ROOT = join(import.meta.dirname, '..', '..');

describe('the skep executable', () => {
  let folder: string;
  const skep = (...args: string[]) =>
    spawnSync(join(folder, 'skep'), args, {
      cwd: folder,
      encoding: 'utf8',
      env: { HOME: folder, PATH: '/nowhere' },
    });

  before(function () {
    this.timeout(60_000);
    folder = mkdtempSync(join(tmpdir(), 'skep-executable-'));
    // As scripts/platform/compile.ts does it.
    const flags = [
      '--compile',
      '--bytecode',
      '--format=esm',
      '--minify-syntax',
      '--external',
      'cpu-features',
    ];
    const args = ['build', ...flags, 'cli/main.ts', '--outfile', join(folder, 'skep')];
    const built = spawnSync(process.execPath, args, { cwd: ROOT, encoding: 'utf8' });
    if (built.status !== 0) throw new Error(`${built.stdout}\n${built.stderr}`);
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  it('carries every template of the repository, with file modes', () => {
    const archive: Record<string, { path: string; mode: number }[]> = JSON.parse(generateTemplateArchive());
    expect(Object.keys(archive)).to.include.members(['node', 'python', 'typescript', 'dockerfile']);
    const listed = skep('new', '--list').stdout;
    for (const lang of Object.keys(archive)) expect(listed).to.contain(`- ${lang}\n`);

    expect(skep('new', 'hello', '--lang', 'node', '-q').status).to.equal(0);
    const shrunk = skep('build', '--shrinkwrap');
    expect(shrunk.status, shrunk.stdout).to.equal(0);
    const files = archive['node'] ?? [];
    const written = readdirSync(join(folder, 'build/hello'), { recursive: true, withFileTypes: true }).filter(
      (entry) => entry.isFile(),
    );
    expect(written).to.have.length(files.length);
    for (const { path, mode } of files) {
      expect(statSync(join(folder, 'build/hello', path)).mode & 0o777, path).to.equal(mode);
    }
  });

  it('is the watchdog of functions, too, and the runtime of those in TypeScript', async () => {
    writeFileSync(
      join(folder, 'answer.ts'),
      "await Bun.write(Bun.stdout, (await Bun.stdin.text()) + ' typed');",
    );
    const cluster = createProcessCluster({
      sources: { find: async () => ({ folder, env: { fprocess: 'bun answer.ts' }, version: '1' }) },
      watchdogCommand: [join(folder, 'skep'), '__watchdog'],
      defaultNamespace: 'openfaas-fn',
      folder: join(folder, 'cluster'),
      environment: { PATH: '/nowhere' },
      logger: createQuietLogger().logger,
    });
    try {
      await cluster.provider.create({ service: 'typed', image: 'any:1' });
      const [one] = await until(cluster.provider, ([fn]) => fn?.replicas[0]?.isRunning === true);
      const url = `http://127.0.0.1:${one?.replicas[0]?.port}/`;
      expect(await (await fetch(url, { method: 'POST', body: 'it is' })).text()).to.equal('it is typed');
    } finally {
      await cluster.stop(0);
    }
  });

  it('has no template of another name', () => {
    const ran = skep('new', 'other', '--lang', 'constructor');
    expect(ran.stdout).to.contain('Template: "constructor" was not found');
    expect(ran.status).to.equal(1);
  });
});
