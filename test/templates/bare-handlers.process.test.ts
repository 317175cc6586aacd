import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { expect } from 'chai';
import { assembleBuildFolder } from '../../cli/build/assemble.ts';
import { LANGUAGES } from './languages.ts';

/** Handlers that the starter's test would fail, as somebody has them who brings nothing else. */
const HANDLERS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  typescript: { 'handler.ts': 'export default () => "own";\n' },
  node: { 'handler.js': 'module.exports = () => "own";\n' },
  'node-http': { 'handler.js': 'module.exports = (request, response) => response.end("own");\n' },
  python: { 'handler.py': 'def handle(event, context):\n    return "own"\n' },
  'python-flask': { 'handler.py': 'def app(environ, start_response):\n    return [b"own"]\n' },
  go: { 'handler.go': 'package function\n\nvar Own = true\n' },
  rust: { 'src/lib.rs': 'pub async fn handle() -> &\'static str {\n    "own"\n}\n' },
  ruby: { 'handler.rb': 'def handle(event, context) = "own"\n' },
  php: { 'handler.php': '<?php\nfunction handle($event, $context) { return "own"; }\n' },
  bash: { 'handler.sh': 'echo; echo own\n' },
  java: { 'src/main/java/function/Handler.java': 'package function;\n\npublic class Handler {}\n' },
};
/** Those whose test step needs no more than its program: the others have to fetch packages, or are run by the watchdog. */
const TESTED_HERE = ['node', 'node-http', 'python', 'python-flask', 'go', 'ruby', 'php', 'bash'];

describe('a handler without a test or packages of its own', function () {
  this.timeout(60_000);
  let cwd: string;
  beforeEach(() => {
    cwd = mkdtempSync(join(tmpdir(), 'skep-bare-'));
  });
  afterEach(() => rmSync(cwd, { recursive: true, force: true }));
  const assemble = async (lang: string, files: Readonly<Record<string, string>>): Promise<string> => {
    mkdirSync(join(cwd, 'own'), { recursive: true });
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(cwd, 'own', path)), { recursive: true });
      writeFileSync(join(cwd, 'own', path), text);
    }
    const source = { name: 'own', lang, handler: './own', copy: [] };
    return (await assembleBuildFolder({ cwd, env: {} }, source)).path;
  };

  for (const { lang, testFile = '', needs } of LANGUAGES.filter((row) => row.testFile !== undefined)) {
    it(`${lang}: does not get the starter's test`, async () => {
      const files = HANDLERS[lang] ?? {};
      const folder = join(await assemble(lang, files), 'function');
      for (const [path, text] of Object.entries(files))
        expect(readFileSync(join(folder, path), 'utf8')).to.equal(text);
      expect(existsSync(join(folder, testFile)), testFile).to.equal(false);
      const left = readdirSync(folder, { recursive: true, encoding: 'utf8' });
      expect(left.filter((path) => /test/i.test(path))).to.deep.equal([]);
    });

    it(`${lang}: gets it where its folder is empty: the starter is the function then`, async () => {
      expect(existsSync(join(await assemble(lang, {}), 'function', testFile))).to.equal(true);
    });

    if (!TESTED_HERE.includes(lang)) continue;
    it(`${lang}: passes the test step of the build`, async function () {
      if (needs.some((program) => Bun.which(program) === null)) this.skip();
      const folder = await assemble(lang, HANDLERS[lang] ?? {});
      const steps =
        readFileSync(join(folder, 'Dockerfile'), 'utf8').match(/^RUN .*(?:\btest|unittest).*$/gm) ?? [];
      const step = (steps.at(-1) ?? '').slice('RUN '.length);
      expect(step).to.match(/test/);
      // Mocha on Bun has a `node` on its PATH that is Bun.
      const path = (process.env['PATH'] ?? '').split(delimiter).filter((each) => !/bun-node/.test(each));
      const env = { ...process.env, PATH: path.join(delimiter), PYTHONDONTWRITEBYTECODE: '1' };
      const { status, stdout, stderr } = spawnSync('sh', ['-c', step], {
        cwd: folder,
        env,
        encoding: 'utf8',
      });
      expect(status, step + stdout + stderr).to.equal(0);
    });
  }

  it('go: is not built with the starter beside it, whatever its own file is called', async () => {
    const folder = join(await assemble('go', { 'shop.go': 'package function\n' }), 'function');
    expect(readdirSync(folder).sort()).to.deep.equal(['go.mod', 'shop.go']);
  });

  for (const [lang, manifest, lock] of [
    ['node-http', 'package.json', 'package-lock.json'],
    ['rust', 'Cargo.toml', 'Cargo.lock'],
  ] as const) {
    it(`${lang}: has the starter's ${lock} with the starter's ${manifest} alone`, async () => {
      const files = HANDLERS[lang] ?? {};
      expect(existsSync(join(await assemble(lang, files), 'function', lock))).to.equal(true);
      const folder = join(await assemble(lang, { ...files, [manifest]: 'own' }), 'function');
      expect(existsSync(join(folder, lock))).to.equal(false);
      await assemble(lang, { [lock]: 'own lock' });
      expect(readFileSync(join(folder, lock), 'utf8')).to.equal('own lock');
    });
  }
});
