import { execFileSync, spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { Workplace } from './support/run-skep.ts';

const MAIN = join(import.meta.dirname, '../../cli/main.ts');

/** A git repository in a folder of its own. */
class Repository {
  readonly path = mkdtempSync(join(tmpdir(), 'skep-repository-'));

  constructor(...langs: readonly string[]) {
    this.git('init', '--quiet', '--initial-branch=main');
    this.write('README.md', 'templates');
    for (const lang of langs) this.addTemplate(lang);
    this.commit();
  }

  git(...args: readonly string[]): string {
    const identity = ['-c', 'user.name=t', '-c', 'user.email=t@localhost', '-c', 'commit.gpgsign=false'];
    return execFileSync('git', [...identity, ...args], { cwd: this.path, encoding: 'utf8' }).trim();
  }

  write(path: string, text: string): void {
    mkdirSync(dirname(join(this.path, path)), { recursive: true });
    writeFileSync(join(this.path, path), text);
  }

  addTemplate(lang: string, starter = `starter of ${lang}`): void {
    this.write(`template/${lang}/template.yml`, `language: ${lang}\nfprocess: run-${lang}\n`);
    this.write(`template/${lang}/Dockerfile`, 'FROM scratch\n');
    this.write(`template/${lang}/function/handler.txt`, starter);
  }

  commit(): string {
    this.git('add', '-A');
    this.git('commit', '--quiet', '--message=x');
    return this.git('rev-parse', 'HEAD');
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

describe('skep template pull', function () {
  this.timeout(20_000);
  let place: Workplace;
  const repositories: Repository[] = [];
  const repository = (...langs: readonly string[]): Repository => {
    const made = new Repository(...langs);
    repositories.push(made);
    return made;
  };
  beforeEach(() => {
    place = new Workplace();
  });
  afterEach(async () => {
    await place.remove();
    for (const each of repositories.splice(0)) each.remove();
  });

  it('copies every template of a repository, and writes down where it came from', async () => {
    const repo = repository('one', 'two');
    const ran = await place.skep(['template', 'pull', repo.path]);
    expect(ran.stdout).to.equal('Wrote 2 template(s) : [one two] \n');
    expect(ran.stderr).to.contain(`Fetching templates from ${repo.path}`);
    expect(ran.exitCode).to.equal(0);
    expect(place.read('template/one/function/handler.txt')).to.equal('starter of one');
    const meta = JSON.parse(place.read('template/one/meta.json')) as Record<string, string>;
    expect(meta).to.include({ repository: repo.path, sha: repo.git('rev-parse', 'HEAD') });
    expect(new Date(meta['written_at'] ?? '').getTime()).to.be.a('number').and.not.NaN;
    expect(readdirSync(join(place.path, 'template'))).to.have.members(['one', 'two']);
  });

  it('takes the repository from OPENFAAS_TEMPLATE_URL, and an address with file://', async () => {
    place.env['OPENFAAS_TEMPLATE_URL'] = `file://${repository('one').path}`;
    expect((await place.skep(['template', 'pull'])).stdout).to.contain('[one]');
  });

  it('takes a branch, a tag or a commit, and names the template by it', async () => {
    const repo = repository('one');
    const first = repo.git('rev-parse', 'HEAD');
    repo.git('tag', 'v1.0');
    repo.git('checkout', '--quiet', '-b', 'next');
    repo.addTemplate('one', 'the next one');
    repo.commit();
    repo.git('checkout', '--quiet', 'main');
    for (const ref of ['v1.0', 'next', `sha-${first.slice(0, 8)}`])
      await place.skep(['template', 'pull', `${repo.path}#${ref}`]);
    expect(place.read('template/one@v1.0/function/handler.txt')).to.equal('starter of one');
    expect(place.read('template/one@next/function/handler.txt')).to.equal('the next one');
    expect(place.read(`template/one@sha-${first.slice(0, 8)}/function/handler.txt`)).to.equal(
      'starter of one',
    );
    expect(JSON.parse(place.read('template/one@v1.0/meta.json'))).to.include({
      ref_name: 'v1.0',
      sha: first,
    });
  });

  it('refuses a repository whose links multiply what is in it, and leaves nothing of it', async () => {
    const repo = repository('one');
    const depth = 15;
    for (let at = 0; at < depth; at += 1) {
      repo.write(`template/one/d${at}/x`, 'x');
      for (const name of ['a', 'b'])
        symlinkSync(`../d${at + 1}`, join(repo.path, `template/one/d${at}/${name}`));
    }
    repo.write(`template/one/d${depth}/x`, 'x');
    repo.commit();
    const ran = await place.skep(['template', 'pull', repo.path]);
    expect(ran.stdout).to.match(
      /^template\/one holds more than 20000 files or 512 MiB, counting what its links lead to: stopped at d0\/a\/.*\n$/,
    );
    expect(ran.exitCode).to.equal(1);
    expect(readdirSync(join(place.path, 'template'))).to.deep.equal([]);
  });

  it('refuses a template that is too large', async () => {
    const repo = repository('one');
    // No byte of it is on the disk, nor in the commit as more than some kB.
    repo.write('template/one/large', '');
    truncateSync(join(repo.path, 'template/one/large'), 64 * 1_048_576);
    for (let at = 0; at < 9; at += 1) symlinkSync('large', join(repo.path, `template/one/link${at}`));
    repo.commit();
    const ran = await place.skep(['template', 'pull', repo.path]);
    expect(ran.stdout).to.contain('more than 20000 files or 512 MiB').and.to.contain('stopped at link6');
    expect(ran.exitCode).to.equal(1);
  });

  for (const [signal, exitCode] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    it(`leaves nothing behind when ${signal} ends it`, async () => {
      // A git that hangs, as with a host that does not answer.
      place.write('.bin/git', '#!/bin/sh\necho $$ > "$HOME/git"\nexec sleep 60\n', 0o755);
      place.env['PATH'] = `${join(place.path, '.bin')}${delimiter}${place.env['PATH']}`;
      const temporary = join(place.home, 'tmp');
      place.env['TMPDIR'] = temporary;
      mkdirSync(temporary);
      const child = spawn(process.execPath, [MAIN, 'template', 'pull', 'http://127.0.0.1:1/x.git'], {
        cwd: place.path,
        env: place.env,
        stdio: 'ignore',
      });
      const ended = new Promise((resolve) => child.once('close', resolve));
      const git = join(place.home, 'git');
      while (!existsSync(git) || readFileSync(git, 'utf8').trim() === '') await sleep(20);
      child.kill(signal);
      expect(await ended).to.equal(exitCode);
      expect(readdirSync(temporary).filter((name) => name.startsWith('skep'))).to.deep.equal([]);
      expect(() => process.kill(Number(readFileSync(git, 'utf8')), 0), 'git').to.throw('ESRCH');
    });
  }

  it('shows no password of an address, however it is written and whatever comes of it', async () => {
    place.write(
      'stack.yaml',
      'provider: {name: openfaas}\nconfiguration:\n  templates:\n    - {name: foo, source: "http://user:s3c@ret@127.0.0.1:1/x.git"}\nfunctions:\n  a: {lang: foo, handler: ./a, image: "a:1"}\n',
    );
    for (const args of [
      ['template', 'pull', 'stack'],
      ['build', '--shrinkwrap'],
      ['template', 'pull', 'http://user:s3c@ret@127.0.0.1:1/x.git'],
      ['template', 'pull', 'http://user:x#s3c@ret@127.0.0.1:1/x.git'],
      ['template', 'store', 'list', '--url', 'http://user:s3c@ret@127.0.0.1:1/templates.json'],
      ['store', 'list', '--url', 'http://user:s3c@ret@127.0.0.1:1/functions.json'],
    ]) {
      const ran = await place.skep(args);
      expect(ran.stdout + ran.stderr, args.join(' ')).to.not.match(/s3c|ret@|user/);
      expect(ran.exitCode).to.equal(1);
    }
  });

  it('overwrites what is there whole, and keeps it with --overwrite=false', async () => {
    place.write('template/one/template.yml', 'language: mine\n');
    place.write('template/one/left-over.txt', 'x');
    const repo = repository('one', 'two');
    const kept = await place.skep(['template', 'pull', repo.path, '--overwrite=false']);
    expect(kept.stdout).to.contain('Wrote 1 template(s) : [two]');
    expect(kept.stdout).to.contain('Unable to overwrite the following: [one]');
    expect(kept.exitCode).to.equal(1);
    expect(place.read('template/one/template.yml')).to.equal('language: mine\n');
    await place.skep(['template', 'pull', repo.path]);
    expect(existsSync(join(place.path, 'template/one/left-over.txt'))).to.equal(false);
  });

  it('leaves out, and says so, what is no template', async () => {
    const repo = repository('one');
    repo.write('template/notes/README.md', 'x');
    repo.commit();
    const ran = await place.skep(['template', 'pull', repo.path]);
    expect(ran.stdout).to.contain('[one]');
    expect(ran.stderr).to.contain('Not a template, left out: template/notes');
  });

  it('refuses links that lead out of the repository, at any remove, and copies nothing of it', async () => {
    for (const target of ['/etc', '../../../../../../../../etc/passwd', '../../.git/config']) {
      const repo = repository('good', 'one');
      repo.write('elsewhere/x', 'x');
      symlinkSync(target, join(repo.path, 'elsewhere/link'));
      if (target.includes('.git')) symlinkSync('../../.git/config', join(repo.path, 'template/one/link'));
      else symlinkSync('../../elsewhere', join(repo.path, 'template/one/linked'));
      repo.commit();
      const ran = await place.skep(['template', 'pull', repo.path]);
      expect(ran.stdout, target).to.contain('is a symbolic link that leads out of it');
      expect(ran.exitCode).to.equal(1);
      expect(existsSync(join(place.path, 'template/one'))).to.equal(false);
    }
    expect(readdirSync(join(place.path, 'template')).filter((name) => name.startsWith('.'))).to.deep.equal(
      [],
    );
  });

  it('follows links within the repository: a folder "template" may be one', async () => {
    const repo = repository('one');
    repo.git('mv', 'template', 'templates');
    symlinkSync('templates', join(repo.path, 'template'));
    repo.commit();
    expect((await place.skep(['template', 'pull', repo.path])).stdout).to.contain('[one]');
    expect(place.read('template/one/function/handler.txt')).to.equal('starter of one');
  });

  const refused: readonly (readonly [what: string, argument: (path: string) => string, told: string])[] = [
    ['a branch that is not there', (path) => `${path}#nope`, 'it has no branch, tag or commit nope'],
    ['a commit that is not there', (path) => `${path}#sha-0123456789`, 'it has no branch, tag or commit sha-0123456789'],
    ['a ref that is a flag', (path) => `${path}#--upload-pack=x`, 'names no branch, tag or commit'],
    ['a commit of no hexadecimal digits', (path) => `${path}#sha-xyz`, 'names no branch, tag or commit'],
    ['a folder that is not there', () => './nothing', 'must be a valid git repo uri'],
    ['a program for an address', () => 'ext::sh -c id', 'must be a valid git repo uri'],
    ['a folder that is no repository', () => '.', 'Cannot fetch templates from'],
    ['an empty word', () => '', 'must be a valid git repo uri'],
    ['a host that does not answer', () => 'http://user:secret@127.0.0.1:1/x.git', 'Cannot fetch templates from http://127.0.0.1:1/x.git'],
  ]; // biome-ignore format: a table
  for (const [what, argument, told] of refused) {
    it(`refuses ${what}`, async () => {
      const ran = await place.skep(['template', 'pull', argument(repository('one').path)]);
      expect(ran.stdout).to.contain(told);
      expect(ran.stdout + ran.stderr).not.to.contain('secret');
      expect(ran.exitCode).to.equal(1);
      expect(existsSync(join(place.path, 'template'))).to.equal(false);
    });
  }

  it('says so when a repository has no templates', async () => {
    const repo = repository();
    const ran = await place.skep(['template', 'pull', repo.path]);
    expect(ran.stdout).to.contain('it has none in a folder "template"');
  });

  it('says that git is not installed', async () => {
    const repo = repository('one');
    place.env['PATH'] = join(place.path, 'empty');
    expect((await place.skep(['template', 'pull', repo.path])).stdout).to.contain('git is not installed');
  });

  describe('stack, and what a build fetches by itself', () => {
    const stackOf = (templates: string, lang = 'one'): string =>
      `provider: {name: openfaas}\nfunctions:\n  fn: {lang: ${lang}, handler: ./fn, image: fn}\n${templates}`;
    const from = (name: string, source: string): string =>
      `configuration:\n  templates:\n    - {name: ${name}, source: "${source}"}\n`;
    beforeEach(() => place.write('fn/handler.txt', 'mine'));

    it('fetches each template that the stack file names, and no other of its repository', async () => {
      place.write('stack.yaml', stackOf(from('one', repository('one', 'two').path)));
      const ran = await place.skep(['template', 'pull', 'stack']);
      expect(ran.stdout).to.contain('Wrote 1 template(s) : [one]');
      expect(readdirSync(join(place.path, 'template'))).to.deep.equal(['one']);
    });

    it('leaves one without a source that comes with skep, and says so', async () => {
      place.write('stack.yaml', `${stackOf('', 'node')}configuration:\n  templates:\n    - name: node\n`);
      const ran = await place.skep(['template', 'pull', 'stack']);
      expect(ran.stdout).to.equal('Template: node is here already\n');
      expect(ran.exitCode).to.equal(0);
    });

    it('fetches a template that two functions want once, also when they ask at the same time', async () => {
      const two = '  other: {lang: one, handler: ./fn, image: other}\n';
      place.write('stack.yaml', stackOf(`${two}${from('one', repository('one').path)}`));
      const ran = await place.skep(['build', '--shrinkwrap', '--parallel', '2']);
      expect(ran.stdout.match(/Pulling template/g)).to.have.length(1);
      expect(ran.exitCode, ran.stdout).to.equal(0);
    });

    it('says so when the stack file names none, or one that its repository has not', async () => {
      place.write('stack.yaml', stackOf(''));
      expect((await place.skep(['template', 'pull', 'stack'])).stdout).to.contain('names no templates');
      place.write('stack.yaml', stackOf(from('three', repository('one', 'two').path)));
      const ran = await place.skep(['template', 'pull', 'stack']);
      expect(ran.stdout).to.contain('No template "three" in ').and.to.contain('it has one, two');
    });

    it('fetches what is missing before a build, and leaves what is there', async () => {
      place.write('stack.yaml', stackOf(from('one', repository('one').path)));
      const first = await place.skep(['build', '--shrinkwrap']);
      expect(first.stdout).to.contain('Pulling template: one from').and.to.contain('shrink-wrapped');
      expect(place.read('build/fn/function/handler.txt')).to.equal('mine');
      place.write('template/one/mine.txt', 'changed here');
      const second = await place.skep(['build', '--shrinkwrap']);
      expect(second.stdout).not.to.contain('Pulling');
      expect(place.read('build/fn/mine.txt')).to.equal('changed here');
    });

    it('takes the source that the stack file names before a template of that name that comes with skep', async () => {
      const repo = repository('node');
      place.write('stack.yaml', stackOf(from('node', repo.path), 'node'));
      await place.skep(['build', '--shrinkwrap']);
      expect(JSON.parse(place.read('template/node/meta.json'))).to.include({ repository: repo.path });
    });

    it('fetches LANG@REF from the store, for build and for new', async () => {
      const repo = repository('one', 'two');
      repo.git('tag', 'v2');
      place.write('store.json', JSON.stringify([{ template: 'one', repo: repo.path }]));
      place.env['OPENFAAS_TEMPLATE_STORE_URL'] = './store.json';
      place.write('stack.yaml', stackOf('', 'one@v2'));
      expect((await place.skep(['build', '--shrinkwrap'])).stdout).to.contain(
        'Wrote 1 template(s) : [one@v2]',
      );
      const ran = await place.skep(['new', 'fresh', '--lang', 'one', '--append', 'stack.yaml']);
      expect(ran.stdout).to.contain('Wrote 1 template(s) : [one]');
      expect(place.read('fresh/handler.txt')).to.equal('starter of one');
    });

    it('does not fetch with --disable-stack-pull, nor for functions that are not built', async () => {
      place.write('stack.yaml', stackOf(from('one', repository('one').path)));
      const ran = await place.skep(['build', '--shrinkwrap', '--disable-stack-pull']);
      expect(ran.stdout).to.contain('Template: "one" was not found in the templates folder or in the store');
      expect(ran.exitCode).to.equal(1);
      place.write(
        'stack.yaml',
        stackOf(from('one', '/nothing')).replace('image: fn', 'image: fn, skip_build: true'),
      );
      expect((await place.skep(['build', '--shrinkwrap'])).stdout).to.contain('Skipping build of: fn');
    });

    it('names a template that nobody has, and the one that was meant', async () => {
      place.write('stack.yaml', stackOf('', 'pyton'));
      const ran = await place.skep(['build', '--shrinkwrap']);
      expect(ran.stdout)
        .to.contain('Template: "pyton" was not found')
        .and.to.contain('Did you mean "python"?');
      expect((await place.skep(['new', 'x', '--lang', 'pyton'])).stdout).to.contain('Did you mean "python"?');
      expect(existsSync(join(place.path, 'x'))).to.equal(false);
    });
  });
});
