// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the syntax of zsh
import { spawnSync } from 'node:child_process';
import { delimiter, join } from 'node:path';
import { expect } from 'chai';
import { Workplace } from './support/run-skep.ts';
import { ScriptedGateway } from './support/scripted-gateway.ts';

const MAIN = join(import.meta.dirname, '..', '..', 'cli', 'main.ts');

describe('skep completion', () => {
  let place: Workplace;
  const scripts: Record<string, string> = {};
  before(async () => {
    place = new Workplace();
    // The scripts ask `skep` for names.
    place.write('.bin/skep', `#!/bin/sh\nexec "${process.execPath}" "${MAIN}" "$@"\n`, 0o755);
    place.env['PATH'] = `${join(place.path, '.bin')}${delimiter}${place.env['PATH'] ?? ''}`;
    place.write(
      'stack.yaml',
      'provider: {name: openfaas, gateway: "http://127.0.0.1:1"}\nfunctions:\n  mine: {image: a}\n  other: {image: b}\n',
    );
    for (const shell of ['bash', 'zsh', 'fish']) {
      scripts[shell] = (await place.skep(['completion', '--shell', shell])).stdout;
    }
  });
  after(() => place.remove());
  const run = (program: string, args: readonly string[], input = '') =>
    spawnSync(program, [...args], { cwd: place.path, env: place.env, input, encoding: 'utf8' });

  const bash = (...words: readonly string[]): string[] => {
    const list = words.map((word) => `'${word}'`).join(' ');
    const input = `${scripts['bash']}\nCOMP_WORDS=(${list}); COMP_CWORD=${words.length - 1}; _skep; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const ran = run('bash', [], input);
    expect(ran.stderr).to.equal('');
    return ran.stdout.split('\n').filter((word) => word !== '');
  };
  const fish = (line: string): string[] => {
    const input = `source script.fish; complete -C '${line}'`;
    place.write('script.fish', scripts['fish'] ?? '');
    const ran = run('fish', ['--no-config', '-c', input]);
    expect(ran.stderr).to.equal('');
    return ran.stdout
      .split('\n')
      .map((word) => word.split('\t')[0] ?? '')
      .filter((word) => word !== '');
  };
  /** What the functions of zsh's completion would be given. */
  const zsh = (...words: readonly string[]): string => {
    place.write('_skep', scripts['zsh'] ?? '');
    const list = words.map((word) => `'${word}'`).join(' ');
    const stubs =
      'compdef() {}; compadd() { shift; print -l -- "$@" }; _describe() { print -l -- ${(P)2} }; _arguments() { print -l -- "$@"; for each in "$@"; do [[ $each == *:_skep_* ]] && ${each##*:}; done; true }';
    const ran = run('zsh', [
      '-f',
      '-c',
      `${stubs}; source ./_skep; words=(${list}); CURRENT=${words.length}; _skep`,
    ]);
    expect(ran.stderr).to.equal('');
    return ran.stdout;
  };

  it('completes commands, commands of commands, and flags in bash', () => {
    expect(bash('skep', 'desc')).to.deep.equal(['describe']);
    expect(bash('skep', 'help', 'loc')).to.deep.equal(['local-run']);
    expect(bash('skep', 'secret', 'gen')).to.deep.equal(['generate', 'gen']);
    expect(bash('skep', 'secret', 'create', '--from')).to.deep.equal(['--from-literal', '--from-file']);
    expect(bash('skep', 'ns', 'create', '--ann')).to.deep.equal(['--annotation']);
    expect(bash('skep', 'deploy', '--wa')).to.deep.equal(['--wait', '--wait-timeout']);
    expect(bash('skep', 'nonsense', 'x')).to.deep.equal([]);
    expect(bash('skep', 'template', 'store', 'pull', '--ov')).to.deep.equal(['--overwrite']);
    expect(bash('skep', 'help', 'secret', 'cr')).to.deep.equal(['create']);
    expect(bash('skep', 'help', 'template', 'store', 'pu')).to.deep.equal(['pull']);
    expect(bash('skep', 'help', 'deploy', '--wa')).to.deep.equal([]);
  });

  it('leaves the value of a flag to the files, and knows the templates in bash', () => {
    expect(bash('skep', 'deploy', '--yaml', '')).to.deep.equal([]);
    expect(bash('skep', 'local-run', '-f', '')).to.deep.equal([]);
    expect(bash('skep', 'new', 'x', '--lang', 'typ')).to.deep.equal(['typescript']);
    expect(bash('skep', 'new', 'x', '--lang', '=', 'typ')).to.deep.equal(['typescript']);
    expect(bash('skep', 'new', 'x', '--lang', '=')).to.include('typescript');
  });

  it('knows what the value of a flag is one of', () => {
    expect(bash('skep', 'list', '--sort', '')).to.deep.equal(['name', 'invocations', 'creation']);
    expect(bash('skep', 'logs', '-o', 'k')).to.deep.equal(['keyvalue']);
    expect(bash('skep', 'top', '--sort', '=', 'p')).to.deep.equal(['p99']);
    expect(bash('skep', 'invoke', 'x', '-m', 'PA')).to.deep.equal(['PATCH']);
  });

  it("completes the stack file's functions", () => {
    expect(bash('skep', 'local-run', '')).to.include.members(['mine', 'other']);
    expect(bash('skep', 'local-run', 'mi')).to.deep.equal(['mine']);
  });

  it("completes the gateway's functions, and is silent where there is none", async () => {
    expect(bash('skep', 'invoke', 'h')).to.deep.equal([]);
    const gateway = await ScriptedGateway.start(() => ({
      status: 200,
      body: '[{"name":"hello"},{"name":"other"}]',
    }));
    try {
      place.env['OPENFAAS_URL'] = gateway.url;
      place.write('empty/.keep', '');
      const child = await place.skep(['__complete', 'functions', '-h']);
      expect(child.exitCode).to.equal(0);
      place.write('stack.yaml', `provider: {name: openfaas, gateway: "${gateway.url}"}\nfunctions: {}\n`);
      expect((await place.skep(['__complete', 'functions'])).stdout).to.equal('hello\nother\n');
      expect((await place.skep(['__complete', 'nonsense'])).stdout).to.equal('');
    } finally {
      await gateway.stop();
      delete place.env['OPENFAAS_URL'];
    }
  });

  it('completes in fish', function () {
    if (Bun.which('fish') === null) return this.skip();
    expect(fish('skep desc')).to.deep.equal(['describe']);
    expect(fish('skep secret app')).to.deep.equal(['apply']);
    expect(fish('skep secret create --from-l')).to.deep.equal(['--from-literal']);
    expect(fish('skep new x --lang typ')).to.deep.equal(['typescript']);
    expect(fish('skep list --sort ')).to.have.members(['name', 'invocations', 'creation']);
    expect(fish('skep template store pu')).to.deep.equal(['pull']);
    expect(fish('skep template store pull --overw')).to.deep.equal(['--overwrite']);
    expect(fish('skep help des')).to.deep.equal(['describe']);
    expect(fish('skep help secret cr')).to.deep.equal(['create']);
  });

  it('completes in zsh', function () {
    if (Bun.which('zsh') === null) return this.skip();
    expect(run('zsh', ['-n'], scripts['zsh']).stderr).to.equal('');
    expect(zsh('skep', '')).to.match(/^describe:/m);
    expect(zsh('skep', 'secret', ''))
      .to.match(/^apply:/m)
      .and.not.to.match(/^describe:/m);
    expect(zsh('skep', 'secret', 'create', '')).to.contain('--from-literal=[');
    expect(zsh('skep', 'new', 'x', '--lang', ''))
      .to.contain('--lang=[')
      .and.to.match(/^typescript$/m);
    expect(zsh('skep', 'list', '')).to.contain(':value:(name invocations creation)');
    expect(zsh('skep', 'template', 'store', 'pull', '')).to.contain('--overwrite[');
    expect(zsh('skep', 'help', 'template', 'store', '')).to.match(/^pull:/m);
    expect(zsh('skep', 'help', 'deploy', '')).to.equal('');
  });

  it('completes in zsh from the first TAB on where it lies in a folder of functions', function () {
    if (Bun.which('zsh') === null) return this.skip();
    place.write('functions/_skep', scripts['zsh'] ?? '');
    const program =
      'fpath=(./functions $fpath); autoload -Uz _skep; _describe() { print -l -- ${(P)2} }; words=(skep ""); CURRENT=2; _skep';
    const ran = run('zsh', ['-f', '-c', program]);
    expect(ran.stderr).to.equal('');
    expect(ran.stdout).to.match(/^describe:/m);
  });

  it('refuses another shell', async () => {
    const ran = await place.skep(['completion', '--shell', 'tcsh']);
    expect(ran.stdout).to.equal('--shell must be bash, zsh or fish, but you gave: tcsh\n');
    expect(ran.exitCode).to.equal(1);
  });
});
