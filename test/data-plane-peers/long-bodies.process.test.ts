import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { expect } from 'chai';
import { eventually, RawPeer, RawServer } from '../http1/raw-peer.ts';
import { freePort } from '../support/free-port.ts';
import { peakMegabytes, startWatchdog, stopWatchdogs, type Watchdog } from '../watchdog/start-watchdog.ts';
import { find } from './programs.ts';

const GIB = 1_073_741_824;
const PIECE = Buffer.alloc(1_048_576, 'abcdefgh');
const MOST_MEGABYTES = 150;
const FIXTURES = join(import.meta.dirname, '../watchdog/fixtures');

describe('a body of 1 GiB', function () {
  this.timeout(120_000);
  let plane: ChildProcess | undefined;
  let client: RawPeer;

  /** The data plane in a process of its own, before a function on that port, and a client of it. */
  async function start(functionPort: number): Promise<void> {
    plane = spawn(process.execPath, [join(import.meta.dirname, 'fixtures/data-plane.ts')], {
      env: { ...process.env, UPSTREAM_PORT: String(functionPort) },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    if (plane.stdout === null) throw new Error('its output is not read');
    const [line] = (await once(plane.stdout, 'data')) as [Buffer];
    client = await RawPeer.connect(Number(line.toString()));
    client.keeps = false;
  }
  afterEach(async () => {
    client?.destroy();
    if (plane !== undefined) {
      const ended = once(plane, 'exit');
      plane.kill('SIGKILL');
      await ended;
      plane = undefined;
    }
    await stopWatchdogs();
  });

  async function pour(peer: RawPeer): Promise<void> {
    for (let sent = 0; sent < GIB; sent += PIECE.length) {
      if (!peer.socket.write(PIECE)) await new Promise<void>((resolve) => peer.socket.once('drain', resolve));
    }
  }

  function expectLittleMemory(watchdog?: Watchdog): void {
    expect(peakMegabytes(plane?.pid), 'the data plane').to.be.below(MOST_MEGABYTES);
    if (watchdog !== undefined)
      expect(peakMegabytes(watchdog.process.pid), 'the watchdog').to.be.below(MOST_MEGABYTES);
  }

  const portOf = ({ url }: Watchdog): number => Number(new URL(url).port);

  it('passes both ways at once through a watchdog in mode streaming', async () => {
    const watchdog = await startWatchdog({ mode: 'streaming', fprocess: 'cat', exec_timeout: '300s' });
    await start(portOf(watchdog));
    client.send(
      `POST /function/fn HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: ${GIB}\r\n\r\n`,
    );
    await Promise.all([pour(client), client.untilEnd()]);
    expect(client.receivedBytes).to.be.above(GIB);
    expectLittleMemory(watchdog);
  });

  it('passes both ways at once through a watchdog in mode http', async function () {
    if (find('node') === null) return this.skip();
    const port = String(freePort());
    const watchdog = await startWatchdog({
      mode: 'http',
      fprocess: `${find('node')} ${join(FIXTURES, 'serves-http.mjs')}`,
      upstream_url: `http://127.0.0.1:${port}`,
      UPSTREAM_PORT: port,
      exec_timeout: '300s',
      write_timeout: '300s',
    });
    await start(portOf(watchdog));
    client.send(
      `POST /function/fn/same HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: ${GIB}\r\n\r\n`,
    );
    await Promise.all([pour(client), client.untilEnd()]);
    expect(client.receivedBytes).to.be.above(GIB);
    expectLittleMemory(watchdog);
  });

  it('waits for a function that does not read it, and for a client that does not read', async () => {
    const replica = await RawServer.startReplica();
    try {
      await start(replica.port);
      client.send(
        `POST /function/fn HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: ${GIB}\r\n\r\n`,
      );
      const peer = await replica.peer();
      peer.keeps = false;
      peer.socket.pause();
      const poured = pour(client);
      await stands(() => client.socket.bytesWritten);
      expectLittleMemory();
      peer.socket.resume();
      await poured;
      await peer.until(() => peer.receivedBytes > GIB);
      client.socket.pause();
      peer.send(`HTTP/1.1 200 OK\r\nContent-Length: ${GIB}\r\n\r\n`);
      const answered = pour(peer);
      await stands(() => peer.socket.bytesWritten);
      expectLittleMemory();
      client.socket.resume();
      await answered;
      await client.untilEnd();
      await eventually(() => client.receivedBytes > GIB);
      expectLittleMemory();
    } finally {
      replica.close();
    }
  });
});

/** Waits until a count has not changed for a while. */
async function stands(count: () => number): Promise<void> {
  for (let last = -1; count() !== last; await Bun.sleep(300)) last = count();
}
