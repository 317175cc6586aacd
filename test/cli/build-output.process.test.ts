// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of Dockerfiles
import { join } from 'node:path';
import { expect } from 'chai';
import { baseImageOf } from '../../cli/build/base-image.ts';
import { watchSteps } from '../../cli/build/failed-step.ts';
import { RunningWork } from '../../cli/running-work.ts';
import { paintFor, plainText } from '../../cli/shell.ts';
import { DevProcess } from '../dev/support/dev-project.ts';
import { Workplace } from './support/run-skep.ts';

const MAIN = join(import.meta.dirname, '../../cli/main.ts');
/** What the classic builder makes of two lines that npm writes to stderr. */
const COLOURED = '\\033[91mnpm notice\\nnpm notice New\\n\\033[0mStep 2/2 : RUN cd function && npm test\\n';

describe('the output of skep build', () => {
  let place: Workplace;
  beforeEach(() => {
    place = new Workplace();
    place.addTemplate('mine');
    place.write('hello/handler.txt', 'own\n');
    place.write(
      'stack.yaml',
      'provider: {name: openfaas}\nfunctions:\n  hello: {lang: mine, handler: ./hello, image: hello}\n',
    );
  });
  afterEach(() => place.remove());
  const docker = (script: string): void => place.addDocker(`[ "$1" = buildx ] && exit 1; ${script}`);

  it('has no colours of other programs where no terminal shows it, and knows the step behind one', async () => {
    docker(`printf '${COLOURED}'; exit 1`);
    const { stdout } = await place.skep(['build']);
    expect(stdout).to.contain('\nnpm notice\nnpm notice New\nStep 2/2 : RUN').and.not.to.contain('\u001b');
    expect(stdout).to.contain('It failed in: RUN cd function && npm test\n');
  });

  it('names the base image that cannot be had, and how to make it', async () => {
    place.write('template/mine/Dockerfile', 'ARG GO_IMAGE=golang:1.23-bookworm\nFROM ${GO_IMAGE} AS build\n');
    docker("echo 'Step 2/9 : FROM ${GO_IMAGE} AS build'; exit 1");
    const { stdout } = await place.skep(['build']);
    expect(stdout).to.contain('The engine could not get golang:1.23-bookworm: is the name right');
    expect(stdout).to.match(/npm run base-images -- golang:1\.23-bookworm\n$/);
    const other = await place.skep(['build', '-b', 'GO_IMAGE=r.example/go:1']);
    expect(other.stdout).to.match(/could not get r\.example\/go:1: is the name right.*answer\?\n$/);
  });

  it('names it with BuildKit, which asks for all base images before the first step', async () => {
    place.addDocker(
      '[ "$1" = buildx ] && exit 0; echo "#3 [internal] load metadata for docker.io/library/ruby:3.1"; echo "#3 ERROR: no such host"; exit 1',
    );
    const { stdout } = await place.skep(['build']);
    expect(stdout).to.contain('It failed in: FROM docker.io/library/ruby:3.1\n');
    expect(stdout).to.match(/npm run base-images -- ruby:3\.1\n$/);
  });

  it('says where the watchdog comes from when the engine does not have it', async () => {
    docker('echo "Step 1/9 : FROM skep/watchdog:latest AS watchdog"; exit 1');
    expect((await place.skep(['build'])).stdout).to.contain('"npm run up" in a checkout of Skep makes it');
  });

  for (const command of ['build', 'push'])
    it(`ends with Docker when a signal comes in the middle of ${command}`, async () => {
      place.write('stack.yaml', place.read('stack.yaml').replace('image: hello', 'image: r.example/hello'));
      place.addDocker('[ "$1" = buildx ] && exit 1; echo slow $$; exec sleep 60');
      const build = new DevProcess([process.execPath, MAIN, command], { cwd: place.path, env: place.env });
      const line = await build.line(/^slow \d+$/);
      expect(await build.end('SIGTERM')).to.equal(143);
      expect(build.output).to.include('Interrupted').and.not.to.include('Errors received');
      expect(() => process.kill(Number(line.slice('slow '.length)), 0), 'docker').to.throw('ESRCH');
    });
});

describe('lines of other programs', () => {
  it('keep their colours on a terminal alone, and nothing else that steers it', () => {
    const line = '\u001b[91mred\u001b[2K\u0007 \u001b]0;title\u0007and\ton';
    expect(paintFor(true, {}).foreign(line)).to.equal('\u001b[91mred and\ton\u001b[0m');
    expect(paintFor(true, {}).foreign('plain')).to.equal('plain');
    expect(paintFor(true, { NO_COLOR: '1' }).foreign(line)).to.equal('red and\ton');
    expect(plainText('Größe ✔ 漢字')).to.equal('Größe ✔ 漢字');
  });
});

describe('baseImageOf', () => {
  const dockerfile = [
    'ARG TAG=1.23',
    'ARG GO_IMAGE="golang:${TAG}"',
    'FROM ${GO_IMAGE} AS build',
    'ARG GO_IMAGE=no',
  ];
  const cases: readonly (readonly [from: string, args: Record<string, string>, image: string])[] = [
    ['FROM ${GO_IMAGE} AS build', {}, 'golang:1.23'],
    ['FROM --platform=linux/amd64 $GO_IMAGE', { TAG: '2' }, 'golang:2'],
    ['FROM ${GO_IMAGE}', { GO_IMAGE: 'r.example/go' }, 'r.example/go'],
    ['FROM ${NONE:-debian}', {}, 'debian'],
    ['FROM ${toString}', {}, ''],
  ];
  for (const [from, args, image] of cases)
    it(`takes ${from} with ${JSON.stringify(args)} for ${image || 'none'}`, () => {
      expect(baseImageOf(from, dockerfile.join('\n'), args)).to.equal(image);
    });
});

describe('what a build shows on a terminal while it runs', () => {
  it('is the step, how many there are, and for how long it has run', async () => {
    const shown: string[] = [];
    const running = new RunningWork({ status: (line) => shown.push(line) });
    const steps = watchSteps();
    steps.see('Step 3/9 : RUN npm ci');
    const at = () => `${steps.step?.progress} ${steps.step?.instruction}`;
    await running.during('hello', at, () => Promise.resolve());
    expect(shown).to.deep.equal(['hello, 0 s: 3/9 RUN npm ci', '']);
    steps.see('#9 [linux/arm64 build 4/9] RUN npm test');
    expect(at()).to.equal('4/9 RUN npm test');
  });

  it('is each of several builds', async () => {
    const shown: string[] = [];
    const running = new RunningWork({ status: (line) => shown.push(line) });
    const first = Promise.withResolvers<void>();
    const both = running.during(
      'one',
      () => 'a',
      () => first.promise,
    );
    await running.during(
      'two',
      () => 'b',
      async () => {},
    );
    running.show();
    first.resolve();
    await both;
    expect(shown).to.deep.equal(['one, 0 s: a', 'one, 0 s: a · two, 0 s: b', 'one, 0 s: a', '']);
  });
});
