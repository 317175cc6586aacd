import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { startWatchdog, stopWatchdogs, type Watchdog } from '../watchdog/start-watchdog.ts';

const TEMPLATES = join(import.meta.dirname, '../../templates');
const REAL_PATH = (process.env['PATH'] ?? '')
  .split(':')
  .filter((folder) => !folder.includes('bun-node'))
  .join(':');

function real(program: string, args: readonly string[]): string {
  const env = { ...process.env, PATH: REAL_PATH };
  const path = spawnSync(program, args, { encoding: 'utf8', env }).stdout?.trim() ?? '';
  if (path === '') throw new Error(`these tests need ${program} on the PATH`);
  return path;
}

// What a handler, and a program that it starts, can see of the process they are in.
const PYTHON = `import os, signal, subprocess, sys
def handle(event, context):
    return {
        "env": sorted([k.decode("latin1"), v.decode("latin1")] for k, v in os.environb.items()),
        "inherited": sorted(subprocess.run(["/usr/bin/env", "-0"], capture_output=True).stdout.decode("latin1").split("\\0")),
        "cwd": os.getcwd(), "argv": sys.argv, "rest": sys.stdin.read(), "leads": os.getpid() == os.getsid(0) == os.getpgrp(),
        "descriptors": len(os.listdir("/proc/self/fd")), "child": str(signal.getsignal(signal.SIGCHLD)), "body": event.body,
    }
`;
const NODE = `const { execFileSync } = require('node:child_process');
module.exports = (event) => ({
  env: Object.entries(process.env).sort(), cwd: process.cwd(), argv: process.argv, body: event.body,
  inherited: execFileSync('/usr/bin/env', ['-0'], { encoding: 'latin1' }).split('\\0').sort(),
  rest: require('node:fs').readFileSync(0, 'latin1'),
});
`;
// No `rest`: a forked one maps its body, and leaves it there for whoever reads stdin again.
const TYPESCRIPT = `import { execFileSync } from 'node:child_process';
export default (event: { body: unknown }) => ({
  env: Object.entries(process.env).sort(), cwd: process.cwd(), argv: process.argv, body: event.body,
  inherited: execFileSync('/usr/bin/env', ['-0'], { encoding: 'latin1' }).split('\\0').sort(),
});
`;
const RUBY = `def handle(event, _context)
  text = ->(bytes) { bytes.dup.force_encoding("ISO-8859-1").encode("UTF-8") }
  { env: ENV.map { |name, value| [text.(name), text.(value)] }.sort, inherited: text.(IO.popen(["/usr/bin/env", "-0"], &:read)).split("\\0").sort,
    cwd: Dir.pwd, argv: [$0, *ARGV], rest: $stdin.read, leads: [Process.getsid, Process.getpgrp].uniq == [Process.pid],
    descriptors: Dir.children("/proc/self/fd").size, child: trap("CHLD", "DEFAULT").to_s, body: event.body }
end
`;
const PHP = `<?php
function text(string $bytes): string {
  return preg_replace_callback('/[\\x80-\\xff]/', fn ($b) => chr(0xc0 | ord($b[0]) >> 6) . chr(0x80 | ord($b[0]) & 0x3f), $bytes);
}
function handle($event, $context) {
  $env = [];
  foreach (getenv() as $name => $value) $env[] = [text($name), text($value)];
  sort($env);
  $inherited = explode("\\0", text(shell_exec('/usr/bin/env -0')));
  sort($inherited);
  return ['env' => $env, 'inherited' => $inherited, 'cwd' => getcwd(), 'argv' => $_SERVER['argv'],
    'server' => array_map(text(...), array_filter($_SERVER, fn ($name) => preg_match('/^(Http_|SKEP|OWN)/', $name), ARRAY_FILTER_USE_KEY)), 'rest' => stream_get_contents(STDIN), 'body' => $event->body];
}
`;

const LANGUAGES = [
  { template: 'node', program: real('node', ['-p', 'process.execPath']), main: 'index.js', handler: 'handler.js', text: NODE },
  { template: 'python', program: real('python3', ['-c', 'import sys; print(sys.executable)']), main: 'index.py', handler: 'handler.py', text: PYTHON },
  { template: 'typescript', program: process.execPath, main: 'index.ts', handler: 'handler.ts', text: TYPESCRIPT },
  { template: 'ruby', program: real('ruby', ['-e', 'print RbConfig.ruby']), main: 'index.rb', handler: 'handler.rb', text: RUBY },
  { template: 'php', program: real('php', ['-r', 'echo PHP_BINARY;']), main: 'index.php', handler: 'handler.php', text: PHP },
]; // biome-ignore format: a table
const AHEAD = [
  { template: 'node', mode: 'fork', prefork: '1', waits: 'prefork: the first of 1 processes waits' },
  { template: 'typescript', mode: 'fork', prefork: '1', waits: 'prefork: the first of 1 processes waits' },
  { template: 'python', mode: 'fork', prefork: '1', waits: 'prefork: the first of 1 processes waits' },
  { template: 'python', mode: 'zygote', prefork: '1', waits: 'zygote: the function is loaded' },
  { template: 'ruby', mode: 'fork', prefork: '1', waits: 'prefork: the first of 1 processes waits' },
  { template: 'ruby', mode: 'zygote', prefork: '1', waits: 'zygote: the function is loaded' },
  { template: 'php', mode: 'fork', prefork: '1', waits: 'prefork: the first of 1 processes waits' },
] as const;

/** A header that is no UTF-8, one that is, a repeated one, an escaped path with such bytes, and a body. */
const REQUEST = Buffer.concat([
  Buffer.from('POST /a%20%c3%a9%ff/%E2%82?x=1&y=%e9 HTTP/1.1\r\nHost: one.example\r\nX-Bytes: a', 'latin1'),
  Buffer.from([0x80, 0xff, 0xe2, 0x82]),
  Buffer.from('b\r\nX-Text: é漢🐝\r\nX-Twice: 1\r\nX-Twice: 2\r\nX-Empty:\r\nX-Quote: "\\"\r\n'),
  Buffer.from('Content-Type: text/plain\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbody'),
]);

describe('what a handler sees of its process', function () {
  this.timeout(20_000);
  const folders: string[] = [];
  afterEach(async () => {
    await stopWatchdogs();
    for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
  });

  for (const { template, mode, prefork, waits } of AHEAD) {
    it(`is the same, ${template}, forked or with mode=${mode} and prefork=${prefork}`, async () => {
      const language = LANGUAGES.find((known) => known.template === template);
      if (language === undefined) throw new Error(`no language ${template}`);
      const folder = mkdtempSync(join(tmpdir(), 'skep-same-'));
      folders.push(folder);
      cpSync(join(TEMPLATES, template), folder, { recursive: true });
      writeFileSync(join(folder, 'function', language.handler), language.text);
      const start = (env: Record<string, string>): Promise<Watchdog> =>
        startWatchdog(
          { fprocess: `${language.program} ${language.main}`, cgi_response: 'true', OWN: 'x', ...env },
          { cwd: folder },
        );
      const forked = await seen(await start({ mode: 'fork', prefork: '0' }));
      const watchdog = await start({ mode, prefork });
      await watchdog.logged(waits);
      const ahead = await seen(watchdog);
      expect(watchdog.log()).not.to.contain('Forking fprocess.');
      expect(ahead).to.deep.equal(forked);
      const names = (ahead['env'] as string[][]).map(([key]) => key);
      expect(names).to.include.members(['Http_X_Bytes', 'Http_X_Text', 'OWN']);
      expect(ahead['rest'] ?? '').to.equal('');
    });
  }
});

/** The answer to one request, without what belongs to one watchdog. */
async function seen(watchdog: Watchdog): Promise<Record<string, unknown>> {
  const answer = await new Promise<string>((resolve, reject) => {
    const pieces: Buffer[] = [];
    const socket = connect(Number(new URL(watchdog.url).port), '127.0.0.1');
    socket.on('data', (piece: Buffer) => pieces.push(piece));
    socket.on('end', () => resolve(Buffer.concat(pieces).toString('utf8')));
    socket.on('error', reject);
    socket.write(REQUEST);
  });
  expect(answer, watchdog.log()).to.match(/^HTTP\/1\.1 200 /);
  const found = JSON.parse(answer.slice(answer.indexOf('{'))) as Record<string, unknown>;
  const own = /^(?:mode|prefork|TMPDIR)$/;
  found['env'] = (found['env'] as string[][]).filter(([key = '']) => !own.test(key));
  found['inherited'] = (found['inherited'] as string[]).filter((line) => !own.test(line.split('=')[0] ?? ''));
  return found;
}
