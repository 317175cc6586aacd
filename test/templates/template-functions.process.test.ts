import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { type Env, startWatchdog, stopWatchdogs, type Watchdog } from '../watchdog/start-watchdog.ts';

// `bun --bun` puts a `node` in front that is Bun: these tests are about the real one.
const REAL_PATH = (process.env['PATH'] ?? '')
  .split(':')
  .filter((folder) => !folder.includes('bun-node'))
  .join(':');
/** Real programs behind the names, which may be shims that need more of the environment than a function has. */
const PROGRAMS: Readonly<Record<string, string>> = {
  node: realPath('node', ['-p', 'process.execPath']),
  python3: realPath('python3', ['-c', 'import sys; print(sys.executable)']),
  ruby: realPath('ruby', ['-e', 'puts RbConfig.ruby']),
  php: realPath('php', ['-r', 'echo PHP_BINARY;']),
  sh: '/bin/sh',
};

function realPath(program: string, args: readonly string[]): string {
  return (
    spawnSync(program, args, { encoding: 'utf8', env: { ...process.env, PATH: REAL_PATH } }).stdout?.trim() ??
    ''
  );
}

const TEMPLATES = join(import.meta.dirname, '../../templates');

interface Language {
  readonly template: string;
  readonly fprocess: string;
  readonly handlerFile: string;
  readonly greeting: string;
  /** Handlers by what they do, the same in every language. */
  readonly handlers: Readonly<Record<HandlerName, string>>;
  readonly testCommand: readonly string[];
}
type HandlerName =
  | 'shows the event'
  | 'throws'
  | 'returns nothing'
  | 'sets 201 and headers'
  | 'succeeds by hand'
  | 'fails by hand'
  | 'fails with a status'
  | 'prints'
  | 'returns a list'
  | 'returns bytes'
  | 'returns what cannot be sent'
  | 'sets a header with a line break'
  | 'sets an impossible status'
  | 'sets a content-length'
  | 'leaves a timer running'
  | 'exits by itself'
  | 'is no program'
  | 'tells the type of its body'
  | 'calls itself without end';

const javascript = (begin: string): Record<HandlerName, string> => ({
  'shows the event': `${begin}async (event) => ({ ...event, host: undefined, headers: { 'x-own': event.headers['x-own'] } })`,
  throws: `${begin}async () => { throw new Error('secret detail') }`,
  'returns nothing': `${begin}() => {}`,
  'sets 201 and headers': `${begin}(event, context) => { context.status(201).headers({ 'X-A': 'b', 'Set-Cookie': ['c=1', 'd=2'], 'Content-Type': 'text/html' }); return '<p>é</p>' }`,
  'succeeds by hand': `${begin}(event, context) => { context.succeed('by hand'); return 'returned' }`,
  'fails by hand': `${begin}(event, context) => context.fail('it went wrong')`,
  'fails with a status': `${begin}(event, context) => context.status(404).fail(new Error('no such thing'))`,
  prints: `${begin}async () => { console.log('printed with console'); process.stdout.write('written to stdout\\n'); return 'answer' }`,
  'returns a list': `${begin}() => [1, 'two', null]`,
  'returns bytes': `${begin}() => Buffer.from([0, 255, 10])`,
  'returns what cannot be sent': `${begin}() => new Map([[1, 2]])`,
  'sets a header with a line break': `${begin}(event, context) => { context.headers({ 'X-A': 'b\\r\\nX-Evil: c' }); return 'x' }`,
  'sets an impossible status': `${begin}(event, context) => context.status(99)`,
  'sets a content-length': `${begin}(event, context) => { context.headers({ 'Content-Length': '1', 'Transfer-Encoding': 'chunked' }); return 'whole' }`,
  'leaves a timer running': `${begin}() => { setInterval(() => {}, 1000); return 'done' }`,
  'exits by itself': `${begin}() => process.exit(0)`,
  'is no program': `${begin}((((`,
  'calls itself without end': `${begin}() => { const again = () => 1 + again(); return again() }`,
  'tells the type of its body': `${begin}(event) => Buffer.isBuffer(event.body) ? 'bytes' : typeof event.body`,
});

const python = (body: string): string => `def handle(event, context):\n    ${body}\n`;

const ruby = (body: string): string => `def handle(event, context)\n  ${body}\nend\n`;
const php = (body: string): string => `<?php\nfunction handle($event, $context) { ${body}; }\n`;

const LANGUAGES: Readonly<Record<string, Language>> = {
  'node, CommonJS': {
    template: 'node', fprocess: 'node index.js', handlerFile: 'handler.js', greeting: 'Hello from Node.js',
    handlers: javascript('module.exports = '), testCommand: ['npm', 'test'],
  },
  'node, ES module': {
    template: 'node', fprocess: 'node index.js', handlerFile: 'handler.js', greeting: 'Hello from Node.js',
    handlers: javascript('export default '), testCommand: ['npm', 'test'],
  },
  typescript: {
    template: 'typescript', fprocess: 'bun --define process.stdout=process.stderr index.ts', handlerFile: 'handler.ts', greeting: 'Hello from TypeScript',
    handlers: javascript('// @ts-nocheck\nexport default '), testCommand: [process.execPath, 'test'],
  },
  python: {
    template: 'python', fprocess: 'python3 index.py', handlerFile: 'handler.py', greeting: 'Hello from Python',
    handlers: {
      'shows the event': python("return {'body': event.body, 'method': event.method, 'query': event.query, 'path': event.path, 'headers': {'x-own': event.headers.get('x-own')}}"),
      throws: python("raise Exception('secret detail')"),
      'returns nothing': python('pass'),
      'sets 201 and headers': python("return {'statusCode': 201, 'headers': {'X-A': 'b', 'Set-Cookie': ['c=1', 'd=2'], 'Content-Type': 'text/html'}, 'body': '<p>é</p>'}"),
      'succeeds by hand': python("context.succeed('by hand'); return 'returned'"),
      'fails by hand': python("context.fail('it went wrong')"),
      'fails with a status': python("context.status(404).fail(Exception('no such thing'))"),
      prints: python("import os; print('printed with console'); os.system('echo written to stdout'); return 'answer'"),
      'returns a list': python("return [1, 'two', None]"),
      'returns bytes': python('return bytes([0, 255, 10])'),
      'returns what cannot be sent': python("return {'object': event, 'function': handle, 'text': ValueError('said')}.get(event.body, (each for each in [1]))"),
      'sets a header with a line break': python("context.headers({'X-A': 'b\\r\\nX-Evil: c'}); return 'x'"),
      'sets an impossible status': python('context.status(99)'),
      'sets a content-length': python("context.headers({'Content-Length': '1', 'Transfer-Encoding': 'chunked'}); return 'whole'"),
      'leaves a timer running': python("import threading, time; threading.Thread(target=time.sleep, args=(1000,)).start(); return 'done'"),
      'exits by itself': python('import os; os._exit(0)'),
      'is no program': 'def handle((((',
      'tells the type of its body': python("return 'bytes' if isinstance(event.body, bytes) else 'string' if isinstance(event.body, str) else 'object'"),
      'calls itself without end': python('return handle(event, context)'),
    },
    testCommand: ['python3', '-m', 'unittest', 'discover', '-s', 'function', '-t', '.', '-p', '*_test.py'],
  },
  ruby: {
    template: 'ruby', fprocess: 'ruby index.rb', handlerFile: 'handler.rb', greeting: 'Hello from Ruby',
    handlers: {
      'shows the event': ruby("{ body: event.body, method: event.method, query: event.query, path: event.path, headers: { 'x-own' => event.headers['x-own'] } }"),
      throws: ruby("raise 'secret detail'"),
      'returns nothing': ruby('nil'),
      'sets 201 and headers': ruby("context.status(201).headers('X-A' => 'b', 'Set-Cookie' => ['c=1', 'd=2'], 'Content-Type' => 'text/html'); '<p>é</p>'"),
      'succeeds by hand': ruby("context.succeed('by hand'); 'returned'"),
      'fails by hand': ruby("context.fail('it went wrong')"),
      'fails with a status': ruby("context.status(404).fail(RuntimeError.new('no such thing'))"),
      prints: ruby("puts 'printed with console'; system('echo written to stdout;'); 'answer'"),
      'returns a list': ruby("[1, 'two', nil]"),
      'returns bytes': ruby("[0, 255, 10].pack('C*')"),
      'returns what cannot be sent': ruby('[1].each'),
      'sets a header with a line break': ruby('context.headers("X-A" => "b\\r\\nX-Evil: c"); "x"'),
      'sets an impossible status': ruby('context.status(99)'),
      'sets a content-length': ruby("context.headers('Content-Length' => '1', 'Transfer-Encoding' => 'chunked'); 'whole'"),
      'leaves a timer running': ruby("Thread.new { sleep 1000 }; 'done'"),
      'exits by itself': ruby('exit!(0)'),
      'is no program': 'def handle((((',
      'tells the type of its body': ruby("event.body.is_a?(Hash) ? 'object' : event.body.encoding == Encoding::BINARY ? 'bytes' : 'string'"),
      'calls itself without end': ruby('1 + handle(event, context)'),
    },
    testCommand: ['ruby', 'handler_test.rb'],
  },
  php: {
    template: 'php', fprocess: 'php index.php', handlerFile: 'handler.php', greeting: 'Hello from PHP',
    handlers: {
      'shows the event': php("return ['body' => $event->body, 'method' => $event->method, 'query' => $event->query, 'path' => $event->path, 'headers' => ['x-own' => $event->headers['x-own'] ?? null]]"),
      throws: php("throw new Exception('secret detail')"),
      'returns nothing': php(''),
      'sets 201 and headers': php("$context->status(201)->headers(['X-A' => 'b', 'Set-Cookie' => ['c=1', 'd=2'], 'Content-Type' => 'text/html']); return '<p>é</p>'"),
      'succeeds by hand': php("$context->succeed('by hand'); return 'returned'"),
      'fails by hand': php("$context->fail('it went wrong')"),
      'fails with a status': php("$context->status(404)->fail(new Exception('no such thing'))"),
      prints: php("echo 'printed with console'; system('echo written to stdout'); return 'answer'"),
      'returns a list': php("return [1, 'two', null]"),
      'returns bytes': php("return pack('C*', 0, 255, 10)"),
      'returns what cannot be sent': php('return (function () { yield 1; })()'),
      'sets a header with a line break': php('$context->headers(["X-A" => "b\\r\\nX-Evil: c"]); return "x"'),
      'sets an impossible status': php('$context->status(99)'),
      'sets a content-length': php("$context->headers(['Content-Length' => '1', 'Transfer-Encoding' => 'chunked']); return 'whole'"),
      'leaves a timer running': php("exec('/bin/sleep 30 >/dev/null 2>&1 &'); return 'done'"),
      'exits by itself': php('exit(0)'),
      'is no program': '<?php function handle((((',
      'tells the type of its body': php("return is_array($event->body) ? 'object' : (getenv('RAW_BODY') || ($event->headers['content-type'] ?? '') === 'image/png' ? 'bytes' : 'string')"),
      // PHP 8.2 has no end of its own: the limit of memory is.
      'calls itself without end': php('ini_set("memory_limit", "32M"); return 1 + handle($event, $context)'),
    },
    testCommand: ['php', 'handler_test.php'],
  },
}; // biome-ignore format: a table

/** How a request's process comes to be. The handler must not be able to tell. */
interface Way {
  readonly name: string;
  readonly env: Env;
  /** What the log says when processes wait, and what it says of a handler that cannot be loaded. */
  readonly waits?: readonly [loaded: string, failed: string];
}
const FORKED: Way = { name: 'forked', env: {} };
const PREFORKED: Way = {
  name: 'pre-forked',
  env: { prefork: '2' },
  waits: ['prefork: the first of 2 processes waits', 'ended while it waited'],
};
const ZYGOTE: Way = {
  name: 'forked by a zygote',
  env: { mode: 'zygote', prefork: '2' },
  waits: ['zygote: the function is loaded', 'zygote: ended'],
};
const WAYS: Readonly<Record<string, readonly Way[]>> = {
  node: [FORKED, PREFORKED],
  php: [FORKED, PREFORKED],
  python: [FORKED, PREFORKED, ZYGOTE],
  ruby: [FORKED, PREFORKED, ZYGOTE],
  typescript: [FORKED],
};

const CASES = Object.entries(LANGUAGES).flatMap(([name, language]) =>
  (WAYS[language.template] ?? []).map((way) => ({ name, language, way })),
);

for (const { name, language, way } of CASES) {
  describe(`a function from the template: ${name}, ${way.name}`, function () {
    this.timeout(20_000);
    const folders: string[] = [];
    afterEach(async () => {
      await stopWatchdogs();
      for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
    });

    /** A copy of the template as an image holds it: with no bun on its PATH, so that the watchdog is the runtime. */
    function copy(handler?: HandlerName): string {
      const folder = mkdtempSync(join(tmpdir(), 'skep-template-'));
      folders.push(folder);
      cpSync(join(TEMPLATES, language.template), folder, { recursive: true });
      if (handler !== undefined)
        writeFileSync(join(folder, 'function', language.handlerFile), language.handlers[handler]);
      if (name.includes('ES module'))
        writeFileSync(join(folder, 'function/package.json'), '{"type":"module"}');
      const bin = join(folder, 'bin');
      spawnSync('mkdir', [bin]);
      for (const [program, path] of Object.entries(PROGRAMS)) {
        if (path === '') throw new Error(`these tests need ${program} on the PATH`);
        symlinkSync(path, join(bin, program));
      }
      return folder;
    }
    async function start(handler?: HandlerName, env: Env = {}): Promise<Watchdog> {
      const folder = copy(handler);
      const own = { fprocess: language.fprocess, cgi_response: 'true', PATH: join(folder, 'bin') };
      const watchdog = await startWatchdog({ ...own, ...way.env, ...env }, { cwd: folder });
      if (way.waits !== undefined) await Promise.any(way.waits.map((text) => watchdog.logged(text)));
      return watchdog;
    }
    async function call(
      handler: HandlerName | undefined,
      init: RequestInit = {},
      path = '/',
      env: Env = {},
    ): Promise<[Response, Watchdog]> {
      const watchdog = await start(handler, env);
      const response = await fetch(`${watchdog.url}${path}`, init);
      if (way !== FORKED && handler !== 'is no program')
        expect(watchdog.log()).not.to.contain('Forking fprocess.');
      return [response, watchdog];
    }

    it('has a starter handler that greets', async () => {
      if (name.includes('ES module')) return;
      const [response] = await call(undefined, { method: 'POST', body: 'hi' });
      expect(response.headers.get('content-type')).to.equal('application/json');
      expect(await response.json()).to.deep.equal({
        message: language.greeting,
        method: 'POST',
        received: 'hi',
      });
    });

    it('has a starter handler whose own test passes', () => {
      if (name.includes('ES module')) return;
      const [command = '', ...args] = language.testCommand;
      const folder = copy();
      const cwd = language.template === 'python' ? folder : join(folder, 'function');
      const { status, stdout, stderr } = spawnSync(command, args, {
        cwd,
        encoding: 'utf8',
        env: { ...process.env, PATH: REAL_PATH },
      });
      expect(status, `${stdout}${stderr}`).to.equal(0);
    });

    it('has a starter handler that takes bytes', async () => {
      if (name.includes('ES module')) return;
      const init = {
        method: 'POST',
        body: Buffer.from([0x61, 0xff, 0]),
        headers: { 'Content-Type': 'application/octet-stream' },
      };
      const [response] = await call(undefined, init);
      expect(response.status).to.equal(200);
      expect(await response.json()).to.include({ message: language.greeting });
    });

    it('is given a path and a query that are no text with marks in their place', async () => {
      const [response] = await call('shows the event', {}, '/a%FF?b=%FE');
      expect(response.status).to.equal(200);
      expect(await response.json()).to.deep.include({ path: '/a\ufffd', query: { b: '\ufffd' } });
    });

    it('answers 500 when the handler calls itself without end', async () => {
      const [response] = await call('calls itself without end');
      expect(response.status).to.equal(500);
      if (language.template !== 'php')
        expect(await response.text()).to.equal('The function failed; its log says why.\n');
    });

    it('is given method, path, query, headers and body', async () => {
      const init = {
        method: 'PUT',
        body: 'text',
        headers: { 'X-Own': 'yes', 'Content-Type': 'text/markdown' },
      };
      const [response] = await call('shows the event', init, '/a/b?x=1&y=2&y=3');
      expect(await response.json()).to.deep.equal({
        body: 'text', method: 'PUT', path: '/a/b', query: { x: '1', y: ['2', '3'] }, headers: { 'x-own': 'yes' },
      }); // biome-ignore format: short
    });

    it('is given JSON and form data parsed', async () => {
      const watchdog = await start('shows the event');
      const send = async (type: string, body: string): Promise<unknown> => {
        const response = await fetch(watchdog.url, {
          method: 'POST',
          body,
          headers: { 'Content-Type': type },
        });
        return ((await response.json()) as { body: unknown }).body;
      };
      expect(await send('application/json; charset=utf-8', '{"a":[1]}')).to.deep.equal({ a: [1] });
      expect(await send('application/x-www-form-urlencoded', 'a=1&b=x%20y')).to.deep.equal({
        a: '1',
        b: 'x y',
      });
    });

    it('is given text without a type as a string, other types as bytes, and everything as bytes with RAW_BODY', async () => {
      const watchdog = await start('tells the type of its body');
      const raw = await start('tells the type of its body', { RAW_BODY: 'true' });
      const send = async (url: string, type: string): Promise<string> => {
        const headers = { 'Content-Type': type };
        return (
          await fetch(url, { method: 'POST', body: Buffer.from('{}'), ...(type === '' ? {} : { headers }) })
        ).text();
      };
      expect(await send(watchdog.url, '')).to.equal('string');
      expect(await send(watchdog.url, 'image/png')).to.equal('bytes');
      expect(await send(watchdog.url, 'application/json')).to.equal('object');
      expect(await send(raw.url, 'application/json')).to.equal('bytes');
    });

    it('answers 400 to JSON that is none, without running the handler', async () => {
      const [response] = await call('throws', {
        method: 'POST',
        body: '{"a":',
        headers: { 'Content-Type': 'application/json' },
      });
      expect(response.status).to.equal(400);
      expect(await response.text()).to.contain('The body is not valid JSON');
    });

    it('answers 413 beyond a size limit that was set', async () => {
      const [response] = await call('returns nothing', { method: 'POST', body: 'x'.repeat(2000) }, '/', {
        MAX_RAW_SIZE: '1kb',
        MAX_JSON_SIZE: '1',
      });
      expect(response.status).to.equal(413);
    });

    it('answers 500 when the handler throws: the stack to the log, none of it to the client', async () => {
      const [response, watchdog] = await call('throws');
      expect(response.status).to.equal(500);
      expect(await response.text()).to.equal('The function failed; its log says why.\n');
      await watchdog.logged('secret detail');
      await watchdog.logged(`function/${language.handlerFile}`);
    });

    it('answers 500 for a handler that is no program', async () => {
      const [response, watchdog] = await call('is no program');
      expect(response.status).to.equal(500);
      await watchdog.logged(way === ZYGOTE ? 'SyntaxError' : 'stderr: ');
    });

    it('answers 500 for a handler that ends its process', async () => {
      const [response, watchdog] = await call('exits by itself');
      expect(response.status).to.equal(500);
      await watchdog.logged('no output at all');
    });

    it('answers 200 and nothing for a handler that returns nothing', async () => {
      const [response] = await call('returns nothing');
      expect([response.status, await response.text()]).to.deep.equal([200, '']);
    });

    it('chooses status and headers, repeated ones too', async () => {
      const [response] = await call('sets 201 and headers');
      expect([response.status, await response.text()]).to.deep.equal([201, '<p>é</p>']);
      expect(response.headers.get('x-a')).to.equal('b');
      expect(response.headers.get('content-type')).to.equal('text/html');
      expect(response.headers.getSetCookie()).to.deep.equal(['c=1', 'd=2']);
    });

    it('is asked by OPTIONS and HEAD, too', async () => {
      const [asked, watchdog] = await call('sets 201 and headers', { method: 'OPTIONS' });
      expect([asked.status, asked.headers.get('x-a'), await asked.text()]).to.deep.equal([
        201,
        'b',
        '<p>é</p>',
      ]);
      const head = await fetch(watchdog.url, { method: 'HEAD' });
      expect([head.status, head.headers.get('content-length'), await head.text()]).to.deep.equal([
        201,
        '9',
        '',
      ]);
    });

    it('succeeds and fails by hand', async () => {
      expect(await (await call('succeeds by hand'))[0].text()).to.equal('by hand');
      const [failed] = await call('fails by hand');
      expect([failed.status, await failed.text()]).to.deep.equal([500, 'it went wrong']);
      const [missing] = await call('fails with a status');
      expect([missing.status, await missing.text()]).to.deep.equal([404, 'no such thing']);
    });

    it('prints to the log and never into the answer', async () => {
      const [response, watchdog] = await call('prints');
      expect(await response.text()).to.equal('answer');
      await watchdog.logged('printed with console');
      await watchdog.logged('written to stdout');
    });

    it('sends lists as JSON and bytes as they are', async () => {
      const [list] = await call('returns a list');
      expect([list.headers.get('content-type'), await list.json()]).to.deep.equal([
        'application/json',
        [1, 'two', null],
      ]);
      const [bytes] = await call('returns bytes');
      expect([...new Uint8Array(await bytes.arrayBuffer())]).to.deep.equal([0, 255, 10]);
    });

    it('fails with what is neither text nor bytes nor JSON, and says so in the log', async () => {
      const told = { php: 'Generator', python: 'generator', ruby: 'Enumerator' }[language.template] ?? 'Map';
      const [response, watchdog] = await call('returns what cannot be sent');
      expect([response.status, await response.text()]).to.deep.equal([
        500,
        'The function failed; its log says why.\n',
      ]);
      await watchdog.logged(told);
    });

    if (language.template === 'python') {
      it('fails with objects and functions that would say where they are in memory, and sends what others say', async () => {
        for (const body of ['object', 'function', 'text']) {
          const [response] = await call('returns what cannot be sent', { method: 'POST', body });
          expect([response.status, await response.text()], body).to.deep.equal(
            body === 'text' ? [200, 'said'] : [500, 'The function failed; its log says why.\n'],
          );
        }
      });
    }

    it('cannot break the answer with a header or a status', async () => {
      for (const handler of ['sets a header with a line break', 'sets an impossible status'] as const) {
        const [response] = await call(handler);
        expect(response.status).to.equal(500);
        expect(response.headers.get('x-evil')).to.equal(null);
      }
      const [whole] = await call('sets a content-length');
      expect([whole.status, await whole.text()]).to.deep.equal([200, 'whole']);
    });

    it('answers although a timer or thread is left running', async () => {
      const [response] = await call('leaves a timer running');
      expect(await response.text()).to.equal('done');
    });
  });
}

describe('a TypeScript function as its image holds it, in one file', function () {
  this.timeout(20_000);
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'skep-template-'));
    cpSync(join(TEMPLATES, 'typescript'), folder, { recursive: true });
  });
  afterEach(async () => {
    await stopWatchdogs();
    rmSync(folder, { recursive: true, force: true });
  });

  it('finds files beside its handler, wherever it runs', async () => {
    writeFileSync(join(folder, 'function/words.txt'), 'words');
    writeFileSync(
      join(folder, 'function/handler.ts'),
      `export default async () => [
        await Bun.file(new URL('./words.txt', import.meta.url)).text(),
        await Bun.file(import.meta.dir + '/words.txt').text(),
      ];`,
    );
    const built = spawnSync('sh', ['build.sh', process.execPath], { cwd: folder, encoding: 'utf8' });
    expect(built.status, built.stderr).to.equal(0);
    // As skep dev runs it: in a copy, which is what a later edit leaves alone.
    const elsewhere = join(folder, 'v-1 #%20"');
    cpSync(join(folder, 'function'), join(elsewhere, 'function'), { recursive: true });
    cpSync(join(folder, 'index.js'), join(elsewhere, 'index.js'));
    writeFileSync(join(folder, 'function/words.txt'), 'edited');
    const watchdog = await startWatchdog(
      { fprocess: 'bun index.js', cgi_response: 'true' },
      { cwd: elsewhere },
    );
    expect(await (await fetch(watchdog.url)).json()).to.deep.equal(['words', 'words']);
  });
});

describe('a Python function that returns what JSON cannot hold', function () {
  this.timeout(20_000);
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'skep-template-'));
    cpSync(join(TEMPLATES, 'python'), folder, { recursive: true });
  });
  afterEach(async () => {
    await stopWatchdogs();
    rmSync(folder, { recursive: true, force: true });
  });

  for (const value of ["{'a': float('nan')}", "[float('inf')]", "{'a': b'bytes'}"]) {
    it(`fails with ${value}: 500, and why is in the log`, async () => {
      writeFileSync(join(folder, 'function/handler.py'), python(`return ${value}`));
      const env = { fprocess: 'python3 index.py', cgi_response: 'true', PATH: REAL_PATH };
      const watchdog = await startWatchdog(env, { cwd: folder });
      const response = await fetch(watchdog.url);
      expect([response.status, await response.text()]).to.deep.equal([
        500,
        'The function failed; its log says why.\n',
      ]);
      await watchdog.logged('JSON');
    });
  }
});

describe('the memory limit of a PHP function', function () {
  this.timeout(20_000);
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'skep-template-'));
    cpSync(join(TEMPLATES, 'php'), folder, { recursive: true });
    writeFileSync(
      join(folder, 'function/handler.php'),
      php("return ini_get('memory_limit') . ' ' . strlen(str_repeat('x', (int) $event->body))"),
    );
  });
  afterEach(async () => {
    await stopWatchdogs();
    rmSync(folder, { recursive: true, force: true });
  });
  const start = (env: Env = {}): Promise<Watchdog> =>
    // As on PHP's official image, whose php.ini says nothing.
    startWatchdog(
      { fprocess: 'php -d memory_limit=128M index.php', cgi_response: 'true', PATH: REAL_PATH, ...env },
      { cwd: folder },
    );
  const call = (watchdog: Watchdog, size: number): Promise<Response> =>
    fetch(watchdog.url, { method: 'POST', body: String(size), headers: { 'Content-Type': 'text/plain' } });

  it('is that of the container alone, whatever php.ini says', async () => {
    const response = await call(await start(), 1000);
    expect(await response.text()).to.equal('-1 1000');
  });

  it('is what memory_limit says; beyond it the call fails, and the log says why', async () => {
    const watchdog = await start({ memory_limit: '32M' });
    expect(await (await call(watchdog, 1000)).text()).to.equal('32M 1000');
    expect((await call(watchdog, 64 * 1_048_576)).status).to.equal(500);
    await watchdog.logged('Allowed memory size of 33554432 bytes exhausted');
  });

  it('must be a size', async () => {
    const watchdog = await start({ memory_limit: 'lots' });
    expect((await call(watchdog, 1)).status).to.equal(500);
    await watchdog.logged('memory_limit=lots is no size such as 256M');
  });
});
