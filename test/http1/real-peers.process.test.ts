import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { listen } from '../../http1/listener.ts';
import { createPool } from '../../http1/pool.ts';
import { relay } from '../../http1/relay.ts';
import type { Exchange, Listener, RelayOutcome, UpstreamAddress, UpstreamPool } from '../../http1/types.ts';
import { eventually, RawPeer } from './raw-peer.ts';

const NODE_ECHO = `
require('node:http').createServer((request, response) => {
  response.writeHead(200, { 'x-method': request.method, 'x-host': request.headers.host });
  request.pipe(response);
}).listen(0, '127.0.0.1', function () { console.log(this.address().port); });`;

const PYTHON_ECHO = `
import http.server, sys
class Echo(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    def do_POST(self):
        body = self.rfile.read(int(self.headers['content-length']))
        self.send_response(200)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *args): pass
server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Echo)
print(server.server_port, flush=True)
server.serve_forever()`;

const PYTHON_CLIENT = `
import http.client, sys
connection = http.client.HTTPConnection('127.0.0.1', int(sys.argv[1]))
for size in (0, 1, 100000):
    connection.request('POST', '/', body=b'x' * size)
    assert connection.getresponse().read() == b'x' * size
connection.request('POST', '/', body=iter([b'ab', b'cd']), encode_chunked=True)
print(connection.getresponse().read().decode())`;

const NODE_CLIENT = `
const http = require('node:http');
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
const call = (body) => new Promise((resolve, reject) => {
  const request = http.request({ port: process.argv.at(-1), host: '127.0.0.1', agent, method: 'POST' }, (response) => {
    const pieces = [];
    response.on('data', (piece) => pieces.push(piece)).on('end', () => resolve(Buffer.concat(pieces).toString()));
  }).on('error', reject);
  for (const piece of body) request.write(piece);
  request.end();
});
(async () => {
  for (let i = 0; i < 20; i++) if (await call(['a' + i, 'b'.repeat(i * 1000)]) !== 'a' + i + 'b'.repeat(i * 1000)) throw new Error('differs');
  console.log('same');
  process.exit(0);
})();`;

// `bun --bun` puts itself into the path under the name of node: the real one is meant here.
const realPath = (process.env['PATH'] ?? '').split(':').filter((folder) => !folder.includes('bun-node'));
const node = Bun.which('node', { PATH: realPath.join(':') });
const python = Bun.which('python3');

async function output(command: string, args: readonly string[], input?: string): Promise<string> {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  child.stdin.on('error', () => {}); // it need not read its input
  child.stdin.end(input);
  let text = '';
  child.stdout.on('data', (piece) => {
    text += piece;
  });
  const [code] = await once(child, 'close');
  expect(code, `${command} failed`).to.equal(0);
  return text;
}

describe('real clients and servers through the relay', function () {
  this.timeout(30_000);
  let folder: string;
  let listener: Listener;
  let pool: UpstreamPool;
  let outcomes: RelayOutcome[];
  let stops: (() => void)[];

  function relayTo(address: UpstreamAddress): number {
    const onExchange = async (exchange: Exchange): Promise<void> => {
      const outcome = await relay(exchange, { pool, address, target: exchange.request.target });
      outcomes.push(outcome);
      if (!exchange.isAnswered) exchange.respond({ status: 502, headers: [] }, JSON.stringify(outcome));
    };
    listener = listen({ hostname: '127.0.0.1', onExchange: (exchange) => void onExchange(exchange) });
    return listener.port;
  }

  async function startProgram(command: string, args: readonly string[]): Promise<number> {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    stops.push(() => child.kill('SIGKILL'));
    const [line] = await once(child.stdout, 'data');
    return Number(String(line));
  }

  async function startApp(handler: http.RequestListener): Promise<UpstreamAddress> {
    const server = http.createServer(handler);
    const path = join(folder, 'app.sock');
    await new Promise<void>((resolve) => server.listen(path, resolve));
    stops.push(() => {
      server.closeAllConnections();
      server.close();
    });
    return { unix: path };
  }

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'skep-http1-'));
    pool = createPool();
    outcomes = [];
    stops = [];
  });
  afterEach(() => {
    listener.close();
    pool.close();
    for (const stop of stops) stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it('curl uploads to and downloads from a node:http application on a Unix socket', async () => {
    const body = Buffer.alloc(3_000_000, 'some text');
    const file = join(folder, 'body');
    writeFileSync(file, body);
    const port = relayTo(
      await startApp((request, response) => {
        const hash = createHash('sha256');
        request.on('data', (piece) => hash.update(piece));
        request.on('end', () => {
          response.setHeader('x-sum', hash.digest('hex'));
          response.end(body);
        });
      }),
    );
    const sum = createHash('sha256').update(body).digest('hex');
    for (const args of [
      ['-T', file],
      ['-T', '-'],
      ['--data-binary', `@${file}`],
      ['-0', '--data-binary', `@${file}`],
    ]) {
      const answer = await output(
        'curl',
        ['-sS', '-D', '-', ...args, `http://127.0.0.1:${port}/`],
        body.toString(),
      );
      expect(answer, args.join(' ')).to.include(`x-sum: ${sum}`);
      expect(answer.endsWith(body.toString()), args.join(' ')).to.equal(true);
    }
  });

  it('a node:http application on a Unix socket streams both ways at once and sees the client leave', async () => {
    let hasLeft = false;
    const port = relayTo(
      await startApp((request, response) => {
        response.on('close', () => {
          hasLeft = true;
        });
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.write('ready\n');
        request.on('data', (piece) => response.write(`got ${piece}\n`));
      }),
    );
    const client = await RawPeer.connect(port);
    client.send('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n');
    await client.untilReceived('ready\n');
    for (const word of ['one', 'two', 'three']) {
      client.send(`${word.length}\r\n${word}\r\n`);
      await client.untilReceived(`got ${word}\n`);
    }
    expect(hasLeft).to.equal(false);
    client.destroy();
    await eventually(() => hasLeft && outcomes.length === 1);
    expect(outcomes).to.deep.equal([{ kind: 'client_gone', status: 200 }]);
  });

  it('an application on a Unix socket that has not answered yet sees the client leave', async () => {
    let hasLeft = false;
    let isCalled = false;
    const port = relayTo(
      await startApp((_request, response) => {
        isCalled = true;
        response.on('close', () => {
          hasLeft = true;
        });
      }),
    );
    const client = await RawPeer.connect(port);
    client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await eventually(() => isCalled);
    client.destroy();
    await eventually(() => hasLeft);
  });

  it('a node program echoes what a node client sends', async function () {
    if (node === null) return this.skip();
    const port = relayTo({ hostname: '127.0.0.1', port: await startProgram(node, ['-e', NODE_ECHO]) });
    expect(await output(node, ['-e', NODE_CLIENT, String(port)])).to.equal('same\n');
    expect(outcomes.every((outcome) => outcome.kind === 'completed')).to.equal(true);
  });

  it('a Python server echoes what a Python client sends', async function () {
    if (node === null || python === null) return this.skip();
    const upstream = await startProgram(node, ['-e', NODE_ECHO]);
    expect(
      await output(python, ['-c', PYTHON_CLIENT, String(relayTo({ hostname: '127.0.0.1', port: upstream }))]),
    ).to.equal('abcd\n');
    listener.close();
    const port = relayTo({ hostname: '127.0.0.1', port: await startProgram(python, ['-c', PYTHON_ECHO]) });
    const answer = await output('curl', ['-sS', '-d', 'hello', `http://127.0.0.1:${port}/`]);
    expect(answer).to.equal('hello');
  });

  it('a WebSocket works through it', async () => {
    const server = Bun.serve({
      port: 0,
      fetch: (request, self) => (self.upgrade(request) ? undefined : new Response('no', { status: 400 })),
      websocket: { message: (socket, message) => void socket.send(`echo ${message}`) },
    });
    stops.push(() => void server.stop(true));
    const port = relayTo({ hostname: '127.0.0.1', port: server.port ?? 0 });
    const socket = new WebSocket(`ws://127.0.0.1:${port}/`);
    await once(socket, 'open');
    socket.send('hi');
    const [event] = await once(socket, 'message');
    expect((event as MessageEvent).data).to.equal('echo hi');
    socket.close();
    await eventually(() => outcomes.length === 1);
    expect(outcomes).to.deep.equal([{ kind: 'upgraded' }]);
  });
});
