import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { expect } from 'chai';

const CHILD_LOG = join(import.meta.dirname, '../../watchdog/child-log.ts');

/** What a child's log writes to stdout for pieces of output, in a process of its own. */
async function logged(
  pieces: readonly string[],
  { prefixLogs = false, logLineBytes = 8 } = {},
): Promise<string> {
  const script = `
    import { ChildLog } from ${JSON.stringify(CHILD_LOG)};
    const log = new ChildLog('stdout', ${JSON.stringify({ prefixLogs, logLineBytes })});
    for (const piece of ${JSON.stringify(pieces)}) await log.write(Buffer.from(piece, 'latin1'));
    log.end();`;
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'ignore'] });
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  await new Promise((resolve) => child.once('close', resolve));
  return Buffer.concat(chunks).toString('latin1');
}

describe('the log of a process', () => {
  it('is the same however the output was cut', async () => {
    const text = 'a\n\nbc\r\n\x00\xff\xfe\ndefghijklmnop\nlast';
    const expected = 'a\n\nbc\n\x00\xff\xfe\ndefghijk\nlmnop\nlast\n';
    expect(await logged([text])).to.equal(expected);
    expect(await logged([...text])).to.equal(expected);
    for (let cut = 1; cut < text.length; cut += 5) {
      expect(await logged([text.slice(0, cut), text.slice(cut)]), `cut at ${cut}`).to.equal(expected);
    }
  });

  it('has time and stream in front of every line, empty ones too', async () => {
    const text = await logged(['one\n\ntwo\nlonger than eight\nend'], { prefixLogs: true });
    const lines = text.split('\n').map((line) => line.replace(/^\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d /, ''));
    expect(lines).to.deep.equal([
      'stdout: one', 'stdout: ', 'stdout: two', 'stdout: longer t', 'stdout: han eigh', 'stdout: t', 'stdout: end', '',
    ]); // biome-ignore format: a table
  });

  it('writes a line of exactly the limit once, and nothing for no output', async () => {
    expect(await logged(['12345678\n12345678'])).to.equal('12345678\n12345678\n');
    expect(await logged([])).to.equal('');
  });
});
