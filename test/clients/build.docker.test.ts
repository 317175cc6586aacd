import { cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { docker, emptyFolder, type Folder, run, succeeded } from '../support/cli.ts';
import { until } from '../support/platform.ts';
import { type Registry, startRegistry } from '../support/registry.ts';
import { describeTour } from './tour.ts';

const ROOT = new URL('../../', import.meta.url).pathname;
const BUILT = 'clients-built';
const SECOND = 'clients-second';

describeTour('templates, build, push, deploy, diff', (tour) => {
  let registry: Registry;
  let repository: Folder;

  before(async () => {
    registry = await startRegistry();
    repository = await templateRepository();
    await tour().removeFunctions([BUILT, SECOND]);
  });
  after(async () => {
    await tour().removeFunctions([BUILT, SECOND]);
    await until('the images are removed, when their containers have stopped', async () => {
      const { stdout } = await docker('images', '-q', '--filter', `reference=${registry.host}/*/*`);
      const ids = new Set(stdout.split('\n').filter((line) => line !== ''));
      if (ids.size > 0) await docker('rmi', '-f', ...ids);
      return ids.size === 0;
    });
    repository.remove();
    await registry.stop();
  });

  const image = (name: string): string => `${registry.host}/clients/${name}:latest`;
  const path = (...names: string[]): string => join(tour().folder.path, ...names);
  const invoke = async (name: string): Promise<string> => tour().does(['invoke', name], { stdin: 'hi' });
  const said = async (args: readonly string[]): Promise<string> => {
    const { stdout, stderr } = succeeded(`faas-cli ${args.join(' ')}`, await tour().faas(args));
    return stdout + stderr;
  };
  /** The handler, and the test of it that runs in the build. */
  const writeHandler = (answer: string, test = ''): void => {
    writeFileSync(path(BUILT, 'handler.ts'), `export default (): string => '${answer}';\n`);
    const text = `import { expect, test } from 'bun:test';\ntest('runs', () => { expect(1).toBe(1); ${test} });\n`;
    writeFileSync(path(BUILT, 'handler.test.ts'), text);
  };

  it('takes the templates from a clone of this repository, without a network', async () => {
    const names = readdirSync(join(import.meta.dirname, '..', '..', 'templates')).sort();
    expect(names).to.include.members(['dockerfile', 'go', 'node', 'python']);
    expect(await tour().does(['template', 'pull', repository.path])).to.equal(
      `Wrote ${names.length} template(s) : [${names.join(' ')}]\n`,
    );
    expect(await tour().does(['new', '--list'])).to.equal(
      `Languages available as templates:\n${names.map((name) => `- ${name}\n`).join('')}\n`,
    );
  });

  it('takes those that a stack file names', async () => {
    const source = { name: 'typescript', source: repository.path };
    writeFileSync(
      path('templates.yaml'),
      JSON.stringify({
        version: '1.0',
        provider: { name: 'openfaas', gateway: tour().platform.url },
        configuration: { templates: [source] },
      }),
    );
    rmSync(path('template'), { recursive: true });
    await tour().does(['template', 'pull', 'stack', '-f', 'templates.yaml']);
    expect(existsSync(path('template', 'typescript', 'template.yml'))).to.equal(true);
    await tour().does(['template', 'pull', repository.path]);
  });

  it('makes a function of one, and appends a second', async () => {
    const prefix = `--prefix=${registry.host}/clients`;
    const first = await tour().does(['new', BUILT, '--lang', 'typescript', prefix]);
    expect(first).to.contain(`Folder: ${BUILT} created.`);
    expect(first).to.contain('You have a TypeScript function');
    await tour().does(['new', SECOND, '--lang', 'dockerfile', prefix, '--append', 'stack.yaml']);
    expect(readFileSync(path('stack.yaml'), 'utf8')).to.contain(`image: ${image(SECOND)}`);
    expect(existsSync(path(BUILT, 'handler.ts'))).to.equal(true);
  });

  it('is stopped by a handler whose test fails, and shows which', async () => {
    writeHandler('never', 'expect(1).toBe(2);');
    const words = await tour().refuses(['build', '--filter', BUILT]);
    expect(words).to.contain('expect(received).toBe(expected)');
    expect(words).to.match(new RegExp(`\\[${BUILT}\\] received non-zero exit code from build`));
  });

  it('builds one of the stack file by --filter, and the other by --regex', async () => {
    writeHandler('first');
    expect(await said(['build', '--filter', '*-built'])).to.contain(`Image: ${image(BUILT)} built.`);
    expect((await docker('image', 'inspect', image(SECOND))).exitCode).to.not.equal(0);
    expect(await said(['build', '--regex', 'second$', '--parallel', '2'])).to.contain(
      `Image: ${image(SECOND)} built.`,
    );
  });

  it('pushes both to a registry', async () => {
    const words = await said(['push']);
    for (const name of [BUILT, SECOND]) {
      expect(words).to.contain(`Pushing ${name} [${image(name)}] done.`);
      expect(await registry.tags(`clients/${name}`)).to.deep.equal(['latest']);
    }
  });

  it('deploys one of them from the registry: the node has no copy', async () => {
    succeeded('rmi', await docker('rmi', image(BUILT)));
    const words = await tour().does(['deploy', '-f', 'stack.yaml', '--filter', BUILT]);
    expect(words).to.match(
      new RegExp(`^Deploying: ${BUILT}\\.\n\nDeployed\\. 202 Accepted\\.\nURL: .*/function/${BUILT}\n`),
    );
    expect(words).to.not.contain(SECOND);
    await tour().does(['ready', BUILT]);
    expect(await invoke(BUILT)).to.equal('first');
    expect(await tour().does(['describe', BUILT])).to.contain(`Image:              ${image(BUILT)}\n`);
  });

  it('shows no difference but the label that every function has', async () => {
    const words = await tour().refuses(['diff', '--filter', BUILT]);
    const differences = words.split('\n').filter((line) => /^ .*[-+] /.test(line.replace(/-+\+-+/, '')));
    expect(differences.map((line) => line.replace(/[ |]+/g, ' ').trim())).to.deep.equal([
      `+ label.faas_function: ${BUILT}`,
    ]);
    addToStack(BUILT, `labels:\n      faas_function: ${BUILT}`);
    expect(await tour().does(['diff', '--filter', BUILT])).to.contain(
      'YAML matches deployment, no differences found.',
    );
  });

  it('shows what a changed stack file would change, until it is deployed', async () => {
    addToStack(BUILT, 'environment:\n      K: v');
    addToStack(BUILT, 'limits:\n      memory: 128Mi\n      cpu: 500m');
    addToStack(BUILT, 'annotations:\n      note: "a: b"');
    const words = await tour().refuses(['diff', '--filter', BUILT]);
    for (const line of [/- env\.K: +v /, /- limits\.memory: +128Mi /, /- annotation\.note: +a: b /]) {
      expect(words).to.match(line);
    }
    await tour().does(['deploy', '--filter', BUILT]);
    expect(await tour().does(['diff', '--filter', BUILT])).to.contain('no differences found');
  });

  it('does it all at once: up', async () => {
    writeHandler('second');
    const words = await said(['up']);
    expect(words).to.contain(`Image: ${image(BUILT)} built.`);
    expect(words).to.contain(`Pushing ${BUILT} [${image(BUILT)}] done.`);
    expect(words).to.contain(`Deploying: ${SECOND}.`);
    await until('the new code', async () => (await invoke(BUILT)) === 'second');
    await tour().does(['ready', SECOND]);
    expect(await invoke(SECOND)).to.equal('hi');
  });

  it('tags an image by the digest of its handler', async () => {
    const words = await said(['up', '--tag', 'digest', '--filter', SECOND]);
    const [, tagged = ''] = /Image: (\S+:[0-9a-f]{32}) built\./.exec(words) ?? [];
    const [, tag] = tagged.split(`clients/${SECOND}:`);
    expect(await registry.tags(`clients/${SECOND}`)).to.have.members(['latest', tag]);
    expect(await tour().does(['describe', SECOND])).to.contain(`Image:              ${tagged}\n`);
  });

  it('generates a manifest of it', async () => {
    const manifest = await tour().does(['generate', '--filter', BUILT]);
    expect(manifest).to.match(new RegExp(`kind: Function\nmetadata:\n  name: ${BUILT}\n`));
    expect(manifest).to.contain(`image: ${image(BUILT)}\n`);
  });

  it('says when nothing matches', async () => {
    expect(await tour().refuses(['deploy', '--filter', 'clients-none'])).to.contain(
      'No functions matching --filter/--regex were found in the YAML file',
    );
  });

  it('removes what the stack file names', async () => {
    const words = await tour().does(['remove', '-f', 'stack.yaml']);
    expect(words).to.contain(`Deleting: ${BUILT}.`);
    expect(words).to.contain(`Deleting: ${SECOND}.`);
    const left = await tour().does(['list', '--quiet']);
    expect(left).to.not.match(/clients-(built|second)/);
  });

  /** Puts keys below a function of the stack file. */
  function addToStack(name: string, text: string): void {
    const before = readFileSync(path('stack.yaml'), 'utf8');
    writeFileSync(path('stack.yaml'), before.replace(`  ${name}:\n`, `  ${name}:\n    ${text}\n`));
  }
});

/** What a clone of this repository has of templates, as they stand in the working tree. */
async function templateRepository(): Promise<Folder> {
  const folder = emptyFolder();
  for (const name of ['template', 'templates']) {
    cpSync(join(ROOT, name), join(folder.path, name), { recursive: true, verbatimSymlinks: true });
  }
  const git = async (...args: string[]): Promise<void> => {
    const who = ['-c', 'user.name=test', '-c', 'user.email=test@example.com'];
    succeeded(
      `git ${args.join(' ')}`,
      await run('git', [...who, ...args], { folder: folder.path, stdin: '' }),
    );
  };
  await git('init', '--quiet');
  await git('add', '.');
  await git('commit', '--quiet', '--message', 'templates');
  return folder;
}
