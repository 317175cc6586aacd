import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect } from 'chai';
import { listen } from '../../http1/listener.ts';
import { createPool } from '../../http1/pool.ts';
import { relay } from '../../http1/relay.ts';
import type {
  Exchange,
  Listener,
  PoolOptions,
  RelayOptions,
  RelayOutcome,
  UpstreamPool,
} from '../../http1/types.ts';
import { eventually, RawPeer, RawServer } from './raw-peer.ts';

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

describe('relay', () => {
  let upstream: RawServer;
  let listener: Listener;
  let pool: UpstreamPool;
  let outcomes: RelayOutcome[];
  let client: RawPeer;
  const clients: RawPeer[] = [];

  async function start(options: Partial<RelayOptions> = {}, poolOptions?: PoolOptions): Promise<void> {
    pool = createPool(poolOptions);
    const address = { hostname: '127.0.0.1', port: upstream.port };
    const onExchange = async (exchange: Exchange): Promise<void> => {
      const outcome = await relay(exchange, { pool, address, target: exchange.request.target, ...options });
      outcomes.push(outcome);
      const owesAnswer =
        outcome.kind === 'not_delivered' || outcome.kind === 'declined' || 'answered' in outcome;
      if (owesAnswer && !exchange.isAnswered) exchange.respond({ status: 502, headers: [] }, outcome.kind);
    };
    listener = listen({
      hostname: '127.0.0.1',
      port: 0,
      onExchange: (exchange) => void onExchange(exchange),
    });
    client = await connect();
  }
  async function connect(): Promise<RawPeer> {
    const peer = await RawPeer.connect(listener.port);
    clients.push(peer);
    return peer;
  }

  beforeEach(async () => {
    upstream = await RawServer.start();
    outcomes = [];
  });
  afterEach(() => {
    for (const peer of clients.splice(0)) peer.destroy();
    listener.close();
    pool.close();
    upstream.close();
  });

  it('passes the request on without hop-by-hop fields, and adds and drops what it is told', async () => {
    await start({
      target: '/b?c',
      dropRequestHeaders: new Set(['x-secret']),
      addRequestHeaders: ['X-Call-Id', '7'],
    });
    client.send(
      'POST /a HTTP/1.1\r\nhost: a\r\nConnection: keep-alive, X-Mine\r\nX-Mine: 1\r\nTE: trailers\r\nKeep-Alive: 5\r\nUpgrade: h2c\r\n' +
        'Proxy-Authorization: x\r\nAuthorization: Basic eA==\r\nX-SECRET: 1\r\nX-A: 1\r\nx-a: \xe4\r\nContent-Length: 3\r\n\r\nabc',
    );
    const peer = await upstream.peer();
    expect(await peer.untilReceived('abc')).to.equal(
      'POST /b?c HTTP/1.1\r\nhost: a\r\nAuthorization: Basic eA==\r\nX-A: 1\r\nx-a: \xe4\r\nContent-Length: 3\r\nX-Call-Id: 7\r\n\r\nabc',
    );
    peer.send(OK);
    await client.untilReceived('ok');
    expect(outcomes).to.deep.equal([{ kind: 'completed', status: 200 }]);
  });

  it('does not let Connection take away Host or the length', async () => {
    await start();
    client.send(
      'POST / HTTP/1.1\r\nHost: a\r\nConnection: host, content-length, close\r\nContent-Length: 3\r\n\r\nabc',
    );
    const received = await (await upstream.peer()).untilReceived('abc');
    expect(received).to.equal('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc');
  });

  it('passes the answer on: status, reason, order, repetition and bytes', async () => {
    await start({ dropResponseHeaders: new Set(['x-drop']), addResponseHeaders: ['X-Call-Id', '7'] });
    client.send(GET);
    const peer = await upstream.peer();
    await peer.untilReceived('\r\n\r\n');
    peer.send(
      'HTTP/1.1 299 Fine \xe4\r\nDate: x\r\nSet-Cookie: a\r\nX-drop: 1\r\nset-cookie: b\xff\r\nConnection: X-Hop\r\nX-Hop: 1\r\n' +
        'Keep-Alive: timeout=9\r\nContent-Length: 2\r\n\r\nok',
    );
    expect(await client.untilReceived('ok')).to.equal(
      'HTTP/1.1 299 Fine \xe4\r\nDate: x\r\nSet-Cookie: a\r\nset-cookie: b\xff\r\nContent-Length: 2\r\nX-Call-Id: 7\r\n\r\nok',
    );
  });

  it('adds what is made of the head of the answer, and of no interim one', async () => {
    const seen: number[] = [];
    await start({
      addResponseHeaders: ({ status, contentLength }) => {
        seen.push(status);
        return ['X-Seen', `${status} ${contentLength}`];
      },
    });
    client.send(GET);
    const peer = await upstream.peer();
    await peer.untilReceived('\r\n\r\n');
    peer.send('HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 201 Made\r\nContent-Length: 2\r\n\r\nok');
    expect(await client.untilReceived('ok')).to.contain('\r\nX-Seen: 201 2\r\n');
    expect(seen).to.deep.equal([201]);
  });

  const framings: [string, string, RegExp][] = [
    [
      'a length',
      'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab\r\nc',
      /Content-Length: 5\r\n[\s\S]*\r\n\r\nab\r\nc$/,
    ],
    [
      'chunks and trailers',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x\r\nab\r\n003\r\ncde\r\n0\r\nX-Sum: 1\r\nContent-Length: 9\r\n\r\n',
      /transfer-encoding: chunked\r\n\r\n(\d\r\n[a-e]+\r\n)+0\r\nX-Sum: 1\r\n\r\n$/,
    ],
    ['no body', 'HTTP/1.1 204 No Content\r\n\r\n', /^HTTP\/1.1 204 No Content\r\ndate: [^\r]*\r\n\r\n$/],
    [
      'a 304 with a length',
      'HTTP/1.1 304 X\r\nContent-Length: 5\r\n\r\n',
      /Content-Length: 5\r\n[\s\S]*\r\n\r\n$/,
    ],
    [
      'an interim answer first',
      `HTTP/1.1 103 Early\r\nLink: a\r\n\r\n${OK}`,
      /^HTTP\/1.1 103 Early\r\nLink: a\r\n\r\nHTTP\/1.1 200 OK/,
    ],
  ];
  for (const [what, message, expected] of framings) {
    it(`passes on an answer with ${what}, split at any byte, and reuses the connection`, async () => {
      await start();
      for (let split = 1; split < message.length; split++) {
        client.clear();
        client.send(GET);
        const peer = await upstream.peer();
        await peer.untilReceived(GET);
        peer.clear();
        peer.send(message.slice(0, split));
        await new Promise((resolve) => setImmediate(resolve));
        peer.send(message.slice(split));
        await eventually(() => outcomes.length === split);
        await client.until(() => expected.test(client.received));
      }
      expect(upstream.peers).to.have.length(1);
      expect(outcomes.every((outcome) => outcome.kind === 'completed')).to.equal(true);
    });
  }

  it('passes an answer that ends with the connection on in chunks, or by close to HTTP/1.0', async () => {
    await start();
    client.send(GET);
    const first = await upstream.peer(0);
    await first.untilReceived('\r\n\r\n');
    first.socket.end('HTTP/1.1 200 OK\r\n\r\nuntil the end');
    expect(await client.untilReceived('0\r\n\r\n')).to.match(
      /chunked\r\n\r\nd\r\nuntil the end\r\n0\r\n\r\n$/,
    );
    const old = await connect();
    old.send('GET / HTTP/1.0\r\n\r\n');
    const second = await upstream.peer(1);
    expect(await second.untilReceived('\r\n\r\n')).to.equal(
      `GET / HTTP/1.1\r\nHost: 127.0.0.1:${upstream.port}\r\n\r\n`,
    );
    second.send('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n');
    expect(await old.untilEnd()).to.match(/connection: close\r\n\r\nabc$/);
  });

  it('answers HEAD without a body and reuses the connection', async () => {
    await start();
    for (let i = 0; i < 2; i++) {
      client.clear();
      client.send('HEAD / HTTP/1.1\r\nHost: a\r\n\r\n');
      const peer = await upstream.peer();
      await peer.untilReceived('HEAD ');
      peer.clear();
      peer.send('HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n');
      expect(await client.untilReceived('\r\n\r\n')).to.match(/Content-Length: 1000/);
    }
    expect(upstream.peers).to.have.length(1);
  });

  const broken: [string, string][] = [
    ['another protocol', 'SSH-2.0-OpenSSH\r\n\r\n'],
    ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok'],
    [
      'a length with chunked',
      'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
    ['a folded header', 'HTTP/1.1 200 OK\r\nX: 1\r\n 2\r\nContent-Length: 2\r\n\r\nok'],
    ['an endless head', `HTTP/1.1 200 OK\r\nX: ${'a'.repeat(300_000)}`],
    [
      'a protocol switch nobody asked for',
      'HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n',
    ],
    ['an end in the head', 'HTTP/1.1 200 OK\r\nConte'],
    ['nothing', ''],
  ];
  for (const [what, message] of broken) {
    it(`passes on nothing of an answer with ${what}`, async () => {
      await start();
      client.send(GET);
      const peer = await upstream.peer();
      await peer.untilReceived('\r\n\r\n');
      peer.socket.end(Buffer.from(message, 'latin1'));
      const answer = await client.untilReceived('failed');
      expect(answer).to.match(/^HTTP\/1.1 502 /);
      expect(outcomes[0]).to.include({ kind: 'failed', answered: false });
      await eventually(() => pool.connections === 0);
    });
  }

  const cutShort: [string, string][] = [
    ['a body shorter than its length', 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok'],
    ['a bad chunk', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\nzz\r\n'],
    ['chunks without an end', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n'],
  ];
  for (const [what, message] of cutShort) {
    it(`cuts the client off when the answer turns out to have ${what}`, async () => {
      await start();
      client.send(GET);
      const peer = await upstream.peer();
      await peer.untilReceived('\r\n\r\n');
      peer.socket.end(message);
      const answer = await client.untilEnd();
      expect(answer)
        .to.match(/^HTTP\/1.1 200 OK/)
        .and.not.match(/0\r\n\r\n/);
      expect(outcomes[0]).to.include({ kind: 'failed', answered: true, status: 200 });
    });
  }

  it('says not_delivered when the upstream refuses the connection', async () => {
    const closed = await RawServer.start();
    const { port } = closed;
    closed.close();
    await start({ address: { hostname: '127.0.0.1', port } });
    client.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc');
    await client.untilReceived('not_delivered');
    expect(pool.connections).to.equal(0);
  });

  it('says not_delivered when connecting takes too long', async function () {
    if (Bun.which('python3') === null) return this.skip();
    // A full backlog: the kernel drops further connection requests, as a dead address does.
    const script =
      'import socket,sys\ns=socket.socket();s.bind(("127.0.0.1",0));s.listen(0)\nc=socket.create_connection(s.getsockname())\n' +
      'print(s.getsockname()[1],flush=True);sys.stdin.read()';
    const child = spawn('python3', ['-c', script], { stdio: ['pipe', 'pipe', 'inherit'] });
    try {
      const [line] = await once(child.stdout, 'data');
      await start(
        { address: { hostname: '127.0.0.1', port: Number(String(line)) } },
        { connectTimeoutMs: 50 },
      );
      client.send(GET);
      await client.untilReceived('not_delivered');
      expect(outcomes[0])
        .to.have.property('cause')
        .with.property('message')
        .that.match(/connecting took too long/);
      expect(pool.connections).to.equal(0);
    } finally {
      child.kill();
    }
  });

  it('says not_delivered for a Unix socket that is not there, and can try another address with the whole body', async () => {
    await start();
    listener.close();
    const seen: string[] = [];
    const onExchange = async (exchange: Exchange): Promise<void> => {
      const first = await relay(exchange, { pool, target: '/', address: { unix: '/nonexistent/socket' } });
      seen.push(first.kind);
      const address = { hostname: '127.0.0.1', port: upstream.port };
      seen.push((await relay(exchange, { pool, target: '/', address })).kind);
    };
    listener = listen({ hostname: '127.0.0.1', onExchange: (exchange) => void onExchange(exchange) });
    client = await connect();
    client.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc');
    const peer = await upstream.peer();
    await peer.untilReceived('abc');
    peer.send(OK);
    await client.untilReceived('ok');
    await eventually(() => seen.length === 2);
    expect(seen).to.deep.equal(['not_delivered', 'completed']);
  });

  it('never sends a request again when a kept connection dies under it', async () => {
    await start();
    client.send(GET);
    const peer = await upstream.peer();
    await peer.untilReceived('\r\n\r\n');
    peer.send(OK);
    await client.untilReceived('ok');
    client.clear();
    peer.clear();
    client.send(GET);
    await peer.untilReceived('\r\n\r\n');
    peer.socket.resetAndDestroy();
    await client.untilReceived('failed');
    expect(upstream.peers).to.have.length(1);
  });

  const notReused: [string, string, boolean][] = [
    ['the upstream closes', 'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok', false],
    ['the upstream speaks HTTP/1.0', 'HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok', false],
    ['there are surplus bytes', `${OK}HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil`, false],
    ['a 204 has a body', 'HTTP/1.1 204 X\r\n\r\nok', false],
    [
      'too short a time is announced',
      'HTTP/1.1 200 OK\r\nKeep-Alive: timeout=2\r\nContent-Length: 2\r\n\r\nok',
      false,
    ],
    ['an idle connection gets bytes', OK, true],
  ];
  for (const [what, message, isLate] of notReused) {
    it(`does not use a connection again when ${what}`, async () => {
      await start();
      client.send(GET);
      const peer = await upstream.peer();
      await peer.untilReceived('\r\n\r\n');
      peer.send(message);
      await eventually(() => outcomes.length === 1);
      if (isLate) peer.send(OK);
      await peer.until(() => peer.hasEnded);
      expect(pool.connections).to.equal(0);
      client.clear();
      client.send(GET);
      const second = await upstream.peer(1);
      await second.untilReceived('\r\n\r\n');
      second.send('HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecond');
      expect(await client.untilReceived('second')).not.to.match(/evil/);
    });
  }

  it('drops an idle connection when the upstream closes it, and after its time', async () => {
    await start({}, { idleTimeoutMs: 30 });
    client.send(GET);
    const peer = await upstream.peer();
    await peer.untilReceived('\r\n\r\n');
    peer.send(OK);
    await peer.until(() => peer.hasEnded);
    client.clear();
    client.send(GET);
    const second = await upstream.peer(1);
    await second.untilReceived('\r\n\r\n');
    second.send(`HTTP/1.1 200 OK\r\nKeep-Alive: timeout=60\r\nContent-Length: 2\r\n\r\nok`);
    await client.untilReceived('ok');
    await new Promise((resolve) => setTimeout(resolve, 150));
    expect(pool.connections).to.equal(1);
    second.socket.end();
    await eventually(() => pool.connections === 0);
  });

  it('forgets an address: idle connections close, busy ones finish and are not kept', async () => {
    await start();
    client.send(GET);
    const peer = await upstream.peer();
    await peer.untilReceived('\r\n\r\n');
    pool.forget({ hostname: '127.0.0.1', port: upstream.port });
    peer.send(OK);
    await client.untilReceived('ok');
    await eventually(() => pool.connections === 0);
  });

  it('ends the upstream call at once when the client leaves', async () => {
    await start();
    client.send(GET);
    const peer = await upstream.peer();
    await peer.untilReceived('\r\n\r\n');
    client.destroy();
    await peer.until(() => peer.isClosed);
    await eventually(() => outcomes.length === 1);
    expect(outcomes).to.deep.equal([{ kind: 'client_gone', status: 0 }]);
    expect(pool.connections).to.equal(0);
  });

  it('ends the upstream call when the client leaves in the middle of its body or of the answer', async () => {
    await start();
    client.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc');
    const first = await upstream.peer(0);
    await first.untilReceived('abc');
    client.destroy();
    await first.until(() => first.isClosed);
    const other = await connect();
    other.send(GET);
    const second = await upstream.peer(1);
    await second.untilReceived('\r\n\r\n');
    second.send('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n');
    await other.untilReceived('ok');
    other.destroy();
    await second.until(() => second.isClosed);
    await eventually(() => outcomes.length === 2);
    expect(outcomes).to.deep.equal([
      { kind: 'client_gone', status: 0 },
      { kind: 'client_gone', status: 200 },
    ]);
  });

  it('makes nothing whole of a request body that broke off', async () => {
    await start();
    client.send('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n');
    expect(await client.untilEnd()).to.match(/^HTTP\/1.1 400 /);
    const peer = await upstream.peer();
    const received = await peer.untilEnd();
    expect(received).not.to.match(/0\r\n\r\n$/);
    expect(outcomes[0]?.kind).to.equal('client_gone');
  });

  it('ends calls at their time limit, answered or not', async () => {
    await start({ timeoutMs: 500 });
    client.send(GET);
    await (await upstream.peer(0)).untilReceived('\r\n\r\n');
    await client.untilReceived('timed_out');
    client.clear();
    client.send(GET);
    const second = await upstream.peer(1);
    await second.untilReceived('\r\n\r\n');
    second.send('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nok');
    expect(await client.untilEnd()).to.match(/\r\n\r\nok$/);
    expect(outcomes).to.deep.equal([
      { kind: 'timed_out', answered: false, status: 0 },
      { kind: 'timed_out', answered: true, status: 200 },
    ]);
    expect(pool.connections).to.equal(0);
  });

  it('passes nothing on when the answer is declined', async () => {
    await start({ acceptResponse: (head) => head.status !== 421 });
    client.send(GET);
    const peer = await upstream.peer();
    await peer.untilReceived('\r\n\r\n');
    peer.send('HTTP/1.1 421 Misdirected\r\nX-Mark: 1\r\nContent-Length: 2\r\n\r\nno');
    expect(await client.untilReceived('declined')).not.to.match(/X-Mark/);
    expect(outcomes).to.deep.equal([{ kind: 'declined', status: 421 }]);
  });

  it('passes an early answer on while the client is still sending, then closes both', async () => {
    await start();
    client.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n');
    client.send(new Uint8Array(1_000_000));
    const peer = await upstream.peer();
    peer.keeps = false;
    await peer.until(() => peer.receivedBytes > 1000);
    peer.send('HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno');
    expect(await client.untilEnd()).to.match(/^HTTP\/1.1 413 Too Large[\s\S]*\r\n\r\nno$/);
    await peer.until(() => peer.isClosed);
    expect(outcomes).to.deep.equal([{ kind: 'completed', status: 413 }]);
  });

  it('answers Expect itself once the upstream is there, and passes chunks and trailers on', async () => {
    await start();
    client.send('POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n');
    expect(await client.untilReceived('\r\n\r\n')).to.equal('HTTP/1.1 100 Continue\r\n\r\n');
    client.send('3;ext\r\nabc\r\n0\r\nX-Sum: 1\r\nHost: evil\r\n\r\n');
    const received = await (await upstream.peer()).untilReceived('X-Sum: 1\r\n\r\n');
    expect(received).to.equal(
      'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n',
    );
  });

  it('keeps pipelined requests and their answers apart', async () => {
    await start();
    client.send(
      'POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nabGET /2 HTTP/1.1\r\nHost: a\r\n\r\nGET /3 HTTP/1.1\r\nHost: a\r\n\r\n',
    );
    const peer = await upstream.peer();
    for (const target of ['/1', '/2', '/3']) {
      const received = await peer.untilReceived(` ${target} `);
      expect(received.match(/HTTP\/1.1/g)).to.have.length(1);
      peer.clear();
      peer.send(`HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n${target}`);
      await client.untilReceived(`\r\n\r\n${target}`);
    }
    expect(upstream.peers).to.have.length(1);
  });

  describe('with an upgrade', () => {
    const UPGRADE =
      'GET /chat HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\r\n';
    const SWITCH =
      'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nX-A: 1\r\n\r\n';

    it('tunnels both ways after a 101, bytes that came early included, until both sides have ended', async () => {
      await start({ timeoutMs: 500 });
      client.send(`${UPGRADE}early`);
      const peer = await upstream.peer();
      expect(await peer.untilReceived('\r\n\r\n')).to.equal(
        'GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
      );
      peer.clear();
      peer.send(`${SWITCH}greeting`);
      const answer = await client.untilReceived('greeting');
      expect(answer).to.match(/^HTTP\/1.1 101 Switching Protocols\r\n/);
      expect(answer)
        .to.match(/Connection: Upgrade\r\n/i)
        .and.match(/Upgrade: websocket\r\n/);
      expect(await peer.untilReceived('early')).to.equal('early');
      await new Promise((resolve) => setTimeout(resolve, 700));
      client.send('\x00\xff');
      await peer.untilReceived('\x00\xff');
      client.socket.end();
      await peer.until(() => peer.hasEnded);
      expect(outcomes).to.deep.equal([]);
      peer.socket.end('last');
      await client.untilReceived('last');
      await client.until(() => client.isClosed);
      await eventually(() => outcomes.length === 1);
      expect(outcomes).to.deep.equal([{ kind: 'upgraded' }]);
      await eventually(() => listener.inFlight === 0 && pool.connections === 0);
    });

    it('passes any other answer on as usual', async () => {
      await start();
      client.send(UPGRADE);
      const peer = await upstream.peer();
      await peer.untilReceived('\r\n\r\n');
      peer.send(OK);
      await client.untilReceived('ok');
      expect(outcomes).to.deep.equal([{ kind: 'completed', status: 200 }]);
    });

    it('asks for no upgrade when it is not allowed', async () => {
      await start({ allowUpgrade: false });
      client.send(UPGRADE);
      const received = await (await upstream.peer()).untilReceived('\r\n\r\n');
      expect(received).to.equal('GET /chat HTTP/1.1\r\nHost: a\r\n\r\n');
    });

    it('ends both sides when one is reset', async () => {
      await start();
      client.send(UPGRADE);
      const peer = await upstream.peer();
      await peer.untilReceived('\r\n\r\n');
      peer.send(SWITCH);
      await client.untilReceived('\r\n\r\n');
      peer.socket.resetAndDestroy();
      await client.untilEnd();
      await eventually(() => listener.inFlight === 0 && pool.connections === 0);
    });

    it('holds back a side that sends faster than the other reads', async () => {
      await start();
      client.send(UPGRADE);
      const peer = await upstream.peer();
      await peer.untilReceived('\r\n\r\n');
      peer.send(SWITCH);
      await client.untilReceived('\r\n\r\n');
      for (const [from, to] of [
        [client, peer],
        [peer, client],
      ] as const) {
        to.keeps = false;
        to.socket.pause();
        const before = to.receivedBytes;
        from.send(Buffer.alloc(40_000_000));
        await new Promise((resolve) => setTimeout(resolve, 100));
        expect(from.socket.writableLength).to.be.greaterThan(10_000_000);
        to.socket.resume();
        await to.until(() => to.receivedBytes - before === 40_000_000);
      }
    });
  });
});
