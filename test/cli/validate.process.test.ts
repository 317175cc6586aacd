import { expect } from 'chai';
import { Workplace } from './support/run-skep.ts';

const HEAD = 'provider:\n  name: openfaas\n';

describe('skep validate', () => {
  let place: Workplace;
  const stack = (functions: string, head = HEAD): void =>
    place.write('stack.yaml', `${head}functions:\n${functions.replaceAll(/^(?=.)/gm, '  ')}`);
  beforeEach(() => {
    place = new Workplace();
    place.addTemplate('mine', 'language: mine\nbuild_options:\n  - name: dev\n    packages: [make]\n');
    place.write('hello/handler.txt', 'own\n');
  });
  afterEach(() => place.remove());
  const GOOD = 'hello:\n  lang: mine\n  handler: ./hello\n  image: hello:latest\n';

  it('says that all is well, and ends with 0', async () => {
    stack(
      `${GOOD}made-elsewhere:\n  image: x\n  skip_build: true\n  lang: nowhere\nimage-only:\n  image: y\n`,
    );
    const ran = await place.skep(['validate']);
    expect(ran).to.deep.equal({
      exitCode: 0,
      stdout: 'stack.yaml is in order: hello, made-elsewhere, image-only.\n',
      stderr: '',
    });
  });

  it('refuses what only a build would refuse: a digest to be built, build options of a Dockerfile', async () => {
    const digest = `x/a@sha256:${'a'.repeat(64)}`;
    stack(
      `${GOOD.replace('hello:latest', digest)}own:\n  lang: dockerfile\n  handler: ./own\n  image: o\n  build_options: [dev]\n` +
        `elsewhere:\n  skip_build: true\n  image: ${digest}\n`,
    );
    place.write('own/Dockerfile', 'FROM scratch\n');
    const { stdout, exitCode } = await place.skep(['validate']);
    expect(exitCode).to.equal(1);
    expect(stdout.trim().split('\n')).to.deep.equal([
      'stack.yaml:7:12: functions.hello.image: a build makes a tag, not a digest; take the digest away, or give skip_build: true to deploy what it names',
      'stack.yaml:12:21: functions.own.build_options[0]: lang "dockerfile" has no build option "dev"; remove it',
      'stack.yaml: 2 errors.',
    ]);
  });

  it('reads no more of a file without end than it needs to refuse it', async () => {
    const ran = await place.skep(['validate', '-f', '/dev/zero']);
    expect(ran.exitCode).to.equal(1);
    expect(ran.stdout).to.include('larger than 1 MiB');
    stack(`${GOOD}  environment_file: [/dev/zero]\n`);
    expect((await place.skep(['validate'])).stdout).to.include('/dev/zero: larger than 1 MiB');
  });

  it('takes no environment file of which nothing would reach the function', async () => {
    stack(`${GOOD}  environment_file: [env.yml]\n`);
    place.write('env.yml', 'enviroment:\n  A: b\n');
    const { stdout, exitCode } = await place.skep(['validate']);
    expect(stdout).to.match(/^env.yml:1:1: enviroment: there is no "environment:" in this file/);
    expect(exitCode).to.equal(1);
    place.write('env.yml', '# nothing yet\n');
    expect((await place.skep(['validate'])).exitCode).to.equal(0);
  });

  it('says everything that is wrong in one run, in the order of the file, and ends with 1', async () => {
    stack(
      'a:\n  lang: mien\n  handler: ./nowhere\n  image: A\n  secrets: one\n  labels: {com.openfaas.scale.min: x}\n' +
        'b:\n  lang: mine\n  handler: ../elsewhere\n  image: b\n  build_options: [none]\n  build_secrets: {k: ./none}\n' +
        'c:\n  lang: dockerfile\n  handler: hello\n  image: c\n  environment_file: [none.yml]\n' +
        'd:\n  lang: mine\n  handler: hello/handler.txt\n  image: d\n' +
        'e:\n  lang: mine\n  image: e\n',
      `${HEAD}configuration:\n  copy: [./none, ../out, .]\n`,
    );
    const { stdout, exitCode } = await place.skep(['validate']);
    expect(exitCode).to.equal(1);
    const lines = stdout.trim().split('\n');
    expect(lines.map((line) => line.replace(place.path, 'HERE'))).to.deep.equal([
      'stack.yaml:4:10: configuration.copy[0]: there is no ./none; correct the path',
      'stack.yaml:4:18: configuration.copy[1]: ../out is outside of this folder, HERE; a build takes what is inside',
      'stack.yaml:4:26: configuration.copy[2]: this is the entire project; name a folder or file in it',
      'stack.yaml:7:11: functions.a.lang: there is no template "mien" here; did you mean "mine"?',
      'stack.yaml:8:14: functions.a.handler: there is no folder ./nowhere; give the folder of the source, as seen from where skep runs',
      'stack.yaml:9:12: functions.a.image: "A" is no name of an image: it has capitals; use lower case only',
      'stack.yaml:10:14: functions.a.secrets: expected a list; write one "- value" per line',
      'stack.yaml:11:38: functions.a.labels.com.openfaas.scale.min: expected a whole number from 0 to 10000, not "x"',
      'stack.yaml:14:14: functions.b.handler: ../elsewhere is outside of this folder, HERE; move it into this folder, or run skep in one that has both',
      'stack.yaml:16:21: functions.b.build_options[0]: the template mine has no build option "none"; it has: dev',
      'stack.yaml:17:24: functions.b.build_secrets.k: there is no file ./none; correct the path',
      'stack.yaml:20:14: functions.c.handler: there is no Dockerfile in hello, which lang "dockerfile" needs; write one, or choose a template',
      'stack.yaml:22:24: functions.c.environment_file[0]: Cannot read none.yml: no such file or folder; correct the path, as seen from where skep runs',
      'stack.yaml:25:14: functions.d.handler: hello/handler.txt is no folder; give the folder of the source, as seen from where skep runs',
      'stack.yaml:27:3: functions.e.handler: the function has no "handler"; give the folder of its source, or skip_build: true',
      'stack.yaml: 15 errors.',
    ]);
  });

  it('points into the environment file that is wrong', async () => {
    place.write('env.yml', 'environment:\n  A: [1]\n');
    stack(`${GOOD}  environment_file: [env.yml]\n`);
    const { stdout } = await place.skep(['validate']);
    expect(stdout).to.contain('env.yml:2:6: environment.A: expected text');
  });

  it('warns of unknown keys and ends with 0, with --strict with 1', async () => {
    stack(`${GOOD}  enviroment: {}\n`);
    const said =
      'Warning: stack.yaml:8:5: functions.hello.enviroment: unknown key, ignored; did you mean "environment"?\nstack.yaml: 1 warning.\n';
    expect(await place.skep(['validate'])).to.deep.equal({ exitCode: 0, stdout: said, stderr: '' });
    expect(await place.skep(['validate', '--strict'])).to.deep.include({ exitCode: 1, stdout: said });
  });

  it('warns of names that no gateway builds images by', async () => {
    stack(GOOD.replace('hello:latest', 'debian:mine'));
    const { exitCode, stdout } = await place.skep(['validate']);
    expect(exitCode).to.equal(0);
    expect(stdout).to.match(
      /^Warning: stack\.yaml:7:12: functions\.hello\.image: no gateway builds an image by this name: .*; give what is built a name of its own/,
    );
  });

  it('answers in JSON', async () => {
    stack(GOOD.replace('hello:latest', 'Hello'));
    const { stdout, exitCode } = await place.skep(['validate', '-o', 'json']);
    expect(exitCode).to.equal(1);
    expect(JSON.parse(stdout)).to.deep.equal({
      valid: false,
      file: 'stack.yaml',
      functions: ['hello'],
      problems: [
        {
          severity: 'error',
          file: 'stack.yaml',
          line: 7,
          column: 12,
          field: 'functions.hello.image',
          what: '"Hello" is no name of an image: it has capitals',
          advice: 'use lower case only',
        },
      ],
    });
  });

  it('looks at the functions that were chosen', async () => {
    stack(`${GOOD}broken:\n  image: Broken\n`);
    expect((await place.skep(['validate', '--filter', 'hel*'])).exitCode).to.equal(0);
    expect((await place.skep(['validate', '--filter', 'nothing'])).stdout).to.contain(
      'No functions matching',
    );
  });

  it('takes a template that the file says where to get', async () => {
    const head = `${HEAD}configuration:\n  templates:\n    - name: theirs\n      source: https://git.example/t\n`;
    stack(GOOD.replace('lang: mine', 'lang: theirs'), head);
    expect((await place.skep(['validate'])).exitCode).to.equal(0);
  });

  const refused: readonly [what: string, text: string, message: RegExp][] = [
    [
      'tabs',
      `${HEAD}functions:\n\thello: {}\n`,
      /^stack.yaml:4:1: a tab indents this line; YAML takes spaces only$/m,
    ],
    [
      'a key that stands twice',
      `${HEAD}functions:\n  a: {image: a}\n  a: {image: b}\n`,
      /^stack.yaml:5:3: the key "a" stands here a second time/m,
    ],
    ['no functions', HEAD, /there are no functions; add one: skep new/],
    ['an empty file', '', /provider.name/],
    ["Docker's own stack file", 'services:\n  a: {}\n', /No stack.yaml or stack.yml here/],
  ];
  for (const [what, text, message] of refused) {
    it(`ends with 1 for ${what}`, async () => {
      place.write('stack.yaml', text);
      const ran = await place.skep(['validate']);
      expect(ran.stdout).to.match(message);
      expect(ran.exitCode).to.equal(1);
    });
  }

  it('says that there is no file, and that the one it was given is not there', async () => {
    expect(await place.skep(['validate'])).to.deep.include({
      exitCode: 1,
      stdout: 'No stack.yaml or stack.yml here: give its path with -f\n',
    });
    const ran = await place.skep(['validate', '-f', 'other.yaml']);
    expect(ran).to.deep.include({ exitCode: 1, stdout: 'Cannot read other.yaml: no such file or folder\n' });
    expect((await place.skep(['validate', '-o', 'xml'])).stdout).to.contain('use text or json');
  });

  for (const command of ['build', 'up', 'deploy', 'publish']) {
    it(`is what ${command} does first: nothing is built or sent`, async () => {
      place.addDocker();
      stack(`${GOOD}broken:\n  lang: mine\n  handler: ./hello\n  image: other\n  secrets: ["../x"]\n`);
      const ran = await place.skep([command, '--gateway', 'http://127.0.0.1:1']);
      expect(ran.stdout).to.equal(
        'stack.yaml:12:15: functions.broken.secrets[0]: "../x" is not a secret\'s name\n',
      );
      expect(ran.exitCode).to.equal(1);
      expect(() => place.dockerCalls()).to.throw('ENOENT');
    });
  }

  it('is asked of flags as well: a label that cannot be keeps all functions here', async () => {
    stack(`${GOOD}other:\n  lang: mine\n  handler: ./hello\n  image: other\n`);
    const flags = ['--gateway', 'http://127.0.0.1:1', '--label', 'com.openfaas.scale.min=many'];
    const ran = await place.skep(['deploy', ...flags]);
    const why = 'label com.openfaas.scale.min: expected a whole number from 0 to 10000, not "many"';
    expect(ran.stdout).to.equal(`Nothing was deployed:\nhello: ${why}\nother: ${why}\n`);
    expect(ran.exitCode).to.equal(1);
  });

  it('is asked of a function without a stack file as well', async () => {
    const flags = ['--gateway', 'http://127.0.0.1:1', '--memory-limit', 'much'];
    const ran = await place.skep(['deploy', '--image', 'x', '--name', 'alone', ...flags]);
    expect(ran.stdout).to.equal(
      'Nothing was deployed:\nalone: limits.memory: "much" is not a size: write it as 128Mi, 128m or 1g\n',
    );
    expect(ran.exitCode).to.equal(1);
  });
});
