import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { type Watching, watchFiles } from '../../../cli/watch/watch-files.ts';

describe('watching files', () => {
  let folder: string;
  let watching: Watching | undefined;
  let told: string[];
  let onTold: () => void;

  beforeEach(() => {
    folder = realpathSync(mkdtempSync(join(tmpdir(), 'skep-watch-')));
    told = [];
    onTold = () => {};
    write('fn/handler.js');
    write('stack.yaml');
  });

  afterEach(async () => {
    await watching?.close();
    watching = undefined;
    rmSync(folder, { recursive: true, force: true });
  });

  const at = (path: string): string => join(folder, path);
  function write(path: string, text = 'x'): void {
    mkdirSync(join(at(path), '..'), { recursive: true });
    writeFileSync(at(path), text);
  }

  async function watch(...paths: string[]): Promise<Watching> {
    watching = await watchFiles({
      root: folder,
      paths: paths.map(at),
      quietMs: 30,
      onChange: (changed) => {
        told.push(...changed.map((path) => path.slice(folder.length + 1)));
        onTold();
      },
      onNote: (text) => {
        throw new Error(text);
      },
    });
    return watching;
  }

  /** Resolves once a change of this file was told. */
  function untilTold(path: string): Promise<void> {
    return new Promise((resolve) => {
      onTold = () => {
        if (told.includes(path)) resolve();
      };
      onTold();
    });
  }

  it('tells of files that are written, made and removed, in folders that were not there, too', async () => {
    await watch('fn');
    write('fn/handler.js', 'y');
    await untilTold('fn/handler.js');
    write('fn/lib/deep/new.js');
    await untilTold('fn/lib/deep/new.js');
    rmSync(at('fn/handler.js'));
    told = [];
    await untilTold('fn/handler.js');
  });

  it('follows a file that an editor replaces by another, time and again', async () => {
    await watch('stack.yaml');
    for (const text of ['a', 'b', 'c']) {
      told = [];
      write('stack.yaml.new', text);
      renameSync(at('stack.yaml.new'), at('stack.yaml'));
      await untilTold('stack.yaml');
    }
  });

  it('tells many changes as one', async () => {
    await watch('fn');
    let batches = 0;
    const done = new Promise<void>((resolve) => {
      onTold = () => {
        batches += 1;
        if (told.includes('fn/last')) resolve();
      };
    });
    for (let index = 0; index < 50; index += 1) write(`fn/f${index}`);
    write('fn/last');
    await done;
    expect(batches).to.be.lessThan(10);
    expect(told.length).to.equal(51);
  });

  it('keeps quiet about what .gitignore names, nested ones too, and about what editors leave for a moment', async () => {
    write('.gitignore', '*.log\n/fn/out/\n');
    write('fn/lib/.gitignore', 'generated\n!keep.log\n');
    await watch('fn');
    for (const path of [
      'fn/a.log',
      'fn/out/x',
      'fn/lib/generated/x',
      'fn/.handler.js.swp',
      'fn/4913',
      'fn/handler.js~',
      'fn/.#handler.js',
      'fn/#handler.js#',
      'fn/node_modules/x/index.js',
      'fn/__pycache__/x.pyc',
    ])
      write(path);
    write('fn/last');
    await untilTold('fn/last');
    expect(told).to.deep.equal(['fn/last']);
  });

  it('watches what .gitignore names when it is asked to: templates and secrets of a project that skep new made', async () => {
    write('.gitignore', 'template\nbuild\n.secrets\n*.log\n');
    write('template/mine/function/handler.js');
    write('template/mine/.gitignore', 'made\n');
    write('.secrets/key');
    await watch('fn', 'template/mine', '.secrets');
    write('fn/a.log');
    write('build/x');
    write('template/other/x');
    write('template/mine/made');
    write('template/mine/function/handler.js', 'y');
    await untilTold('template/mine/function/handler.js');
    write('.secrets/key', 'y');
    await untilTold('.secrets/key');
    write('.secrets/new', 'y');
    await untilTold('.secrets/new');
    expect(told.filter((path) => !/handler\.js$|^\.secrets/.test(path))).to.deep.equal([]);
  });

  it('takes other paths while it goes on', async () => {
    const files = await watch('fn');
    write('other/x');
    await files.setPaths([at('other')]);
    write('fn/handler.js', 'z');
    write('other/z');
    await untilTold('other/z');
    expect(told).to.not.include('fn/handler.js');
  });

  it('notices a folder that is removed and made again', async () => {
    await watch('fn');
    rmSync(at('fn'), { recursive: true });
    await untilTold('fn/handler.js');
    told = [];
    write('fn/handler.js', 'again');
    await untilTold('fn/handler.js');
  });

  it('notices a folder that comes later, in a folder that comes later', async () => {
    await watch('later/fn');
    write('later/fn/handler.js');
    await untilTold('later/fn/handler.js');
  });

  for (const most of [0, 8, 12])
    it(`looks at files from time to time where the system watches no more than ${most}`, function () {
      this.timeout(60_000);
      // A user's own namespace has limits of its own.
      const limited = (...command: string[]) => {
        const limit = `echo ${most} > /proc/sys/user/max_inotify_watches && exec "$@"`;
        const args = ['--user', '--map-root-user', 'sh', '-c', limit, 'sh', ...command];
        return spawnSync('unshare', args, { encoding: 'utf8', timeout: 50_000 });
      };
      if (limited('true').status !== 0) this.skip(); // not everybody may
      for (let index = 0; index < 20; index += 1) write(`fn/${index}/x`);
      const script = `
      const { watchFiles } = await import(${JSON.stringify(join(import.meta.dirname, '../../../cli/watch/watch-files.ts'))});
      const told = Promise.withResolvers();
      const watching = await watchFiles({
        root: ${JSON.stringify(folder)}, paths: [${JSON.stringify(at('fn'))}], quietMs: 30, onChange: told.resolve, onNote: console.log,
      });
      let times = 0; // each is a change, the first one too unless the machine is so busy that it comes before the first look
      const writing = setInterval(() => Bun.write(${JSON.stringify(at('fn/15/x'))}, 'longer'.repeat(++times)), 700);
      console.log((await told.promise).join());
      clearInterval(writing);
      await watching.close();`;
      const ran = limited(process.execPath, '-e', script);
      expect(ran.stdout.trim().split('\n'), ran.stderr).to.deep.equal([
        'The system watches no more files (see fs.inotify.max_user_watches): they are looked at every 0.3 s instead.',
        at('fn/15/x'),
      ]);
      expect(ran.status).to.equal(0);
    });
});
