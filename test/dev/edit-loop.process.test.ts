import { readdirSync, rmSync } from 'node:fs';
import { expect } from 'chai';
import { type DevProcess, DevProject } from './support/dev-project.ts';

describe('skep dev, while its functions are edited', function () {
  this.timeout(30_000);
  let project: DevProject;

  beforeEach(() => {
    project = new DevProject();
    project.addShellTemplate();
    project.writeStack({ one: 'lang: shell\nhandler: ./one\nimage: one:latest' });
    project.write('one/handler.sh', 'echo first\n');
  });
  afterEach(function () {
    return project.remove(this.currentTest);
  });

  it('serves an edit of the handler, of a new file beside it and of the template', async () => {
    const dev = await project.dev();
    await dev.line(/^one +\| ready: /);
    expect(await dev.call('one')).to.deep.equal({ status: 200, text: 'first\n' });

    project.write('one/handler.sh', '. function/lib.sh\n');
    project.write('one/lib.sh', 'echo second\n');
    await dev.line(/^one +\| reloaded in /);
    expect((await dev.call('one')).text).to.equal('second\n');

    project.replace('template/shell/template.yml', 'function/handler.sh', 'function/other.sh');
    project.write('one/other.sh', 'echo third\n');
    await dev.line(/^one +\| reloaded in /);
    expect((await dev.call('one')).text).to.equal('third\n');
  });

  it('serves edits of templates and secrets that version control does not see, as skep new has it', async () => {
    project.write('.gitignore', 'template\nbuild\n.secrets\n');
    project.write('.secrets/key', 'a');
    project.writeStack({ one: 'lang: shell\nhandler: ./one\nimage: one:latest\nsecrets: [key]' });
    project.write('one/handler.sh', 'cat text $SKEP_SECRETS/key\n');
    project.write('template/shell/text', 'first ');
    const dev = await project.dev();
    await dev.line(/ready: /);
    expect((await dev.call('one')).text).to.equal('first a');
    project.write('template/shell/text', 'second ');
    await dev.line(/reloaded/);
    project.write('.secrets/key', 'b');
    await dev.line(/reloaded/);
    expect((await dev.call('one')).text).to.equal('second b');
  });

  it('installs packages anew that are made of the own files of a function', async () => {
    const install = 'install: cat function/words/text > made, own_files: "^[.]/"';
    project.addShellTemplate('own', `dev: {lock: [function/list], ${install}}`);
    project.writeStack({ one: 'lang: own\nhandler: ./one\nimage: one:latest' });
    project.write('one/handler.sh', 'cat made\n');
    project.write('one/list', 'other\n./words\n');
    project.write('one/words/text', 'first\n');
    const dev = await project.dev();
    await dev.line(/ready: /);
    expect((await dev.call('one')).text).to.equal('first\n');
    project.write('one/words/text', 'second\n');
    await dev.line(/reloaded/);
    expect((await dev.call('one')).text).to.equal('second\n');
  });

  it('forgets a file that was removed', async () => {
    project.write('one/lib.sh', 'echo there\n');
    project.write('one/handler.sh', '[ -e function/lib.sh ] && echo there || echo gone\n');
    const dev = await project.dev();
    await dev.line(/ready: /);
    expect((await dev.call('one')).text).to.equal('there\n');
    rmSync(`${project.path}/one/lib.sh`);
    await dev.line(/reloaded in /);
    expect((await dev.call('one')).text).to.equal('gone\n');
  });

  it('keeps the version before while an edit cannot be built, shows why with the paths of the sources, and goes on', async () => {
    const dev = await project.dev();
    await dev.line(/ready: /);
    project.write('one/handler.sh', 'if then\n');
    await dev.line(/^one +\| .*one\/handler\.sh/);
    await dev.line(/could not be built: exit code 2/);
    await dev.line(/The version before goes on serving/);
    expect((await dev.call('one')).text).to.equal('first\n');

    project.write('one/handler.sh', 'echo mended\n');
    await dev.line(/works again/);
    expect((await dev.call('one')).text).to.equal('mended\n');
  });

  it('keeps the version before when the new one does not start', async () => {
    const dev = await project.dev();
    await dev.line(/ready: /);
    project.replace(
      'stack.yaml',
      'lang: shell',
      'lang: shell\n    environment: {mode: http, upstream_url: nonsense}',
    );
    await dev.line(/upstream_url=nonsense: expected a URL/);
    await dev.line(/the new version does not start: .*exit code 1/);
    await dev.line(/The version before goes on serving/);
    expect((await dev.call('one')).text).to.equal('first\n');

    project.replace('stack.yaml', '{mode: http, upstream_url: nonsense}', '{MADE: "1"}');
    project.write('one/handler.sh', 'echo $MADE\n');
    await dev.line(/works again/);
    expect((await dev.call('one')).text).to.equal('1\n');
  });

  it('says that an edit was taken back', async () => {
    const dev = await project.dev();
    await dev.line(/ready: /);
    project.write('one/handler.sh', 'if then\n');
    await dev.line(/goes on serving/);
    project.write('one/handler.sh', 'echo first\n');
    await dev.line(/is again what serves/);
  });

  it('begins with a function that is broken, and serves it once it is mended', async () => {
    project.write('one/handler.sh', 'if then\n');
    const dev = await project.dev();
    await dev.line(/could not be built/);
    await dev.line(/^Watching/);
    expect((await dev.call('one')).status).to.equal(404);
    project.write('one/handler.sh', 'echo mended\n');
    await dev.line(/ready: /);
    expect((await dev.call('one')).text).to.equal('mended\n');
  });

  it('says which program is missing, and looks again', async () => {
    project.addShellTemplate('odd', 'dev: {needs: [sh, no-such-program]}');
    project.writeStack({ two: 'lang: odd\nhandler: ./one\nimage: two:latest' });
    const dev = await project.dev();
    await dev.line(
      /^two +\| two is written in odd, which needs no-such-program; that is not on the PATH: install it/,
    );
    project.addShellTemplate('odd', 'dev: {}');
    await dev.line(/ready: /);
  });

  it('follows the stack file: functions that come, change and go; one that is wrong changes nothing', async () => {
    const dev = await project.dev();
    await dev.line(/^Watching/);
    project.write('two/handler.sh', 'echo $NAME\n');
    project.writeStack({
      one: 'lang: shell\nhandler: ./one\nimage: one:latest',
      two: 'lang: shell\nhandler: ./two\nimage: two:latest\nenvironment: {NAME: a}',
    });
    await dev.line(/^two +\| ready: /);
    expect((await dev.call('two')).text).to.equal('a\n');

    project.replace('stack.yaml', 'NAME: a', 'NAME: b');
    await dev.line(/^two +\| reloaded/);
    expect((await dev.call('two')).text).to.equal('b\n');

    project.replace('stack.yaml', 'NAME: b}', 'NAME: [}');
    await dev.line(/^skep +\| .*stack\.yaml:\d+:\d+/);
    await dev.line(/The functions stay as they were/);
    expect((await dev.call('two')).text).to.equal('b\n');

    project.writeStack({ two: 'lang: shell\nhandler: ./two\nimage: two:latest\nenvironment: {NAME: b}' });
    await dev.line(/^one +\| removed/);
    expect((await dev.call('one')).status).to.equal(404);
    // The handler of a function that came later is watched, too.
    project.write('two/handler.sh', 'echo new $NAME\n');
    await dev.line(/^two +\| reloaded/);
    expect((await dev.call('two')).text).to.equal('new b\n');
  });

  describe('and packages are installed', () => {
    const ONE = 'lang: held\nhandler: ./one\nimage: one:latest';
    const TWO = 'lang: shell\nhandler: ./two\nimage: two:latest';
    const hold = (): void => project.write('hold', '');
    const letGo = (): void => rmSync(`${project.path}/hold`);

    beforeEach(() => {
      project.addShellTemplate(
        'held',
        `dev: {lock: [function/lock], install: "while [ -e ${project.path}/hold ]; do sleep 0.05; done"}`,
      );
      project.writeStack({ one: ONE });
    });

    it('keeps an edit of the stack file that was made while others were on their way', async () => {
      hold();
      const printing = (text: string): string => `${TWO}\nenvironment: {TEXT: ${text}}`;
      project.write('two/handler.sh', 'echo $TEXT\n');
      const others = { a: ONE.replace('one:', 'a:'), b: ONE.replace('one:', 'b:') };
      project.writeStack({ ...others, two: printing('old') });
      const dev = await project.dev();
      await dev.line(/^b +\| installing packages/);
      project.writeStack({ ...others, two: printing('new') });
      await dev.line(/^two +\| ready: /);
      letGo();
      await dev.line(/^Watching/);
      expect((await dev.call('two')).text).to.equal('new\n');
    });

    it('breaks that off for an edit that wants other packages, and for no other', async () => {
      const begun = (): string[] => project.read('begun').trim().split('\n');
      project.addShellTemplate(
        'held',
        `dev: {lock: [function/lock], install: "cat function/lock >> ${project.path}/begun; while grep -q hang function/lock; do sleep 0.05; done"}`,
      );
      project.write('one/lock', 'hang\n');
      const dev = await project.dev();
      await dev.line(/^one +\| installing packages/);
      while (!project.has('begun')) await Bun.sleep(20);
      project.write('one/handler.sh', 'echo second\n');
      await Bun.sleep(300);
      expect(begun()).to.deep.equal(['hang']);
      project.write('one/lock', 'fine\n');
      await dev.line(/^one +\| ready: /);
      expect(begun()).to.deep.equal(['hang', 'fine']);
      expect((await dev.call('one')).text).to.equal('second\n');
    });

    it('removes a function without waiting for its packages, and makes it anew when it is named again', async () => {
      const dev = await project.dev();
      await dev.line(/^one +\| ready: /);
      hold();
      project.write('one/lock', 'other packages');
      await dev.line(/^one +\| installing packages/);
      project.write('two/handler.sh', 'echo two\n');
      project.writeStack({ two: TWO });
      await dev.line(/^one +\| removed/);
      project.writeStack({ one: ONE, two: TWO });
      await dev.line(/^one +\| installing packages/);
      letGo();
      await dev.line(/^one +\| ready: /);
      expect(await dev.call('one')).to.deep.equal({ status: 200, text: 'first\n' });
    });
  });

  it('goes on serving with the packages of before when others cannot be installed', async () => {
    project.addShellTemplate(
      'packed',
      'dev: {lock: [function/lock], install: rm -rf packages && mkdir packages && grep good function/lock > packages/list}',
    );
    project.writeStack({ one: 'lang: packed\nhandler: ./one\nimage: one:latest' });
    project.write('one/handler.sh', 'cat packages/list\n');
    project.write('one/lock', 'good\n');
    const dev = await project.dev();
    await dev.line(/ready: /);
    expect((await dev.call('one')).text).to.equal('good\n');
    project.write('one/lock', 'bad\n');
    await dev.line(/packages could not be installed/);
    await dev.line(/The version before goes on serving/);
    expect((await dev.call('one')).text).to.equal('good\n');
    project.write('one/lock', 'good again\n');
    await dev.line(/works again/);
    expect((await dev.call('one')).text).to.equal('good again\n');
    const folders = readdirSync(`${project.path}/.skep/dev/one`).filter((name) => /^work-[^.]*$/.test(name));
    expect(folders.length, folders.join()).to.be.lessThan(3);
  });

  it('installs packages again from the sources alone: a lock file of a try that failed is no law', async () => {
    project.addShellTemplate(
      'locking',
      `dev: {lock: [function/lock], install: "[ ! -e function/lock ] && touch function/lock && [ -e ${project.path}/online ]"}`,
    );
    project.writeStack({ one: 'lang: locking\nhandler: ./one\nimage: one:latest' });
    const dev = await project.dev();
    await dev.line(/packages could not be installed/);
    project.write('online', '');
    project.write('one/handler.sh', 'echo installed\n');
    await dev.line(/ready: |could not be installed/);
    expect((await dev.call('one')).text).to.equal('installed\n');
  });

  it('builds again what a build that failed has written over, for sources that were built before', async () => {
    project.addShellTemplate('built', 'dev: {build: "cp function/handler.sh built.sh && sh -n built.sh"}');
    project.replace('template/built/template.yml', 'sh function/handler.sh', 'sh built.sh');
    // From another terminal the same sources are another version, for which nothing has to be built.
    project.write('template/built/Dockerfile', 'FROM scratch\nENV TERMINAL=$TERMINAL\n');
    project.writeStack({ one: 'lang: built\nhandler: ./one\nimage: one:latest' });
    const run = async (terminal: string): Promise<DevProcess> => {
      project.env['TERMINAL'] = terminal;
      return project.dev();
    };
    const dev = await run('a');
    await dev.line(/ready: /);
    project.write('one/handler.sh', 'if then\n');
    await dev.line(/goes on serving/);
    await dev.end('SIGINT');
    project.write('one/handler.sh', 'echo first\n');
    const other = await run('b');
    await other.line(/ready: /);
    expect(await other.call('one')).to.deep.equal({ status: 200, text: 'first\n' });
  });

  it('leaves a call that still runs the files of its version', async () => {
    const go = `${project.path}/go`;
    project.writeStack({
      one: 'lang: shell\nhandler: ./one\nimage: one:latest\nenvironment: {exec_timeout: 60s, write_timeout: 60s}',
    });
    project.write('one/data.txt', 'data');
    project.write(
      'one/handler.sh',
      `touch ${project.path}/begun; until [ -e ${go} ]; do sleep 0.05; done; cat function/data.txt\n`,
    );
    const dev = await project.dev();
    await dev.line(/ready: /);
    const call = dev.call('one');
    while (!project.has('begun')) await Bun.sleep(20);
    for (const text of ['a', 'b']) {
      project.write('one/data.txt', text);
      await dev.line(/reloaded in /);
    }
    project.write('go', '');
    expect(await call).to.deep.equal({ status: 200, text: 'data' });
  });

  it('brings back a function that was removed from the gateway when its files are saved again', async () => {
    const dev = await project.dev();
    await dev.line(/^Watching/);
    await project.skep(['remove', 'one']);
    expect((await dev.call('one')).status).to.equal(404);
    project.write('one/handler.sh', 'echo first\n');
    await dev.line(/^one +\| was removed from the gateway, and is deployed again/);
    await dev.line(/^one +\| reloaded/);
    expect((await dev.call('one')).text).to.equal('first\n');
  });

  it('takes environment files and copied paths of the project, and their edits', async () => {
    project.write('common/text', 'a\n');
    project.write('env.yml', 'environment: {WORD: x}\n');
    project.write('one/handler.sh', 'cat function/common/text; echo $WORD\n');
    project.write(
      'stack.yaml',
      'provider: {name: openfaas}\nconfiguration: {copy: [./common]}\nfunctions:\n  one: {lang: shell, handler: ./one, image: one, environment_file: [env.yml]}\n',
    );
    const dev = await project.dev();
    await dev.line(/ready: /);
    expect((await dev.call('one')).text).to.equal('a\nx\n');
    project.write('common/text', 'b\n');
    await dev.line(/reloaded/);
    project.write('env.yml', 'environment: {WORD: y}\n');
    await dev.line(/reloaded/);
    expect((await dev.call('one')).text).to.equal('b\ny\n');
  });

  it('does not build what has not changed since the last run', async () => {
    project.addShellTemplate(
      'counted',
      'dev: {lock: [function/lock], install: echo >> ../installed, build: echo >> ../built}',
    );
    project.writeStack({ one: 'lang: counted\nhandler: ./one\nimage: one:latest' });
    const count = (what: string): number => project.read(`.skep/dev/one/${what}`).length;
    for (let run = 0; run < 2; run += 1) {
      const dev = await project.dev();
      await dev.line(/ready: /);
      expect(await dev.end('SIGINT')).to.equal(0);
    }
    expect([count('installed'), count('built')]).to.deep.equal([1, 1]);
    project.write('one/handler.sh', 'echo other\n');
    project.write('one/lock', 'new packages\n');
    const dev = await project.dev();
    await dev.line(/ready: /);
    expect([count('installed'), count('built')]).to.deep.equal([2, 2]);
  });

  it('keeps its own folder out of version control', async () => {
    const dev = await project.dev();
    await dev.line(/ready: /);
    expect(project.read('.skep/.gitignore')).to.equal('*\n');
  });
});
