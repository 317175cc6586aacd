import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { expect } from 'chai';
import { OWN_PACKAGES } from './own-packages.ts';

const TEMPLATES = join(import.meta.dirname, '../../templates');

/** What install.sh of a template runs with these files in the function's folder; each program only says how it was called. */
function installed(template: string, files: readonly string[], args: readonly string[] = []) {
  const folder = mkdtempSync(join(tmpdir(), 'skep-install-'));
  try {
    mkdirSync(join(folder, 'function'));
    for (const name of files) writeFileSync(join(folder, 'function', name), '');
    for (const program of ['npm', 'python3', 'bundle'])
      writeFileSync(
        join(folder, program),
        '#!/bin/sh\necho "$(basename "$0") $* $(basename "$PIP_CONFIG_FILE") $BUNDLE_FROZEN"\n',
        { mode: 0o755 },
      );
    // Fetches an empty file in place of the server.
    writeFileSync(
      join(folder, 'mvn'),
      '#!/bin/sh\nmkdir -p server.new\n: > server.new/httpcore5-5.4.4.jar\n',
      { mode: 0o755 },
    );
    cpSync(join(TEMPLATES, template, 'install.sh'), join(folder, 'install.sh'));
    const path = `${folder}${delimiter}${process.env['PATH'] ?? ''}`;
    const ran = spawnSync('sh', ['install.sh', ...args], {
      cwd: folder,
      encoding: 'utf8',
      env: { PATH: path },
    });
    return { exitCode: ran.status, said: (ran.stdout + ran.stderr).trim() };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

describe('the packages of a function', () => {
  for (const template of ['node', 'node-http']) {
    it(`${template}: are what a lock file of npm says, else what package.json allows`, () => {
      expect(installed(template, []).said).to.match(/^npm install /);
      for (const lock of ['package-lock.json', 'npm-shrinkwrap.json'])
        expect(installed(template, [lock]).said, lock).to.match(/^npm ci /);
      expect(installed(template, ['package-lock.json', 'yarn.lock']).said).to.match(/^npm ci /);
    });

    it(`${template}: are not installed past the lock file of another package manager`, () => {
      for (const lock of ['yarn.lock', 'pnpm-lock.yaml']) {
        const { exitCode, said } = installed(template, [lock]);
        expect(exitCode, said).to.equal(1);
        expect(said).to.contain('npm install --package-lock-only').and.not.contain('--no-audit');
      }
    });
  }

  it('typescript: are what a lock file says that Bun reads', () => {
    expect(installed('typescript', [], ['echo']).said).to.equal('install');
    for (const lock of ['bun.lock', 'bun.lockb', 'package-lock.json', 'yarn.lock', 'pnpm-lock.yaml'])
      expect(installed('typescript', [lock], ['echo']).said, lock).to.equal('install --frozen-lockfile');
  });

  for (const template of ['python', 'python-flask']) {
    it(`${template}: come from where pip.conf says, where there is one`, () => {
      expect(installed(template, []).said).to.match(/ -r requirements\.txt$/);
      expect(installed(template, ['pip.conf']).said).to.match(/ pip\.conf$/);
    });
  }

  it('java: come with no other server than the one whose sum is known', () => {
    const { exitCode, said } = installed('java', []);
    expect(exitCode, said).to.equal(1);
    expect(said).to.contain('is not the one of Maven Central (sha256 e3b0c442');
  });

  it('ruby: are what Gemfile.lock says, else what Gemfile allows', () => {
    expect(installed('ruby', []).said).to.equal('bundle install --quiet');
    expect(installed('ruby', ['Gemfile.lock']).said).to.equal('bundle install --quiet  true');
  });

  for (const template of ['node', 'node-http']) {
    it(`${template}: are there for a package of the function's own folder, too, after the steps of the image build`, function () {
      this.timeout(60_000);
      if (Bun.which('npm') === null) this.skip();
      expect(builtInSteps(template, OWN_PACKAGES['node-http'] ?? {})).to.equal('');
    });
  }
});

/** Does what the Dockerfile does from install.sh to the test, as far as it is about files. @returns what a step that failed said */
function builtInSteps(template: string, files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'skep-install-'));
  try {
    const context = join(folder, 'context');
    cpSync(join(TEMPLATES, template), context, {
      recursive: true,
      filter: (from) => !/function./.test(from),
    });
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(context, 'function', path)), { recursive: true });
      writeFileSync(join(context, 'function', path), text);
    }
    mkdirSync(join(folder, 'home/function'), { recursive: true });
    const lines = readFileSync(join(context, 'Dockerfile'), 'utf8').replaceAll('\\\n', '').split('\n');
    const steps = lines
      .slice(lines.indexOf('COPY install.sh ./'))
      .filter((line) => /^(COPY|RUN) /.test(line));
    // Mocha on Bun has a `node` on its PATH that is Bun.
    const path = (process.env['PATH'] ?? '').split(delimiter).filter((each) => !/bun-node/.test(each));
    const env = { ...process.env, PATH: path.join(delimiter), npm_config_cache: join(folder, 'cache') };
    for (const step of steps) {
      const [, kind, text = ''] = /^(COPY|RUN) (.*)$/.exec(step) ?? [];
      const from = text.split(' ').slice(0, -1).join(' ');
      const command =
        kind === 'RUN' ? text : `cd ../context && cp -r $(ls -d ${from}) ../home/${text.split(' ').at(-1)}`;
      const ran = spawnSync('sh', ['-c', command], { cwd: join(folder, 'home'), env, encoding: 'utf8' });
      if (ran.status !== 0 && !(kind === 'COPY' && from.includes('*')))
        return `${step}\n${ran.stdout}${ran.stderr}`;
    }
    return '';
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
