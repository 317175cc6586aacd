import { expect } from 'chai';
import { BadMessage } from '../../http1/bad-message.ts';
import {
  checkUnfinishedHead,
  findHeadEnd,
  parseRequestHead,
  parseResponseHead,
} from '../../http1/parse-head.ts';

function parse(text: string) {
  const bytes = Buffer.from(text, 'latin1');
  return parseRequestHead(bytes, 0, bytes.length, 128);
}

function statusOf(run: () => unknown): number {
  try {
    run();
  } catch (error) {
    if (error instanceof BadMessage) return error.status;
    throw error;
  }
  return 0;
}

const refused: [string, string, number][] = [
  [
    'two different lengths',
    'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n',
    400,
  ],
  [
    'the same length twice',
    'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n',
    400,
  ],
  ['a list of lengths', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 1\r\n\r\n', 400],
  ['a length with a sign', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\n', 400],
  ['a negative length', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n', 400],
  ['a hexadecimal length', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x10\r\n\r\n', 400],
  ['an empty length', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n', 400],
  [
    'a length beyond exact numbers',
    'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n',
    400,
  ],
  [
    'a length with chunked',
    'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n',
    400,
  ],
  ['another transfer coding', 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n', 501],
  [
    'a list of transfer codings',
    'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n',
    501,
  ],
  [
    'chunked twice',
    'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n',
    400,
  ],
  ['a garbled transfer coding', 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \x0bchunked\r\n\r\n', 400],
  ['a quoted transfer coding', 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: "chunked"\r\n\r\n', 400],
  ['a transfer coding in HTTP/1.0', 'POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n', 400],
  ['a folded line', 'GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n 2\r\n\r\n', 400],
  ['a first header line that is folded', 'GET / HTTP/1.1\r\n Host: a\r\n\r\n', 400],
  ['a bare CR in a value', 'GET / HTTP/1.1\r\nHost: a\r\nX: 1\r2\r\n\r\n', 400],
  ['a bare LF between lines', 'GET / HTTP/1.1\r\nHost: a\nX: 1\r\n\r\n', 400],
  ['a bare LF after the request line', 'GET / HTTP/1.1\nHost: a\r\n\r\n', 400],
  ['a NUL in a value', 'GET / HTTP/1.1\r\nHost: a\r\nX: 1\x002\r\n\r\n', 400],
  ['a space before the colon', 'GET / HTTP/1.1\r\nHost : a\r\n\r\n', 400],
  ['a name without colon', 'GET / HTTP/1.1\r\nHost: a\r\nnonsense\r\n\r\n', 400],
  ['an empty name', 'GET / HTTP/1.1\r\nHost: a\r\n: 1\r\n\r\n', 400],
  ['a name that is no token', 'GET / HTTP/1.1\r\nHost: a\r\nX\xe4: 1\r\n\r\n', 400],
  ['no Host', 'GET / HTTP/1.1\r\n\r\n', 400],
  ['two Hosts', 'GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n', 400],
  ['a Host with a space', 'GET / HTTP/1.1\r\nHost: a b\r\n\r\n', 400],
  ['a Host with a path', 'GET / HTTP/1.1\r\nHost: a/b\r\n\r\n', 400],
  ['an invalid method', 'G(T / HTTP/1.1\r\nHost: a\r\n\r\n', 400],
  ['no method', ' / HTTP/1.1\r\nHost: a\r\n\r\n', 400],
  ['no target', 'GET  HTTP/1.1\r\nHost: a\r\n\r\n', 400],
  ['two spaces before the version', 'GET /  HTTP/1.1\r\nHost: a\r\n\r\n', 400],
  ['a tab for a space', 'GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n', 400],
  ['a raw byte in the target', 'GET /\xe4 HTTP/1.1\r\nHost: a\r\n\r\n', 400],
  ['a control byte in the target', 'GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n', 400],
  ['a fragment in the target', 'GET /#a HTTP/1.1\r\nHost: a\r\n\r\n', 400],
  ['a target without slash', 'GET a HTTP/1.1\r\nHost: a\r\n\r\n', 400],
  ['HTTP/0.9', 'GET /\r\n\r\n', 400],
  ['a lower-case protocol', 'GET / http/1.1\r\nHost: a\r\n\r\n', 400],
  ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\n', 505],
  ['an unknown minor version', 'GET / HTTP/1.2\r\nHost: a\r\n\r\n', 505],
  ['CONNECT', 'CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n', 501],
  ['another expectation', 'POST / HTTP/1.1\r\nHost: a\r\nExpect: tea\r\n\r\n', 417],
  ['too many header fields', `GET / HTTP/1.1\r\nHost: a\r\n${'X: 1\r\n'.repeat(128)}\r\n`, 431],
];

describe('parseRequestHead', () => {
  for (const [what, text, status] of refused) {
    it(`refuses ${what}`, () => {
      expect(statusOf(() => parse(text))).to.equal(status);
    });
  }

  it('keeps order, spelling, repetition and every byte of the fields', () => {
    const head = parse(
      'PuT /a?b=%20&c={} HTTP/1.1\r\nhOsT: a:1\r\nX-A:  \xe4\t \r\nx-a:b: c\r\nX-Empty:\r\n\r\n',
    );
    expect(head.method).to.equal('PuT');
    expect(head.target).to.equal('/a?b=%20&c={}');
    expect([...head.headers]).to.deep.equal(['hOsT', 'a:1', 'X-A', '\xe4', 'x-a', 'b: c', 'X-Empty', '']);
  });

  it('tells the length of the body', () => {
    expect(parse('GET / HTTP/1.1\r\nHost: a\r\n\r\n').contentLength).to.equal(0);
    expect(parse('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0012\r\n\r\n').contentLength).to.equal(12);
    expect(parse('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n').contentLength).to.equal(
      -1,
    );
  });

  it('keeps a connection alive by default in 1.1 and on request in 1.0', () => {
    expect(parse('GET / HTTP/1.1\r\nHost: a\r\n\r\n').keepAlive).to.equal(true);
    expect(parse('GET / HTTP/1.1\r\nHost: a\r\nConnection: x, Close\r\n\r\n').keepAlive).to.equal(false);
    expect(parse('GET / HTTP/1.0\r\n\r\n').keepAlive).to.equal(false);
    expect(parse('GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n').keepAlive).to.equal(true);
  });

  it('sees an upgrade only when Connection names it', () => {
    const upgrade = 'GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n';
    expect(parse(`${upgrade}\r\n`).wantsUpgrade).to.equal(false);
    expect(parse(`${upgrade}Connection: keep-alive\r\nConnection: Upgrade\r\n\r\n`).wantsUpgrade).to.equal(
      true,
    );
  });

  it('takes the absolute form and the asterisk of OPTIONS', () => {
    expect(parse('GET http://a/b HTTP/1.1\r\nHost: a\r\n\r\n').target).to.equal('http://a/b');
    expect(parse('OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n').target).to.equal('*');
  });
});

describe('parseResponseHead', () => {
  const response = (text: string, isHead = false) => {
    const bytes = Buffer.from(text, 'latin1');
    return parseResponseHead(bytes, 0, bytes.length, isHead);
  };

  for (const [what, text] of [
    ['another protocol', 'SSH-2.0-OpenSSH\r\n\r\n'],
    ['a status of two digits', 'HTTP/1.1 20 OK\r\n\r\n'],
    ['a status of four digits', 'HTTP/1.1 2000 OK\r\n\r\n'],
    ['a status below 100', 'HTTP/1.1 099 OK\r\n\r\n'],
    ['a length with chunked', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n'],
    ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n'],
    ['an unknown coding', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n'],
    ['a folded line', 'HTTP/1.1 200 OK\r\nX: 1\r\n 2\r\n\r\n'],
    ['a bare LF', 'HTTP/1.1 200 OK\nX: 1\r\n\r\n'],
    ['a control byte in the reason', 'HTTP/1.1 200 O\x01K\r\n\r\n'],
  ] as const) {
    it(`refuses ${what}`, () => {
      expect(statusOf(() => response(text))).to.be.greaterThan(0);
    });
  }

  it('tells the three framings apart', () => {
    expect(response('HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n')).to.include({
      contentLength: 3,
      isChunked: false,
    });
    expect(response('HTTP/1.1 200 \r\nTransfer-Encoding: chunked\r\n\r\n')).to.include({
      contentLength: -1,
      isChunked: true,
    });
    expect(response('HTTP/1.0 200\r\n\r\n')).to.include({
      contentLength: -1,
      isChunked: false,
      keepAlive: false,
    });
  });

  it('knows the answers that have no body whatever their headers say', () => {
    expect(response('HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n', true).contentLength).to.equal(0);
    expect(response('HTTP/1.1 304 X\r\nContent-Length: 3\r\n\r\n').contentLength).to.equal(0);
    expect(response('HTTP/1.1 204 X\r\nTransfer-Encoding: chunked\r\n\r\n').isChunked).to.equal(false);
  });

  it('reads how long an idle connection is kept', () => {
    expect(response('HTTP/1.1 200 OK\r\nKeep-Alive: timeout=120, max=5\r\n\r\n').keepAliveSeconds).to.equal(
      120,
    );
    expect(response('HTTP/1.1 200 OK\r\nKeep-Alive: max=5,timeout=7\r\n\r\n').keepAliveSeconds).to.equal(7);
    expect(response('HTTP/1.1 200 OK\r\n\r\n').keepAliveSeconds).to.equal(-1);
  });
});

describe('the search for the end of a head', () => {
  it('finds it wherever the bytes were split', () => {
    const whole = Buffer.from('GET / HTTP/1.1\r\nHost: a\r\n\r\nrest');
    for (let split = 0; split < whole.length; split++) {
      const first = findHeadEnd(whole.subarray(0, split), 0, 0);
      expect(first).to.equal(split < 27 ? -1 : 27);
      expect(findHeadEnd(whole, 0, Math.min(split, 26))).to.equal(27);
    }
  });

  it('gives up at once on what can never become a head', () => {
    for (const text of ['GET / HTTP/1.1\nHost', '\x16\x03\x01', 'GET /\0', '{"json"', '\n']) {
      expect(
        statusOf(() => checkUnfinishedHead(Buffer.from(text, 'latin1'), 0, 0)),
        text,
      ).to.equal(400);
    }
    checkUnfinishedHead(Buffer.from('GET / HTTP/1.1\r\nHo'), 0, 0);
  });
});
