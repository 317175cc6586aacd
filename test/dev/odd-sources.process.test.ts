import { chmodSync, mkdirSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { expect } from 'chai';
import { DevProject } from './support/dev-project.ts';

describe('skep dev and sources that are not as they should be', function () {
  this.timeout(30_000);
  let project: DevProject;

  beforeEach(() => {
    project = new DevProject();
    project.addShellTemplate();
    project.write('one/handler.sh', 'echo one\n');
  });
  afterEach(function () {
    return project.remove(this.currentTest);
  });

  const both = (settings: string): void =>
    project.writeStack({ one: 'lang: shell\nhandler: ./one\nimage: one:latest', two: settings });

  it('runs the others when one has no handler, and that one when it comes', async () => {
    both('lang: shell\nhandler: ./two\nimage: two:latest');
    const dev = await project.dev();
    await dev.line(/^two +\| .*\.\/two: no such file or folder/);
    await dev.line(/^Watching/);
    expect((await dev.call('one')).text).to.equal('one\n');
    project.write('two/handler.sh', 'echo two\n');
    await dev.line(/^two +\| ready: /);
    expect((await dev.call('two')).text).to.equal('two\n');
  });

  it('runs the others when one is an image that is not built', async () => {
    both('skip_build: true\nimage: ghcr.io/openfaas/nodeinfo:latest');
    const dev = await project.dev();
    await dev.line(
      /^two +\| its image ghcr.io\/openfaas\/nodeinfo:latest is run as it is.*needs an engine: left out/,
    );
    await dev.line(/^Watching/);
    expect((await dev.call('one')).text).to.equal('one\n');
  });

  it('runs one that takes the image of another from the sources of that, edits and all', async () => {
    both('skip_build: true\nimage: one:latest\nenvironment: {word: two}');
    project.write('one/handler.sh', 'echo "one $word"\n');
    const dev = await project.dev();
    await dev.line(/^Watching/);
    expect((await dev.call('two')).text).to.equal('one two\n');
    project.write('one/handler.sh', 'echo "edited $word"\n');
    await dev.line(/^two +\| reloaded/);
    expect((await dev.call('two')).text).to.equal('edited two\n');
  });

  it('shows each line of a step that fails once, with -v, too', async () => {
    project.addShellTemplate('failing', 'dev: {build: "echo some reason; exit 3"}');
    both('lang: failing\nhandler: ./one\nimage: two:latest');
    const dev = await project.dev(['--no-nats', '-v']);
    await dev.line(/^Watching/);
    expect(dev.lines.filter((line) => line.endsWith('| some reason')).length, dev.output).to.equal(1);
  });

  it('runs the others when one has a template that nobody knows', async () => {
    project.env['OPENFAAS_TEMPLATE_STORE_URL'] = `file://${project.path}/none.json`;
    both('lang: nobody-knows\nhandler: ./one\nimage: two:latest');
    const dev = await project.dev();
    await dev.line(/^two +\| .*nobody-knows/);
    await dev.line(/^Watching/);
    expect((await dev.call('one')).text).to.equal('one\n');
  });

  it('runs the others when a template cannot be read, and says where', async () => {
    project.write('template/torn/template.yml', 'language: [\n');
    both('lang: torn\nhandler: ./one\nimage: two:latest');
    const dev = await project.dev();
    await dev.line(/^two +\| .*template\.yml/);
    await dev.line(/^Watching/);
    expect((await dev.call('one')).text).to.equal('one\n');
  });

  it('refuses a folder that leads back into itself', async () => {
    both('lang: shell\nhandler: ./two\nimage: two:latest');
    mkdirSync(`${project.path}/two`);
    symlinkSync('.', `${project.path}/two/again`);
    const dev = await project.dev();
    await dev.line(/^two +\| .*symbolic link to a folder that it is in/);
    await dev.line(/^Watching/);
    await dev.end('SIGINT');
    expect(dev.output).to.not.match(/ELOOP|cannot be watched/);
  });

  it('takes a handler that is the whole project, without what is made in it', async () => {
    project.write('handler.sh', 'ls function; ls -a function | grep -c skep\n');
    project.writeStack({ all: 'lang: shell\nhandler: .\nimage: all:latest' });
    const dev = await project.dev();
    await dev.line(/ready: /);
    const { text } = await dev.call('all');
    expect(text).to.include('stack.yaml').and.to.not.include('template');
    project.write('handler.sh', 'echo edited\n');
    await dev.line(/reloaded/);
    expect((await dev.call('all')).text).to.equal('edited\n');
  });

  it('installs packages anew when a program that they are for is another one', async () => {
    for (const version of ['1', '2']) {
      project.write(`tool-${version}`, `#!/bin/sh\necho ${version} > made\n`);
      chmodSync(`${project.path}/tool-${version}`, 0o755);
    }
    const use = (version: string): void => {
      rmSync(`${project.path}/bin`, { recursive: true, force: true });
      mkdirSync(`${project.path}/bin`);
      symlinkSync(`../tool-${version}`, `${project.path}/bin/tool`);
    };
    project.env['PATH'] = `${project.path}/bin:${process.env['PATH']}`;
    project.addShellTemplate('tooled', 'dev: {needs: [tool], lock: [none], install: tool}');
    project.write('one/handler.sh', 'cat made\n');
    project.writeStack({ one: 'lang: tooled\nhandler: ./one\nimage: one:latest' });
    for (const version of ['1', '2']) {
      use(version);
      const dev = await project.dev();
      await dev.line(/ready: /);
      expect((await dev.call('one')).text).to.equal(`${version}\n`);
      await dev.end('SIGINT');
    }
  });

  it('copies no secret into its work folders', async () => {
    project.write('handler.sh', 'ls -a function\n');
    project.write('.secrets/tok', 'hidden');
    project.writeStack({ all: 'lang: shell\nhandler: .\nimage: all:latest\nsecrets: [tok]' });
    const dev = await project.dev();
    await dev.line(/ready: /);
    expect((await dev.call('all')).text)
      .to.include('stack.yaml')
      .and.to.not.include('.secrets');
    const made = readdirSync(`${project.path}/.skep/dev/all`, { recursive: true, encoding: 'utf8' });
    expect(made).to.not.be.empty;
    expect(made.filter((path) => path.includes('.secrets'))).to.deep.equal([]);
  });

  it('does not follow what tools keep beside the sources', async () => {
    for (const path of [
      'node_modules/a/index.js',
      '__pycache__/a.pyc',
      'venv/pyvenv.cfg',
      'target/CACHEDIR.TAG',
    ])
      project.write(`one/${path}`, 'x');
    project.write('one/handler.sh', 'ls function\n');
    project.writeStack({ one: 'lang: shell\nhandler: ./one\nimage: one:latest' });
    const dev = await project.dev();
    await dev.line(/ready: /);
    expect((await dev.call('one')).text).to.equal('handler.sh\n');
  });

  it('refuses two functions of one image that are made of different sources', async () => {
    both('lang: shell\nhandler: ./two\nimage: one:latest');
    project.write('two/handler.sh', 'echo two\n');
    const { output, exitCode } = await project.skep(['dev', '--port', '0', '--no-nats']);
    expect(output).to.match(/stack\.yaml:\d+:\d+: functions\.two\.image/);
    expect(exitCode).to.equal(1);
  });

  it('serves the last of many edits', async () => {
    project.writeStack({ one: 'lang: shell\nhandler: ./one\nimage: one:latest' });
    const dev = await project.dev();
    await dev.line(/ready: /);
    for (let edit = 0; edit < 20; edit += 1) {
      project.write('one/handler.sh', `echo edit ${edit}\n`);
      await Bun.sleep(30);
    }
    while ((await dev.call('one')).text !== 'edit 19\n') await Bun.sleep(50);
    expect((await dev.call('one')).status).to.equal(200);
  });

  it('loses no call while it reloads', async () => {
    project.writeStack({ one: 'lang: shell\nhandler: ./one\nimage: one:latest' });
    const dev = await project.dev();
    await dev.line(/ready: /);
    let isOver = false;
    const statuses = new Set<number>();
    const caller = (async () => {
      while (!isOver) statuses.add((await dev.call('one')).status);
    })();
    for (let edit = 0; edit < 3; edit += 1) {
      project.write('one/handler.sh', `echo ${edit}\n`);
      await dev.line(/reloaded/);
    }
    isOver = true;
    await caller;
    expect([...statuses]).to.deep.equal([200]);
  });
});
