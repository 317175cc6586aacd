import { expect } from 'chai';
import { listen } from '../../http1/listener.ts';
import { createPool } from '../../http1/pool.ts';
import { relay } from '../../http1/relay.ts';
import type { Exchange, Listener, RelayOutcome, UpstreamPool } from '../../http1/types.ts';
import { eventually, RawPeer, RawServer, seededRandom } from './raw-peer.ts';

const HUGE = 256 * 1024 * 1024;
const PIECE = Buffer.alloc(1024 * 1024, 'x');
/** What may lie in kernel buffers on the way, and in ours: far below the body. */
const IN_TRANSIT = 40 * 1024 * 1024;

/** Sends `bytes` of body as fast as the socket takes them, without holding them. */
async function pour(peer: RawPeer, bytes: number): Promise<void> {
  for (let sent = 0; sent < bytes; sent += PIECE.length) {
    if (!peer.socket.write(PIECE))
      await new Promise<void>((resolve) => peer.socket.once('drain', () => resolve()));
  }
}

describe('the relay under load', function () {
  this.timeout(60_000);
  let upstream: RawServer;
  let listener: Listener;
  let pool: UpstreamPool;
  let outcomes: RelayOutcome[];
  const clients: RawPeer[] = [];

  async function connect(): Promise<RawPeer> {
    const client = await RawPeer.connect(listener.port);
    clients.push(client);
    return client;
  }
  function start(port: number): void {
    const address = { hostname: '127.0.0.1', port };
    const onExchange = async (exchange: Exchange): Promise<void> => {
      const outcome = await relay(exchange, { pool, address, target: exchange.request.target });
      outcomes.push(outcome);
      if (!exchange.isAnswered) exchange.respond({ status: 502, headers: [] }, outcome.kind);
    };
    listener = listen({ hostname: '127.0.0.1', onExchange: (exchange) => void onExchange(exchange) });
  }

  beforeEach(async () => {
    upstream = await RawServer.start();
    pool = createPool();
    outcomes = [];
    start(upstream.port);
  });
  afterEach(() => {
    for (const client of clients.splice(0)) client.destroy();
    listener.close();
    pool.close();
    upstream.close();
  });

  it('holds a huge upload back while the upstream does not read, then passes all of it', async () => {
    const client = await connect();
    client.send(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${HUGE}\r\n\r\n`);
    const peer = await upstream.peer();
    await peer.untilReceived('\r\n\r\n');
    peer.keeps = false;
    peer.socket.pause();
    const poured = pour(client, HUGE);
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(client.socket.bytesWritten).to.be.lessThan(IN_TRANSIT);
    peer.socket.resume();
    await poured;
    await peer.until(() => peer.receivedBytes >= HUGE);
    peer.send('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
    await client.untilReceived('ok');
    expect(outcomes).to.deep.equal([{ kind: 'completed', status: 200 }]);
  });

  it('holds a huge answer back while the client does not read, then passes all of it', async () => {
    const client = await connect();
    client.keeps = false;
    client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    const peer = await upstream.peer();
    await peer.untilReceived('\r\n\r\n');
    client.socket.pause();
    peer.send(`HTTP/1.1 200 OK\r\nContent-Length: ${HUGE}\r\n\r\n`);
    const poured = pour(peer, HUGE);
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(peer.socket.bytesWritten).to.be.lessThan(IN_TRANSIT);
    client.socket.resume();
    await poured;
    await client.until(() => client.receivedBytes > HUGE);
    await eventually(() => outcomes.length === 1);
    expect(outcomes).to.deep.equal([{ kind: 'completed', status: 200 }]);
  });

  it('never mixes the bytes of two exchanges, whatever leaves, breaks off or is pipelined between them', async () => {
    listener.close();
    const echo = listen({
      hostname: '127.0.0.1',
      onExchange: (exchange) => {
        const headers = ['X-Target', exchange.request.target];
        const sink = exchange.startResponse({ status: 200, headers }, () => exchange.resumeBody());
        exchange.readBody(sink);
      },
    });
    start(echo.port);
    const random = seededRandom(7);
    const run = async (worker: number): Promise<void> => {
      for (let call = 0; call < 40; call++) {
        const client = await connect();
        const mark = `w${worker}c${call}-`;
        const body = mark.repeat(1 + Math.floor(random() * 3000));
        const isChunked = random() < 0.5;
        const framing = isChunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${body.length}`;
        const sent = isChunked ? `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n` : body;
        const message = `POST /${mark} HTTP/1.1\r\nHost: a\r\n${framing}\r\n\r\n${sent}`;
        const kind = random();
        if (kind < 0.2) {
          client.send(message.slice(0, Math.floor(random() * message.length)));
          await new Promise((resolve) => setImmediate(resolve));
          client.socket.resetAndDestroy();
          continue;
        }
        if (kind < 0.3) {
          client.send(message);
          client.destroy();
          continue;
        }
        const count = kind < 0.5 ? 3 : 1;
        client.send(message.repeat(count));
        await client.until(
          () =>
            client.received.split('\r\n0\r\n\r\n').length > count ||
            client.received.split(`${body}`).length > count,
        );
        const marks = new Set(client.received.match(/w\d+c\d+-/g));
        expect([...marks]).to.deep.equal([mark]);
        client.destroy();
      }
    };
    await Promise.all(Array.from({ length: 16 }, (_, worker) => run(worker)));
    await eventually(() => listener.inFlight === 0 && echo.inFlight === 0);
    echo.close();
  });

  it('survives requests with random bytes changed, and never passes on two requests for one', async () => {
    const template = Buffer.from(
      'POST /a?b HTTP/1.1\r\nHost: a\r\nX-A: 1\r\nTransfer-Encoding: chunked\r\n\r\n3;x\r\nabc\r\n0\r\nT: 1\r\n\r\n',
    );
    for (let seed = 1; seed <= 300; seed++) {
      const random = seededRandom(seed);
      const bytes = Buffer.from(template);
      for (let change = 1 + Math.floor(random() * 3); change > 0; change--) {
        const interesting = [0, 0x0a, 0x0d, 0x20, 0x3a, 0x30, 0x2c, Math.floor(random() * 256)];
        bytes[Math.floor(random() * bytes.length)] =
          interesting[Math.floor(random() * interesting.length)] ?? 0;
      }
      const client = await connect();
      client.send(bytes.subarray(0, 40));
      client.send(bytes.subarray(40));
      client.socket.end();
      const answering = upstream.peers.length;
      await eventually(() => client.hasEnded || upstream.peers.length > answering);
      for (const peer of upstream.peers.splice(0)) {
        await eventually(() => client.hasEnded || peer.hasEnded || peer.received.endsWith('\r\n\r\n'));
        expect(peer.received.match(/ HTTP\/1\.1\r\n/g)?.length ?? 0, `seed ${seed}`).to.be.at.most(1);
        peer.send('HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
        peer.socket.end();
      }
      await client.until(() => client.hasEnded);
      client.destroy();
    }
    await eventually(() => listener.inFlight === 0);
  });
});
