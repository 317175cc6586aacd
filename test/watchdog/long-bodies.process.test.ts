import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { RawPeer } from '../http1/raw-peer.ts';
import { startWatchdog, stopWatchdogs, type Watchdog } from './start-watchdog.ts';

const GIB = 1_073_741_824;
const PIECE = Buffer.alloc(1_048_576, 'abcdefgh');
const LONG = { exec_timeout: '120s', write_timeout: '120s' };

const peakMemoryKb = ({ process: { pid } }: Watchdog): number =>
  Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);

/** Sends a body piece by piece, waiting where the socket is full. */
async function send({ socket }: RawPeer, bytes: number): Promise<void> {
  for (let sent = 0; sent < bytes; sent += PIECE.length) {
    if (!socket.write(PIECE)) await new Promise<void>((resolve) => socket.once('drain', resolve));
  }
}

for (const mode of ['fork', 'serializing', 'streaming'] as const) {
  describe(`a body of 1 GiB in mode ${mode}`, function () {
    this.timeout(60_000);
    let client: RawPeer | undefined;
    const connect = async ({ url }: Watchdog): Promise<RawPeer> => {
      client = await RawPeer.connect(Number(new URL(url).port));
      return client;
    };
    afterEach(async () => {
      client?.destroy();
      await stopWatchdogs();
    });

    it('passes both ways at once', async () => {
      const watchdog = await startWatchdog({ mode, fprocess: 'cat', ...LONG });
      const peer = await connect(watchdog);
      peer.keeps = false;
      peer.send(`POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: ${GIB}\r\n\r\n`);
      await Promise.all([send(peer, GIB), peer.untilEnd()]);
      expect(peer.receivedBytes).to.be.above(GIB);
      expect(peakMemoryKb(watchdog)).to.be.below(150_000);
    });

    it('waits for a process that does not read it', async () => {
      const watchdog = await startWatchdog({
        mode,
        fprocess: './reads-when-released',
        RELEASE_FILE: '/nowhere/ever',
        ...LONG,
      });
      const peer = await connect(watchdog);
      peer.send(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${GIB}\r\n\r\n`);
      let hasSent = false;
      void send(peer, GIB).then(() => {
        hasSent = true;
      });
      await stands(() => peer.socket.bytesWritten);
      expect(hasSent).to.equal(false);
      expect(peakMemoryKb(watchdog)).to.be.below(150_000);
    });

    it('waits for a client that does not read it', async () => {
      const watchdog = await startWatchdog({ mode, fprocess: `./prints-a-lot ${GIB}`, ...LONG });
      const peer = await connect(watchdog);
      peer.keeps = false;
      peer.send('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
      await peer.until(() => peer.receivedBytes > 0);
      peer.socket.pause();
      await stands(() => peer.receivedBytes);
      expect(peakMemoryKb(watchdog)).to.be.below(150_000);
      peer.socket.resume();
      await peer.untilEnd();
      expect(peer.receivedBytes).to.be.above(GIB);
      expect(peakMemoryKb(watchdog)).to.be.below(150_000);
    });
  });
}

/** Waits until a count has not changed for a second. */
async function stands(count: () => number): Promise<void> {
  let last = -1;
  while (count() !== last) {
    last = count();
    await Bun.sleep(1000);
  }
}
