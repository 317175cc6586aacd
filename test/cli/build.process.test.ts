import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, statSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { Workplace } from './support/run-skep.ts';
import { ScriptedGateway } from './support/scripted-gateway.ts';

const md5 = (text: string): string => createHash('md5').update(text).digest('hex');

describe('skep build', () => {
  let place: Workplace;
  const stack = (body: string): void =>
    place.write(
      'stack.yaml',
      `provider:\n  name: openfaas\nfunctions:\n${body.replaceAll(/^(?=.)/gm, '  ')}`,
    );
  beforeEach(() => {
    place = new Workplace();
    place.addDocker('[ "$1" = buildx ] && exit 1; exit 0');
    place.addTemplate('mine', 'language: mine\nbuild_options:\n  - name: dev\n    packages: [make, gcc]\n');
    place.write('hello/handler.txt', 'own\n');
    stack('hello:\n  lang: mine\n  handler: ./hello\n  image: r.example/hello:1\n');
  });
  afterEach(() => place.remove());
  const builds = () => place.dockerCalls().filter(({ args }) => args[0] === 'build');

  it('assembles the build folder and hands it to the classic builder', async () => {
    place.write('hello/sub/deep.sh', 'x', 0o755);
    place.write('hello/build/skipped', 'x');
    place.write('hello/template/skipped', 'x');
    place.write('build/hello/stale', 'x');
    const ran = await place.skep(['build']);
    expect(ran.exitCode, ran.stdout).to.equal(0);
    const folder = join(place.path, 'build/hello');
    expect(readdirSync(folder).sort()).to.deep.equal(['Dockerfile', 'entry.sh', 'function', 'template.yml']);
    expect(readdirSync(join(folder, 'function')).sort()).to.deep.equal(['handler.txt', 'sub']);
    expect(place.read('build/hello/function/handler.txt')).to.equal('own\n');
    expect(statSync(join(folder, 'function/sub/deep.sh')).mode & 0o777).to.equal(0o755);
    expect(statSync(join(folder, 'entry.sh')).mode & 0o777).to.equal(0o755);
    expect(statSync(folder).mode & 0o777).to.equal(0o700);
    expect(builds()).to.deep.equal([
      {
        cwd: folder,
        buildkit: '0',
        args: ['build', '--build-arg', 'ADDITIONAL_PACKAGE=', '--tag', 'r.example/hello:1', '.'],
      },
    ]);
    expect(ran.stdout).to.match(
      /^\[0\] > Building hello\.\nBuilding: r\.example\/hello:1 with mine template\. Please wait\.\.\nImage: r\.example\/hello:1 built\.\n\[0\] < Building hello done in \d+\.\d\ds\.\n\[0\] Worker done\.\n\nTotal build time: \d+\.\d\ds\n$/,
    );
  });

  for (const lang of ['mine', 'dockerfile']) {
    it(`puts no secret, nor what git and skep dev keep, into an image of the whole project (${lang})`, async () => {
      stack(`hello: {lang: ${lang}, handler: ., image: "hello:1"}\n`);
      place.write('Dockerfile', 'FROM scratch\n');
      for (const path of ['.secrets/tok', '.skep/dev/.cluster/secrets/openfaas-fn/tok', '.git/config'])
        for (const folder of ['', 'sub/']) place.write(folder + path, 'hidden');
      const ran = await place.skep(['build', '--shrinkwrap']);
      expect(ran.exitCode, ran.stdout).to.equal(0);
      const built = readdirSync(join(place.path, 'build/hello'), { recursive: true, encoding: 'utf8' });
      expect(built.map((path) => path.replace(/^function\//, '')))
        .to.include('stack.yaml')
        .and.to.include('sub');
      expect(built.filter((path) => /\.(git|secrets|skep)|tok/.test(path))).to.deep.equal([]);
    });
  }

  it('copies paths of the project without the secrets in them', async () => {
    place.write('common/.secrets/tok', 'hidden');
    place.write('common/text', 'x');
    place.write(
      'stack.yaml',
      'provider: {name: openfaas}\nconfiguration: {copy: [./common]}\nfunctions:\n  hello: {lang: mine, handler: ./hello, image: "hello:1"}\n',
    );
    const ran = await place.skep(['build', '--shrinkwrap']);
    expect(ran.exitCode, ran.stdout).to.equal(0);
    expect(readdirSync(join(place.path, 'build/hello/function/common'))).to.deep.equal(['text']);
  });

  it('leaves out of the handler what the template’s .dockerignore names', async () => {
    place.write(
      'template/mine/.dockerignore',
      '# built beside the source\nfunction/target\nfunction/*.log\ntarget\n',
    );
    place.write('hello/target/huge', 'x');
    place.write('hello/sub/target/kept', 'x');
    const ran = await place.skep(['build']);
    expect(ran.exitCode, ran.stdout).to.equal(0);
    expect(readdirSync(join(place.path, 'build/hello/function')).sort()).to.deep.equal([
      'handler.txt',
      'sub',
    ]);
    expect(place.read('build/hello/function/sub/target/kept')).to.equal('x');
  });

  it('keeps starter files that the handler does not have', async () => {
    place.write('template/mine/function/extra.txt', 'starter');
    await place.skep(['build']);
    expect(place.read('build/hello/function/extra.txt')).to.equal('starter');
  });

  it('passes build arguments, labels, options and proxies', async () => {
    stack(
      'hello:\n  lang: mine\n  handler: ./hello\n  image: hello\n  build_options: [dev]\n  build_args: {A: file, B: file, ADDITIONAL_PACKAGE: curl make}\n',
    );
    place.env['http_proxy'] = 'http://proxy';
    await place.skep(['build', '-b', 'A=flag', '--build-label', 'l=1', '--no-cache', '--squash', '--pull']);
    expect(builds()[0]?.args.join(' ')).to.equal(
      'build --no-cache --squash --build-arg http_proxy=http://proxy --build-arg A=flag --build-arg B=file ' +
        '--build-arg ADDITIONAL_PACKAGE=curl gcc make --label l=1 --pull --tag hello:latest .',
    );
  });

  it('uses BuildKit where there is one, and what the user chose', async () => {
    place.addDocker('exit 0');
    await place.skep(['build']);
    place.env['DOCKER_BUILDKIT'] = '0';
    await place.skep(['build']);
    expect(builds().map(({ buildkit }) => buildkit)).to.deep.equal(['1', '0']);
  });

  it('refuses build secrets without BuildKit', async () => {
    stack('hello:\n  lang: mine\n  handler: ./hello\n  image: hello\n  build_secrets: {token: ./token}\n');
    place.write('token', 'x');
    const ran = await place.skep(['build']);
    expect(ran.stdout).to.contain('need BuildKit');
    expect(ran.exitCode).to.equal(1);
    expect(builds()).to.deep.equal([]);
  });

  it('hides the notice about the classic builder and nothing else', async () => {
    place.addDocker(
      'echo "DEPRECATED: The legacy builder is deprecated and will be removed in a future release." >&2; echo "   Install it" >&2; echo >&2; echo "real trouble" >&2; echo "Step 1/1"',
    );
    const { stdout } = await place.skep(['build']);
    expect(stdout).not.to.contain('DEPRECATED');
    expect(stdout).not.to.contain('Install it');
    expect(stdout).to.contain('real trouble');
    expect(stdout).to.contain('Step 1/1');
  });

  it('shows the output of a quiet build only when it fails', async () => {
    place.addDocker('echo working; case "$*" in *hello*) exit 0;; esac; exit 3');
    expect((await place.skep(['build', '--quiet'])).stdout).not.to.contain('working');
    stack('bad:\n  lang: mine\n  handler: ./hello\n  image: bad\n');
    const ran = await place.skep(['build', '--quiet']);
    expect(ran.stdout).to.contain('working');
    expect(ran.stdout).to.contain(
      'Errors received during build:\n- [bad] received non-zero exit code from build, error: docker build ended with 3\n',
    );
    expect(ran.exitCode).to.equal(1);
  });

  for (const [builder, output] of Object.entries({
    'the classic builder':
      'echo "Step 1/2 : FROM x"; echo "Step 2/2 : RUN cd function && npm test"; echo "not ok 1"',
    BuildKit:
      'echo "#5 [1/2] FROM x"; echo "#6 [stage-1 2/2] RUN cd function && npm test"; echo "#7 [other 1/1] COPY . ."; echo "#6 ERROR: exit code: 1"; echo "#8 [a 1/1] RUN no"',
  })) {
    it(`ends by saying in which step it failed, and what a failed test means, with ${builder}`, async () => {
      place.addDocker(`[ "$1" = buildx ] && exit 1; ${output}; exit 1`);
      const { stdout } = await place.skep(['build']);
      expect(stdout).to.match(
        /docker build ended with 1\n {2}It failed in: RUN cd function && npm test\n {2}These are the tests in .*hello: .*change its test too\.\n$/,
      );
    });
  }

  it('builds the others after one failed, in parallel too', async () => {
    place.addDocker('[ "$1" = buildx ] && exit 1; case "$*" in *bad*) exit 1;; esac; exit 0');
    stack(
      ['bad', 'one', 'two']
        .map((name) => `${name}:\n  lang: mine\n  handler: ./hello\n  image: ${name}\n`)
        .join(''),
    );
    const ran = await place.skep(['build', '--parallel', '2']);
    expect(ran.stdout).to.contain('Image: one:latest built.');
    expect(ran.stdout).to.contain('Image: two:latest built.');
    expect(ran.stdout).to.contain('[1] Worker done.');
    expect(ran.exitCode).to.equal(1);
  });

  it('skips functions with skip_build', async () => {
    stack('hello:\n  skip_build: true\n  image: hello\n');
    const ran = await place.skep(['build']);
    expect(ran.stdout).to.contain('Skipping build of: hello.');
    expect(ran.exitCode).to.equal(0);
  });

  it('stops at the build folder with --shrinkwrap', async () => {
    const ran = await place.skep(['build', '--shrinkwrap']);
    expect(ran.stdout).to.contain('hello shrink-wrapped to build/hello\n');
    expect(existsSync(join(place.path, 'calls'))).to.equal(false);
  });

  it('builds a handler with a Dockerfile of its own', async () => {
    place.write('own/Dockerfile', 'FROM scratch\n');
    stack('own:\n  lang: Dockerfile\n  handler: ./own\n  image: own\n');
    expect((await place.skep(['build'])).exitCode).to.equal(0);
    expect(readdirSync(join(place.path, 'build/own'))).to.deep.equal(['Dockerfile']);
  });

  it('copies extra paths under the handler', async () => {
    place.write('common/lib/a.txt', 'a');
    place.write('one.txt', '1');
    await place.skep(['build', '--copy-extra', './common', '--copy-extra', 'one.txt']);
    expect(place.read('build/hello/function/common/lib/a.txt')).to.equal('a');
    expect(place.read('build/hello/function/one.txt')).to.equal('1');
  });

  it('follows links to files and folders', async () => {
    place.write('shared/a.txt', 'a');
    symlinkSync('../shared', join(place.path, 'hello/linked'));
    await place.skep(['build']);
    expect(place.read('build/hello/function/linked/a.txt')).to.equal('a');
  });

  it('tags with the digest of the handler', async () => {
    place.write('hello/b.txt', 'b');
    place.write('hello/.secrets/key', 'in no image');
    await place.skep(['build', '--tag', 'digest']);
    expect(builds()[0]?.args).to.include(`r.example/hello:${md5(md5('b') + md5('own\n'))}`);
  });

  it('tags with the commit, and refuses outside a git repository', async () => {
    const outside = await place.skep(['build', '--tag', 'sha']);
    expect(outside.stdout).to.contain('Cannot tag image with Git SHA as this is not a Git repository');
    expect(outside.exitCode).to.equal(1);
    const git = (...args: string[]) =>
      spawnSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@example.com', ...args], {
        cwd: place.path,
        encoding: 'utf8',
      });
    git('init', '-q', '-b', 'fix/it');
    git('commit', '-q', '--allow-empty', '-m', 'x');
    const sha = git('rev-parse', '--short', 'HEAD').stdout.trim();
    await place.skep(['build', '--tag', 'sha']);
    await place.skep(['build', '--tag', 'branch']);
    await place.skep(['build', '--tag', 'describe']);
    expect(builds().map(({ args }) => args.at(-2))).to.deep.equal([
      `r.example/hello:1-${sha}`,
      `r.example/hello:1-fix-it-${sha}`,
      `r.example/hello:1-${sha}`,
    ]);
  });

  it('builds without a stack file', async () => {
    spawnSync('rm', [join(place.path, 'stack.yaml')]);
    const args = ['--image', 'x', '--handler', './hello', '--name', 'hello', '--lang', 'mine'];
    expect((await place.skep(['build', ...args])).exitCode).to.equal(0);
    const bad = await place.skep(['build', ...args.with(5, '../../outside')]);
    expect(bad.stdout).to.contain('no function name');
    expect((await place.skep(['build'])).stdout).to.match(/^No stack.yaml|^no stack.yaml/);
  });

  const refused: readonly [what: string, body: string, args: readonly string[], message: RegExp][] = [
    [
      'a missing handler',
      'hello:\n  lang: mine\n  handler: ./nowhere\n  image: a\n',
      [],
      /stack.yaml:6:14: functions.hello.handler: there is no folder .*nowhere/,
    ],
    [
      'a handler that is a file',
      'hello:\n  lang: mine\n  handler: ./stack.yaml\n  image: a\n',
      [],
      /is no folder/,
    ],
    [
      'a missing template',
      'hello:\n  lang: cobol\n  handler: ./hello\n  image: a\n',
      [],
      /Template: "cobol" was not found/,
    ],
    [
      'a template that is a path',
      'hello:\n  lang: ../hello\n  handler: ./hello\n  image: a\n',
      [],
      /no template name/,
    ],
    ['no lang', 'hello:\n  handler: ./hello\n  image: a\n', [], /no "lang"/],
    ['no image', 'hello:\n  lang: mine\n  handler: ./hello\n', [], /no image/],
    [
      'an image with capitals',
      'hello:\n  lang: mine\n  handler: ./hello\n  image: Hello\n',
      [],
      /use lower case/,
    ],
    [
      'an image that is a flag',
      'hello:\n  lang: mine\n  handler: ./hello\n  image: --rm\n',
      [],
      /stack.yaml:7:12: functions.hello.image: .* is not an image name/,
    ],
    [
      'an unknown build option',
      'hello:\n  lang: mine\n  handler: ./hello\n  image: a\n',
      ['-o', 'nope'],
      /\/template\/mine\/template.yml/,
    ],
    [
      'an extra path outside',
      'hello:\n  lang: mine\n  handler: ./hello\n  image: a\n',
      ['--copy-extra', '../x'],
      /^- Forbidden path appears to be outside of the build context/m,
    ],
    [
      'the whole project as extra path',
      'hello:\n  lang: mine\n  handler: ./hello\n  image: a\n',
      ['--copy-extra', '.'],
      /Forbidden path appears to equal the entire project/,
    ],
    [
      'an empty build argument',
      'hello:\n  lang: mine\n  handler: ./hello\n  image: a\n',
      ['-b', 'A='],
      /"A": the value must not be empty/,
    ],
    [
      'a dockerfile function without Dockerfile',
      'hello:\n  lang: dockerfile\n  handler: ./hello\n  image: a\n',
      [],
      /there is no Dockerfile in/,
    ],
    [
      '--parallel 0',
      'hello:\n  lang: mine\n  handler: ./hello\n  image: a\n',
      ['--parallel', '0'],
      /--parallel must be/,
    ],
    [
      'an unknown tag format',
      'hello:\n  lang: mine\n  handler: ./hello\n  image: a\n',
      ['--tag', 'x'],
      /unknown tag format/,
    ],
    ['no functions', '', [], /no functions/],
  ];
  for (const [what, body, args, message] of refused) {
    it(`refuses ${what} without calling Docker`, async () => {
      stack(body);
      const ran = await place.skep(['build', ...args]);
      expect(ran.stdout).to.match(message);
      expect(ran.exitCode).to.equal(1);
      expect(existsSync(join(place.path, 'calls')) ? builds() : []).to.deep.equal([]);
    });
  }

  it('says that Docker is not installed', async () => {
    place.env['PATH'] = place.home;
    const ran = await place.skep(['build']);
    expect(ran.stdout).to.contain('docker is not installed, or not on the PATH');
    expect(ran.exitCode).to.equal(1);
  });

  it('refuses a folder that links into itself', async () => {
    symlinkSync('.', join(place.path, 'hello/loop'));
    const ran = await place.skep(['build']);
    expect(ran.stdout).to.contain('is a symbolic link to a folder that it is in: remove it');
    expect(ran.exitCode).to.equal(1);
  });

  describe('push and up', () => {
    let gateway: ScriptedGateway;
    beforeEach(async () => {
      gateway = await ScriptedGateway.start(() => ({ status: 202 }));
    });
    afterEach(() => gateway.stop());

    it('pushes images that have a prefix', async () => {
      const ran = await place.skep(['push']);
      expect(ran.stdout).to.equal(
        '[0] > Pushing hello [r.example/hello:1]\n[0] < Pushing hello [r.example/hello:1] done.\n[0] Worker done.\n',
      );
      expect(place.dockerCalls()[0]?.args).to.deep.equal(['push', 'r.example/hello:1']);
    });

    it('refuses to push an image without a prefix', async () => {
      stack('hello:\n  lang: mine\n  handler: ./hello\n  image: hello\n');
      const ran = await place.skep(['push']);
      expect(ran.stdout).to.match(/^Unable to push one or more of your functions to Docker Hub:\n- hello/);
      expect(ran.exitCode).to.equal(1);
    });

    it('fails when Docker cannot push', async () => {
      place.addDocker('exit 1');
      const ran = await place.skep(['push']);
      expect(ran.stdout).to.contain('docker push r.example/hello:1 ended with 1');
      expect(ran.exitCode).to.equal(1);
    });

    it('builds, pushes what names a registry, and deploys', async () => {
      stack(
        'hello:\n  lang: mine\n  handler: ./hello\n  image: r.example/hello:1\nlocal:\n  lang: mine\n  handler: ./hello\n  image: me/local\n',
      );
      const ran = await place.skep(['up', '-g', gateway.url]);
      expect(ran.exitCode, ran.stdout).to.equal(0);
      expect(place.dockerCalls().map(({ args }) => args[0])).to.deep.equal([
        'buildx',
        'build',
        'build',
        'push',
      ]);
      expect(ran.stdout).to.contain('Not pushing local [me/local]: its image names no registry.');
      expect(gateway.calls).to.deep.equal(['PUT /system/functions', 'PUT /system/functions']);
    });

    it('leaves out what it is told to', async () => {
      await place.skep(['up', '-g', gateway.url, '--skip-push', '--skip-deploy']);
      expect(place.dockerCalls().map(({ args }) => args[0])).to.deep.equal(['buildx', 'build']);
      expect(gateway.calls).to.deep.equal([]);
    });

    it('deploys nothing after a failed build', async () => {
      place.addDocker('exit 1');
      const ran = await place.skep(['up', '-g', gateway.url]);
      expect(ran.exitCode).to.equal(1);
      expect(gateway.calls).to.deep.equal([]);
    });
  });
});
