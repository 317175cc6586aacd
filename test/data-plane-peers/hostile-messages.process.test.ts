import { expect } from 'chai';
import { eventually, type RawPeer } from '../http1/raw-peer.ts';
import { fieldsOf, RawDataPlane } from './raw-data-plane.ts';

const FN = 'HTTP/1.1\r\nHost: a\r\n';
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
/** What must never come out as a request of its own. */
const SMUGGLED = `GET /function/fn/smuggled ${FN}\r\n`;
const CHUNKED = 'Transfer-Encoding: chunked\r\n';

describe('a client that smuggles', () => {
  let raw: RawDataPlane;
  beforeEach(async () => {
    raw = await RawDataPlane.start();
  });
  afterEach(() => raw.close());

  const forms: [string, string, number][] = [
    [
      'a length with chunked (CL.TE)',
      `POST /function/fn ${FN}Content-Length: 4\r\n${CHUNKED}\r\n0\r\n\r\n`,
      400,
    ],
    [
      'chunked with a length (TE.CL)',
      `POST /function/fn ${FN}${CHUNKED}Content-Length: 4\r\n\r\n5c\r\n`,
      400,
    ],
    [
      'a length of none with chunked',
      `POST /function/fn ${FN}Content-Length: 0\r\n${CHUNKED}\r\n0\r\n\r\n`,
      400,
    ],
    ['two lengths', `POST /function/fn ${FN}Content-Length: 0\r\nContent-Length: 9\r\n\r\n`, 400],
    ['a list of lengths', `POST /function/fn ${FN}Content-Length: 0, 0\r\n\r\n`, 400],
    ['a length with a sign', `POST /function/fn ${FN}Content-Length: +0\r\n\r\n`, 400],
    ['a length with a blank inside', `POST /function/fn ${FN}Content-Length: 1 0\r\n\r\n`, 400],
    ['a length with a vertical tab', `POST /function/fn ${FN}Content-Length: \x0b0\r\n\r\n`, 400],
    ['a hexadecimal length', `POST /function/fn ${FN}Content-Length: 0x0\r\n\r\n`, 400],
    ['a length of 2^64', `POST /function/fn ${FN}Content-Length: 18446744073709551616\r\n\r\n`, 400],
    [
      'chunked after a blank line of its own',
      `POST /function/fn ${FN}Content-Length: 0\r\n ${CHUNKED}\r\n`,
      400,
    ],
    [
      'a space before the colon of chunked',
      `POST /function/fn ${FN}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n`,
      400,
    ],
    ['a tab before the colon of the length', `POST /function/fn ${FN}Content-Length\t: 0\r\n\r\n`, 400],
    [
      'chunked with a vertical tab',
      `POST /function/fn ${FN}Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n`,
      400,
    ],
    ['chunked in quotes', `POST /function/fn ${FN}Transfer-Encoding: "chunked"\r\n\r\n0\r\n\r\n`, 400],
    ['xchunked', `POST /function/fn ${FN}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`, 501],
    ['identity', `POST /function/fn ${FN}Transfer-Encoding: identity\r\n\r\n`, 501],
    ['chunked twice', `POST /function/fn ${FN}${CHUNKED}${CHUNKED}\r\n0\r\n\r\n`, 400],
    ['chunked, chunked', `POST /function/fn ${FN}Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n`, 501],
    [
      'chunked with a parameter',
      `POST /function/fn ${FN}Transfer-Encoding: chunked;q=1\r\n\r\n0\r\n\r\n`,
      400,
    ],
    ['an empty coding', `POST /function/fn ${FN}Transfer-Encoding:\r\nContent-Length: 0\r\n\r\n`, 400],
    ['chunked in HTTP/1.0', 'POST /function/fn HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 400],
    ['a folded coding', `POST /function/fn ${FN}Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n`, 400],
    ['a bare CR before the length', `POST /function/fn ${FN}X: 1\rContent-Length: 0\r\n\r\n`, 400],
    ['a bare LF before the length', `POST /function/fn ${FN}X: 1\nContent-Length: 0\r\n\r\n`, 400],
    ['bare LFs around a head', `GET /function/fn HTTP/1.1\nHost: a\n\n`, 400],
    ['a NUL in a name', `POST /function/fn ${FN}Content-Length\0: 0\r\n\r\n`, 400],
    ['a NUL in a value', `POST /function/fn ${FN}X: \0\r\n\r\n`, 400],
    ['a line feed encoded as nothing', `GET /function/fn\x0a ${FN}\r\n`, 400],
    ['two Hosts', `GET /function/fn ${FN}Host: b\r\n\r\n`, 400],
    ['a request line in a value', `GET /function/fn ${FN}X: 1\r\n\r GET / HTTP/1.1\r\n\r\n`, 400],
    ['a chunk size with a sign', `POST /function/fn ${FN}${CHUNKED}\r\n+0\r\n\r\n`, 400],
    ['a chunk size with a prefix', `POST /function/fn ${FN}${CHUNKED}\r\n0x0\r\n\r\n`, 400],
    ['a chunk size with an underscore', `POST /function/fn ${FN}${CHUNKED}\r\n0_0\r\n\r\n`, 400],
    ['a chunk size of 2^64', `POST /function/fn ${FN}${CHUNKED}\r\n10000000000000000\r\n\r\n`, 400],
    ['an empty chunk size', `POST /function/fn ${FN}${CHUNKED}\r\n\r\n0\r\n\r\n`, 400],
    ['a blank before a chunk size', `POST /function/fn ${FN}${CHUNKED}\r\n 0\r\n\r\n`, 400],
    ['a bare LF after a chunk size', `POST /function/fn ${FN}${CHUNKED}\r\n0\n\r\n`, 400],
    ['a bare LF in an extension', `POST /function/fn ${FN}${CHUNKED}\r\n0;x\n\r\n\r\n`, 400],
    ['a bare CR in an extension', `POST /function/fn ${FN}${CHUNKED}\r\n0;x\rx\r\n\r\n`, 400],
    ['a chunk longer than its size', `POST /function/fn ${FN}${CHUNKED}\r\n1\r\nab\r\n0\r\n\r\n`, 400],
    ['a chunk that ends in a bare LF', `POST /function/fn ${FN}${CHUNKED}\r\n1\r\na\n0\r\n\r\n`, 400],
    [
      'a trailer with a space before its colon',
      `POST /function/fn ${FN}${CHUNKED}\r\n0\r\nX : 1\r\n\r\n`,
      400,
    ],
    ['a trailer that is a request', `POST /function/fn ${FN}${CHUNKED}\r\n0\r\nGET / HTTP/1.1\r\n\r\n`, 400],
    ['another expectation', `POST /function/fn ${FN}Expect: 200-ok\r\nContent-Length: 0\r\n\r\n`, 417],
    ['CONNECT', `CONNECT a:80 ${FN}\r\n`, 501],
    ['HTTP/0.9', 'GET /function/fn\r\n\r\n', 400],
    ['HTTP/2 by prior knowledge', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 505],
    ['HTTP/1.2', 'GET /function/fn HTTP/1.2\r\nHost: a\r\n\r\n', 505],
    ['a TLS greeting', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 400],
    ['a head over its limit', `GET /function/fn ${FN}X: ${'x'.repeat(70_000)}\r\n\r\n`, 431],
    ['more fields than their limit', `GET /function/fn ${FN}${'X: 1\r\n'.repeat(200)}\r\n`, 431],
    [
      'trailers over their limit',
      `POST /function/fn ${FN}${CHUNKED}\r\n0\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`,
      431,
    ],
    [
      'more trailers than their limit',
      `POST /function/fn ${FN}${CHUNKED}\r\n0\r\n${'X: 1\r\n'.repeat(70)}\r\n`,
      431,
    ],
    [
      'extensions over their limit',
      `POST /function/fn ${FN}${CHUNKED}\r\n1;${'x'.repeat(20_000)}\r\na\r\n0\r\n\r\n`,
      400,
    ],
  ];
  for (const [what, message, status] of forms) {
    it(`with ${what} is told ${status} once and cut off; the function hears no second request`, async () => {
      const client = await raw.connect();
      client.send(message + SMUGGLED);
      const answer = await client.untilEnd();
      expect(answer).to.match(new RegExp(`^HTTP/1.1 ${status} [^\\r]*\\r\\n`));
      expect(answer.match(/^HTTP\/1.1 [0-9]/gm)).to.have.length(1);
      expect(fieldsOf(answer).get('connection')).to.deep.equal(['close']);
      for (const peer of raw.replica.peers) {
        // A body that breaks off may have begun to go out: never whole, and never with what followed it.
        await peer.until(() => peer.isClosed || peer.hasEnded);
        expect(peer.received).not.to.match(/smuggled|0\r\n\r\n$/);
      }
      await eventually(() => raw.plane.listener.inFlight === 0);
    });
  }

  it('in a body that is one reaches the function as a body, and its own call next', async () => {
    const client = await raw.connect();
    client.send(
      `POST /function/fn ${FN}Content-Length: ${SMUGGLED.length}\r\n\r\n${SMUGGLED}GET /function/fn/own ${FN}\r\n`,
    );
    const peer = await raw.replica.peer();
    await peer.untilReceived(SMUGGLED);
    expect(peer.received.endsWith(SMUGGLED)).to.equal(true);
    peer.clear();
    peer.send(OK);
    await client.untilReceived('ok');
    expect(await peer.untilReceived('\r\n\r\n')).to.match(/^GET \/own HTTP/);
    expect(raw.replica.peers).to.have.length(1);
  });

  it('by an upgrade to HTTP/2 gets no tunnel by it', async () => {
    const client = await raw.connect();
    client.send(
      `GET /function/fn ${FN}Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n`,
    );
    const peer = await raw.replica.peer();
    const fields = fieldsOf(await peer.untilReceived('\r\n\r\n'));
    expect(fields.has('http2-settings')).to.equal(false);
    expect(fields.has('upgrade')).to.equal(false);
    peer.send('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n');
    expect(await client.untilReceived('\r\n\r\n')).to.match(/^HTTP\/1.1 502 /);
  });
});

describe('a function that answers', () => {
  let raw: RawDataPlane;
  let client: RawPeer;
  beforeEach(async () => {
    raw = await RawDataPlane.start({ upstreamTimeoutMs: 8_000 });
    client = await raw.connect();
  });
  afterEach(() => raw.close());

  async function called(method = 'GET'): Promise<RawPeer> {
    const before = raw.replica.peers.length;
    client.send(`${method} /function/fn ${FN}\r\n`);
    const peer = await raw.replica.peer(before);
    await peer.untilReceived('\r\n\r\n');
    return peer;
  }

  const LENGTH = 'Content-Length: 2\r\n';
  const garbage: [string, string][] = [
    ['another protocol', 'SSH-2.0-OpenSSH_9\r\n\r\n'],
    ['bytes that are no text', '\0\x01\x02\xff\xfe\r\n\r\n'],
    ['HTTP/2', 'HTTP/2 200\r\n\r\n'],
    ['HTTP/0.9', '<html></html>'],
    ['a status of two digits', 'HTTP/1.1 20 OK\r\n\r\n'],
    ['a status that is no number', 'HTTP/1.1 abc OK\r\n\r\n'],
    ['two lengths', `HTTP/1.1 200 OK\r\n${LENGTH}Content-Length: 3\r\n\r\nabc`],
    ['a length with chunked', `HTTP/1.1 200 OK\r\n${LENGTH}${CHUNKED}\r\n0\r\n\r\n`],
    ['a length that is none', 'HTTP/1.1 200 OK\r\nContent-Length: two\r\n\r\nok'],
    ['an unknown coding', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n'],
    ['a folded line', `HTTP/1.1 200 OK\r\nX: 1\r\n 2\r\n${LENGTH}\r\nok`],
    ['a bare CR', `HTTP/1.1 200 OK\r\nX: 1\r2\r\n${LENGTH}\r\nok`],
    ['a bare LF', `HTTP/1.1 200 OK\nX: 1\r\n${LENGTH}\r\nok`],
    ['bare LFs alone', 'HTTP/1.1 200 OK\nContent-Length: 2\n\nok'],
    ['a space before a colon', `HTTP/1.1 200 OK\r\nX : 1\r\n${LENGTH}\r\nok`],
    ['a NUL in a value', `HTTP/1.1 200 OK\r\nX: \0\r\n${LENGTH}\r\nok`],
    ['a switch nobody asked for', 'HTTP/1.1 101 S\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n'],
    ['half a head', 'HTTP/1.1 200 OK\r\nConte'],
    ['hints and no answer', 'HTTP/1.1 103 Early\r\nLink: a\r\n\r\n'],
    ['nothing', ''],
    ['an endless line', `HTTP/1.1 200 OK\r\nX: ${'a'.repeat(300_000)}`],
    ['endless fields', `HTTP/1.1 200 OK\r\n${'X: 1\r\n'.repeat(50_000)}`],
    ['too many fields', `HTTP/1.1 200 OK\r\n${'X: 1\r\n'.repeat(1_100)}${LENGTH}\r\nok`],
    ['endless hints', 'HTTP/1.1 103 Early\r\nLink: a\r\n\r\n'.repeat(20_000)],
  ];
  for (const [what, message] of garbage) {
    it(`${what} makes a 502 that says so, and takes nothing else with it`, async () => {
      const peer = await called();
      peer.send(message);
      peer.socket.end();
      await client.until(() => /HTTP\/1.1 502 [\s\S]*\n$/.test(client.received));
      const answer = client.received.slice(client.received.lastIndexOf('HTTP/1.1 502'));
      expect(answer).to.match(/^HTTP\/1.1 502 Bad Gateway\r\n/);
      expect(fieldsOf(answer).get('x-skep-error')).to.deep.equal(['upstream_broken']);
      expect(fieldsOf(answer).get('x-openfaas-internal')).to.deep.equal(['gateway']);
      client.clear();
      const next = await called();
      next.send(OK);
      await client.untilReceived('ok');
      expect(raw.plane.records.map(({ status }) => status)).to.deep.equal([502, 200]);
    });
  }

  const cut: [string, string][] = [
    ['a body shorter than its length', 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok'],
    ['a chunk without its size', `HTTP/1.1 200 OK\r\n${CHUNKED}\r\n2\r\nok\r\nzz\r\n`],
    ['a chunk longer than its size', `HTTP/1.1 200 OK\r\n${CHUNKED}\r\n2\r\noko`],
    ['chunks without an end', `HTTP/1.1 200 OK\r\n${CHUNKED}\r\n2\r\nok\r\n`],
    ['a broken trailer', `HTTP/1.1 200 OK\r\n${CHUNKED}\r\n2\r\nok\r\n0\r\nX : 1\r\n\r\n`],
    ['endless trailers', `HTTP/1.1 200 OK\r\n${CHUNKED}\r\n2\r\nok\r\n0\r\n${'X: 1\r\n'.repeat(10_000)}`],
    ['an endless extension', `HTTP/1.1 200 OK\r\n${CHUNKED}\r\n2\r\nok\r\n1;${'x'.repeat(50_000)}`],
  ];
  for (const [what, message] of cut) {
    it(`${what} is cut off at the client, never made to look whole`, async () => {
      const peer = await called();
      peer.send(message);
      peer.socket.end();
      const answer = await client.untilEnd();
      expect(answer).to.match(/^HTTP\/1.1 200 OK/);
      expect(answer).not.to.match(/0\r\n\r\n$/);
      await eventually(() => raw.plane.records.length === 1 && raw.plane.pool.connections === 0);
      expect(raw.plane.records[0]?.error).to.match(/broke off/);
    });
  }

  it('by a reset in the middle of its body is cut off at the client', async () => {
    const peer = await called();
    peer.send('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok');
    await client.untilReceived('ok');
    peer.socket.resetAndDestroy();
    await client.untilEnd();
    await eventually(() => raw.plane.records.length === 1);
    expect(raw.plane.records[0]?.status).to.equal(502);
  });

  it('with hints for ever, to a client that does not read, costs no memory', async () => {
    const peer = await called();
    client.socket.pause();
    const piece = 'HTTP/1.1 103 Early\r\nLink: a\r\n\r\n'.repeat(1000);
    // It stops when the gateway stops it: by a reset, long before the call's time is over.
    await new Promise<void>((resolve) => {
      const more = (): void => {
        while (!peer.isClosed && peer.socket.write(piece));
      };
      peer.socket.on('drain', more);
      peer.socket.once('close', () => resolve());
      more();
    });
    expect(peer.socket.bytesWritten).to.be.below(8_000_000);
    client.socket.resume();
    await client.untilReceived('HTTP/1.1 502 ');
  });

  it('with a head that never ends, byte by byte, is ended by the call’s time limit', async () => {
    raw.close();
    raw = await RawDataPlane.start({ upstreamTimeoutMs: 300 });
    client = await raw.connect();
    const peer = await called();
    peer.send('HTTP/1.1 200 OK\r\nX: ');
    const drip = setInterval(() => peer.send('x'), 10);
    try {
      const answer = await client.untilReceived('HTTP/1.1 504 ');
      expect(fieldsOf(answer).get('x-skep-error')).to.deep.equal(['upstream_timeout']);
      await peer.until(() => peer.isClosed);
    } finally {
      clearInterval(drip);
    }
  });

  it('more than it said keeps the surplus to itself', async () => {
    const peer = await called();
    peer.send(`${OK}HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil`);
    await client.untilReceived('ok');
    const next = await called();
    next.send('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnext');
    expect(await client.untilReceived('next')).not.to.contain('evil');
  });

  it('a HEAD with a body keeps the body to itself', async () => {
    const peer = await called('HEAD');
    peer.send('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil');
    await client.untilReceived('\r\n\r\n');
    const next = await called();
    next.send(OK);
    expect(await client.untilReceived('\r\n\r\nok')).not.to.contain('evil');
  });

  it('before it was asked is not believed', async () => {
    const peer = await called();
    peer.send(OK);
    await client.untilReceived('ok');
    peer.send('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil');
    await peer.until(() => peer.hasEnded);
    const next = await called();
    next.send('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnext');
    expect(await client.untilReceived('next')).not.to.contain('evil');
  });
});
