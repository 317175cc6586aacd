import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { type RunningGateway, runGateway } from '../../support/run-gateway.ts';
import { configEntry, tarOf } from './build-tar.ts';

const SIGNED = `X-Build-Signature: sha256=${'0'.repeat(64)}\r\n`;

/** Sends `build.tar` and says what it is answered, for ever. */
const CLIENT = `
  const [, port, accept] = process.argv;
  const tar = require('node:fs').readFileSync('build.tar');
  const socket = require('node:net').connect(Number(port), '127.0.0.1');
  socket.write('POST /system/build HTTP/1.1\\r\\nHost: x\\r\\nAccept: ' + accept + '\\r\\nContent-Length: ' + tar.length + '\\r\\n\\r\\n');
  socket.write(tar);
  socket.pipe(process.stdout);
`;

interface Proxy {
  readonly port: number;
  close(): void;
}

/** As that of a published port: it passes a client's end on, and learns that the client has gone when it writes to it once more. */
async function startProxy(to: number): Promise<Proxy> {
  const server = createServer({ allowHalfOpen: true }, (client) => {
    const upstream = connect({ port: to, host: '127.0.0.1', allowHalfOpen: true });
    let hasGone = false;
    client
      .on('error', () => {})
      .once('close', () => {
        hasGone = true;
      });
    client.on('data', (bytes) => upstream.write(bytes)).once('end', () => upstream.end());
    upstream.on('error', () => {}).once('close', () => client.destroy());
    upstream.on('data', (bytes) => {
      if (hasGone) upstream.destroy();
      else client.write(bytes);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { port: (server.address() as AddressInfo).port, close: () => void server.close() };
}

describe('clients of the build API that leave, through the whole gateway', function () {
  this.timeout(60_000);
  let folder: string;
  let gateway: RunningGateway;
  let proxy: Proxy | undefined;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'skep-test-'));
    await writeFile(join(folder, 'payload-secret'), 'a payload secret\n');
    gateway = await runGateway({ queue: 'memory', builder: 'endless', secret_mount_path: folder });
  });

  afterEach(async () => {
    proxy?.close();
    proxy = undefined;
    await gateway.end();
    await rm(folder, { recursive: true });
  });

  /** Sends this, and goes away once `until` has happened. */
  const leave = async (head: string, body: string | Buffer, until: () => Promise<unknown>): Promise<void> => {
    const socket = connect(gateway.port, '127.0.0.1');
    socket.on('error', () => {});
    await once(socket, 'connect');
    socket.write(`POST ${head}Host: gateway\r\n`);
    socket.write('\r\n');
    socket.write(body);
    await until();
    socket.destroy();
    await once(socket, 'close');
  };

  for (const [path, headers] of [
    ['/build', SIGNED],
    ['/system/build', ''],
    ['/system/functions', ''],
  ] as const) {
    it(`goes on when an upload to ${path} breaks off`, async () => {
      await leave(`${path} HTTP/1.1\r\n${headers}Content-Length: 1000000\r\n`, 'x', () =>
        gateway.call('/publickey'),
      );
      // What is queued for the broken request has come before this is answered.
      for (let i = 0; i < 5; i++) expect((await gateway.call('/publickey')).status).to.equal(404);
    });
  }

  it('ends builds that say nothing when their clients are killed, however these want their answer', async () => {
    const tar = await tarOf(configEntry({ image: 'x/silent:1' }), ['context/Dockerfile', 'FROM scratch']);
    await writeFile(join(folder, 'build.tar'), tar);
    const clients: Bun.Subprocess[] = [];
    proxy = await startProxy(gateway.port);
    for (const accept of ['application/json', 'application/x-ndjson']) {
      // Its system closes the connection: nothing but a FIN, where all is read that came.
      const client = Bun.spawn([process.execPath, '-e', CLIENT, String(proxy.port), accept], {
        cwd: folder,
        stdout: 'pipe',
      });
      clients.push(client);
      await gateway.logged('the build has begun', clients.length);
      if (accept.includes('ndjson')) await client.stdout.getReader().read();
    }
    for (const client of clients) client.kill('SIGKILL');
    await gateway.logged('the build was ended', clients.length);
  });
});
