import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect } from 'chai';
import { CountedOutput } from '../../cli/counted-output.ts';
import { paintFor } from '../../cli/shell.ts';
import { DevOutput } from '../../dev/output.ts';

describe('what skep dev prints', () => {
  let lines: string[];
  /** Takes what was written first. */
  let take: (count: number) => void;
  let output: DevOutput;
  let backlog: CountedOutput;

  beforeEach(() => {
    lines = [];
    const waiting: (() => void)[] = [];
    take = (count) => {
      for (const taken of waiting.splice(0, count)) taken();
    };
    backlog = new CountedOutput({
      write: (text, onTaken) => {
        lines.push(text.trimEnd());
        waiting.push(onTaken);
      },
    });
    output = shell('/nowhere');
  });

  async function takeAll(): Promise<void> {
    const emptied = backlog.emptied();
    take(Number.POSITIVE_INFINITY);
    await emptied;
    await undefined;
  }

  function shell(cwd: string): DevOutput {
    return new DevOutput({
      cwd,
      out: (line) => backlog.write(`${line}\n`),
      backlog,
      status: () => {},
      paint: paintFor(false, {}),
    });
  }

  it('leaves out lines of functions while nobody takes them, and says how many', async () => {
    const line = 'y'.repeat(100_000);
    for (let count = 0; count < 100; count += 1) output.function('one', line);
    const printed = lines.length;
    expect(printed).to.be.lessThan(20);
    output.call('two', 'POST / → 200');
    output.event('one', 'reloaded');
    output.problem('one', 'broken');
    expect(lines.slice(printed)).to.deep.equal(['one  | reloaded', 'one  | broken']);
    await takeAll();
    const missing = /^(one|two) {2}\| (\d+) lines? (?:is|are) missing above/;
    const told = lines.slice(printed + 2).map((text) => missing.exec(text)?.slice(1, 3));
    expect(told).to.deep.equal([
      ['one', String(100 - printed)],
      ['two', '1'],
    ]);
    output.function('one', 'next');
    expect(lines.at(-1)).to.equal('one  | next');
  });

  it('lets a slow reader catch up before it goes on, and tells of a gap once', async () => {
    const line = 'y'.repeat(100_000);
    for (let count = 0; count < 200; count += 1) {
      output.function('one', line);
      if (count % 10 === 0) take(1);
    }
    await takeAll();
    const gaps = lines.filter((text) => text.includes('missing'));
    const missing = gaps.reduce((sum, text) => sum + Number(/(\d+) line/.exec(text)?.[1]), 0);
    expect(lines.length - gaps.length + missing).to.equal(200);
    expect(gaps.length).to.be.lessThan(5);
  });
});

describe('paths in what a step of skep dev prints', () => {
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'skep dev '));
    mkdirSync(join(folder, 'one'));
    writeFileSync(join(folder, 'one/handler.py'), '');
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('are those of the sources, in a project with a blank in its path, too', () => {
    const lines: string[] = [];
    const output = new DevOutput({
      cwd: folder,
      out: (line) => lines.push(line),
      status: () => {},
      paint: paintFor(false, {}),
    });
    const root = join(folder, '.skep/dev/one');
    output.setFunctions([{ name: 'one', root, handler: './one', lang: 'python' }]);
    output.step('one', `File "${root}/work-0123456789ab/function/handler.py", line 1`);
    output.step('one', 'function/handler.py:1: what is that');
    output.step('one', `${root}/work-0123456789ab/index.py: ours`);
    expect(lines).to.deep.equal([
      'one  | File "one/handler.py", line 1',
      'one  | one/handler.py:1: what is that',
      'one  | template/python/index.py: ours',
    ]);
  });
});

describe('output whose reader is slow', () => {
  it('is counted until it is taken', async () => {
    const module = JSON.stringify(join(import.meta.dirname, '../../cli/counted-output.ts'));
    const script = `
      const { CountedOutput } = await import(${module});
      const output = new CountedOutput(process.stdout);
      for (let count = 0; count < 40; count += 1) output.write('x'.repeat(65536));
      process.stderr.write(output.bytes + '\\n');
      await output.emptied();
      process.stderr.write(output.bytes + '\\n');`;
    const child = spawn(process.execPath, ['-e', script]);
    const told = createInterface({ input: child.stderr })[Symbol.asyncIterator]();
    const waiting = Number((await told.next()).value);
    expect(waiting)
      .to.be.greaterThan(1024 * 1024)
      .and.to.be.at.most(40 * 65536);
    child.stdout.resume();
    expect((await told.next()).value).to.equal('0');
  });
});
