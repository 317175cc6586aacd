import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { compile } from '../../scripts/platform/compile.ts';
import { Problem } from '../../scripts/shell/problem.ts';

const program = { name: 'says-hi', entryPoint: 'program/main.ts' };

describe('compile', function () {
  this.timeout(30_000);
  let root: string;

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'skep-compile-'));
    mkdirSync(join(root, 'program'));
    writeFileSync(join(root, 'package.json'), '{"version":"1.2.3","type":"module"}');
    writeFileSync(join(root, 'program', 'greeting.ts'), "export const greeting = 'hi';\n");
    writeFileSync(
      join(root, 'program', 'main.ts'),
      "import { greeting } from './greeting.ts';\nconsole.log(greeting, process.env.SKEP_VERSION, process.env.SKEP_COMMIT);\n",
    );
  });
  afterEach(() => rmSync(root, { recursive: true }));

  it('makes an executable that knows its version, and outside git says that the commit is unknown', async () => {
    const { file } = await compile(root, program);
    expect(Bun.spawnSync([file]).stdout.toString()).to.equal('hi 1.2.3 unknown\n');
  });

  it('leaves a program alone while its sources are the same', async () => {
    const first = await compile(root, program);
    writeFileSync(join(root, 'program', 'not-imported.ts'), 'export {};\n');
    const second = await compile(root, program);
    expect([first.isNew, second.isNew]).to.deep.equal([true, false]);
    expect(second.inputHash).to.equal(first.inputHash);
  });

  it('compiles again when something it imports changes', async () => {
    const first = await compile(root, program);
    appendFileSync(join(root, 'program', 'greeting.ts'), "console.log('more');\n");
    const second = await compile(root, program);
    expect(second.isNew).to.equal(true);
    expect(second.inputHash).to.not.equal(first.inputHash);
    expect(Bun.spawnSync([second.file]).stdout.toString()).to.contain('more');
  });

  for (const [title, source] of [
    ['does not parse', 'const = 1;\n'],
    ['imports what does not exist', "import './nowhere.ts';\n"],
  ] as const) {
    it(`says what is wrong with a source that ${title}`, async () => {
      writeFileSync(join(root, 'program', 'main.ts'), source);
      const error = await compile(root, program).catch((reason: unknown) => reason);
      expect(error).to.be.instanceOf(Problem);
      expect((error as Problem).message).to.contain('compiling says-hi failed');
    });
  }

  it('says so when the entry point is missing', async () => {
    const error = await compile(root, { name: 'x', entryPoint: 'x/main.ts' }).catch(
      (reason: unknown) => reason,
    );
    expect((error as Problem).message).to.equal('x/main.ts is not there');
  });
});
