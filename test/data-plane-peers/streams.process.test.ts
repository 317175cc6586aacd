import { join } from 'node:path';
import { expect } from 'chai';
import { eventually, RawPeer } from '../http1/raw-peer.ts';
import { type DataPlaneUnderTest, startDataPlane } from '../support/data-plane-with-upstream.ts';
import { freePort } from '../support/free-port.ts';
import { startWatchdog, stopWatchdogs } from '../watchdog/start-watchdog.ts';
import { find, mustRun, serve, skipSaying, stopPrograms } from './programs.ts';

const STREAMS = join(import.meta.dirname, 'fixtures/streams.ts');

const upstreams: Readonly<Record<string, () => Promise<number>>> = {
  'a server': () => serve([process.execPath, STREAMS]),
  'our watchdog in mode http': async () => {
    const port = String(freePort());
    const watchdog = await startWatchdog({
      mode: 'http',
      fprocess: `${process.execPath} ${STREAMS}`,
      upstream_url: `http://127.0.0.1:${port}`,
      UPSTREAM_PORT: port,
    });
    return Number(new URL(watchdog.url).port);
  },
};

for (const [what, start] of Object.entries(upstreams)) {
  describe(`through the data plane and ${what}`, function () {
    this.timeout(30_000);
    let plane: DataPlaneUnderTest;
    let base: string;
    let functionPort: number;
    const clients: RawPeer[] = [];

    beforeEach(async () => {
      functionPort = await start();
      plane = await startDataPlane({ functionPort });
      base = `http://127.0.0.1:${plane.port}/function/fn`;
    });
    afterEach(async () => {
      for (const client of clients.splice(0)) client.destroy();
      plane.close();
      await stopWatchdogs();
      await stopPrograms();
    });

    const ask = async (path: string, method = 'POST'): Promise<string> =>
      (await fetch(`${base}${path}`, { method })).text();

    async function open(path: string, headers = ''): Promise<RawPeer> {
      const client = await RawPeer.connect(plane.port);
      clients.push(client);
      client.send(`GET /function/fn${path} HTTP/1.1\r\nHost: a\r\n${headers}\r\n`);
      return client;
    }

    for (const [name, path, accept, format] of [
      ['server-sent events', '/events', 'text/event-stream', (n: number) => `data: ${n}\n\n`],
      ['lines of JSON', '/lines', 'application/x-ndjson', (n: number) => `{"n":${n}}\n`],
    ] as const) {
      it(`${name} come one by one, each before the next is made, and end where they end`, async () => {
        const client = await open(path, `Accept: ${accept}\r\n`);
        for (let n = 0; n < 20; n++) {
          await client.untilReceived(format(n));
          expect(client.received).not.to.contain(format(n + 1));
          await ask('/next');
        }
        expect(client.received.toLowerCase()).to.contain(`\r\ncontent-type: ${accept}\r\n`);
        await ask('/end');
        await client.untilReceived('\r\n0\r\n\r\n');
        await eventually(() => plane.listener.inFlight === 0);
      });

      it(`${name} end at the function when their reader leaves`, async () => {
        const client = await open(path);
        await client.untilReceived(format(0));
        client.destroy();
        expect(await ask('/left')).to.equal('left');
        await eventually(() => plane.records.some(({ status }) => status === 499));
      });
    }

    it('a WebSocket carries text, bytes and long messages both ways, and its closing', async () => {
      const socket = new WebSocket(`ws://127.0.0.1:${plane.port}/function/fn/ws`);
      socket.binaryType = 'arraybuffer';
      const next = (): Promise<string | ArrayBuffer> =>
        new Promise((resolve, reject) => {
          socket.addEventListener('message', ({ data }) => resolve(data), { once: true });
          socket.addEventListener('close', ({ code }) => reject(new Error(`closed with ${code}`)), {
            once: true,
          });
        });
      await new Promise((resolve, reject) => {
        socket.addEventListener('open', resolve, { once: true });
        socket.addEventListener('error', reject, { once: true });
      });
      for (const text of ['hello', '', 'ä€😀'.repeat(10_000)]) {
        const answer = next();
        socket.send(text);
        expect(await answer).to.equal(text);
      }
      for (const size of [1, 70_000, 8_000_000]) {
        const sent = Buffer.alloc(size, '\0\xff\r\n', 'latin1');
        const answer = next();
        socket.send(sent);
        expect(Buffer.from((await answer) as ArrayBuffer).equals(sent), `${size} bytes`).to.equal(true);
      }
      const closed = new Promise<CloseEvent>((resolve) =>
        socket.addEventListener('close', resolve, { once: true }),
      );
      socket.send('close');
      const { code, reason } = await closed;
      expect([code, reason]).to.deep.equal([4001, 'as you wish']);
      await eventually(() => plane.listener.inFlight === 0);
      expect(plane.records.map(({ status }) => status)).to.deep.equal([101]);
    });

    it('a silent tunnel is watched by the kernel at both of its ends', async function () {
      if (find('ss') === null) return skipSaying(this, 'there is no ss on this machine');
      const client = await open(
        '/ws',
        'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n',
      );
      expect(await client.untilReceived('\r\n\r\n')).to.match(/^HTTP\/1\.1 101 /);
      const sockets = (await mustRun(['ss', '-tnoH', 'state', 'established'])).split('\n');
      const watched = (from: string, to: string): boolean =>
        sockets.some((line) => new RegExp(`:${from}\\s+\\S+:${to}\\s+timer:\\(keepalive`).test(line));
      expect(watched(String(plane.port), '\\d+'), 'towards the client').to.equal(true);
      expect(watched('\\d+', String(functionPort)), 'towards the function').to.equal(true);
    });

    it('an upgrade that the function refuses is an answer like any other', async () => {
      const client = await open('/size', 'Connection: Upgrade\r\nUpgrade: websocket\r\n');
      expect(await client.untilReceived('\r\n\r\n0')).to.match(/^HTTP\/1\.1 200 OK/);
    });
  });
}

describe('through the data plane and our watchdog in mode streaming', function () {
  this.timeout(30_000);
  afterEach(stopWatchdogs);

  it('each line comes back before the next is sent', async () => {
    const watchdog = await startWatchdog({ mode: 'streaming', fprocess: 'cat' });
    const plane = await startDataPlane({ functionPort: Number(new URL(watchdog.url).port) });
    const client = await RawPeer.connect(plane.port);
    try {
      client.send('POST /function/fn HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n');
      for (let n = 0; n < 20; n++) {
        const line = `line ${n}\n`;
        client.send(`${line.length.toString(16)}\r\n${line}\r\n`);
        await client.untilReceived(line);
      }
      client.send('0\r\n\r\n');
      await client.untilReceived('\r\n0\r\n\r\n');
    } finally {
      client.destroy();
      plane.close();
    }
  });
});
