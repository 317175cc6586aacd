import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { parseStackFile } from '../../contract/stack-file.ts';
import { Workplace } from './support/run-skep.ts';

describe('skep new', () => {
  let place: Workplace;
  beforeEach(() => {
    place = new Workplace();
    place.addTemplate('mine', 'language: mine\nwelcome_message: |\n  Hello there.\n');
  });
  afterEach(() => place.remove());

  it('makes the handler, the stack file and .gitignore', async () => {
    const ran = await place.skep(['new', 'hello', '--lang', 'mine']);
    expect(ran.exitCode, ran.stdout).to.equal(0);
    expect(place.read('hello/handler.txt')).to.equal('starter\n');
    expect(statSync(join(place.path, 'hello')).mode & 0o777).to.equal(0o700);
    expect(place.read('.gitignore')).to.equal('template\nbuild\n.secrets\n');
    expect(
      place.read('stack.yaml'),
    ).to.equal(`# yaml-language-server: $schema=http://127.0.0.1:8080/schema/stack.json
version: 1.0
provider:
  name: openfaas
  gateway: http://127.0.0.1:8080
functions:
  hello:
    lang: mine
    handler: ./hello
    image: hello:latest

`);
    expect(statSync(join(place.path, 'stack.yaml')).mode & 0o777).to.equal(0o600);
    expect(ran.stdout).to.match(/^Folder: hello created\.\n/);
    expect(ran.stdout).to.contain('\nFunction created in folder: hello\nStack file written: stack.yaml\n');
    expect(ran.stdout).to.contain('\nNotes:\nHello there.\n');
  });

  it('writes prefix, limits, requests, gateway and handler', async () => {
    place.env['OPENFAAS_PREFIX'] = 'from-env';
    const flags = [
      '--memory-limit',
      '64Mi',
      '--cpu-limit',
      '100m',
      '--cpu-request',
      '10m',
      '--handler',
      './src/h',
    ];
    await place.skep(['new', 'hello', '--lang', 'mine', '-q', '-g', 'http://g:1', ...flags]);
    const stack = parseStackFile(place.read('stack.yaml'), { fileName: 'stack.yaml' });
    expect(stack.gateway).to.equal('http://g:1');
    expect(stack.functions[0]).to.include({ image: 'from-env/hello:latest', handler: './src/h' });
    expect(stack.functions[0]?.limits).to.deep.equal({ memory: '64Mi', cpu: '100m' });
    expect(stack.functions[0]?.requests).to.deep.equal({ cpu: '10m' });
  });

  it('prints no notes with -q', async () => {
    expect((await place.skep(['new', 'hello', '--lang', 'mine', '-q'])).stdout).not.to.contain('Notes:');
  });

  it('appends to a stack file, and to .gitignore only what is missing', async () => {
    place.write('.gitignore', 'build/\nmine');
    await place.skep(['new', 'one', '--lang', 'mine']);
    const ran = await place.skep([
      'new',
      'two',
      '--lang',
      'mine',
      '--append',
      'stack.yaml',
      '-p',
      'r.example/me/',
    ]);
    expect(ran.stdout).to.contain('Stack file updated: stack.yaml');
    const { functions } = parseStackFile(place.read('stack.yaml'), { fileName: 'stack.yaml' });
    expect(functions.map(({ name, image }) => [name, image])).to.deep.equal([
      ['one', 'one:latest'],
      ['two', 'r.example/me/two:latest'],
    ]);
    expect(place.read('.gitignore')).to.equal('build/\nmine\ntemplate\n.secrets\n');
  });

  it('lists templates', async () => {
    const ran = await place.skep(['new', '--list']);
    expect(ran.stdout).to.match(/^Languages available as templates:\n(- [\w-]+\n)+/);
    expect(ran.stdout).to.contain('- mine\n');
  });

  it('quotes what would change the meaning of the file', async () => {
    await place.skep(['new', 'hello', '--lang', 'mine', '--memory-limit', '1: {a', '--cpu-limit', 'x # y']);
    const [fn] = parseStackFile(place.read('stack.yaml'), { fileName: 'stack.yaml' }).functions;
    expect(fn?.limits).to.deep.equal({ memory: '1: {a', cpu: 'x # y' });
  });

  const refused: readonly [what: string, args: readonly string[], message: RegExp][] = [
    [
      'a name with capitals',
      ['Hello', '--lang', 'mine'],
      /^Function name can only contain a-z, 0-9 and dashes$/m,
    ],
    ['a name that is a path', ['../x', '--lang', 'mine'], /^Function name can only contain/],
    ['a name of 64 characters', ['a'.repeat(64), '--lang', 'mine'], /63 characters/],
    ['no name', ['--lang', 'mine'], /provide a name/],
    ['no language', ['hello'], /--lang/],
    [
      'an unknown language',
      ['hello', '--lang', 'cobol'],
      /^Template: "cobol" was not found in the templates folder or in the store$/m,
    ],
    ['a language that is a path', ['hello', '--lang', '../mine'], /no template name/],
    ['a prefix with capitals', ['hello', '--lang', 'mine', '-p', 'Me'], /lower case/],
    [
      'a missing file to append to',
      ['hello', '--lang', 'mine', '-a', 'nowhere.yaml'],
      /nowhere.yaml: no such file/,
    ],
  ];
  for (const [what, args, message] of refused) {
    it(`refuses ${what} and writes nothing`, async () => {
      const ran = await place.skep(['new', ...args]);
      expect(ran.stdout).to.match(message);
      expect(ran.exitCode).to.equal(1);
      expect(existsSync(join(place.path, 'stack.yaml'))).to.equal(false);
      expect(existsSync(join(place.path, 'hello'))).to.equal(false);
    });
  }

  it('leaves nothing behind when the template has no starter, or the stack file cannot be written', async () => {
    place.write('template/bare/template.yml', 'language: bare\n');
    for (const args of [
      ['--lang', 'bare', '--handler', './deep/er/hello'],
      ['--lang', 'mine', '-f', 'nowhere/stack.yaml', '--handler', './deep/er/hello'],
    ]) {
      const ran = await place.skep(['new', 'hello', ...args]);
      expect(ran.exitCode, ran.stdout).to.equal(1);
      expect(ran.stdout).to.match(
        /^Cannot (read|write) .*(bare\/function|stack\.yaml): no such file or folder\n$/,
      );
      for (const path of ['deep', 'stack.yaml', 'nowhere'])
        expect(existsSync(join(place.path, path)), path).to.equal(false);
    }
  });

  it('refuses a folder that exists', async () => {
    place.write('hello/mine.txt', 'keep');
    expect((await place.skep(['new', 'hello', '--lang', 'mine'])).stdout).to.equal(
      'Folder: hello already exists\n',
    );
  });

  it('refuses a stack file that exists and names --append', async () => {
    place.write('stack.yaml', 'mine');
    const ran = await place.skep(['new', 'hello', '--lang', 'mine']);
    expect(ran.stdout).to.contain('--append stack.yaml');
    expect(place.read('stack.yaml')).to.equal('mine');
  });

  it('refuses a name that the file has', async () => {
    place.write('stack.yaml', 'provider: {name: openfaas}\nfunctions:\n  hello: {image: a}\n');
    const ran = await place.skep(['new', 'hello', '--lang', 'mine', '-a', 'stack.yaml']);
    expect(ran.stdout).to.equal('Function hello already exists in stack.yaml file.\n');
  });

  it('refuses to append where functions are not the last section', async () => {
    const text = 'functions:\n  a: {image: a}\nprovider:\n  name: openfaas\n';
    place.write('stack.yaml', text);
    const ran = await place.skep(['new', 'hello', '--lang', 'mine', '-a', 'stack.yaml']);
    expect(ran.stdout).to.contain('must be its last section');
    expect(place.read('stack.yaml')).to.equal(text);
  });
});
