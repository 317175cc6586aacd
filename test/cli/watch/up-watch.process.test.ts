import { join } from 'node:path';
import { expect } from 'chai';
import { DevProcess } from '../../dev/support/dev-project.ts';
import { Workplace } from '../support/run-skep.ts';
import { ScriptedGateway } from '../support/scripted-gateway.ts';

const MAIN = join(import.meta.dirname, '../../../cli/main.ts');

describe('skep up --watch', function () {
  this.timeout(30_000);
  let place: Workplace;
  let gateway: ScriptedGateway;
  let up: DevProcess;

  beforeEach(async () => {
    place = new Workplace();
    gateway = await ScriptedGateway.start(() => ({ status: 202 }));
    place.addTemplate('test');
    // Builds fail where the handler says so.
    place.addDocker('grep -rqs BROKEN function && { echo no good; exit 1; }; exit 0');
    for (const name of ['one', 'two']) place.write(`${name}/handler.txt`, 'x\n');
    writeStack(['one', 'two']);
  });
  afterEach(async function () {
    if (this.currentTest?.state === 'failed') console.error(up.output);
    await up.end('SIGTERM');
    await gateway.stop();
    await place.remove();
  });

  function writeStack(names: readonly string[]): void {
    const blocks = names.map(
      (name) => `  ${name}: {lang: test, handler: ./${name}, image: ${name}:latest}\n`,
    );
    place.write('stack.yaml', `provider: {name: openfaas}\nfunctions:\n${blocks.join('')}`);
  }

  function begin(): void {
    const command = [process.execPath, MAIN, 'up', '--watch', '-g', gateway.url, '--skip-push'];
    up = new DevProcess(command, { cwd: place.path, env: place.env });
  }

  async function start(): Promise<void> {
    begin();
    await up.line(/^\[Watch\] monitoring 2 functions: one, two$/);
    await up.line(/^\[Watch\] Change a file to trigger a rebuild\.\.\.$/);
  }
  const deployed = (): string[] => gateway.received.map(({ body }) => JSON.parse(body).service);

  it('builds and deploys the function whose files have changed, and no other', async () => {
    await start();
    expect(deployed()).to.deep.equal(['one', 'two']);
    place.write('two/handler.txt', 'y\n');
    place.write('two/.handler.txt.swp', 'an editor’s\n');
    await up.line(/^\[Watch\] changed: two$/);
    await up.line(/^Deployed\. 202/);
    await up.line(/^\[Watch\] Change a file/);
    expect(deployed()).to.deep.equal(['one', 'two', 'two']);
  });

  it('goes on when a build fails, the first one too', async () => {
    place.write('one/handler.txt', 'BROKEN\n');
    await start();
    expect(up.output).to.include('no good').and.to.include('Errors received during build');
    expect(deployed()).to.deep.equal([]);
    place.write('one/handler.txt', 'mended\n');
    await up.line(/^\[Watch\] changed: one$/);
    await up.line(/^Deployed\. 202/);
    expect(deployed()).to.deep.equal(['one']);
  });

  it('sees what is edited while it builds for the first time', async () => {
    place.addDocker('grep -qs SLOW function/handler.txt && { echo slow; sleep 3; }; exit 0');
    place.write('one/handler.txt', 'SLOW\n');
    begin();
    await up.line(/^slow$/);
    place.write('one/handler.txt', 'quick\n');
    await up.line(/^\[Watch\] changed: one$/);
    await up.line(/^Deployed\. 202/);
    expect(deployed()).to.deep.equal(['one', 'two', 'one']);
  });

  it('reads the stack file again when it has changed, and watches what is new in it', async () => {
    await start();
    place.write('three/handler.txt', 'x\n');
    writeStack(['one', 'two', 'three']);
    await up.line(/^\[Watch\] changed: all functions$/);
    await up.line(/^\[Watch\] Change a file/);
    expect(deployed().slice(2)).to.deep.equal(['one', 'two', 'three']);
    place.write('three/handler.txt', 'y\n');
    await up.line(/^\[Watch\] changed: three$/);
    await up.line(/^\[Watch\] Change a file/);
  });

  it('watches what is new in the stack file also when its first build fails', async () => {
    await start();
    place.write('three/handler.txt', 'BROKEN\n');
    writeStack(['one', 'two', 'three']);
    await up.line(/^\[Watch\] changed: all functions$/);
    await up.line(/^\[Watch\] Change a file/);
    place.write('three/handler.txt', 'mended\n');
    await up.line(/^\[Watch\] changed: three$/);
    await up.line(/^Deployed\. 202/);
  });

  it('says what is wrong with a stack file, and goes on when that is mended', async () => {
    await start();
    place.write('stack.yaml', 'provider: {name: nobody}\nfunctions: {}\n');
    await up.line(/^\[Watch\] changed: all functions$/);
    await up.line(/openfaas/);
    await up.line(/^\[Watch\] Change a file/);
    writeStack(['one', 'two']);
    await up.line(/^\[Watch\] changed: all functions$/);
    await up.line(/^\[Watch\] Change a file/);
    expect(deployed()).to.deep.equal(['one', 'two', 'one', 'two']);
  });

  for (const [signal, exitCode] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    it(`breaks off with ${signal} a build that goes on, and deploys nothing`, async () => {
      place.addDocker('grep -qs SLOW function/handler.txt && { echo slow $$; exec sleep 60; }; exit 0');
      await start();
      place.write('one/handler.txt', 'SLOW\n');
      const line = await up.line(/^slow \d+$/);
      expect(await up.end(signal)).to.equal(exitCode);
      expect(up.output).to.include('Interrupted').and.to.not.include('Errors received');
      expect(deployed()).to.deep.equal(['one', 'two']);
      expect(() => process.kill(Number(line.slice('slow '.length)), 0), 'docker').to.throw('ESRCH');
    });
  }

  it('deploys nothing when the signal came while a build was ending', async () => {
    // It ends well all the same, as an engine's client may.
    place.addDocker(
      'grep -qs SLOW function/handler.txt && { trap "exit 0" TERM; echo slow; while :; do sleep 0.05; done; }; exit 0',
    );
    await start();
    place.write('one/handler.txt', 'SLOW\n');
    await up.line(/^slow$/);
    expect(await up.end('SIGTERM')).to.equal(143);
    expect(deployed()).to.deep.equal(['one', 'two']);
  });

  it('ends with Ctrl-C, without an error', async () => {
    await start();
    expect(await up.end('SIGINT')).to.equal(0);
  });
});
