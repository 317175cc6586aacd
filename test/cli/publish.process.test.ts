import { expect } from 'chai';
import { Workplace } from './support/run-skep.ts';

describe('skep publish', () => {
  let place: Workplace;
  beforeEach(() => {
    place = new Workplace();
    place.addTemplate('test');
    place.addDocker();
    place.write('hello/handler.txt', 'mine\n');
    stack('r.example/hello:1.0');
  });
  afterEach(() => place.remove());
  const stack = (image: string, more = ''): void =>
    place.write(
      'stack.yaml',
      `provider: {name: openfaas}\nfunctions:\n  hello: {lang: test, handler: ./hello, image: '${image}'${more}}\n`,
    );
  const calls = (): string[] => place.dockerCalls().map(({ args }) => args.join(' '));

  it('makes the builder, then builds and pushes for the platforms, with more tags', async () => {
    const ran = await place.skep([
      'publish',
      '--platforms',
      'linux/arm64, linux/amd64',
      '--extra-tag',
      'v9',
      '-b',
      'A=b',
      '--no-cache',
    ]);
    expect(ran.exitCode, ran.stdout).to.equal(0);
    expect(calls()).to.deep.equal([
      'buildx create --use --name=multiarch --node=multiarch',
      'buildx build --progress=plain --platform=linux/arm64,linux/amd64 --output=type=registry,push=true --no-cache --build-arg A=b --build-arg ADDITIONAL_PACKAGE= --tag r.example/hello:1.0 . --tag r.example/hello:v9',
    ]);
    expect(ran.stdout).to.contain('Created buildx node: "multiarch"\n[0] > Building hello.\n');
    expect(ran.stdout).to.contain('Publishing with command: docker [buildx build --progress=plain ');
  });

  it("takes a function's own platforms first, and sends its build secrets", async () => {
    stack('r.example/hello', ', platforms: linux/arm/v7, build_secrets: {key: ./key}');
    place.write('key', 'x');
    const ran = await place.skep(['publish']);
    expect(ran.exitCode, ran.stdout).to.equal(0);
    expect(calls()[1]).to.contain('--platform=linux/arm/v7 ');
    expect(calls()[1]).to.match(
      new RegExp(` --tag r.example/hello:latest \\. --secret id=key,src=${place.path}/key$`),
    );
  });

  it('is what up does with --publish in place of build and push', async () => {
    const ran = await place.skep(['up', '--publish', '--platforms', 'linux/arm64', '--skip-deploy']);
    expect(ran.exitCode, ran.stdout).to.equal(0);
    expect(calls()).to.have.length(2);
    expect(calls()[1]).to.match(/^buildx build .*--platform=linux\/arm64 .*--tag r\.example\/hello:1\.0 \.$/);
    const without = await place.skep(['up', '--platforms', 'linux/arm64']);
    expect(without.stdout).to.contain('--publish');
    expect([without.exitCode, calls().length]).to.deep.equal([1, 2]);
  });

  it('sets up the emulation first when asked to', async () => {
    const ran = await place.skep(['publish', '--reset-qemu']);
    expect(calls()[0]).to.equal('run --rm --privileged multiarch/qemu-user-static --reset -p yes');
    expect(ran.stdout).to.contain('Ran qemu-user-static --reset. OK.\n');
  });

  it('says what it needs where Docker has no buildx', async () => {
    place.addDocker('echo "docker: \'buildx\' is not a docker command." >&2; exit 1');
    const ran = await place.skep(['publish']);
    expect(ran.stdout).to.contain(
      "Docker buildx create ended with 1: docker: 'buildx' is not a docker command.",
    );
    expect(ran.stdout).to.contain('publish needs the buildx component of Docker');
    expect(ran.exitCode).to.equal(1);
    expect(calls()).to.have.length(1);
  });

  it('fails when a build fails, with its output', async () => {
    place.addDocker('[ "$2" = create ] || { echo "#7 [2/3] RUN npm test"; echo "#7 ERROR: no"; exit 17; }');
    const ran = await place.skep(['publish']);
    expect(ran.stdout)
      .to.contain('docker buildx build ended with 17')
      .and.to.contain('It failed in: RUN npm test');
    expect(ran.exitCode).to.equal(1);
  });

  const refused: readonly (readonly [string, string[], string])[] = [
    ['a platform that is none', ['--platforms', 'arm'], '--platforms must be a list such as'],
    ['a tag with a name', ['--extra-tag', 'r.example/x:1'], '--extra-tag must be a tag such as'],
    ['--squash', ['--squash'], '--squash is of "skep build"'],
  ];
  for (const [what, args, said] of refused) {
    it(`refuses ${what} without calling Docker`, async () => {
      const ran = await place.skep(['publish', ...args]);
      expect(ran.stdout).to.contain(said);
      expect(ran.exitCode).to.equal(1);
      expect(calls).to.throw('ENOENT');
    });
  }

  it('refuses an image that names no registry and no user', async () => {
    stack('hello');
    const ran = await place.skep(['publish']);
    expect(ran.stdout)
      .to.contain('Unable to push one or more of your functions')
      .and.to.contain('- hello: hello');
    expect(ran.exitCode).to.equal(1);
    expect(calls).to.throw('ENOENT');
  });
});
