import type { LookupAddress } from 'node:dns';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { CallbackAddresses, parseCallbackAllow } from '../../../../gateway/queue/callback-address.ts';
import type { PostOutcome } from '../../../../gateway/queue/settle-callback.ts';
import { post } from '../../../../gateway/queue-worker/callbacks/post.ts';
import { createCertificateMaker } from '../../../support/certificates.ts';

describe('posting a callback', () => {
  const servers: Server[] = [];
  const sockets = new Set<Socket>();
  const received: { host: string | undefined; path: string | undefined; body: string }[] = [];
  const as: unknown[] = [];
  /** Addresses that were connected to. */
  const connectedTo = new Set<string | undefined>();
  let answer: (response: ServerResponse, request: IncomingMessage) => void;
  let stopping: AbortController;

  /** Open: stands for an address of the public. The other one is the platform's. */
  const PUBLIC = '127.0.0.2';
  const INTERNAL = '127.0.0.1';

  beforeEach(() => {
    answer = (response) => response.end('thanks');
    stopping = new AbortController();
    received.length = 0;
    as.length = 0;
    connectedTo.clear();
  });
  afterEach(() => {
    stopping.abort();
    for (const socket of sockets) socket.destroy();
    for (const server of servers.splice(0)) server.close();
  });

  /** Both addresses have the same port. */
  const listen = async (): Promise<number> => {
    const open = (host: string, port: number): Promise<number> =>
      new Promise((resolve, reject) => {
        const server = createServer((request, response) => {
          let body = '';
          request.on('data', (piece) => {
            body += String(piece);
          });
          request.on('end', () => {
            received.push({ host: request.headers.host, path: request.url, body });
            as.push(request.headers['x-as']);
            answer(response, request);
          });
        });
        server.on('connection', (socket) => {
          sockets.add(socket);
          connectedTo.add(socket.localAddress);
          socket.on('error', () => undefined).once('close', () => sockets.delete(socket));
        });
        servers.push(server);
        server.once('error', reject).listen(port, host, () => {
          const address = server.address();
          resolve(typeof address === 'object' && address !== null ? address.port : 0);
        });
      });
    // A port that is free at the one may be somebody's at the other.
    for (let tries = 1; ; tries++) {
      const port = await open(PUBLIC, 0);
      try {
        return await open(INTERNAL, port);
      } catch (error) {
        if (tries === 10) throw error;
      }
    }
  };
  const names = (map: Readonly<Record<string, readonly string[]>>) => {
    return async (host: string): Promise<LookupAddress[]> =>
      (map[host] ?? []).map((address) => ({ address, family: 4 }));
  };
  const send = (
    url: string,
    {
      resolve = names({ 'good.test': [PUBLIC], 'evil.test': [INTERNAL], 'both.test': [INTERNAL, PUBLIC] }),
      allow = PUBLIC,
      gateway = { hostname: 'gateway', port: 8080 },
      timeoutMs = 5000,
      body = 'result',
    }: {
      resolve?: (host: string) => Promise<LookupAddress[]>;
      allow?: string;
      gateway?: { hostname: string; port: number };
      timeoutMs?: number;
      body?: string;
    } = {},
  ): Promise<PostOutcome> =>
    post(
      {
        url,
        headers: { 'x-as': 'result', 'content-length': String(body.length) },
        callHeaders: { 'x-as': 'call', 'content-length': String(body.length) },
        bodyBytes: body.length,
        openBody: () => [Buffer.from(body)],
      },
      {
        addresses: new CallbackAddresses({ allow: parseCallbackAllow(allow), ownNetworks: [] }),
        gateway,
        timeoutMs,
        functionTimeoutMs: timeoutMs,
        resolve,
      },
      stopping.signal,
    );
  const isRefused = (outcome: PostOutcome, text: string): void => {
    expect(outcome.kind).to.equal('refused');
    expect(outcome.kind === 'refused' ? outcome.reason : '').to.include(text);
  };

  it('brings the body to where the URL says, under its name', async () => {
    const port = await listen();
    expect(await send(`http://good.test:${port}/a/b?c=d`)).to.deep.include({ kind: 'answered', status: 200 });
    expect(received).to.deep.equal([{ host: `good.test:${port}`, path: '/a/b?c=d', body: 'result' }]);
  });

  it('brings a long body', async () => {
    const port = await listen();
    const body = 'x'.repeat(5_000_000);
    expect(await send(`http://good.test:${port}/`, { body })).to.deep.include({ status: 200 });
    expect(received[0]?.body.length).to.equal(body.length);
  });

  it('tells the status and how long it is asked to wait', async () => {
    const port = await listen();
    answer = (response) => response.writeHead(503, { 'Retry-After': '7' }).end();
    expect(await send(`http://good.test:${port}/`)).to.deep.equal({
      kind: 'answered',
      status: 503,
      retryAfter: '7',
    });
  });

  it('does not go to a name whose address is internal, nor to an internal address', async () => {
    const port = await listen();
    for (const host of [
      'evil.test',
      INTERNAL,
      '[::1]',
      '[::ffff:127.0.0.1]',
      '169.254.169.254',
      'localhost',
    ]) {
      isRefused(await send(`http://${host}:${port}/`), 'internal address');
    }
    expect(received).to.deep.equal([]);
  });

  it('does not go to the internal one of several addresses', async () => {
    const port = await listen();
    for (let i = 0; i < 5; i++) await send(`http://both.test:${port}/`);
    expect(received).to.have.length(5);
    expect([...connectedTo]).to.deep.equal([PUBLIC]);
  });

  it('checks the address that it connects to, when a name has another one each time', async () => {
    const port = await listen();
    let asked = 0;
    const resolve = async (): Promise<LookupAddress[]> => [
      { address: asked++ % 2 === 0 ? PUBLIC : INTERNAL, family: 4 },
    ];
    const outcomes: string[] = [];
    for (let i = 0; i < 6; i++) outcomes.push((await send(`http://rebind.test:${port}/`, { resolve })).kind);
    // Each was asked for once: there is no second look between the check and the connection.
    expect(asked).to.equal(6);
    expect(outcomes).to.deep.equal(['answered', 'refused', 'answered', 'refused', 'answered', 'refused']);
    expect(received).to.have.length(3);
  });

  it('does not follow to what is internal', async () => {
    const port = await listen();
    for (const to of [
      'http://169.254.169.254/latest/meta-data/',
      `http://evil.test:${port}/`,
      `http://${INTERNAL}:${port}/`,
      `//localhost:${port}/`,
    ]) {
      answer = (response) => response.writeHead(307, { Location: to }).end();
      isRefused(await send(`http://good.test:${port}/`), 'internal address');
    }
    expect(received.every(({ host }) => host === `good.test:${port}`)).to.equal(true);
  });

  it('does not follow to what is no URL of http', async () => {
    const port = await listen();
    for (const to of ['file:///etc/passwd', 'gopher://good.test/', 'http://']) {
      answer = (response) => response.writeHead(307, { Location: to }).end();
      expect((await send(`http://good.test:${port}/`)).kind, to).to.equal('refused');
    }
  });

  it('follows with the same body, but not for ever', async () => {
    const port = await listen();
    answer = (response, { url }) =>
      url === '/end' ? response.end() : response.writeHead(308, { Location: '/end' }).end();
    expect(await send(`http://good.test:${port}/begin`)).to.deep.include({ status: 200 });
    expect(received.map(({ path, body }) => `${path} ${body}`)).to.deep.equal([
      '/begin result',
      '/end result',
    ]);
    answer = (response) => response.writeHead(302, { Location: '/again' }).end();
    isRefused(await send(`http://good.test:${port}/`), 'on and on');
  });

  it('goes to functions behind the gateway, and to nothing else there', async () => {
    const port = await listen();
    const gateway = { hostname: 'evil.test', port };
    const to = (path: string): Promise<PostOutcome> =>
      post(
        {
          url: `http://${INTERNAL}:${port}${path}`,
          headers: {},
          callHeaders: {},
          bodyBytes: 0,
          openBody: () => [],
        },
        {
          addresses: new CallbackAddresses({ allow: parseCallbackAllow(''), ownNetworks: [] }),
          gateway: { hostname: INTERNAL, port },
          timeoutMs: 5000,
          functionTimeoutMs: 5000,
        },
        stopping.signal,
      );
    expect(await to('/function/next')).to.deep.include({ status: 200 });
    for (const path of [
      '/system/functions',
      '/function/',
      '/',
      '/function/../system/x',
      '/function/%2e%2e/x',
    ]) {
      isRefused(await to(path), 'internal');
    }
    isRefused(await send(`http://evil.test:${port + 1}/function/x`, { gateway }), 'internal');
    expect(received.map(({ path }) => path)).to.deep.equal(['/function/next']);
  });

  it('is a call of its own where it calls a function asynchronously, be it by a redirect', async () => {
    const port = await listen();
    const gateway = { hostname: INTERNAL, port };
    const async = `http://${INTERNAL}:${port}/async-function/next`;
    await send(async, { gateway });
    await send(`http://${INTERNAL}:${port}/function/next`, { gateway });
    await send(`http://good.test:${port}/async-function/next`, { gateway });
    expect(as.splice(0)).to.deep.equal(['call', 'result', 'result']);
    answer = (response, { url }) =>
      url === '/to' ? response.writeHead(307, { Location: async }).end() : response.end();
    await send(`http://good.test:${port}/to`, { gateway });
    expect(as).to.deep.equal(['result', 'call']);
  });

  it('goes where the operator has opened a name, whatever its address', async () => {
    const port = await listen();
    expect(await send(`http://evil.test:${port}/`, { allow: '*.test' })).to.deep.include({ status: 200 });
  });

  it('gives up a host that takes the body and says nothing, and one that never takes it', async () => {
    const port = await listen();
    answer = () => undefined;
    const lost = await send(`http://good.test:${port}/`, { timeoutMs: 100 });
    expect(lost).to.deep.equal({ kind: 'lost', reason: 'no answer within 101 ms' });
    expect(
      await send(`http://good.test:${port}/`, { timeoutMs: 100, body: 'x'.repeat(20_000) }),
    ).to.deep.include({
      kind: 'lost',
    });
  });

  it('gives up a name that nobody answers for', async () => {
    const resolve = (): Promise<LookupAddress[]> => new Promise(() => undefined);
    expect(await send('http://slow.test/', { resolve, timeoutMs: 100 })).to.deep.include({ kind: 'lost' });
    expect((await send('http://unknown.test/')).kind).to.equal('lost');
  });

  it('is lost where nobody listens, where it is hung up, and when the worker stops', async () => {
    const port = await listen();
    answer = (response) => response.destroy();
    expect((await send(`http://good.test:${port}/`)).kind).to.equal('lost');
    answer = () => stopping.abort();
    expect(await send(`http://good.test:${port}/`)).to.deep.include({ reason: 'this worker stops' });
    expect((await send(`http://good.test:${port}/`)).kind).to.equal('lost');
    for (const server of servers.splice(0)) server.close();
    stopping = new AbortController();
    expect((await send(`http://good.test:${port}/`)).kind).to.equal('lost');
  });

  it('reads no more of an endless answer than it must, and knows its status', async () => {
    const port = await listen();
    const closed = Promise.withResolvers<void>();
    answer = (response) => {
      response.once('close', () => closed.resolve());
      const flood = (): void => {
        while (!response.destroyed && response.write('x'.repeat(65_536)));
      };
      response.on('drain', flood);
      flood();
    };
    expect(await send(`http://good.test:${port}/`)).to.deep.include({ kind: 'answered', status: 200 });
    await closed.promise;
  });

  it('trusts nobody over https who cannot prove the name that was asked for', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'skep-callback-'));
    try {
      const maker = createCertificateMaker(folder);
      const { cert, key } = maker.issue(maker.authority('nobody'), 'server', 'DNS:good.test');
      const server = createTlsServer({
        cert: readFileSync(cert),
        key: readFileSync(key),
      });
      server.on('tlsClientError', () => undefined);
      await new Promise<void>((resolve) => server.listen(0, PUBLIC, resolve));
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      const outcome = await send(`https://good.test:${port}/`);
      server.close();
      expect(outcome.kind).to.equal('lost');
      expect(outcome.kind === 'lost' ? outcome.reason : '').to.match(/certificate/i);
      isRefused(await send(`https://evil.test:${port}/`), 'internal address');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('names a user where the URL does', async () => {
    const port = await listen();
    let authorization: string | undefined;
    answer = (response, { headers }) => {
      authorization = headers.authorization;
      response.end();
    };
    await send(`http://us%65r:p%40ss@good.test:${port}/`);
    expect(Buffer.from(authorization?.split(' ')[1] ?? '', 'base64').toString()).to.equal('user:p@ss');
    expect((await send(`http://%zz:x@good.test:${port}/`)).kind).to.equal('refused');
  });
});
