import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { DevProcess } from '../dev/support/dev-project.ts';
import { Workplace } from './support/run-skep.ts';

const MAIN = join(import.meta.dirname, '..', '..', 'cli', 'main.ts');

describe('skep local-run', () => {
  let place: Workplace;
  beforeEach(() => {
    place = new Workplace();
    place.addTemplate('test');
    place.addDocker();
    place.write('hello/handler.txt', 'mine\n');
    place.write('other/handler.txt', 'mine\n');
    stack();
  });
  afterEach(() => place.remove());
  const stack = (more = ''): void =>
    place.write(
      'stack.yaml',
      `provider: {name: openfaas}\nfunctions:\n  hello:\n    lang: test\n    handler: ./hello\n    image: hello:1.0\n${more}`,
    );
  const runs = (): string[] =>
    place
      .dockerCalls()
      .map(({ args }) => args.join(' '))
      .filter((call) => call.startsWith('run'));

  it('builds the only function and runs it with what the stack file says', async () => {
    stack(
      '    environment: {A: one, B: two}\n    limits: {memory: 64Mi, cpu: 100m}\n    readonly_root_filesystem: true\n    secrets: [key]\n    namespace: dev\n    fprocess: ./other\n',
    );
    place.write('.secrets/key', 'x');
    const ran = await place.skep(['local-run', '-p', '38123', '--network', 'net', '-e', 'B=three']);
    expect(ran.exitCode, ran.stdout).to.equal(0);
    expect(place.dockerCalls().some(({ args }) => args[0] === 'build')).to.equal(true);
    expect(runs()).to.deep.equal([
      `run --name hello --rm -i -p=38123:8080 --network=net -e=A=one -e=B=three -e=OPENFAAS_NAME=hello -e=OPENFAAS_NAMESPACE=dev -e=jwt_auth_local=true --read-only --memory-reservation=67108864 --cpus=0.1 --volume=${place.path}/.secrets:/var/openfaas/secrets -e=fprocess=./other hello:1.0`,
    ]);
    expect(ran.stdout).to.contain(
      'Image: hello:1.0\nStarting local-run for: hello on: http://0.0.0.0:38123\n',
    );
  });

  it('prints the command as a shell takes it, and runs nothing', async () => {
    const ran = await place.skep(['local-run', '--print', '-e', "A=it's here"]);
    expect(ran.stdout).to.equal(
      "Image: hello:1.0\ndocker run --name hello --rm -i -p=8080:8080 '-e=A=it'\\''s here' -e=OPENFAAS_NAME=hello -e=OPENFAAS_NAMESPACE=openfaas-fn -e=jwt_auth_local=true hello:1.0\n",
    );
    expect(existsSync(join(place.path, 'calls'))).to.equal(false);
  });

  it('maps no port into the network of the host, and finds a free one for 0', async () => {
    expect((await place.skep(['local-run', '--print', '--network', 'host'])).stdout).not.to.contain('-p=');
    const [, port = ''] =
      /-p=(\d+):8080/.exec((await place.skep(['local-run', '--print', '-p', '0'])).stdout) ?? [];
    expect(Number(port)).to.be.above(1023);
  });

  it("has the container's exit code", async () => {
    place.addDocker('[ "$1" != run ] || { echo from inside; exit 7; }');
    const ran = await place.skep(['local-run', '--build=false']);
    expect(ran.stdout)
      .to.contain('from inside\n')
      .and.to.contain('The container of hello ended with exit code 7\n');
    expect(ran.exitCode).to.equal(7);
  });

  it('says what to do when the name is taken', async () => {
    place.addDocker(
      'echo "docker: Error response from daemon: Conflict. The container name \\"/hello\\" is already in use by container x." >&2; exit 125',
    );
    const ran = await place.skep(['local-run', '--build=false']);
    expect(ran.stdout).to.contain('Remove the container of that name first: docker rm -f hello\n');
    expect(ran.exitCode).to.equal(1);
  });

  const refused: readonly (readonly [string, string[], string, string?])[] = [
    ['a secret without a file', ['--build=false'], '.secrets/key. Make them\n', '    secrets: [key]\n'],
    [
      'one of two unnamed',
      [],
      'Give a function name to run: [hello other]\n',
      '  other: {image: b, lang: test, handler: ./other}\n',
    ],
    [
      'a function that is not there',
      ['nosuch'],
      'No functions matching --filter/--regex were found in the YAML file\n',
    ],
    ['a name that is none', ['A(B'], '"A(B" is no function name'],
    ['a builder elsewhere', ['--remote'], 'local-run builds where it runs'],
    ['a port that is none', ['-p', '70000'], '--port must be at most 65535'],
  ];
  for (const [what, args, said, more] of refused)
    it(`refuses ${what} without Docker`, async () => {
      stack(more);
      const ran = await place.skep(['local-run', ...args]);
      expect(ran.stdout).to.contain(said);
      expect(ran.exitCode).to.equal(1);
      expect(existsSync(join(place.path, 'calls'))).to.equal(false);
    });

  it('runs one whose neighbour in the stack file is broken', async () => {
    stack('  broken: {image: NO, lang: nosuch, handler: ./nosuch}\n');
    const ran = await place.skep(['local-run', 'hello', '--print']);
    expect(ran.exitCode, ran.stdout).to.equal(0);
  });

  it('does not run what was not built', async () => {
    place.addDocker('exit 3');
    const ran = await place.skep(['local-run']);
    expect(ran.stdout).to.contain('Errors received during build:');
    expect(ran.exitCode).to.equal(1);
    expect(runs()).to.deep.equal([]);
  });

  it('with --watch builds and starts it anew when its files change; a broken one leaves the old, and Ctrl-C ends it', async () => {
    // Runs until it is told to end, as `docker run` does; a build fails where the handler says so.
    place.addDocker(
      'if [ "$1" = run ]; then echo running; trap "exit 0" TERM; while :; do sleep 0.05; done; fi\n! grep -q broken function/handler.txt 2>/dev/null',
    );
    const child = spawn(process.execPath, [MAIN, 'local-run', '--watch'], {
      cwd: place.path,
      env: place.env,
    });
    let seen = '';
    const waiting: { text: string; count: number; resolve: () => void }[] = [];
    const onData = (chunk: Buffer): void => {
      seen += chunk.toString('utf8');
      for (const each of waiting) if (seen.split(each.text).length > each.count) each.resolve();
    };
    child.stdout.on('data', onData);
    child.stderr.on('data', onData);
    const see = (text: string, count = 1): Promise<void> =>
      new Promise((resolve) => {
        waiting.push({ text, count, resolve });
        onData(Buffer.from(''));
      });
    const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
    await Promise.all([see('[Watch] Change a file'), see('running')]);
    place.write('hello/handler.txt', 'broken\n');
    await see('The version of before goes on.');
    expect(runs()).to.have.length(1);
    place.write('hello/handler.txt', 'mended\n');
    await see('running', 2);
    child.kill('SIGINT');
    expect(await ended, seen).to.equal(0);
    expect(runs()).to.have.length(2);
  }).timeout(30_000);

  it('with --watch breaks off a build that goes on when it is told to end', async () => {
    place.addDocker(
      'if [ "$1" = run ]; then echo running; trap "exit 0" TERM; while :; do sleep 0.05; done; fi\ngrep -q slow function/handler.txt && { echo building; exec sleep 60; }\nexit 0',
    );
    const command = [process.execPath, MAIN, 'local-run', '--watch'];
    const run = new DevProcess(command, { cwd: place.path, env: place.env });
    await run.line(/^\[Watch\] Change a file/);
    place.write('hello/handler.txt', 'slow\n');
    await run.line(/^building$/);
    expect(await run.end('SIGTERM')).to.equal(143);
    expect(runs()).to.have.length(1);
  }).timeout(30_000);
});
