import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect } from 'chai';
import { listen } from '../../http1/listener.ts';
import { createPool } from '../../http1/pool.ts';
import { relay } from '../../http1/relay.ts';
import type { BodySink, Exchange, Listener, RelayOutcome } from '../../http1/types.ts';
import { eventually, RawPeer, RawServer } from './raw-peer.ts';

/** Takes one piece and no more. */
const FULL: BodySink = { write: () => false, end: () => {}, abort: () => {} };
const LONG = 64_000_000;
const upload = (bytes: number) => `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${bytes}\r\n\r\n`;

describe('a client that is not read', function () {
  this.timeout(10_000);
  let listener: Listener | undefined;
  let upstream: RawServer | undefined;
  const clients: RawPeer[] = [];

  /** Whoever serves the next exchange. */
  function next(serve: (exchange: Exchange) => void): Promise<Exchange> {
    return new Promise((resolve) => {
      listener = listen({
        hostname: '127.0.0.1',
        onExchange: (exchange) => {
          serve(exchange);
          resolve(exchange);
        },
      });
    });
  }
  async function connect(): Promise<RawPeer> {
    const client = await RawPeer.connect(listener?.port ?? 0);
    clients.push(client);
    return client;
  }
  const gone = (exchange: Exchange): Promise<void> =>
    new Promise((resolve) => exchange.onClientGone(resolve));

  afterEach(() => {
    for (const client of clients.splice(0)) client.destroy();
    listener?.close();
    upstream?.close();
    upstream = undefined;
  });

  for (const bytes of [LONG, 1_000_000]) {
    it(`is found to have left, with ${bytes === LONG ? 'more' : 'less'} of its body under way than the kernel holds`, async () => {
      const served = next((exchange) => exchange.readBody(FULL));
      const client = await connect();
      client.send(upload(bytes));
      client.send(Buffer.alloc(bytes - 1));
      const left = gone(await served);
      client.destroy();
      await left;
      await eventually(() => listener?.inFlight === 0);
    });
  }

  it('is found to have left when it is in the middle of a streamed answer, too', async () => {
    const served = next((exchange) => {
      exchange.startResponse({ status: 200, headers: [] }).write(Buffer.from('first'));
      exchange.readBody(FULL);
    });
    const client = await connect();
    client.send(upload(LONG));
    client.send(Buffer.alloc(LONG));
    const left = gone(await served);
    await client.untilReceived('first');
    client.destroy();
    await left;
  });

  it('is found to have left when nobody reads its body yet', async () => {
    const served = next(() => {});
    const client = await connect();
    client.send(upload(LONG));
    client.send(Buffer.alloc(LONG));
    const left = gone(await served);
    client.destroy();
    await left;
  });

  it('may wait for its answer, with its side shut down or not: the answer is what it would have been', async () => {
    for (const isHalfClosed of [false, true]) {
      const served = next((exchange) => exchange.readBody(FULL));
      const client = await connect();
      client.send(upload(1_000_000));
      if (isHalfClosed) client.socket.end(Buffer.alloc(1_000_000));
      else client.send(Buffer.alloc(1_000_000));
      const exchange = await served;
      await client.until(() => client.received.startsWith('HT')); // the second look
      exchange.respond({ status: 201, headers: [] }, 'answer');
      await client.untilReceived('answer');
      expect(client.received).to.match(
        /^HTTP\/1\.1 201 Created\r\ndate: [^\r]+\r\ncontent-length: 6\r\nconnection: close\r\n\r\nanswer$/,
      ); // prettier-ignore
      listener?.close();
    }
  });

  it('gets streamed chunks that any reader understands', async () => {
    let sink: BodySink | undefined;
    const served = next((exchange) => {
      sink = exchange.startResponse({ status: 200, headers: [] });
      sink.write(Buffer.from('first'));
      exchange.readBody(FULL);
    });
    const client = await connect();
    client.send(upload(1_000_000));
    client.send(Buffer.alloc(1_000_000));
    await served;
    await client.untilReceived('5\r\nfirst\r\n0');
    sink?.write(Buffer.from('second'));
    await client.untilReceived('5\r\nfirst\r\n06\r\nsecond\r\n');
    sink?.end();
    expect((await client.untilEnd()).endsWith('second\r\n0\r\n\r\n')).to.equal(true);
  });

  it('is served as ever when it is a real one: Node, Python, Bun', async () => {
    listener = listen({
      hostname: '127.0.0.1',
      onExchange: (exchange) => {
        let bytes = 0;
        let isFull = true;
        exchange.readBody({
          write: (piece) => {
            bytes += piece.length;
            return !isFull;
          },
          end: () => exchange.respond({ status: 201, headers: [] }, `${bytes} bytes`),
          abort: () => {},
        });
        setTimeout(() => {
          isFull = false;
          exchange.resumeBody();
        }, 3000); // time for two looks
      },
    });
    const [size, { port }] = [20_000_000, listener];
    const node = `require('node:http').request({ port: ${port}, host: '127.0.0.1', method: 'POST' }, (answer) => {
      answer.on('data', (piece) => console.log(answer.statusCode + ' ' + piece));
    }).end(Buffer.alloc(${size}))`;
    const python = `import http.client
c = http.client.HTTPConnection('127.0.0.1', ${port})
c.request('POST', '/', b'x' * ${size})
answer = c.getresponse()
print(answer.status, answer.read().decode())`;
    const bun = fetch(`http://127.0.0.1:${port}`, { method: 'POST', body: new Uint8Array(size) });
    const printed = await Promise.all([output('node', ['-e', node]), output('python3', ['-c', python])]);
    expect(printed).to.deep.equal([`201 ${size} bytes\n`, `201 ${size} bytes\n`]);
    expect(await (await bun).text()).to.equal(`${size} bytes`);
  });

  describe('of a relay', () => {
    const pool = createPool({});
    let outcome: Promise<RelayOutcome> | undefined;
    after(() => pool.close());

    /** A client whose long body an upstream does not read. */
    async function stuck(): Promise<{ client: RawPeer; peer: RawPeer }> {
      upstream = await RawServer.start();
      const { port } = upstream;
      const served = next((exchange) => {
        outcome = relay(exchange, { pool, address: { hostname: '127.0.0.1', port }, target: '/' });
      });
      const client = await connect();
      client.send(upload(LONG));
      client.send(Buffer.alloc(LONG));
      await served;
      const peer = await upstream.peer();
      await peer.untilReceived('POST');
      peer.socket.pause();
      return { client, peer };
    }

    it('is found to have left while the upstream does not read its body', async () => {
      const { client } = await stuck();
      await client.untilReceived('H');
      client.destroy();
      expect(await outcome).to.deep.equal({ kind: 'client_gone', status: 0 });
    });

    it('gets interim answers and the answer whole', async () => {
      const { client, peer } = await stuck();
      await client.untilReceived('H');
      peer.send('HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n');
      await client.untilReceived('\r\n\r\n');
      peer.send('HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nanswer');
      expect(await client.untilReceived('answer')).to.match(
        /^HTTP\/1\.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP\/1\.1 200 OK\r\n/,
      );
    });
  });
});

async function output(command: string, args: string[]): Promise<string> {
  const child = spawn(command, args);
  let text = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (piece) => {
      text += piece;
    });
  await once(child, 'close');
  return text;
}
