import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { firstCall } from '../../scripts/platform/first-function.ts';
import { type Ran, run, skep, succeeded } from '../support/cli.ts';
import { openPlatform, type Platform } from '../support/platform.ts';

const ROOT = new URL('../../', import.meta.url).pathname;
const EXAMPLES = `${ROOT}examples`;
const readme = readFileSync(`${ROOT}README.md`, 'utf8');

describe('the examples', function () {
  this.timeout(400_000);
  let platform: Platform;

  before(async () => {
    platform = await openPlatform();
    succeeded('up', await skep(EXAMPLES, ['up', '-f', 'stack.yaml']));
  });
  after(async () => {
    // hello-ts belongs to the platform: `npm run up` deployed it.
    for (const name of ['markdown', 'wordcount', 'sha512']) await skep(EXAMPLES, ['remove', name]);
  });

  const call = async (
    name: string,
    body: string,
  ): Promise<{ status: number; type: string; text: string }> => {
    const response = await fetch(`${platform.url}/function/${name}`, {
      method: 'POST',
      body,
      headers: { 'content-type': 'text/plain' },
    });
    return {
      status: response.status,
      type: response.headers.get('content-type') ?? '',
      text: await response.text(),
    };
  };

  it('markdown: this project’s README becomes HTML', async () => {
    const { status, type, text } = await call('markdown', readme);
    expect(status, text).to.equal(200);
    expect(type).to.match(/^text\/html/);
    expect(text).to.contain('<h1>Skep</h1>');
    expect(text).to.contain('<strong>Docker Swarm</strong>');
    expect(text).to.match(/<table>[\s\S]*<th>OpenFaaS community edition<\/th>/);
    expect(text).to.contain('<a href="docs/benchmarks.md">');
  });

  it('wordcount: lines, words, bytes and the most common words of the README', async () => {
    const { status, type, text } = await call('wordcount', readme);
    expect(status, text).to.equal(200);
    expect(type).to.match(/^application\/json/);
    const words = readme.toLowerCase().match(/[\p{L}\p{N}]+(?:['’-][\p{L}\p{N}]+)*/gu) ?? [];
    const counts = JSON.parse(text) as { common: { word: string; count: number }[] };
    expect(counts).to.include({
      lines: readme.split('\n').length - 1,
      words: words.length,
      characters: [...readme].length,
      bytes: Buffer.byteLength(readme),
    });
    expect(counts.common.length).to.equal(10);
    for (const { word, count } of counts.common) {
      expect(words.filter((each) => each === word).length, word).to.equal(count);
    }
  });

  it('sha512: the digest of the README’s bytes', async () => {
    const { status, text } = await call('sha512', readme);
    expect(status).to.equal(200);
    expect(text).to.equal(`${createHash('sha512').update(readme).digest('hex')}  -\n`);
  });

  it('hello-ts: the very command that `npm run up` suggests', async () => {
    const command = firstCall(platform.url);
    const ran = succeeded(
      command,
      await run('sh', ['-ec', `${command} --silent --fail`], { folder: '.', stdin: '' }),
    );
    expect(JSON.parse(ran.stdout)).to.deep.equal({ greeting: 'Hello, you!', letters: 3 });
  });

  it('each command in the table of their README', async () => {
    const table = readFileSync(`${EXAMPLES}/README.md`, 'utf8').matchAll(
      /^\| `(\S+)` .*\| `(curl .*)` \|$/gm,
    );
    const commands = [...table].map(([, name = '', command = '']) => ({ name, command }));
    expect(commands.map(({ name }) => name)).to.deep.equal(['markdown', 'wordcount', 'sha512', 'hello-ts']);
    for (const { name, command } of commands) {
      const ran = await run('sh', ['-ec', `${command} --silent --show-error --fail`], {
        folder: EXAMPLES,
        stdin: '',
      });
      expect(succeeded(command, ran).stdout, name).to.not.equal('');
    }
  });

  it('hello-ts answers, and takes part in `skep invoke`', async () => {
    const ran: Ran = succeeded('invoke', await skep(EXAMPLES, ['invoke', 'hello-ts'], 'Ada'));
    expect(ran.stdout).to.contain('Ada');
  });
});
