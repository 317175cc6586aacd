import { expect } from 'chai';
import { RawPeer } from '../../http1/raw-peer.ts';
import { startHttp } from '../http-upstream.ts';
import { peakMegabytes } from '../start-watchdog.ts';
import { describeContract } from './contract.ts';

const GIB = 1_073_741_824;
const NODE = 'node serves-http.mjs';

describeContract('of-watchdog', 'mode http, 1 GiB', ({ it }) => {
  it('takes a body of 1 GiB with less than 150 MB of memory', async ({ start }) => {
    const watchdog = await startHttp(start, NODE);
    const client = await RawPeer.connect(Number(new URL(watchdog.url).port));
    client.send(`POST /count HTTP/1.1\r\nHost: a\r\nContent-Length: ${GIB}\r\n\r\n`);
    const piece = Buffer.alloc(1_048_576);
    for (let sent = 0; sent < GIB; sent += piece.length) {
      if (!client.socket.write(piece)) await new Promise((resolve) => client.socket.once('drain', resolve));
    }
    await client.untilReceived(`"bytes":${GIB}`);
    client.destroy();
    expect(peakMegabytes(watchdog.process.pid)).to.be.below(150);
  });

  it('gives an answer of 1 GiB with less than 150 MB of memory, however slow the client begins', async ({
    start,
  }) => {
    const watchdog = await startHttp(start, NODE);
    const client = await RawPeer.connect(Number(new URL(watchdog.url).port));
    client.keeps = false;
    client.send('GET /zeros HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    client.socket.pause();
    await Bun.sleep(300); // the server writes all it can meanwhile
    client.socket.resume();
    await client.untilEnd();
    expect(client.receivedBytes).to.be.above(GIB);
    expect(peakMegabytes(watchdog.process.pid)).to.be.below(150);
  });
});
