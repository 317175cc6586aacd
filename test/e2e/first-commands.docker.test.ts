import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { docker, emptyFolder, type Folder, run, skep, succeeded } from '../support/cli.ts';

const ROOT = new URL('../../', import.meta.url).pathname;
const NAME = 'e2e-first-commands';

/** The first shell block that holds `words`, with a function name of our own for `hello`. */
function shellBlock(file: string, words: string): string {
  const blocks = readFileSync(join(ROOT, file), 'utf8').matchAll(/```sh\n([\s\S]*?)```/g);
  for (const [, block = ''] of blocks) {
    if (block.includes(words)) return block.replace(/(?<!\/)\bhello\b(?!\/)|(?<=function\/)hello\b/g, NAME);
  }
  throw new Error(`${file} has no shell block with ${words}`);
}

/** What a new user copies from the documents, run as it stands. */
describe('the first commands of the documents', function () {
  this.timeout(180_000);
  let folder: Folder;

  beforeEach(() => {
    folder = emptyFolder();
  });
  afterEach(async () => {
    await skep(folder.path, ['remove', NAME]);
    await docker('rmi', '-f', `${NAME}:latest`);
    folder.remove();
  });

  const shell = async (script: string, cwd: string): Promise<string> => {
    const env = {
      HOME: folder.path,
      OPENFAAS_CONFIG: process.env['OPENFAAS_CONFIG'] ?? join(homedir(), '.openfaas'),
      PATH: `${join(ROOT, 'dist')}:${process.env['PATH']}`,
    };
    return succeeded(script, await run('sh', ['-ec', script], { folder: cwd, stdin: '', env })).stdout;
  };

  it('README: a function in five minutes, from `skep new` to `skep remove`', async () => {
    const said = await shell(shellBlock('README.md', 'skep new hello'), ROOT);
    expect(said).to.contain('"message":"Hello from Node.js","method":"POST","received":"hi\\n"');
    expect(said).to.contain('"message":"Hello from Node.js","method":"GET"');
    expect(said).to.match(/^Status: +Ready$/m);
    expect(said).to.contain('Removing old function.');
  });

  it('docs/cli.md: the same in short', async () => {
    const said = await shell(shellBlock('docs/cli.md', 'skep new hello'), folder.path);
    expect(said).to.contain('"message":"Hello from Node.js"');
    expect(said).to.contain('Removing old function.');
  });
});
