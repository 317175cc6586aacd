import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import { listen } from '../../http1/listener.ts';
import type { Listener } from '../../http1/types.ts';
import { eventually, type RawPeer } from '../http1/raw-peer.ts';
import { fieldsOf, RawDataPlane } from './raw-data-plane.ts';

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
/** Nanoseconds since 1970. */
const START_TIME = /^1[0-9]{18}$/;

describe('a call through the whole data plane', () => {
  let raw: RawDataPlane;
  let client: RawPeer;

  beforeEach(async () => {
    raw = await RawDataPlane.start();
    client = await raw.connect();
  });
  afterEach(() => raw.close());

  /** Sends a request; resolves with what the function was sent, which ends in `ending`. */
  async function received(request: string, ending = '\r\n\r\n'): Promise<[string, RawPeer]> {
    client.send(request);
    const peer = await raw.replica.peer();
    await peer.until(() => peer.received.endsWith(ending));
    const text = peer.received;
    peer.clear();
    return [text, peer];
  }

  /** Has the function answer a GET; resolves with all that the client got. */
  async function answered(answer: string | Buffer, ending: string, method = 'GET'): Promise<string> {
    const [, peer] = await received(`${method} /function/fn HTTP/1.1\r\nHost: a\r\n\r\n`);
    peer.send(answer);
    await client.until(() => client.received.endsWith(ending));
    return client.received;
  }

  describe('names', () => {
    const targets: [string, string][] = [
      ['/function/fn', '/'],
      ['/function/fn/', '/'],
      ['/function/fn?x=1', '/?x=1'],
      ['/function/fn/?', '/?'],
      ['/function/fn.openfaas-fn/a/b?x=1&y', '/a/b?x=1&y'],
      ['/function/fn/a%2Fb%2fc', '/a%2Fb%2fc'],
      ['/function/fn//a//', '//a//'],
      ['/function/fn/../x', '/../x'],
      ['/function/fn/%2e%2E/./x', '/%2e%2E/./x'],
      ['/function/fn/a?b=/../c&d=%00', '/a?b=/../c&d=%00'],
      ['/function/fn/%zz%', '/%zz%'],
      ['/function/fn/a;b=c,!$&\'()*+"<>[]\\^`{|}~@:', '/a;b=c,!$&\'()*+"<>[]\\^`{|}~@:'],
      ['http://elsewhere:1/function/fn/a?b', '/a?b'],
      ['HTTPS://u@elsewhere/function/fn', '/'],
    ];
    for (const [target, seen] of targets) {
      it(`${target} is ${seen} of the function`, async () => {
        const [request] = await received(`GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`);
        expect(request.split('\r\n')[0]).to.equal(`GET ${seen} HTTP/1.1`);
      });
    }

    for (const method of 'GET HEAD POST PUT PATCH DELETE OPTIONS TRACE PROPFIND get M-SEARCH'.split(' ')) {
      it(`the method ${method} reaches the function as it is`, async () => {
        const [request] = await received(`${method} /function/fn/x HTTP/1.1\r\nHost: a\r\n\r\n`);
        expect(request.split('\r\n')[0]).to.equal(`${method} /x HTTP/1.1`);
      });
    }
  });

  describe('the request’s headers', () => {
    it('pass without the hop-by-hop ones, in their order, spelling and bytes, with ours after them', async () => {
      const [request] = await received(
        'POST /function/fn HTTP/1.1\r\nhOST: gateway:8080\r\nX-b: 1\r\nx-B: 2\r\nX-Raw: \xe4\xff\t\x80\r\nX-Empty:\r\n' +
          'Connection: keep-alive, X-Mine\r\nX-Mine: 1\r\nProxy-Connection: x\r\nKeep-Alive: 3\r\nProxy-Authenticate: x\r\n' +
          'Proxy-Authorization: x\r\nTE: trailers\r\nTrailer: X-Sum\r\nUpgrade: h2c\r\n' +
          'Authorization: Basic eA==\r\nCookie: a=b\r\nUser-Agent: me\r\nContent-Length: 3\r\n\r\nabc',
        'abc',
      );
      const [head = ''] = request.split('\r\n\r\n');
      const lines = head.split('\r\n');
      expect(lines.slice(1, 9)).to.deep.equal([
        'X-b: 1',
        'x-B: 2',
        'X-Raw: \xe4\xff\t\x80',
        'X-Empty:',
        'Authorization: Basic eA==',
        'Cookie: a=b',
        'User-Agent: me',
        'Content-Length: 3',
      ]);
      const fields = fieldsOf(request);
      expect(fields.get('host')).to.deep.equal([`127.0.0.1:${raw.replica.port}`]);
      expect(fields.get('x-skep-function')).to.deep.equal(['fn.openfaas-fn']);
      expect(fields.get('x-forwarded-host')).to.deep.equal(['gateway:8080']);
      expect(fields.get('x-forwarded-for')).to.deep.equal([
        `127.0.0.1:${(client.socket.address() as { port: number }).port}`,
      ]);
      expect(fields.get('x-call-id')?.[0]).to.match(UUID);
      expect(fields.get('x-start-time')?.[0]).to.match(START_TIME);
      expect([...fields.keys()]).not.to.include.members(['te']);
      expect(lines).to.have.length(15);
    });

    it('of the client’s own call id and forwarding are kept, and those that are ours to say are not', async () => {
      const [request, peer] = await received(
        'GET /function/fn HTTP/1.1\r\nHost: a\r\nX-Call-Id: mine\r\nX-Forwarded-For: 10.0.0.1\r\nX-Forwarded-For: 10.0.0.2\r\n' +
          'X-Forwarded-Host: outer\r\nX-Start-Time: 1\r\nX-Skep-Function: other.ns\r\n\r\n',
      );
      const fields = fieldsOf(request);
      expect(fields.get('x-call-id')).to.deep.equal(['mine']);
      expect(fields.get('x-forwarded-for')).to.deep.equal(['10.0.0.1', '10.0.0.2']);
      expect(fields.get('x-forwarded-host')).to.deep.equal(['outer']);
      expect(fields.get('x-start-time')).to.have.length(1);
      expect(fields.get('x-start-time')?.[0]).to.match(START_TIME);
      expect(fields.get('x-skep-function')).to.deep.equal(['fn.openfaas-fn']);
      peer.send(OK);
      expect(fieldsOf(await client.untilReceived('ok')).get('x-call-id')).to.deep.equal(['mine']);
    });

    it('cannot be taken away from under the function by a Connection list', async () => {
      const [request] = await received(
        'POST /function/fn HTTP/1.1\r\nHost: a\r\nConnection: x-call-id, x-skep-function, x-forwarded-for, host, content-length, content-type\r\n' +
          'X-Forwarded-For: 1.2.3.4\r\nContent-Type: text/x\r\nContent-Length: 3\r\n\r\nabc',
        'abc',
      );
      const fields = fieldsOf(request);
      for (const name of [
        'host',
        'x-call-id',
        'x-skep-function',
        'content-length',
        'content-type',
        'x-forwarded-for',
      ]) {
        expect(fields.get(name), name).to.have.length(1);
      }
    });

    it('name the host of an absolute target rather than another that Host says', async () => {
      const [request] = await received('GET http://said:81/function/fn HTTP/1.1\r\nHost: other\r\n\r\n');
      expect(fieldsOf(request).get('x-forwarded-host')).to.deep.equal(['said:81']);
    });
  });

  describe('the answer', () => {
    it('passes as it is: status, reason, order, repetition and bytes of headers', async () => {
      const answer = await answered(
        'HTTP/1.1 299 Fine \xe4\r\nDate: then\r\nset-cookie: a\r\nSet-Cookie: b\r\nX-Raw: \xff\r\nServer: mine\r\nX-Duration-Seconds: 0.1\r\n' +
          'Connection: X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=9\r\nX-Served-By: me\r\nContent-Length: 2\r\n\r\nok',
        'ok',
      );
      expect(answer).to.match(
        /^HTTP\/1.1 299 Fine \xe4\r\nDate: then\r\nset-cookie: a\r\nSet-Cookie: b\r\nX-Raw: \xff\r\nServer: mine\r\nX-Duration-Seconds: 0.1\r\nContent-Length: 2\r\nX-Call-Id: [0-9a-f-]{36}\r\nX-Start-Time: 1[0-9]{18}\r\nX-Served-By: skep\/test\r\n\r\nok$/,
      );
    });

    for (const status of [301, 302, 303, 307, 308]) {
      it(`with status ${status} is the client’s to follow`, async () => {
        const answer = await answered(
          `HTTP/1.1 ${status} Go\r\nLocation: http://127.0.0.1:${raw.replica.port}/there\r\nContent-Length: 0\r\n\r\n`,
          '\r\n\r\n',
        );
        expect(answer).to.contain(
          `HTTP/1.1 ${status} Go\r\nLocation: http://127.0.0.1:${raw.replica.port}/there\r\n`,
        );
        expect(raw.replica.peers).to.have.length(1);
        expect(raw.replica.peers[0]?.received).to.equal('');
      });
    }

    for (const status of [400, 404, 405, 416, 421, 429, 500, 502, 503, 599, 799]) {
      it(`with status ${status} is the function’s own, without a word of ours`, async () => {
        const answer = await answered(`HTTP/1.1 ${status} Own\r\nContent-Length: 3\r\n\r\nown`, 'own');
        expect(answer).to.match(new RegExp(`^HTTP/1.1 ${status} Own\r\n`));
        expect(fieldsOf(answer).has('x-openfaas-internal')).to.equal(false);
        expect(fieldsOf(answer).has('x-skep-error')).to.equal(false);
      });
    }

    it('keeps a compressed body byte for byte, and says so', async () => {
      const body = Buffer.concat([gzipSync(randomBytes(50_000)), Buffer.from('zz')]);
      const head = `HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nVary: Accept-Encoding\r\nETag: "x"\r\nContent-Length: ${body.length}\r\n\r\n`;
      const answer = await answered(Buffer.concat([Buffer.from(head), body]), 'zz');
      expect(fieldsOf(answer).get('content-encoding')).to.deep.equal(['gzip']);
      expect(answer.slice(answer.indexOf('\r\n\r\n') + 4)).to.equal(body.toString('latin1'));
    });

    it('to HEAD has the length that GET would have, and no body; the connections serve on', async () => {
      for (let i = 0; i < 3; i++) {
        client.clear();
        const answer = await answered('HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n', '\r\n\r\n', 'HEAD');
        expect(fieldsOf(answer).get('content-length')).to.deep.equal(['1000']);
      }
      client.clear();
      expect(await answered(OK, 'ok')).to.match(/\r\n\r\nok$/);
      expect(raw.replica.peers).to.have.length(1);
    });

    it('to HEAD that says chunked has no body either', async () => {
      await answered('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n', '\r\n\r\n', 'HEAD');
      client.clear();
      expect(await answered(OK, 'ok')).to.match(/^HTTP\/1.1 200 OK[\s\S]*\r\n\r\nok$/);
      expect(raw.replica.peers).to.have.length(1);
    });

    it('to OPTIONS is the function’s', async () => {
      const answer = await answered(
        'HTTP/1.1 204 No Content\r\nAllow: GET, OPTIONS\r\nAccess-Control-Allow-Origin: *\r\n\r\n',
        '\r\n\r\n',
        'OPTIONS',
      );
      expect(answer).to.contain('\r\nAllow: GET, OPTIONS\r\nAccess-Control-Allow-Origin: *\r\n');
    });

    for (const [what, head] of [
      ['204', 'HTTP/1.1 204 No Content\r\n\r\n'],
      ['204 with a length of none', 'HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n'],
      ['204 that says chunked', 'HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n'],
      [
        '304 with the length of what it stands for',
        'HTTP/1.1 304 Not Modified\r\nETag: "x"\r\nContent-Length: 99\r\n\r\n',
      ],
      ['200 with a length of none', 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'],
    ] as const) {
      it(`that is a ${what} ends with its head; the connections serve on`, async () => {
        const first = await answered(head, '\r\n\r\n');
        expect(first.split('\r\n\r\n')).to.deep.equal([first.slice(0, -4), '']);
        if (what.startsWith('204')) expect(fieldsOf(first).has('content-length')).to.equal(false);
        client.clear();
        expect(await answered(OK, 'ok')).to.match(/^HTTP\/1.1 200 OK[\s\S]*\r\n\r\nok$/);
        expect(raw.replica.peers).to.have.length(1);
      });
    }

    it('begins with hints that the function sent before it', async () => {
      const answer = await answered(
        `HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n${OK}`,
        'ok',
      );
      expect(answer).to.match(
        /^HTTP\/1.1 103 Early Hints\r\nLink: <\/a>; rel=preload\r\n\r\nHTTP\/1.1 102 Processing\r\n\r\nHTTP\/1.1 200 OK/,
      );
    });

    it('in chunks passes in chunks, with its trailers but those that would change its meaning', async () => {
      const answer = await answered(
        'HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n3;x=1\r\nabc\r\n0\r\nX-Sum: 6\r\nContent-Length: 1\r\nTransfer-Encoding: x\r\nSet-Cookie: a\r\n\r\n',
        '0\r\nX-Sum: 6\r\n\r\n',
      );
      expect(answer).to.match(/\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 6\r\n\r\n$/);
    });
  });

  describe('the request’s body', () => {
    it('of every byte value passes with a length, and in chunks with trailers', async () => {
      const body = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)).toString('latin1');
      const [withLength, peer] = await received(
        `POST /function/fn HTTP/1.1\r\nHost: a\r\nContent-Encoding: br\r\nContent-Length: 256\r\n\r\n${body}`,
        body,
      );
      expect(fieldsOf(withLength).get('content-encoding')).to.deep.equal(['br']);
      peer.send(OK);
      await client.untilReceived('ok');
      const [chunked] = await received(
        `POST /function/fn HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n100\r\n${body}\r\n0\r\nX-Sum: 1\r\nHost: b\r\n\r\n`,
      );
      expect(fieldsOf(chunked).get('transfer-encoding')).to.deep.equal(['chunked']);
      expect(fieldsOf(chunked).has('content-length')).to.equal(false);
      expect(chunked.endsWith(`\r\n\r\n100\r\n${body}\r\n0\r\nX-Sum: 1\r\n\r\n`)).to.equal(true);
    });

    it('is asked for once a replica is there, and the function hears nothing of the expectation', async () => {
      client.send(
        'POST /function/fn HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: 3\r\n\r\n',
      );
      expect(await client.untilReceived('\r\n\r\n')).to.equal('HTTP/1.1 100 Continue\r\n\r\n');
      client.clear();
      const peer = await raw.replica.peer();
      await peer.untilReceived('\r\n\r\n');
      expect(fieldsOf(peer.received).has('expect')).to.equal(false);
      client.send('abc');
      await peer.untilReceived('abc');
      peer.send(`HTTP/1.1 100 Continue\r\n\r\n${OK}`);
      expect(await client.untilReceived('ok')).to.match(/^HTTP\/1.1 200 OK/);
    });

    it('is not asked for when there is nobody to take it', async () => {
      client.send(
        'POST /function/none HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n',
      );
      expect(await client.untilEnd()).to.match(/^HTTP\/1.1 404 [\s\S]*connection: close/);
    });
  });

  describe('by a client that shuts down its side after its request', () => {
    /** Longer than the gateway waits before it finds out whether such a client still listens. */
    const LATER_MS = 450;

    for (const [what, answer, expected] of [
      ['with a length', OK, /^HTTP\/1\.1 200 OK\r\n[\s\S]*\r\n\r\nok$/],
      ['of no content', 'HTTP/1.1 204 No Content\r\n\r\n', /^HTTP\/1\.1 204 No Content\r\n[\s\S]*\r\n\r\n$/],
      [
        'after a hint',
        `HTTP/1.1 103 Early\r\nLink: a\r\n\r\n${OK}`,
        /^HTTP\/1\.1 103 Early[^\r]*\r\nLink: a\r\n\r\nHTTP\/1\.1 200 OK\r\n[\s\S]*ok$/,
      ],
      ['that is garbage', 'SSH-2.0\r\n\r\n', /^HTTP\/1\.1 502 Bad Gateway\r\n/],
    ] as const) {
      it(`is answered later, ${what}`, async () => {
        client.socket.end('POST /function/fn HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc');
        const peer = await raw.replica.peer();
        await peer.untilReceived('abc');
        await Bun.sleep(LATER_MS);
        peer.send(answer);
        expect(await client.untilEnd()).to.match(expected);
      });
    }

    it('is answered in pieces, with silence between them', async () => {
      client.socket.end('GET /function/fn HTTP/1.1\r\nHost: a\r\n\r\n');
      const peer = await raw.replica.peer();
      await peer.untilReceived('\r\n\r\n');
      peer.send('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
      for (const piece of ['one', 'two', 'three']) {
        await Bun.sleep(LATER_MS);
        peer.send(`${piece.length}\r\n${piece}\r\n`);
        await client.untilReceived(piece);
      }
      peer.send('0\r\n\r\n');
      const [, body = ''] = (await client.untilEnd()).split('\r\n\r\n');
      // Zeros before a size are what the gateway may have said to find out.
      expect(body.replace(/^0+(?=[1-9])/gm, '')).to.equal('3\r\none\r\n3\r\ntwo\r\n5\r\nthree\r\n0');
    });

    it('ends its call when it turns out to have left', async () => {
      client.send('GET /function/fn HTTP/1.1\r\nHost: a\r\n\r\n');
      const peer = await raw.replica.peer();
      await peer.untilReceived('\r\n\r\n');
      client.destroy();
      await peer.until(() => peer.isClosed);
      await eventually(() => raw.plane.records[0]?.status === 499);
    });
  });

  it('of HTTP/1.0 is answered without chunks, and closed unless it asks for more', async () => {
    client.send('GET /function/fn HTTP/1.0\r\n\r\n');
    const peer = await raw.replica.peer();
    expect(fieldsOf(await peer.untilReceived('\r\n\r\n')).get('host')).to.deep.equal([
      `127.0.0.1:${raw.replica.port}`,
    ]);
    peer.send('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n');
    expect(await client.untilEnd()).to.match(/connection: close\r\n\r\nabc$/);
  });
});

describe('a target that names no function', () => {
  let raw: RawDataPlane;
  let control: Listener;
  let folder: string;
  let toControl: string[];

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'skep-test-'));
    toControl = [];
    const controlSocket = join(folder, 'control.sock');
    control = listen({
      unix: controlSocket,
      onExchange: (exchange) => {
        toControl.push(exchange.request.target);
        exchange.respond({ status: 299, headers: [] }, 'control');
      },
    });
    raw = await RawDataPlane.start({ controlSocket });
  });
  afterEach(() => {
    raw.close();
    control.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const elsewhere: [string, number, string][] = [
    ['/function/../system/functions', 400, ''],
    ['/function/./fn', 400, ''],
    ['/function/%2e%2e/system/functions', 400, ''],
    ['/function/.%2E', 400, ''],
    ['/function/', 400, ''],
    ['/function//fn', 400, ''],
    ['/function/%66n', 400, ''],
    ['/function/fn%2Fx', 400, ''],
    ['/function/fn%00', 400, ''],
    ['/function/fn;x', 400, ''],
    ['/function/fn\\..\\x', 400, ''],
    ['/function/nobody', 404, ''],
    ['/function/fn.elsewhere', 404, ''],
    ['/function/.openfaas-fn', 404, ''],
    ['/function/fn..openfaas-fn', 404, ''],
    ['/x/../function/fn', 400, ''],
    ['/%2e/function/fn', 400, ''],
    ['/..', 400, ''],
    ['*', 204, ''],
    ['http://a', 299, '/'],
    ['http://a?x', 299, '/?x'],
    ['/function', 299, '/function'],
    ['/Function/fn', 299, '/Function/fn'],
    ['//function/fn', 299, '//function/fn'],
    ['/%66unction/fn', 299, '/%66unction/fn'],
    ['/function%2ffn', 299, '/function%2ffn'],
    ['/a%2f..%2ffunction/fn', 299, '/a%2f..%2ffunction/fn'],
    ['/functions/fn', 299, '/functions/fn'],
    ['/?/function/fn', 299, '/?/function/fn'],
    ['http://a/system/info', 299, '/system/info'],
  ];
  for (const [target, status, path] of elsewhere) {
    it(`${target} reaches none (${status}${path && `, control plane: ${path}`})`, async () => {
      const client = await raw.connect();
      client.send(`OPTIONS ${target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
      expect(await client.untilEnd()).to.match(new RegExp(`^HTTP/1.1 ${status} `));
      expect(toControl).to.deep.equal(path === '' ? [] : [path]);
      expect(raw.replica.peers).to.have.length(0);
      await eventually(() => raw.plane.listener.inFlight === 0);
    });
  }

  for (const target of [
    'fn',
    'function/fn',
    '?',
    'http:/a',
    'http:///x',
    'ftp://a/function/fn',
    'a:80',
    '*x',
  ]) {
    it(`${target} is refused for its form`, async () => {
      const client = await raw.connect();
      client.send(`GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`);
      expect(await client.untilEnd()).to.match(/^HTTP\/1.1 400 /);
      expect([toControl, raw.replica.peers]).to.deep.equal([[], []]);
    });
  }
});
