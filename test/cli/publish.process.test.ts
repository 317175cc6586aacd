// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the fake docker is a shell script
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { Workplace } from './support/run-skep.ts';

const MAIN = join(import.meta.dirname, '../../cli/main.ts');

describe('skep publish', () => {
  let place: Workplace;
  beforeEach(() => {
    place = new Workplace();
    place.addTemplate('test');
    docker('exit 0');
    place.write('hello/handler.txt', 'mine\n');
    stack('r.example/hello:1.0');
  });
  afterEach(() => place.remove());
  /** A Docker with buildx and without a builder. */
  const docker = (script: string): void =>
    place.addDocker(`[ "$1 $2" = "buildx inspect" ] && exit 1; ${script}`);
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
      'buildx inspect multiarch',
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
    expect(calls()[2]).to.contain('--platform=linux/arm/v7 ');
    expect(calls()[2]).to.match(
      new RegExp(` --tag r.example/hello:latest \\. --secret id=key,src=${place.path}/key$`),
    );
  });

  it('is what up does with --publish in place of build and push', async () => {
    const ran = await place.skep(['up', '--publish', '--platforms', 'linux/arm64', '--skip-deploy']);
    expect(ran.exitCode, ran.stdout).to.equal(0);
    expect(calls()).to.have.length(3);
    expect(calls()[2]).to.match(/^buildx build .*--platform=linux\/arm64 .*--tag r\.example\/hello:1\.0 \.$/);
    const without = await place.skep(['up', '--platforms', 'linux/arm64']);
    expect(without.stdout).to.contain('--publish');
    expect([without.exitCode, calls().length]).to.deep.equal([1, 3]);
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
    expect(calls()).to.have.length(2);
  });

  it('fails when a build fails, with its output', async () => {
    docker('[ "$2" = create ] || { echo "#7 [2/3] RUN npm test"; echo "#7 ERROR: no"; exit 17; }');
    const ran = await place.skep(['publish']);
    expect(ran.stdout)
      .to.contain('docker buildx build ended with 17')
      .and.to.contain('It failed in: RUN npm test');
    expect(ran.exitCode).to.equal(1);
  });

  it('says of emulation that cannot be set up why its image cannot be had', async () => {
    docker('echo "Unable to find image \'x\' locally" >&2; echo "docker: no such host." >&2; exit 125');
    const ran = await place.skep(['publish', '--reset-qemu']);
    expect(ran.stdout).to.contain('ended with 125: docker: no such host.\nthe emulation of other platforms');
    expect(ran.exitCode).to.equal(1);
  });

  it('takes a builder that is there as it is, and the one that the user chose', async () => {
    place.addDocker('[ "$2" = build ] && echo "by $BUILDX_BUILDER"; exit 0');
    expect((await place.skep(['publish'])).stdout).to.contain('\nby multiarch\n');
    place.env['BUILDX_BUILDER'] = 'mine';
    expect((await place.skep(['publish'])).stdout).to.contain('\nby mine\n');
    expect(calls().map((call) => call.slice(0, 16))).to.deep.equal([
      'buildx inspect m',
      'buildx build --p',
      'buildx inspect m',
      'buildx build --p',
    ]);
    expect(calls()[2]).to.equal('buildx inspect mine');
  });

  it('builds nothing where there is no builder of the chosen name', async () => {
    place.addDocker('echo "ERROR: no builder \\"mine\\" found" >&2; exit 1');
    place.env['BUILDX_BUILDER'] = 'mine';
    const ran = await place.skep(['publish']);
    expect(ran.stdout).to.contain('no builder "mine" found\n').and.to.contain('BUILDX_BUILDER names: mine');
    expect(ran.exitCode).to.equal(1);
    expect(calls()).to.deep.equal(['buildx inspect mine']);
  });

  it('sends no watchdog to the engine itself, which has it, but for another processor', async () => {
    place.write('template/test/Dockerfile', 'FROM skep/watchdog:latest\n');
    place.addDocker(
      'case "$*" in "buildx inspect"*) printf "Name:   mine\\nDriver: docker\\n";; "context show") echo "$CONTEXT";; ' +
        '*{{.Os}}/*) echo linux/amd64;; "image inspect"*) echo amd64;; cp*) echo x > "$3";; esac; exit 0',
    );
    Object.assign(place.env, { BUILDX_BUILDER: 'mine', CONTEXT: 'mine' });
    const built = async (...args: string[]): Promise<string> => {
      const ran = await place.skep(['publish', ...args]);
      expect(ran.exitCode, ran.stdout).to.equal(0);
      return calls().at(-1) ?? '';
    };
    expect(await built()).to.match(/^buildx build/);
    expect(calls().join('\n')).not.to.match(/^create |--build-context/m);
    await built('--platforms', 'linux/amd64,linux/arm64');
    expect(calls().join('\n')).to.contain('--build-context skep/watchdog:latest=');
    place.env['CONTEXT'] = 'another';
    await built();
    expect(calls().filter((call) => call.includes('--build-context'))).to.have.length(2);
  });

  it('gives builds that take the watchdog the one of the engine, for both processors', async () => {
    place.write('template/test/Dockerfile', 'ARG W=skep/watchdog\nFROM $W AS watchdog\n');
    docker(
      'case "$1" in image) echo amd64;; create) echo an-id;; cp) echo "program of ${2#*:}" > "$3";; esac; ' +
        '[ "$2" = build ] && for word in "$@"; do case "$word" in skep/*) folder=${word#*oci-layout://}; cp -r "${folder%:latest}" ../../layout;; esac; done; exit 0',
    );
    const ran = await place.skep(['publish']);
    expect(ran.exitCode, ran.stdout).to.equal(0);
    const [, folder = ''] =
      /--build-context skep\/watchdog:latest=oci-layout:\/\/(\S+):latest /.exec(calls().join('\n')) ?? [];
    expect(existsSync(folder), folder).to.equal(false);
    expect(removed()).to.deep.equal(created()).and.have.length(1);
    const json = (path: string) => JSON.parse(place.read(`layout/${path}`));
    const blob = ({ digest }: { digest: string }): string => `blobs/sha256/${digest.slice('sha256:'.length)}`;
    const index = json(blob(json('index.json').manifests[0]));
    const contents = index.manifests.map((manifest: { digest: string; platform: object }) => {
      const [layer] = json(blob(manifest)).layers;
      return [manifest.platform, place.read(`layout/${blob(layer)}`).match(/program of \S+/g)];
    });
    expect(contents).to.deep.equal([
      [{ architecture: 'amd64', os: 'linux' }, ['program of /fwatchdog', 'program of /fwatchdog-musl']],
      [{ architecture: 'arm64', os: 'linux' }, ['program of /fwatchdog-arm64']],
    ]);
  });

  const created = (): string[] => calls().flatMap((call) => /^create .*--name (\S+)/.exec(call)?.[1] ?? []);
  const removed = (): string[] => calls().flatMap((call) => /^rm (\S+)$/.exec(call)?.[1] ?? []);

  for (const [why, cp, said] of [
    [
      'of a platform',
      '*arm64*) echo "Error: No such container:path: x" >&2; exit 1;;',
      /has no watchdog for linux\/arm64, but for amd64: .*--platforms/,
    ],
    [
      'that cannot be copied',
      '*arm64*) echo "no space left on device" >&2; exit 1;;',
      /cannot be taken out of skep\/watchdog:latest: no space left on device/,
    ],
    [
      'at all',
      '*) echo "Could not find the file" >&2; exit 1;;',
      /cannot be taken out of skep\/watchdog:latest: Could not find the file/,
    ],
  ] as const) {
    it(`says in words that there is no watchdog ${why}, and leaves nothing`, async () => {
      place.write('template/test/Dockerfile', 'FROM skep/watchdog:latest\n');
      docker(
        `case "$1" in image) echo amd64;; create) echo an-id;; cp) case "$2" in ${cp} esac; echo x > "$3";; esac; exit 0`,
      );
      const ran = await place.skep(['publish', '--platforms', 'linux/arm64,linux/amd64']);
      expect(ran.exitCode, ran.stdout).to.equal(1);
      expect(ran.stdout).to.match(said);
      expect(removed()).to.deep.equal(created()).and.have.length(1);
      expect(calls().join('\n')).not.to.match(/^buildx build/m);
    });
  }

  it('leaves no container when a signal comes while it is made', async () => {
    place.write('template/test/Dockerfile', 'FROM skep/watchdog:latest\n');
    docker('case "$1" in image) echo amd64;; create) touch creating; sleep 1; echo an-id;; esac; exit 0');
    const child = spawn(process.execPath, [MAIN, 'publish'], { cwd: place.path, env: place.env });
    const ended = once(child, 'close');
    while (!existsSync(join(place.path, 'creating'))) await Bun.sleep(20);
    child.kill('SIGTERM');
    await ended;
    expect(removed()).to.deep.equal(created()).and.have.length(1);
    expect(calls().join('\n')).not.to.match(/^(cp|buildx build)/m);
  });

  it('takes no watchdog out for builds that do without, and none that the engine has not', async () => {
    await place.skep(['publish']);
    expect(calls().join('\n')).not.to.match(/^image |^create /m);
    place.write('template/test/Dockerfile', 'FROM skep/watchdog:latest\n');
    docker('[ "$1" = image ] && exit 1; exit 0');
    const ran = await place.skep(['publish']);
    expect(ran.exitCode, ran.stdout).to.equal(0);
    expect(calls().at(-1))
      .to.match(/^buildx build/)
      .and.not.to.contain('--build-context');
  });

  const failures: readonly (readonly [string, string, string])[] = [
    [
      'a builder that cannot be started',
      'echo "#1 [internal] booting buildkit"; echo "#1 ERROR: no such host"',
      'It failed in: booting buildkit\n  The builder is a container, which could not be started',
    ],
    [
      'programs of another processor',
      'echo "#5 [linux/arm64 2/2] RUN npm test"; echo "#5 0.076 exec /bin/sh: exec format error"; echo "#6 [linux/amd64 2/2] RUN npm test"; echo "#5 ERROR: exit code: 1"',
      'It failed in: RUN npm test\n  That is a program of another processor',
    ],
    [
      'a base image that only the engine can have',
      'echo "#2 [internal] load metadata for docker.io/library/debian:bookworm-slim"; echo "#2 ERROR: no such host"',
      'The builder could not get docker.io/library/debian:bookworm-slim: is the name right, and does its registry answer?\n  It has none of this engine',
    ],
  ];
  for (const [what, script, said] of failures) {
    it(`says what to do about ${what}`, async () => {
      docker(`[ "$2" = create ] || { ${script}; exit 1; }`);
      const ran = await place.skep(['publish']);
      expect(ran.stdout).to.contain(said).and.not.to.contain('npm run base-images');
      expect(ran.exitCode).to.equal(1);
    });
  }

  it('shows in a quiet build, too, that a base image is of another processor', async () => {
    docker(
      `printf '#1 WARN: InvalidBaseImagePlatform: x\\n\\033[0m - InvalidBaseImagePlatform: Base image x was pulled with another\\n'`,
    );
    const { stdout } = await place.skep(['publish', '--quiet']);
    expect(stdout).to.contain('\n - InvalidBaseImagePlatform: Base image x').and.not.to.contain('#1');
  });

  it('blames no step of the build for a push that failed', async () => {
    docker(
      '[ "$2" = create ] || { echo "#7 [2/3] RUN npm test"; echo "#9 exporting to image"; echo "#9 ERROR: failed to push"; exit 1; }',
    );
    const { stdout } = await place.skep(['publish']);
    expect(stdout).to.contain('It failed in: exporting to image\n').and.to.contain('docker login');
    docker('[ "$2" = create ] || { echo "#7 [2/3] RUN npm test"; echo "#8 ERROR: something else"; exit 1; }');
    expect((await place.skep(['publish'])).stdout).not.to.contain('It failed in');
    docker(
      '[ "$2" = create ] || { echo "#1 [internal] booting buildkit"; echo "#1 DONE 2.1s"; echo "ERROR: failed to solve: dockerfile parse error on line 3"; exit 1; }',
    );
    expect((await place.skep(['publish'])).stdout)
      .to.contain('parse error on line 3')
      .and.not.to.contain('It failed in');
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
