import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import {
  createDataPlane,
  type DataPlane,
  type DataPlaneOptions,
} from '../../../gateway/data-plane/data-plane.ts';
import type { InvocationRecord } from '../../../gateway/data-plane/invocation-record.ts';
import type { Replica } from '../../../gateway/functions/provider.ts';
import { listen } from '../../../http1/listener.ts';
import { createPool } from '../../../http1/pool.ts';
import type { Listener } from '../../../http1/types.ts';

interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

describe('an invocation', () => {
  const upstreams: Server[] = [];
  const records: InvocationRecord[] = [];
  let replicas: Replica[];
  let desired: number;
  let scaleCalls: number;
  let functionPort: number;
  let listener: Listener;
  let dataPlane: DataPlane;
  let folder: string;

  beforeEach(() => {
    replicas = [{ id: 'r1', address: '127.0.0.1', isRunning: true }];
    desired = 1;
    scaleCalls = 0;
    functionPort = 0;
    records.length = 0;
    folder = mkdtempSync(join(tmpdir(), 'skep-test-'));
  });
  afterEach(() => {
    listener.close();
    dataPlane.stop();
    for (const upstream of upstreams.splice(0)) {
      upstream.close();
      upstream.closeAllConnections();
    }
    rmSync(folder, { recursive: true, force: true });
  });

  /** A replica of the function `env` on one address of the loopback network; all share a port, as in the cluster. */
  const upstream = async (
    handler: (request: IncomingMessage, response: ServerResponse) => void,
    address = '127.0.0.1',
  ): Promise<void> => {
    const server = createServer((incoming, outgoing) => {
      if (incoming.url === '/_/health') outgoing.end('OK');
      else handler(incoming, outgoing);
    });
    upstreams.push(server);
    await new Promise<void>((resolve) => server.listen(functionPort, address, resolve));
    const bound = server.address();
    if (typeof bound === 'object' && bound !== null) functionPort = bound.port;
  };

  const gateway = async (options: Partial<DataPlaneOptions> = {}): Promise<void> => {
    dataPlane = createDataPlane({
      pool: createPool(),
      recorder: { started: () => {}, completed: () => {} },
      onRecord: (record) => records.push(record),
      snapshot: async () => [
        {
          ref: { name: 'env', namespace: 'openfaas-fn' },
          labels: {},
          annotations: {},
          envVars: {},
          desired,
          replicas,
          createdAt: '2026-01-01T00:00:00Z',
        },
      ],
      onTableHealth: () => {},
      look: async () => undefined,
      rollouts: { timeoutMs: 60_000, revert: async () => {} },
      scaleUp: async () => {
        scaleCalls++;
      },
      controlSocket: join(folder, 'control.sock'),
      functionPort,
      defaultNamespace: 'openfaas-fn',
      upstreamTimeoutMs: 5000,
      maxInflight: 0,
      coldStart: { capacity: 100, timeoutMs: 5000, scaleFromZero: true },
      version: 'test',
      ...options,
    });
    await dataPlane.start();
    listener = listen({ hostname: '127.0.0.1', port: 0, onExchange: dataPlane.onExchange });
  };

  const call = (
    path: string,
    {
      method = 'GET',
      headers = {},
      body,
    }: { method?: string; headers?: Record<string, string>; body?: string } = {},
  ): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const outgoing = request(
        { host: '127.0.0.1', port: listener.port, path, method, headers, agent: false },
        (response) => {
          let text = '';
          response.on('data', (chunk: Buffer) => {
            text += chunk.toString();
          });
          response.once('error', reject);
          response.once('end', () =>
            resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }),
          );
        },
      );
      outgoing.once('error', reject);
      outgoing.end(body);
    });

  const echo = (incoming: IncomingMessage, outgoing: ServerResponse): void => {
    let body = '';
    incoming.on('data', (chunk: Buffer) => {
      body += chunk.toString();
    });
    incoming.on('end', () =>
      outgoing.end(
        JSON.stringify({ method: incoming.method, url: incoming.url, headers: incoming.headers, body }),
      ),
    );
  };

  it('reaches the function with path, query, method and body as they came', async () => {
    await upstream(echo);
    await gateway();
    const { status, body } = await call('/function/env/a%2Fb//c?x=1&x=2', { method: 'PUT', body: 'hi' });
    expect(status).to.equal(200);
    expect(JSON.parse(body)).to.include({ method: 'PUT', url: '/a%2Fb//c?x=1&x=2', body: 'hi' });
  });

  it('calls a replica that is to stop until it asks to close, and then waits for the next one', async () => {
    let asksToClose = false;
    await upstream((_, outgoing) => {
      if (asksToClose) outgoing.setHeader('connection', 'close');
      outgoing.end('the former');
    });
    await upstream((_, outgoing) => outgoing.end('the next'), '127.0.0.2');
    await gateway();
    expect((await call('/function/env')).body).to.equal('the former');
    replicas = [];
    await dataPlane.start();
    expect((await call('/function/env')).body).to.equal('the former');
    expect((await call('/function/env')).body).to.equal('the former');
    asksToClose = true;
    expect((await call('/function/env')).body).to.equal('the former');
    const waiting = call('/function/env');
    replicas = [{ id: 'r2', address: '127.0.0.2', isRunning: true }];
    dataPlane.nudge();
    expect((await waiting).body).to.equal('the next');
  });

  it('tells the function who calls, and which function is meant', async () => {
    await upstream(echo);
    await gateway();
    const { body, headers } = await call('/function/env', {
      headers: { host: 'skep.example', 'x-skep-function': 'forged', authorization: 'Bearer t' },
    });
    const seen = JSON.parse(body).headers as Record<string, string>;
    expect(seen['x-skep-function']).to.equal('env.openfaas-fn');
    expect(seen['x-forwarded-host']).to.equal('skep.example');
    expect(seen['x-forwarded-for']).to.match(/^127\.0\.0\.1:\d+$/);
    expect(seen['authorization']).to.equal('Bearer t');
    expect(seen['x-start-time']).to.match(/^\d{19}$/);
    expect(seen['x-call-id']).to.equal(headers['x-call-id']);
    expect(seen['host']).to.equal(`127.0.0.1:${functionPort}`);
  });

  it('keeps the call id and the forwarding headers that the client sent', async () => {
    await upstream(echo);
    await gateway();
    const given = { 'x-call-id': 'mine', 'x-forwarded-for': '203.0.113.9', 'x-forwarded-host': 'a.example' };
    const { body, headers } = await call('/function/env', { headers: given });
    expect(JSON.parse(body).headers).to.include(given);
    expect(headers['x-call-id']).to.equal('mine');
  });

  it('passes the answer on as it is: status, headers, redirects', async () => {
    await upstream((_, outgoing) =>
      outgoing.writeHead(302, { location: 'https://example.org/', 'x-own': ['a', 'b'] }).end(),
    );
    await gateway();
    const { status, headers } = await call('/function/env');
    expect(status).to.equal(302);
    expect(headers['location']).to.equal('https://example.org/');
    expect(headers['x-own']).to.equal('a, b');
    expect(headers['x-served-by']).to.equal('skep/test');
  });

  it('answers 404 for a function that is not deployed, and 400 for a path that names none', async () => {
    await upstream(echo);
    await gateway();
    const unknown = await call('/function/nope');
    expect(unknown.status).to.equal(404);
    expect(unknown.body).to.contain('nope');
    expect(unknown.headers['x-openfaas-internal']).to.equal('gateway');
    expect((await call('/function/../system/functions')).status).to.equal(400);
  });

  it('tries another replica when one cannot be reached', async () => {
    await upstream(echo);
    replicas.push({ id: 'r2', address: '127.0.0.2', isRunning: true });
    await upstream(echo, '127.0.0.2');
    await gateway();
    await call('/function/env');
    upstreams.pop()?.close();
    for (let round = 0; round < 20; round++) {
      expect((await call('/function/env', { method: 'POST', body: 'hi' })).status).to.equal(200);
    }
  });

  it('goes to another replica when a watchdog says that it is another function', async () => {
    let refused = 0;
    await upstream((_, outgoing) => {
      refused++;
      outgoing.writeHead(421, { 'x-openfaas-internal': 'watchdog' }).end();
    });
    replicas.push({ id: 'r2', address: '127.0.0.2', isRunning: true });
    await upstream(echo, '127.0.0.2');
    await gateway();
    for (let round = 0; round < 20; round++) expect((await call('/function/env')).status).to.equal(200);
    expect(refused).to.be.greaterThan(0);
  });

  it('passes on a 421 that is the function’s own, and calls it once', async () => {
    let calls = 0;
    await upstream((_, outgoing) => {
      calls++;
      outgoing.writeHead(421).end('not mine');
    });
    await gateway();
    const { status, body } = await call('/function/env');
    expect({ status, body, calls }).to.deep.equal({ status: 421, body: 'not mine', calls: 1 });
  });

  /** Two replicas that both take calls; `become` makes one of them answer in another way, its health included. */
  const twoReplicas = async (): Promise<{
    become: (index: number, handler: (incoming: IncomingMessage, outgoing: ServerResponse) => void) => void;
  }> => {
    const seen = new Set<string>();
    const here = (name: string) => (_: IncomingMessage, outgoing: ServerResponse) => {
      seen.add(name);
      outgoing.end(name);
    };
    await upstream(here('a'));
    replicas.push({ id: 'r2', address: '127.0.0.2', isRunning: true });
    await upstream(here('b'), '127.0.0.2');
    await gateway({ coldStart: { capacity: 100, timeoutMs: 500, scaleFromZero: true } });
    while (seen.size < 2) await call('/function/env');
    return {
      become: (index, handler) => upstreams[index]?.removeAllListeners('request').on('request', handler),
    };
  };
  const sayElsewhere = (outgoing: ServerResponse): void => {
    outgoing.writeHead(421, { 'x-openfaas-internal': 'watchdog' }).end();
  };

  it('sends no more calls to an address that is another function’s, though a body cannot be sent twice', async () => {
    const { become } = await twoReplicas();
    let refused = 0;
    become(0, (incoming, outgoing) => {
      if (incoming.url !== '/_/health') refused++;
      sayElsewhere(outgoing);
    });
    const statuses: number[] = [];
    for (let round = 0; round < 20; round++) {
      statuses.push((await call('/function/env', { method: 'POST', body: 'hi' })).status);
    }
    expect(refused).to.equal(1);
    expect(statuses.filter((status) => status !== 200)).to.deep.equal([502]);
  });

  it('goes back to a replica that answers again when the other one is lost', async () => {
    const { become } = await twoReplicas();
    const called: number[] = [];
    const probed = Promise.withResolvers<void>();
    for (const index of [0, 1]) {
      become(index, (incoming, outgoing) => {
        const isFirst = called[0] === undefined || called[0] === index;
        if (incoming.url === '/_/health') {
          if (!isFirst) return sayElsewhere(outgoing);
          outgoing.end('OK', () => setTimeout(probed.resolve, 20));
        } else if (called.push(index) > 2) outgoing.end('here');
        else if (isFirst) sayElsewhere(outgoing);
        // The second one says so only when the first one has been found again.
        else void probed.promise.then(() => sayElsewhere(outgoing));
      });
    }
    const { status, body } = await call('/function/env');
    expect({ status, body }).to.deep.equal({ status: 200, body: 'here' });
  });

  it('gives a call an id of its own when the client’s is empty', async () => {
    await upstream(echo);
    await gateway();
    const { headers, body } = await call('/function/env', { headers: { 'x-call-id': '' } });
    expect(headers['x-call-id']).to.match(/^[0-9a-f-]{36}$/);
    expect((JSON.parse(body) as { headers: Record<string, string> }).headers['x-call-id']).to.equal(
      headers['x-call-id'],
    );
  });

  it('answers 502 with the reason when the function breaks off before it answered', async () => {
    await upstream((incoming) => incoming.socket.destroy());
    await gateway();
    const { status, body, headers } = await call('/function/env', { method: 'POST', body: 'hi' });
    expect(status).to.equal(502);
    expect(body).to.contain('env.openfaas-fn');
    expect(headers['x-skep-error']).to.equal('upstream_broken');
  });

  it('answers 504 that names the limit when the function is too slow', async () => {
    await upstream(() => {});
    await gateway({ upstreamTimeoutMs: 50 });
    const { status, body } = await call('/function/env');
    expect(status).to.equal(504);
    expect(body).to.contain('upstream_timeout (0.05 s)');
  });

  it('answers 429 past its limit of calls in flight', async () => {
    const { promise: arrived, resolve: arrive } = Promise.withResolvers<ServerResponse>();
    await upstream((_, outgoing) => arrive(outgoing));
    await gateway({ maxInflight: 1 });
    const first = call('/function/env');
    const held = await arrived;
    const second = await call('/function/env');
    expect(second.status).to.equal(429);
    expect(second.headers['retry-after']).to.equal('1');
    held.end('done');
    expect((await first).status).to.equal(200);
  });

  it('wakes a sleeping function once for all who call it', async () => {
    await upstream(echo); // takes the port
    replicas = [];
    desired = 0;
    await gateway({
      scaleUp: async () => {
        scaleCalls++;
        desired = 1;
        replicas = [{ id: 'r1', address: '127.0.0.1', isRunning: true }];
      },
    });
    const answers = await Promise.all(Array.from({ length: 20 }, () => call('/function/env')));
    expect(new Set(answers.map(({ status }) => status))).to.deep.equal(new Set([200]));
    expect(scaleCalls).to.equal(1);
  });

  it('tells the cluster’s reason when the function does not come up in time', async () => {
    await upstream(echo);
    replicas = [{ id: 'r1', address: undefined, isRunning: false, error: 'No such image: nope:latest' }];
    await gateway({ coldStart: { capacity: 10, timeoutMs: 100, scaleFromZero: true } });
    const { status, body, headers } = await call('/function/env');
    expect(status).to.equal(503);
    expect(body).to.contain('No such image: nope:latest');
    expect(headers['retry-after']).to.equal('1');
  });

  it('does not deliver a call whose client left while it waited', async () => {
    let delivered = 0;
    await upstream((_, outgoing) => {
      delivered++;
      outgoing.end();
    });
    replicas = [];
    desired = 0;
    await gateway();
    const socket = connect(listener.port, '127.0.0.1', () =>
      socket.write('GET /function/env HTTP/1.1\r\nHost: a\r\n\r\n'),
    );
    while (scaleCalls === 0) await new Promise((resolve) => setImmediate(resolve));
    socket.destroy();
    while (records.length === 0) await new Promise((resolve) => setImmediate(resolve));
    expect(records[0]?.status).to.equal(499);
    desired = 1;
    replicas = [{ id: 'r1', address: '127.0.0.1', isRunning: true }];
    dataPlane.nudge();
    expect((await call('/function/env')).status).to.equal(200);
    expect(delivered).to.equal(1);
  });

  it('sends everything else to the control plane, with the client’s address', async () => {
    await upstream(echo);
    const control = createServer(echo);
    upstreams.push(control);
    await new Promise<void>((resolve) => control.listen(join(folder, 'control.sock'), resolve));
    await gateway();
    const { body } = await call('/system/functions?x=1', {
      method: 'POST',
      body: '{}',
      headers: { 'x-skep-client': 'forged' },
    });
    const seen = JSON.parse(body) as { url: string; body: string; headers: Record<string, string> };
    expect(seen).to.include({ url: '/system/functions?x=1', body: '{}' });
    expect(seen.headers['x-skep-client']).to.match(/^127\.0\.0\.1:\d+$/);
  });

  it('answers 405 for a verb that the control plane does not know', async () => {
    await gateway();
    const { status, headers, body } = await call('/system/functions', { method: 'PURGE' });
    expect([status, headers['x-skep-error']]).to.deep.equal([405, 'method_not_allowed']);
    expect(body).to.contain('PURGE');
  });

  it('answers 503 when the control plane is away', async () => {
    await upstream(echo);
    await gateway();
    expect((await call('/healthz')).status).to.equal(503);
  });
});
