import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { type Env, startWatchdog, stopWatchdogs, type Watchdog } from '../watchdog/start-watchdog.ts';

const TEMPLATES = join(import.meta.dirname, '../../templates');
// `bun --bun` puts a `node` in front that is Bun: these tests are about the real one.
const REAL_PATH = (process.env['PATH'] ?? '')
  .split(':')
  .filter((folder) => !folder.includes('bun-node'))
  .join(':');

function realPath(program: string, args: readonly string[]): string {
  const env = { ...process.env, PATH: REAL_PATH };
  const path = spawnSync(program, args, { encoding: 'utf8', env }).stdout?.trim() ?? '';
  if (path === '') throw new Error(`these tests need ${program} on the PATH`);
  return path;
}

const folders: string[] = [];
function temporary(): string {
  const folder = mkdtempSync(join(tmpdir(), 'skep-server-'));
  folders.push(folder);
  return folder;
}

interface Server {
  readonly watchdog: Watchdog;
  call(path?: string, init?: RequestInit): Promise<Response>;
}

/** What the templates with a server of their own have in common. */
interface Language {
  readonly template: string;
  readonly program: string;
  readonly command: string;
  /** Put where an image has its server. */
  readonly serverFolder?: string;
}

async function start(
  { template, program, command, serverFolder }: Language,
  files: Readonly<Record<string, string>>,
  { env = {}, waits = true }: { readonly env?: Env; readonly waits?: boolean } = {},
): Promise<Server> {
  const folder = temporary();
  cpSync(join(TEMPLATES, template), folder, { recursive: true });
  if (serverFolder !== undefined) symlinkSync(serverFolder, join(folder, 'server'));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(folder, 'function', name, '..'), { recursive: true });
    writeFileSync(join(folder, 'function', name), text);
  }
  const own = { fprocess: `${program} ${command}`, mode: 'http', upstream_url: 'http://127.0.0.1:0' };
  const watchdog = await startWatchdog({ ...own, ...env }, { cwd: folder, waits });
  return { watchdog, call: (path = '/', init = {}) => fetch(`${watchdog.url}${path}`, init) };
}

/** The line that says why the process did not come up; the watchdog ends with 1 then. */
async function refusal(server: Promise<Server>, told: string): Promise<void> {
  const { watchdog } = await server;
  await watchdog.logged(told);
  expect(await watchdog.exited()).to.equal(1);
}

/** SIGTERM while a call is on its way: it is answered, and the watchdog ends with 0. */
async function finishesAfterTerm({ watchdog, call }: Server): Promise<void> {
  const answer = call('/slow');
  await watchdog.logged('it has begun');
  watchdog.process.kill('SIGTERM');
  expect(await (await answer).text()).to.equal('whole');
  expect(await watchdog.exited()).to.equal(0);
}

describe('templates that are servers', function () {
  this.timeout(30_000);
  afterEach(async () => {
    await stopWatchdogs();
  });
  after(() => {
    for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
  });

  describe('node-http', () => {
    let node: Language;
    before(() => {
      node = {
        template: 'node-http',
        program: realPath('node', ['-p', 'process.execPath']),
        command: 'index.js',
      };
    });

    const ECHO = `async (request, response) => {
      let body = '';
      for await (const piece of request) body += piece;
      response.setHeader('Set-Cookie', ['a=1', 'b=2']);
      response.statusCode = 201;
      response.end([request.method, request.url, request.headers['x-own'], body].join(' '));
    }`;
    const WAYS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
      'of CommonJS': { 'handler.js': `module.exports = ${ECHO}` },
      'of an ES module': {
        'handler.js': `export default ${ECHO}`,
        'package.json': '{"type":"module"}',
      },
      'that is there a little later': { 'handler.js': `module.exports = Promise.resolve(${ECHO})` },
    };
    for (const [way, files] of Object.entries(WAYS)) {
      it(`serves any request listener ${way}`, async () => {
        const { call } = await start(node, files);
        const response = await call('/a/b?c=d', { method: 'PUT', body: 'hi', headers: { 'X-Own': 'yes' } });
        expect([response.status, await response.text()]).to.deep.equal([201, 'PUT /a/b?c=d yes hi']);
        expect(response.headers.getSetCookie()).to.deep.equal(['a=1', 'b=2']);
      });
    }

    it('keeps what is in memory from one call to the next', async () => {
      const { call } = await start(node, {
        'handler.js': 'let calls = 0; module.exports = (request, response) => response.end(String(++calls))',
      });
      await call();
      expect(await (await call()).text()).to.equal('2');
    });

    it('passes an answer on as it comes', async () => {
      const { call } = await start(node, {
        'handler.js': `module.exports = (request, response) => {
          if (request.url === '/end') { module.exports.first.end('two'); return response.end(); }
          module.exports.first = response; response.write('one ');
        }`,
      });
      const reader = (await call('/begin')).body?.getReader();
      expect(Buffer.from((await reader?.read())?.value ?? []).toString()).to.equal('one ');
      await call('/end');
      expect(Buffer.from((await reader?.read())?.value ?? []).toString()).to.equal('two');
    });

    it('finishes the calls on their way after SIGTERM', async () => {
      const server = await start(node, {
        'handler.js': `module.exports = (request, response) => {
          console.error('it has begun');
          process.once('SIGTERM', () => setTimeout(() => response.end('whole'), 200));
        }`,
      });
      await finishesAfterTerm(server);
    });

    it('does not come up with a handler that is no program, throws, or exports no listener, and says why', async () => {
      const of = (text: string) => start(node, { 'handler.js': text }, { waits: false });
      await refusal(of('module.exports = (('), 'SyntaxError');
      await refusal(of("throw new Error('not today')"), 'not today');
      await refusal(
        of('module.exports = { app: 1 }'),
        'must export an app, or a function (request, response)',
      );
      await refusal(of("require('nothing-of-this-name')"), 'nothing-of-this-name');
    });
  });

  describe('python-flask', function () {
    this.timeout(120_000);
    let python: Language;
    before(() => {
      const program = realPath('python3', ['-c', 'import sys; print(sys.executable)']);
      const serverFolder = temporary();
      const requirements = join(TEMPLATES, 'python-flask/requirements.txt');
      const args = ['-m', 'pip', 'install', '--quiet', '--target', serverFolder, '-r', requirements];
      const installed = spawnSync(program, args, { encoding: 'utf8' });
      if (installed.status !== 0) throw new Error(`the server cannot be installed: ${installed.stderr}`);
      python = { template: 'python-flask', program, command: 'index.py', serverFolder };
    });

    const ECHO = `def app(environ, start_response):
    body = environ["wsgi.input"].read()
    start_response("201 Created", [("Content-Type", "text/plain"), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")])
    asked = [environ["REQUEST_METHOD"], environ["PATH_INFO"], environ["QUERY_STRING"], environ.get("HTTP_X_FORWARDED_FOR", "")]
    return [" ".join(asked).encode() + b" " + body]
`;

    it('serves any WSGI app, without a package of its own', async () => {
      const { call } = await start(python, { 'handler.py': ECHO });
      const headers = { 'X-Forwarded-For': '10.1.2.3' };
      const response = await call('/a/b?c=d', { method: 'PUT', body: 'hi', headers });
      expect([response.status, await response.text()]).to.deep.equal([201, 'PUT /a/b c=d 10.1.2.3 hi']);
      expect(response.headers.getSetCookie()).to.deep.equal(['a=1', 'b=2']);
    });

    it('serves the app that wsgi_app names: of another module, of a package, from a factory', async () => {
      const files = { 'shop/wsgi.py': ECHO.replace('def app', 'def application') };
      const named = await start(python, files, { env: { wsgi_app: 'shop.wsgi:application' } });
      expect((await named.call()).status).to.equal(201);
      const factory = {
        'main.py': `def make():\n    from handler import app\n    return app\n`,
        'handler.py': ECHO,
      };
      const made = await start(python, factory, { env: { wsgi_app: 'main:make()' } });
      expect((await made.call()).status).to.equal(201);
    });

    it('runs it as if it had been started in its own folder', async () => {
      const { call } = await start(python, {
        'words.txt': 'from a file',
        'part.py': 'def words():\n    return open("words.txt").read()\n',
        'handler.py':
          'from part import words\ndef app(environ, start_response):\n    start_response("200 OK", [])\n    return [words().encode()]\n',
      });
      expect(await (await call()).text()).to.equal('from a file');
    });

    it('answers 500 when the app throws: the stack to the log, none of it to the client', async () => {
      const { call, watchdog } = await start(python, {
        'handler.py': 'def app(environ, start_response):\n    raise Exception("secret detail")\n',
      });
      const response = await call();
      expect(response.status).to.equal(500);
      expect(await response.text()).not.to.contain('secret');
      await watchdog.logged('secret detail');
    });

    it('runs as many calls at a time as it has threads, and passes an answer on as it comes', async () => {
      const { call } = await start(
        python,
        {
          'handler.py': `import threading
both = threading.Barrier(2)
def app(environ, start_response):
    start_response("200 OK", [])
    yield b"one "
    both.wait(20)
    yield b"two"
`,
        },
        { env: { threads: '2' } },
      );
      const answers = await Promise.all([call(), call()]);
      expect(await Promise.all(answers.map((answer) => answer.text()))).to.deep.equal(['one two', 'one two']);
    });

    it('finishes the calls on their way after SIGTERM', async () => {
      const server = await start(python, {
        'handler.py': `import sys, time
def app(environ, start_response):
    print("it has begun", file=sys.stderr, flush=True)
    time.sleep(0.5)
    start_response("200 OK", [])
    return [b"whole"]
`,
      });
      await finishesAfterTerm(server);
    });

    const refused: readonly (readonly [what: string, text: string, env: Env, told: string])[] = [
      ['is no program', 'def app((', {}, 'SyntaxError'],
      ['has no app', 'x = 1', {}, 'handler has no "app"'],
      ['has an app that cannot be called', 'app = 1', {}, 'is no WSGI app'],
      ['needs a package that is not there', 'import nothing_of_this_name', {}, 'nothing_of_this_name'],
      ['is not named as module:name', ECHO, { wsgi_app: 'handler.app' }, 'is not of the form module:name'],
      ['is to have no threads', ECHO, { threads: '0' }, 'threads="0" is not a number above 0'],
    ]; // biome-ignore format: a table
    for (const [what, text, env, told] of refused) {
      it(`does not come up, and says why, with a function that ${what}`, async () => {
        await refusal(start(python, { 'handler.py': text }, { env, waits: false }), told);
      });
    }
  });
});

describe('a function of the template bash', function () {
  this.timeout(20_000);
  afterEach(async () => {
    await stopWatchdogs();
    for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
  });
  async function call(script: string): Promise<[Response, Watchdog]> {
    const folder = temporary();
    cpSync(join(TEMPLATES, 'bash'), folder, { recursive: true });
    if (script !== '') writeFileSync(join(folder, 'function/handler.sh'), script);
    const env = { fprocess: 'bash function/handler.sh', cgi_response: 'true', combine_output: 'false' };
    const watchdog = await startWatchdog(env, { cwd: folder });
    return [await fetch(`${watchdog.url}/a?b=c`, { method: 'POST', body: 'hi "there"' }), watchdog];
  }

  it('greets, as its test says', async () => {
    const [response] = await call('');
    expect(response.headers.get('content-type')).to.equal('application/json');
    expect(await response.json()).to.deep.equal({
      message: 'Hello from Bash',
      method: 'POST',
      received: 'hi "there"',
    });
    const test = spawnSync('bash', [join(TEMPLATES, 'bash/function/handler_test.sh')], { encoding: 'utf8' });
    expect(test.status, test.stderr).to.equal(0);
  });

  it('chooses status and headers, and is given path and query', async () => {
    const [response] = await call('printf "Status: 404\\nX-A: b\\n\\n$Http_Path?$Http_Query"');
    expect([response.status, response.headers.get('x-a')]).to.deep.equal([404, 'b']);
    expect(await response.text()).to.equal('/a?b=c');
  });

  it('is answered 500 when a command of it fails, with the reason in the log', async () => {
    const [response, watchdog] = await call('set -e\necho "it went wrong" >&2\nfalse\necho');
    expect(response.status).to.equal(500);
    await watchdog.logged('it went wrong');
  });
});
