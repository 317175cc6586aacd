import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect } from 'chai';
import { listen } from '../../http1/listener.ts';
import type { Listener } from '../../http1/types.ts';
import { eventually, type RawPeer } from '../http1/raw-peer.ts';
import { startDataPlane } from '../support/data-plane-with-upstream.ts';
import { RawDataPlane } from './raw-data-plane.ts';

// Whatever the pieces in which a message arrives, what comes of it is what comes of the whole one.

const FN = 'HTTP/1.1\r\nHost: a\r\nX-Call-Id: c\r\n';
const CHUNKED = 'Transfer-Encoding: chunked\r\n\r\n';

const requests: Readonly<Record<string, string>> = {
  'without a body': `GET /function/fn/x?y=1 ${FN}X-A: \xe4 b \r\nX-Empty:\r\n\r\n`,
  'after empty lines': `\r\n\r\nGET /function/fn ${FN}\r\n`,
  'with a length': `POST /function/fn ${FN}Content-Length: 8\r\n\r\na\r\n\r\n0\r\n`,
  'with a length of none': `POST /function/fn ${FN}Content-Length: 0\r\n\r\n`,
  'in chunks with extensions and trailers': `POST /function/fn ${FN}${CHUNKED}2;x="y"\r\n\r\n\r\n00A ;z\r\n0123456789\r\n0;last\r\nX-Sum: 1\r\nX-T: \xe4\r\n\r\n`,
  'in chunks without trailers': `PUT /function/fn ${FN}${CHUNKED}5\r\n0\r\n\r\n\r\n0\r\n\r\n`,
  'for a head': `HEAD /function/fn ${FN}\r\n`,
  'of HTTP/1.0': 'GET /function/fn HTTP/1.0\r\nX-Call-Id: c\r\n\r\n',
  'pipelined before others': `POST /function/fn/1 ${FN}Content-Length: 3\r\n\r\nabcGET /function/fn/2 ${FN}\r\nPOST /function/fn/3 ${FN}${CHUNKED}1\r\nx\r\n0\r\n\r\n\r\nHEAD /function/fn/4 ${FN}Connection: close\r\n\r\n`,
  'pipelined before a broken one': `POST /function/fn/1 ${FN}Content-Length: 1\r\n\r\naGET /function/fn/2 ${FN}Bad : 1\r\n\r\nGET /function/fn/3 ${FN}\r\n`,
  'with two lengths': `POST /function/fn ${FN}Content-Length: 1\r\nContent-Length: 1\r\n\r\na`,
  'with a length and chunks': `POST /function/fn ${FN}Content-Length: 5\r\n${CHUNKED}0\r\n\r\nGET /function/fn ${FN}\r\n`,
  'with a folded line': `GET /function/fn ${FN}X: 1\r\n 2\r\n\r\n`,
  'with a bare CR': `GET /function/fn ${FN}X: 1\r2\r\n\r\n`,
  'with a space before a colon': `GET /function/fn ${FN}X : 1\r\n\r\n`,
  'with a bad chunk after a good one': `POST /function/fn ${FN}${CHUNKED}2\r\nab\r\nz\r\n0\r\n\r\n`,
  'with a chunk longer than it says': `POST /function/fn ${FN}${CHUNKED}2\r\nabc\r\n0\r\n\r\n`,
  'of HTTP/2': 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
};

const LENGTH = 'Content-Length: 6\r\n';
/** What a function answers; those that it `keeps` its connection after must find it used again. */
const answers: Readonly<
  Record<string, { readonly text: string; readonly keeps: boolean; readonly method?: string }>
> = {
  'with a length': {
    text: `HTTP/1.1 200 OK\r\nX-A: \xe4 b \r\nX-Empty:\r\n${LENGTH}\r\n\r\n0\r\n\r`,
    keeps: true,
  },
  'with nothing': { text: 'HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n', keeps: true },
  'in chunks with extensions and trailers': {
    text: `HTTP/1.1 207 Many words\r\n${CHUNKED}2;x="y"\r\n\r\n\r\n00A ;z\r\n0123456789\r\n0\r\nX-Sum: 1\r\nHost: no\r\n\r\n`,
    keeps: true,
  },
  'with hints first': {
    text: `HTTP/1.1 103 Early\r\nLink: a\r\n\r\nHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 P\r\n\r\nHTTP/1.1 201 C\r\n${LENGTH}\r\nabcdef`,
    keeps: true,
  },
  'of no content': { text: 'HTTP/1.1 204 No Content\r\nX-A: 1\r\n\r\n', keeps: true },
  'not modified': { text: `HTTP/1.1 304 Not Modified\r\n${LENGTH}\r\n`, keeps: true },
  'to a HEAD': { text: `HTTP/1.1 200 OK\r\n${LENGTH}\r\n`, keeps: true, method: 'HEAD' },
  'that closes': { text: `HTTP/1.1 200 OK\r\nConnection: close\r\n${LENGTH}\r\nabcdef`, keeps: false },
  'of HTTP/1.0': { text: `HTTP/1.0 200 OK\r\n${LENGTH}\r\nabcdef`, keeps: false },
  'with surplus bytes': {
    text: `HTTP/1.1 200 OK\r\n${LENGTH}\r\nabcdefHTTP/1.1 200 OK\r\n\r\n`,
    keeps: false,
  },
  'with two lengths': { text: `HTTP/1.1 200 OK\r\n${LENGTH}${LENGTH}\r\nabcdef`, keeps: false },
  'with a length and chunks': { text: `HTTP/1.1 200 OK\r\n${LENGTH}${CHUNKED}0\r\n\r\n`, keeps: false },
  'with a folded line': { text: `HTTP/1.1 200 OK\r\nX: 1\r\n 2\r\n${LENGTH}\r\nabcdef`, keeps: false },
  'with a switch nobody asked for': {
    text: 'HTTP/1.1 101 S\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n',
    keeps: false,
  },
  'with a bad chunk': { text: `HTTP/1.1 200 OK\r\n${CHUNKED}2\r\nab\r\nz\r\n0\r\n\r\n`, keeps: false },
};

/** What a client got, without what differs from call to call and from one cutting of a body to another. */
function settled({ received, hasEnded }: RawPeer): string {
  let rest = received.replace(/^(x-start-time|date): [^\r]*\r\n/gim, '');
  let text = '';
  for (;;) {
    const head = rest.indexOf('transfer-encoding: chunked\r\n\r\n');
    if (head === -1) break;
    const body = head + 'transfer-encoding: chunked\r\n\r\n'.length;
    text += rest.slice(0, body);
    rest = rest.slice(body);
    for (
      let size = /^([1-9a-f][0-9a-f]*)\r\n/.exec(rest);
      size;
      size = /^([1-9a-f][0-9a-f]*)\r\n/.exec(rest)
    ) {
      const start = size[0].length;
      const end = start + Number.parseInt(size[1] ?? '', 16);
      if (rest.length < end + 2) break;
      text += rest.slice(start, end);
      rest = rest.slice(end + 2);
    }
    text += '<body ends>';
  }
  return `${text}${rest}${hasEnded ? '<closed>' : ''}`;
}

/** All cuts of a message in two, and the one into single bytes. */
function cuttings(message: string): string[][] {
  const cuts = Array.from({ length: message.length - 1 }, (_, at) => [
    message.slice(0, at + 1),
    message.slice(at + 1),
  ]);
  return [...cuts, [...message]];
}

async function sendPieces(peer: RawPeer, pieces: readonly string[]): Promise<void> {
  for (const piece of pieces) {
    peer.send(piece);
    await nextTurn();
    await nextTurn();
  }
}

/** All that is under way between sockets of this process has come: time alone may pass while it stands still. */
async function settles(): Promise<void> {
  await Bun.sleep(30);
  for (let turn = 0; turn < 20; turn++) await nextTurn();
}

/** Waits for what is known to come, and for nothing that comes after it. */
async function untilSettled(peer: RawPeer, expected: string): Promise<void> {
  await peer.until(
    () => settled(peer) === expected || settled(peer).length > expected.length || peer.isClosed,
  );
  expect(settled(peer)).to.equal(expected);
}

describe('a request split at every byte', function () {
  this.timeout(30_000);
  let echo: Listener;

  beforeEach(() => {
    echo = listen({
      hostname: '127.0.0.1',
      onExchange: (exchange) => {
        const { method, target, headers } = exchange.request;
        const own = /^(x-start-time|x-forwarded-for|host)$/i;
        const kept = headers.filter((_, i) => !own.test(headers[i - (i % 2)] ?? ''));
        let body = '';
        exchange.readBody({
          write: (bytes) => {
            body += Buffer.from(bytes).toString('latin1');
            return true;
          },
          end: (trailers = []) =>
            exchange.respond(
              { status: 200, headers: [] },
              `[${JSON.stringify({ method, target, kept, body, trailers })}]`,
            ),
          abort: () => {},
        });
      },
    });
  });
  afterEach(() => echo.close());

  for (const [what, message] of Object.entries(requests)) {
    it(`${what} comes to what the whole one comes to`, async () => {
      const plane = await startDataPlane({ functionPort: echo.port });
      const raw = await RawDataPlane.around(plane);
      try {
        const whole = await raw.connect();
        whole.send(message);
        const count = message.split('X-Call-Id').length - 1;
        await whole.until(
          () => whole.hasEnded || (whole.received.match(/HTTP\/1\.1 /g)?.length ?? 0) >= count,
        );
        await settles();
        const expected = settled(whole);
        expect(expected).to.match(/^HTTP\/1\.1 (200|4..|505) /);
        for (const pieces of cuttings(message)) {
          const client = await raw.connect();
          await sendPieces(client, pieces);
          await untilSettled(client, expected);
          client.destroy();
        }
        await eventually(() => plane.listener.inFlight === 0);
      } finally {
        raw.close();
      }
    });
  }
});

describe('an answer split at every byte', function () {
  this.timeout(30_000);

  for (const [what, { text, keeps, method = 'GET' }] of Object.entries(answers)) {
    it(`${what} comes to what the whole one comes to`, async () => {
      const raw = await RawDataPlane.start();
      let connections = 0;
      const call = async (pieces: readonly string[]): Promise<RawPeer> => {
        const client = await raw.connect();
        client.send(`${method} /function/fn ${FN}\r\n`);
        const peer = await raw.replica.peer(connections);
        await peer.until(() => peer.received.endsWith('\r\n\r\n'));
        peer.clear();
        if (!keeps) connections++;
        await sendPieces(peer, pieces);
        return client;
      };
      try {
        const whole = await call([text]);
        await eventually(() => raw.plane.records.length === 1);
        await settles();
        const expected = settled(whole);
        expect(expected).to.match(/^HTTP\/1\.1 [0-9]{3} /);
        whole.destroy();
        for (const pieces of cuttings(text)) {
          const client = await call(pieces);
          await untilSettled(client, expected);
          client.destroy();
        }
        const statuses = new Set(raw.plane.records.map(({ status }) => status));
        expect([...statuses], 'the status in the log').to.have.length(1);
        await eventually(() => raw.plane.listener.inFlight === 0);
      } finally {
        raw.close();
      }
    });
  }

  it('an upgrade, its switch and what follows it come to what the whole ones come to', async () => {
    const raw = await RawDataPlane.start();
    const ask = `GET /function/fn/ws ${FN}Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n\x81\x05hello`;
    const agree =
      'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nX-A: 1\r\n\r\n\x81\x02hi';
    try {
      const pieces = cuttings(ask);
      const counterpart = cuttings(agree);
      for (let i = 0; i < Math.max(pieces.length, counterpart.length); i++) {
        const client = await raw.connect();
        await sendPieces(client, pieces[i % pieces.length] ?? []);
        const peer = await raw.replica.peer(i);
        await peer.untilReceived('\r\n\r\n');
        await sendPieces(peer, counterpart[i % counterpart.length] ?? []);
        await peer.untilReceived('\x81\x05hello');
        expect(peer.received.startsWith('GET /ws HTTP/1.1\r\n')).to.equal(true);
        expect(peer.received.endsWith('\r\n\r\n\x81\x05hello')).to.equal(true);
        await client.untilReceived('\x81\x02hi');
        expect(client.received.startsWith('HTTP/1.1 101 Switching Protocols\r\n')).to.equal(true);
        expect(client.received.endsWith('\r\n\r\n\x81\x02hi')).to.equal(true);
        client.destroy();
        await peer.untilEnd();
        peer.socket.end();
      }
      await eventually(() => raw.plane.listener.inFlight === 0 && raw.plane.pool.connections === 0);
    } finally {
      raw.close();
    }
  });
});
