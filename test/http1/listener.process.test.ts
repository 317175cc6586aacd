import { expect } from 'chai';
import { listen } from '../../http1/listener.ts';
import type { BodySink, Exchange, Listener, ListenOptions } from '../../http1/types.ts';
import { eventually, RawPeer } from './raw-peer.ts';

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

/** Collects a body; `pause` makes it full after every write. */
class Collector implements BodySink {
  body = '';
  trailers: readonly string[] = [];
  aborted: Error | undefined;
  hasEnded = false;
  isFull = false;
  writes = 0;
  readonly #onEnd: (() => void) | undefined;
  constructor(onEnd?: () => void) {
    this.#onEnd = onEnd;
  }
  write(bytes: Uint8Array): boolean {
    this.writes++;
    this.body += Buffer.from(bytes).toString('latin1');
    return !this.isFull;
  }
  end(trailers?: readonly string[]): void {
    this.hasEnded = true;
    this.trailers = trailers ?? [];
    this.#onEnd?.();
  }
  abort(cause: Error): void {
    this.aborted = cause;
  }
}

/** Answers with `METHOD target body`, after the whole body. */
function describeRequest(exchange: Exchange): void {
  const collector = new Collector(() => {
    const { method, target } = exchange.request;
    exchange.respond({ status: 200, headers: [] }, `[${method} ${target} ${collector.body}]`);
  });
  exchange.readBody(collector);
}

describe('listen', () => {
  let listener: Listener;
  let clients: RawPeer[];

  function start(onExchange: (exchange: Exchange) => void, options?: Partial<ListenOptions>): void {
    listener = listen({ hostname: '127.0.0.1', port: 0, onExchange, ...options });
  }
  async function connect(): Promise<RawPeer> {
    const client = await RawPeer.connect(listener.port);
    clients.push(client);
    return client;
  }
  const hello = (exchange: Exchange): void =>
    exchange.respond({ status: 200, headers: ['X-A', '1'] }, 'hello');

  beforeEach(() => {
    clients = [];
  });
  afterEach(() => {
    for (const client of clients) client.destroy();
    listener.close();
  });

  it('answers and keeps the connection', async () => {
    start(hello);
    const client = await connect();
    for (let i = 0; i < 3; i++) {
      client.clear();
      client.send(GET);
      const answer = await client.untilReceived('hello');
      expect(answer).to.match(
        /^HTTP\/1.1 200 OK\r\nX-A: 1\r\ndate: .* GMT\r\ncontent-length: 5\r\n\r\nhello$/,
      );
    }
    expect(listener.connections).to.equal(1);
    expect(listener.inFlight).to.equal(0);
  });

  const messages: [string, string, string][] = [
    ['without a body', 'GET /x HTTP/1.1\r\nHost: a\r\n\r\n', '[GET /x ]'],
    ['with a length', 'POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nabcde', '[POST /x abcde]'],
    [
      'in chunks',
      'POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x\r\nde\r\n0\r\nT: 1\r\n\r\n',
      '[POST /x abcde]',
    ],
    ['after an empty line', '\r\nGET /x HTTP/1.1\r\nHost: a\r\n\r\n', '[GET /x ]'],
  ];
  for (const [what, message, answer] of messages) {
    it(`reads a request ${what}, split at any byte`, async () => {
      start(describeRequest);
      const client = await connect();
      client.socket.setNoDelay(true);
      for (let split = 1; split < message.length; split++) {
        client.clear();
        client.send(message.slice(0, split));
        await new Promise((resolve) => setImmediate(resolve));
        client.send(message.slice(split));
        await client.untilReceived(answer);
      }
    });

    it(`reads a request ${what}, byte by byte`, async () => {
      start(describeRequest);
      const client = await connect();
      client.socket.setNoDelay(true);
      for (const byte of message) {
        client.send(byte);
        await new Promise((resolve) => setImmediate(resolve));
      }
      await client.untilReceived(answer);
    });
  }

  it('answers pipelined requests one at a time and in order', async () => {
    const waiting: Exchange[] = [];
    start((exchange) => waiting.push(exchange));
    const client = await connect();
    client.send(
      'GET /1 HTTP/1.1\r\nHost: a\r\n\r\nPOST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nxyzGET /3 HTTP/1.1\r\nHost: a\r\n\r\n',
    );
    await eventually(() => waiting.length > 0);
    for (const target of ['/1', '/2', '/3']) {
      expect(waiting.map((exchange) => exchange.request.target)).to.deep.equal([target]);
      const exchange = waiting.pop();
      exchange?.respond({ status: 200, headers: [] }, `answer to ${target}`);
      await client.untilReceived(`answer to ${target}`);
    }
    expect(listener.inFlight).to.equal(0);
  });

  it('reads no more than it can hold while a request is being served', async function () {
    this.timeout(20_000);
    let served: Exchange | undefined;
    start((exchange) => {
      served ??= exchange;
      if (exchange !== served) exchange.respond({ status: 200, headers: [] }, 'x');
    });
    const client = await connect();
    client.send(GET.repeat(400_000));
    await eventually(() => served !== undefined);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(client.socket.writableLength).to.be.greaterThan(0);
    client.keeps = false;
    served?.respond({ status: 200, headers: [] }, 'x');
    await client.until(() => client.receivedBytes > 400_000 * 60);
  });

  const refusals: [string, string, number][] = [
    ['two lengths', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na', 400],
    ['a bare LF before the head is whole', 'GET / HTTP/1.1\nHost: a\n\n', 400],
    ['a TLS greeting', '\x16\x03\x01\x02\x00\x01', 400],
    ['a long head', `GET / HTTP/1.1\r\nHost: a\r\nX: ${'a'.repeat(70_000)}`, 431],
    ['a long head that is whole', `GET / HTTP/1.1\r\nHost: a\r\nX: ${'a'.repeat(70_000)}\r\n\r\n`, 431],
    ['a bad chunk', 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n', 400],
  ];
  for (const [what, message, status] of refusals) {
    it(`answers ${what} with ${status} and closes`, async () => {
      const targets: string[] = [];
      start(
        (exchange) => {
          targets.push(exchange.request.target);
          describeRequest(exchange);
        },
        { errorHeaders: ['X-By', 'skep'] },
      );
      const client = await connect();
      client.send(`${message}GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n`);
      const answer = await client.untilEnd();
      expect(answer).to.match(new RegExp(`^HTTP/1.1 ${status} `));
      expect(answer)
        .to.match(/\r\nconnection: close\r\n/)
        .and.match(/\r\nX-By: skep\r\n/);
      expect(answer.split('HTTP/1.1 ')).to.have.length(2);
      expect(targets).not.to.include('/smuggled');
      expect(listener.inFlight).to.equal(0);
    });
  }

  it('tells a handler that the body broke off, and lets it answer no more', async () => {
    const collector = new Collector();
    let isGone = false;
    let exchange: Exchange | undefined;
    start((started) => {
      exchange = started;
      started.onClientGone(() => {
        isGone = true;
      });
      started.readBody(collector);
    });
    const client = await connect();
    client.send('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n');
    expect(await client.untilEnd()).to.match(/^HTTP\/1.1 400 /);
    expect(collector.body).to.equal('abc');
    expect(collector.hasEnded).to.equal(false);
    expect(collector.aborted).to.be.instanceOf(Error);
    expect(isGone).to.equal(true);
    exchange?.respond({ status: 200, headers: [] }, 'too late');
  });

  it('closes after HTTP/1.0 unless asked to keep the connection, and never answers it in chunks', async () => {
    start((exchange) => {
      if (exchange.request.target === '/whole') {
        exchange.respond({ status: 200, headers: [] }, 'whole');
        return;
      }
      const sink = exchange.startResponse({ status: 200, headers: [] });
      sink.write(Buffer.from('streamed'));
      sink.end();
    });
    const first = await connect();
    first.send('GET /whole HTTP/1.0\r\n\r\n');
    expect(await first.untilEnd()).to.match(/connection: close\r\n\r\nwhole$/);
    const second = await connect();
    second.send('GET /whole HTTP/1.0\r\nConnection: keep-alive\r\n\r\n');
    expect(await second.untilReceived('whole')).to.match(/connection: keep-alive\r\n/);
    second.clear();
    second.send('GET /streamed HTTP/1.0\r\nConnection: keep-alive\r\n\r\n');
    const streamed = await second.untilEnd();
    expect(streamed)
      .to.match(/connection: close\r\n\r\nstreamed$/)
      .and.not.match(/chunked/);
  });

  it('streams in chunks, and in a length when one is given', async () => {
    start((exchange) => {
      const headers = exchange.request.target === '/length' ? ['Content-Length', '6'] : [];
      const sink = exchange.startResponse({ status: 200, headers });
      sink.write(Buffer.from('abc'));
      setTimeout(() => {
        sink.write(Buffer.from('def'));
        sink.end(exchange.request.target === '/length' ? undefined : ['X-Sum', '6']);
      }, 5);
    });
    const client = await connect();
    client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    const chunked = await client.untilReceived('0\r\nX-Sum: 6\r\n\r\n');
    expect(chunked).to.match(
      /transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n3\r\ndef\r\n0\r\nX-Sum: 6\r\n\r\n$/,
    );
    client.clear();
    client.send('GET /length HTTP/1.1\r\nHost: a\r\n\r\n');
    expect(await client.untilReceived('abcdef')).to.match(/Content-Length: 6\r\n.*\r\n\r\nabcdef$/);
  });

  it('sends no body for HEAD, 204 and 304', async () => {
    start((exchange) =>
      exchange.respond({ status: Number(exchange.request.target.slice(1)), headers: [] }, 'body'),
    );
    const client = await connect();
    client.send('HEAD /200 HTTP/1.1\r\nHost: a\r\n\r\nGET /204 HTTP/1.1\r\nHost: a\r\n\r\n');
    client.send('GET /304 HTTP/1.1\r\nHost: a\r\n\r\nGET /200 HTTP/1.1\r\nHost: a\r\n\r\n');
    const answers = await client.untilReceived('body');
    const heads = answers.split('\r\n\r\n');
    expect(heads).to.have.length(5);
    expect(heads[0]).to.match(/content-length: 4/);
    expect(heads[1]).not.to.match(/content-length/);
    expect(heads[4]).to.equal('body');
  });

  it('says 100 Continue when the body is first read, and not when it is refused', async () => {
    start((exchange) => {
      if (exchange.request.target === '/read') describeRequest(exchange);
      else exchange.respond({ status: 413, headers: [] }, 'no');
    });
    const upload = 'HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n';
    const client = await connect();
    client.send(`POST /read ${upload}`);
    expect(await client.untilReceived('\r\n\r\n')).to.equal('HTTP/1.1 100 Continue\r\n\r\n');
    client.send('abc');
    await client.untilReceived('[POST /read abc]');
    client.clear();
    client.send(`POST /refuse ${upload}`);
    expect(await client.untilEnd()).to.match(/^HTTP\/1.1 413 [\s\S]*connection: close\r\n\r\nno$/);
  });

  it('throws away a short unread body and serves the next request', async () => {
    start(hello);
    const client = await connect();
    client.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n');
    await client.untilReceived('hello');
    client.clear();
    client.send(`abc${GET}`);
    await client.untilReceived('hello');
  });

  it('gives the rest of a body that nobody wants one time limit, however it drips', async () => {
    start(hello, { limits: { bodyTimeoutMs: 200 } });
    const client = await connect();
    client.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n');
    await client.untilReceived('hello');
    const drip = setInterval(() => client.send('x'), 20);
    try {
      await client.untilEnd();
      expect(listener.inFlight).to.equal(0);
    } finally {
      clearInterval(drip);
    }
  });

  it('passes over a few empty lines before a request, not over any number', async () => {
    start(hello);
    const client = await connect();
    for (let i = 0; i < 3; i++) {
      client.clear();
      client.send(`\r\n\r\n${GET}`);
      await client.untilReceived('hello');
    }
    client.clear();
    const drip = setInterval(() => client.send('\r\n'), 5);
    try {
      expect(await client.untilEnd()).to.match(/^HTTP\/1\.1 400 /);
    } finally {
      clearInterval(drip);
    }
  });

  it('closes over a long unread body, and the answer still arrives', async () => {
    start(hello);
    const client = await connect();
    client.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n');
    client.send(new Uint8Array(3_000_000));
    expect(await client.untilEnd()).to.match(/connection: close\r\n\r\nhello$/);
  });

  it('answers a client that sends its request and shuts down its side', async () => {
    let exchange: Exchange | undefined;
    start((started) => {
      exchange = started;
    });
    const client = await connect();
    client.socket.end(GET);
    await eventually(() => exchange !== undefined);
    await client.untilReceived('H'); // of its answer: only so it is seen whether the client is there
    expect(listener.inFlight).to.equal(1);
    exchange?.respond({ status: 200, headers: [] }, 'hello');
    expect(await client.untilEnd()).to.match(/HTTP\/1.1 200 OK[\s\S]*connection: close\r\n\r\nhello$/);
  });

  for (const how of ['destroy', 'resetAndDestroy'] as const) {
    it(`tells the handler once when the client leaves before the answer (${how})`, async () => {
      let gone = 0;
      let finished = 0;
      let exchange: Exchange | undefined;
      start((started) => {
        exchange = started;
        started.onClientGone(() => gone++);
        started.onFinished(() => finished++);
      });
      const client = await connect();
      client.send(GET);
      await eventually(() => exchange !== undefined);
      client.socket[how]();
      await eventually(() => gone === 1);
      expect(finished).to.equal(1);
      exchange?.respond({ status: 200, headers: [] }, 'to nobody');
      let late = 0;
      exchange?.onClientGone(() => late++);
      expect([gone, finished, late, listener.inFlight, listener.connections]).to.deep.equal([1, 1, 1, 0, 0]);
    });
  }

  it('notices that the client of a silent stream left', async () => {
    let isGone = false;
    start((exchange) => {
      exchange.onClientGone(() => {
        isGone = true;
      });
      exchange.startResponse({ status: 200, headers: [] }).write(Buffer.from('first'));
    });
    const client = await connect();
    client.send(GET);
    await client.untilReceived('first');
    client.destroy();
    await eventually(() => isGone);
  });

  it('waits with the body while its reader is full', async () => {
    const collector = new Collector();
    collector.isFull = true;
    let exchange: Exchange | undefined;
    start((started) => {
      exchange = started;
      started.readBody(collector);
    });
    const client = await connect();
    client.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 64000000\r\n\r\n');
    client.send(Buffer.alloc(64_000_000, 'x'));
    await eventually(() => collector.writes > 0);
    const { writes } = collector;
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(collector.writes).to.equal(writes);
    expect(client.socket.writableLength).to.be.greaterThan(0);
    collector.isFull = false;
    exchange?.resumeBody();
    await eventually(() => collector.hasEnded);
    expect(collector.body.length).to.equal(64_000_000);
    exchange?.respond({ status: 200, headers: [] }, 'done');
    await client.untilReceived('done');
  });

  it('tells a writer that the client does not read, and when it reads again', async () => {
    let drains = 0;
    let accepted = 0;
    const piece = Buffer.alloc(100_000, 'x');
    start((exchange) => {
      const pump = (): void => {
        while (accepted < 50_000_000) {
          accepted += piece.length;
          if (!sink.write(piece)) return;
        }
        sink.end();
      };
      const sink = exchange.startResponse({ status: 200, headers: [] }, () => {
        drains++;
        pump();
      });
      pump();
    });
    const client = await connect();
    client.keeps = false;
    client.socket.pause();
    client.send(GET);
    await eventually(() => accepted > 0);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(accepted).to.be.lessThan(20_000_000);
    client.socket.resume();
    await client.until(() => client.receivedBytes > 50_000_000);
    expect(drains).to.be.greaterThan(0);
    await eventually(() => listener.inFlight === 0);
  });

  it('cuts an answer that is shorter or longer than its length, or aborted', async () => {
    start((exchange) => {
      const chunked = exchange.request.target === '/abort';
      const sink = exchange.startResponse({ status: 200, headers: chunked ? [] : ['Content-Length', '5'] });
      if (exchange.request.target === '/long') sink.write(Buffer.from('abcdefgh'));
      else sink.write(Buffer.from('abc'));
      if (chunked) sink.abort(new Error('broken'));
      else sink.end();
    });
    for (const target of ['/short', '/long', '/abort']) {
      const client = await connect();
      client.send(`GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n${GET}`);
      const answer = await client.untilEnd();
      expect(answer, target).to.match(/^HTTP\/1.1 200 OK/);
      expect(answer, target).not.to.match(/\r\n0\r\n\r\n|fgh/);
      expect(answer.split('HTTP/1.1 '), target).to.have.length(2);
    }
  });

  it('answers 500 when the handler throws, and goes on', async () => {
    const { error } = console;
    console.error = () => {};
    try {
      start((exchange) => {
        if (exchange.request.target === '/throw') throw new Error('bug');
        hello(exchange);
      });
      const client = await connect();
      client.send(`GET /throw HTTP/1.1\r\nHost: a\r\n\r\n${GET}`);
      const answers = await client.untilReceived('hello');
      expect(answers).to.match(/^HTTP\/1.1 500 Internal Server Error/);
      expect(answers).not.to.match(/bug/);
    } finally {
      console.error = error;
    }
  });

  it('says with a streamed answer that it is the last one, where much of the body is yet to come', async () => {
    start((exchange) => {
      const sink = exchange.startResponse({ status: 200, headers: [] });
      exchange.readBody(new Collector());
      sink.end();
    });
    for (const [length, connection] of [
      [300_000, 'close'],
      [200_000, undefined],
    ] as const) {
      const client = await connect();
      client.send(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${length}\r\n\r\n`);
      const head = await client.untilReceived('\r\n\r\n');
      expect(/connection: (.*)\r\n/.exec(head)?.[1]).to.equal(connection);
    }
  });

  it('refuses headers that would break the answer', () => {
    const failures: unknown[] = [];
    start((exchange) => {
      for (const headers of [
        ['X', 'a\r\nY: b'],
        ['X\r\n', 'a'],
        ['X', '\0'],
        ['', 'a'],
        ['Content-Length', 'x'],
      ]) {
        try {
          exchange.startResponse({ status: 200, headers });
        } catch (error) {
          failures.push(error);
        }
      }
      exchange.respond({ status: 200, headers: [] }, 'safe');
    });
    return connect().then(async (client) => {
      client.send(GET);
      expect(await client.untilReceived('safe')).to.match(/^HTTP\/1.1 200 OK\r\ndate/);
      expect(failures).to.have.length(5);
    });
  });

  it('answers 503 to a connection too many and closes it, and takes others when one has gone', async () => {
    start(hello, { limits: { connections: 2 }, errorHeaders: ['X-Own', 'a'] });
    const [first, second] = [await connect(), await connect()];
    for (const client of [first, second]) {
      client.send(GET);
      await client.untilReceived('hello');
    }
    const third = await connect();
    const answer = await third.untilEnd();
    expect(answer).to.match(/^HTTP\/1.1 503 /);
    expect(answer).to.contain('retry-after: 1\r\n').and.contain('X-Own: a\r\n');
    expect(listener.connections).to.equal(2);
    expect(listener.refusedConnections).to.equal(1);
    first.destroy();
    await eventually(() => listener.connections === 1);
    const fourth = await connect();
    fourth.send(GET);
    await fourth.untilReceived('hello');
  });

  it('answers 408 to a head that takes too long, and closes an idle connection without a word', async () => {
    start(hello, { limits: { headTimeoutMs: 30, idleTimeoutMs: 60 } });
    const slow = await connect();
    slow.send('GET / HT');
    expect(await slow.untilEnd()).to.match(/^HTTP\/1.1 408 /);
    const idle = await connect();
    expect(await idle.untilEnd()).to.equal('');
  });

  it('answers 408 to a body that stalls', async () => {
    const collector = new Collector();
    start((exchange) => exchange.readBody(collector), { limits: { bodyTimeoutMs: 30 } });
    const client = await connect();
    client.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc');
    expect(await client.untilEnd()).to.match(/^HTTP\/1.1 408 /);
    expect(collector.aborted).to.be.instanceOf(Error);
  });

  it('gives up on a client that does not read its answer', async () => {
    let isGone = false;
    start(
      (exchange) => {
        exchange.onClientGone(() => {
          isGone = true;
        });
        exchange.respond({ status: 200, headers: [] }, Buffer.alloc(50_000_000));
      },
      { limits: { writeTimeoutMs: 60 } },
    );
    const client = await connect();
    client.socket.pause();
    client.send(GET);
    await eventually(() => isGone);
    expect(listener.connections).to.equal(0);
  });

  it('drains: closes what is idle, finishes what is in flight, takes nothing new', async () => {
    let exchange: Exchange | undefined;
    start((started) => {
      exchange = started;
    });
    const idle = await connect();
    const busy = await connect();
    busy.send(GET);
    await eventually(() => exchange !== undefined);
    const drained = listener.drain(5_000);
    await idle.untilEnd();
    exchange?.respond({ status: 200, headers: [] }, 'last words');
    expect(await drained).to.equal(0);
    expect(await busy.untilEnd()).to.match(/connection: close\r\n\r\nlast words$/);
    const refused = await RawPeer.connect(listener.port).then(
      () => false,
      () => true,
    );
    expect(refused).to.equal(true);
  });

  it('tells how many exchanges a drain cut off', async () => {
    let exchange: Exchange | undefined;
    start((started) => {
      exchange = started;
    });
    const client = await connect();
    client.send(GET);
    await eventually(() => exchange !== undefined);
    expect(await listener.drain(20)).to.equal(1);
    await client.untilEnd();
    expect(listener.connections).to.equal(0);
  });
});
