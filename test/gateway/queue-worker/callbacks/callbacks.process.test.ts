import { createHmac } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { Bodies } from '../../../../gateway/nats/queue/bodies.ts';
import { encodeCallback } from '../../../../gateway/nats/queue/callback-codec.ts';
import { CallbackStore } from '../../../../gateway/nats/queue/callback-store.ts';
import { QueueConsumers } from '../../../../gateway/nats/queue/queue-consumers.ts';
import type { CallbackRecord, QueuedCallback } from '../../../../gateway/queue/callback.ts';
import { type NatsServer, startNats } from '../../../support/nats-server.ts';
import { until } from '../../../support/platform.ts';
import { newCall, openQueue, type TestQueue } from '../../nats/queue/fixtures/test-queue.ts';
import { type FakeGateway, startFakeGateway } from '../fixtures/fake-gateway.ts';
import { startWorker, type TestWorker } from '../fixtures/test-worker.ts';

interface Received {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

describe('callbacks', function () {
  this.timeout(60_000);
  let nats: NatsServer;
  let queue: TestQueue;
  let gateway: FakeGateway;
  let receiver: Server;
  let port: number;
  let received: Received[];
  let answer: (response: ServerResponse, request: Received) => void;
  const workers: TestWorker[] = [];
  const sockets = new Set<Socket>();
  const folder = mkdtempSync(join(tmpdir(), 'skep-callbacks-'));

  before(async () => {
    nats = await startNats();
    receiver = createServer((request, response) => {
      const pieces: Uint8Array[] = [];
      request.on('data', (piece: Uint8Array) => void pieces.push(piece));
      request.on('end', () => {
        const body = Buffer.concat(pieces).toString('latin1');
        const one = { path: request.url ?? '', headers: request.headers, body };
        received.push(one);
        answer(response, one);
      });
    });
    receiver.on('connection', (socket) => {
      sockets.add(socket);
      socket.on('error', () => undefined).once('close', () => sockets.delete(socket));
    });
    await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
    const address = receiver.address();
    port = typeof address === 'object' && address !== null ? address.port : 0;
  });
  beforeEach(async () => {
    queue = await openQueue(nats);
    gateway = await startFakeGateway();
    received = [];
    answer = (response) => response.end();
  });
  afterEach(async () => {
    for (const socket of sockets) socket.destroy();
    await Promise.all(workers.splice(0).map((worker) => worker.stop()));
    await gateway.close();
    await queue.close();
  });
  after(async () => {
    receiver.close();
    await nats.close();
    rmSync(folder, { recursive: true });
  });

  const start = async (settings: Readonly<Record<string, string>> = {}): Promise<TestWorker> => {
    const worker = await startWorker(
      { nats, queue, gateway },
      {
        callback_allow: '127.0.0.1',
        callback_timeout: '500ms',
        callback_retry_wait: '50ms',
        callback_max_retry_wait: '100ms',
        shutdown_timeout: '100ms',
        ...settings,
      },
    );
    workers.push(worker);
    return worker;
  };
  let count = 0;
  const send = async (changes: Partial<QueuedCallback> = {}): Promise<string> => {
    const id = `call-${++count}`;
    const callback: QueuedCallback = {
      id,
      instance: '0123456789abcdef',
      queue: 'faas-request',
      url: `http://127.0.0.1:${port}/done`,
      function: 'echo.openfaas-fn',
      status: 200,
      headers: ['Content-Type', 'text/plain', 'X-Start-Time', '17'],
      body: Buffer.from('answer'),
      seconds: 1.5,
      retries: 1,
      mostRetries: 3,
      endedAt: Date.now(),
      attempt: 1,
      ...changes,
    };
    await new QueueConsumers(queue.sessions, queue.names).ensureCallbacks(callback.queue);
    const { js, newHeaders } = await queue.sessions.get();
    const { headers, payload } = encodeCallback(callback, newHeaders());
    await js.publish(queue.names.callback(callback.queue), payload, { headers });
    return id;
  };
  const told = async (
    id: string,
    isWanted: (record: CallbackRecord) => boolean = ({ endedAt }) => endedAt !== undefined,
  ): Promise<CallbackRecord> => {
    const store = new CallbackStore(queue.sessions, queue.names);
    let found: CallbackRecord | undefined;
    await until(`what became of ${id}`, async () => {
      found = await store.told(id);
      return found !== undefined && isWanted(found);
    });
    return found ?? expect.fail();
  };

  it('bring the answer of a function to the address that its client gave', async () => {
    gateway.answer = (_call, response) => response.writeHead(201, { 'X-Mine': 'yes' }).end('made');
    await start();
    const call = { ...newCall({ callbackUrl: `http://127.0.0.1:${port}/done?a=b` }), calledAs: 'echo' };
    const id = await queue.intake.accept(call);
    await until('the callback', async () => received.length === 1);
    const [one] = received;
    expect(one).to.deep.include({ path: '/done?a=b', body: 'made' });
    expect(one?.headers).to.deep.include({
      'x-mine': 'yes',
      'x-call-id': id,
      'x-function-status': '201',
      'x-function-name': 'echo',
      'x-retry': '0',
      'x-retry-max': '2',
    });
    expect(one?.headers['x-duration-seconds']).to.match(/^\d+\.\d{6}$/);
    expect(one?.headers['user-agent']).to.match(/^queue-worker\/\d/);
    expect(await told(id)).to.deep.include({ id, state: 'delivered' });
  });

  it('bring what the function gave and no headers of a connection', async () => {
    await start();
    await send({
      headers: [
        'Set-Cookie',
        'a=1',
        'Set-Cookie',
        'b=2',
        'X-L',
        'é',
        'Content-Length',
        '99',
        'Host',
        'x',
        'TE',
        'y',
      ],
      body: Buffer.from([0, 255, 128]),
    });
    await until('the callback', async () => received.length === 1);
    expect(received[0]?.body).to.equal('\u0000\u00ff\u0080');
    const headers = received[0]?.headers;
    expect(headers?.['set-cookie']).to.deep.equal(['a=1', 'b=2']);
    expect(headers).to.deep.include({ 'content-length': '3', 'x-l': 'é', host: `127.0.0.1:${port}` });
    expect(headers).not.to.have.property('te');
  });

  it('bring answers that are too long for a message, and say so of those that were not kept', async () => {
    const bodies = new Bodies(queue.sessions, queue.names.results);
    const long = 'x'.repeat(2_000_000);
    const body = await bodies.put(new Blob([long]).stream(), 10_000_000);
    await start({ callback_secret_file: secretFile('s') });
    await send({ body });
    await until('the callback', async () => received.length === 1);
    expect(received[0]?.body.length).to.equal(long.length);
    expect(isSigned(received[0], 's')).to.equal(true);
    await bodies.drop(body);
    await send({ body, headers: ['Content-Encoding', 'gzip'] });
    await until('another one', async () => received.length === 2);
    expect(received[1]?.body).to.equal('');
    expect(received[1]?.headers['x-skep-result-dropped']).to.equal('2000000');
    expect(received[1]?.headers).not.to.have.property('content-encoding');
  });

  const secretFile = (secret: string): string => {
    const file = join(folder, 'secret');
    writeFileSync(file, `${secret}\n`);
    return file;
  };
  const isSigned = (one: Received | undefined, secret: string): boolean => {
    const [, at, hex] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(String(one?.headers['x-skep-signature'])) ?? [];
    const { 'x-call-id': id, 'x-function-name': name, 'x-function-status': status } = one?.headers ?? {};
    const text = `${at}\n${id}\n${name}\nhttp://127.0.0.1:${port}${one?.path}\n${status}\n`;
    const hmac = createHmac('sha256', secret)
      .update(text)
      .update(Buffer.from(one?.body ?? '', 'latin1'));
    return hmac.digest('hex') === hex && Math.abs(Number(at) - Date.now() / 1000) < 60;
  };

  it('are signed with the secret, if there is one', async () => {
    await start({ callback_secret_file: secretFile('top secret') });
    await send();
    await until('the callback', async () => received.length === 1);
    expect(isSigned(received[0], 'top secret')).to.equal(true);
    expect(isSigned(received[0], 'another one')).to.equal(false);
  });

  it('need the secret that is configured', async () => {
    const failed = await start({ callback_secret_file: join(folder, 'none') }).catch((error: Error) => error);
    expect((failed as Error).message).to.include('callback_secret_file');
  });

  it('are posted again until somebody takes them', async () => {
    await start();
    answer = (response) => response.writeHead(received.length < 3 ? 500 : 204).end();
    const id = await send();
    const record = await told(id);
    expect(record.state).to.equal('delivered');
    expect(record.attempts.map(({ status }) => status)).to.deep.equal([500, 500, 204]);
    expect(received.map(({ body }) => body)).to.deep.equal(['answer', 'answer', 'answer']);
  });

  it('are given up after so many attempts, or when they are refused for good', async () => {
    const { lines } = await start({ callback_retries: '1' });
    answer = (response) => response.writeHead(503).end();
    expect((await told(await send())).attempts).to.have.length(2);
    answer = (response) => response.writeHead(410).end();
    const record = await told(await send({ url: `http://127.0.0.1:${port}/gone?token=secret` }));
    expect(record).to.deep.include({ state: 'failed' });
    expect(record.attempts).to.have.length(1);
    const told410 = lines.find((line) => line.includes('410')) ?? '';
    expect(JSON.parse(told410)).to.deep.include({ message: 'callback', became: 'failed', attempt: 1 });
    expect(lines.join('')).not.to.include('token');
  });

  it('never go to what is internal', async () => {
    await start();
    for (const url of [
      'http://169.254.169.254/latest/meta-data/',
      `http://127.0.0.2:${port}/`,
      `http://[::1]:${port}/`,
      'nonsense',
    ]) {
      const record = await told(await send({ url }));
      expect(record.state, url).to.equal('failed');
      expect(record.attempts[0]?.error, url).to.match(/internal|no URL/);
    }
    expect(received).to.deep.equal([]);
  });

  it('go to a function behind the gateway', async () => {
    await start({ callback_allow: '' });
    const id = await send({ url: `${gateway.url}/function/next` });
    expect((await told(id)).state).to.equal('delivered');
  });

  it('to a function that is called asynchronously are one call of their own, however often they are posted', async () => {
    await start({ callback_allow: '' });
    gateway.answer = (_call, response) =>
      response.writeHead(gateway.seen.length === 1 ? 503 : 202, { 'X-Call-Id': 'another' }).end();
    const headers = [
      'X-Callback-Url',
      'http://x/',
      'Idempotency-Key',
      'k',
      'X-Skep-Delay',
      '9h',
      'X-Mine',
      'yes',
    ];
    const id = await send({ url: `${gateway.url}/async-function/next`, headers });
    expect((await told(id)).state).to.equal('delivered');
    expect(gateway.seen).to.have.length(2);
    for (const { headers: sent } of gateway.seen) {
      expect(sent).to.deep.include({
        'idempotency-key': 'callback-0123456789abcdef',
        'x-skep-callback-of': id,
        'x-mine': 'yes',
      });
      expect(sent).not.to.have.any.keys('x-call-id', 'x-callback-url', 'x-skep-delay');
    }
  });

  it('of other hosts are not held back by hosts that hang, however many there are', async () => {
    answer = (response, { path }) => (path === '/hangs' ? undefined : response.end());
    await start({ callback_max_inflight: '8', callback_max_per_host: '4', callback_timeout: '5m' });
    // As many as are held, and more.
    for (let i = 0; i < 60; i++) await send({ url: `http://127.0.0.1:${port}/hangs` });
    await until('it hangs', async () => received.length === 2);
    const other = createServer((request, response) => {
      request.resume();
      response.end();
    });
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const address = other.address();
    const otherPort = typeof address === 'object' && address !== null ? address.port : 0;
    try {
      const ids: string[] = [];
      for (let i = 0; i < 5; i++) ids.push(await send({ url: `http://127.0.0.1:${otherPort}/` }));
      for (const id of ids) expect((await told(id)).state).to.equal('delivered');
      expect(received.filter(({ path }) => path === '/hangs')).to.have.length(2);
      const { manager } = await queue.sessions.get();
      const { state } = await manager.streams.info(queue.names.later);
      expect(state.messages).to.be.greaterThan(0);
    } finally {
      other.close();
    }
  });

  it('are not lost when NATS is killed while they are posted', async () => {
    let goOn: () => void = () => undefined;
    answer = (response) => {
      goOn = () => response.end();
    };
    await start({ callback_timeout: '20s' });
    const id = await send();
    await until('it is posted', async () => received.length === 1);
    await nats.kill();
    goOn();
    await nats.start();
    await until('NATS', async () => queue.sessions.isConnected);
    expect((await told(id)).state).to.equal('delivered');
    expect(received).to.have.length(1);
  });

  it('of a worker that stops are posted by another one', async () => {
    answer = () => undefined;
    const first = await start({ callback_timeout: '20s' });
    const id = await send();
    await until('it is posted', async () => received.length === 1);
    answer = (response) => response.end();
    workers.splice(0);
    expect(await first.stop()).to.deep.equal({ cutOff: 1 });
    await start();
    expect((await told(id)).state).to.equal('delivered');
    expect(received).to.have.length(2);
  });

  it('that cannot be read stay, and hold back no other', async () => {
    await start();
    const { js } = await queue.sessions.get();
    await js.publish(queue.names.callback('faas-request'), 'nonsense');
    expect((await told(await send())).state).to.equal('delivered');
  });
});
