import { expect } from 'chai';
import { RawPeer } from '../../http1/raw-peer.ts';
import { freePort } from '../../support/free-port.ts';
import { startHttp, startRaw, stopRawUpstreams } from '../http-upstream.ts';
import { describeContract, post } from './contract.ts';

const NODE = 'node serves-http.mjs';
const UPSTREAMS = { Node: NODE, Python: 'python3 serves-http.py' };
const INTERNAL = 'of-watchdog';

/** A request written by hand, on a connection of its own. */
async function rawCall(url: string, head: string): Promise<RawPeer> {
  const peer = await RawPeer.connect(Number(new URL(url).port));
  peer.send(`${head.replaceAll('\n', '\r\n')}\r\n\r\n`);
  return peer;
}

describeContract('of-watchdog', 'mode http, what passes', ({ it, differs }) => {
  afterEach(stopRawUpstreams);

  for (const [name, fprocess] of Object.entries(UPSTREAMS)) {
    it(`relays every verb with path, query and host to a server in ${name}`, async ({ start }) => {
      const { url } = await startHttp(start, fprocess);
      for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PURGE']) {
        const headers = { Host: 'own.example' };
        const response = await fetch(`${url}/a%20b/c?x=1&y`, { method, headers });
        expect(response.status, method).to.equal(200);
        expect(response.headers.get('x-duration-seconds')).to.match(/^\d+\.\d{6}$/);
        const seen = (await response.json()) as Record<string, unknown>;
        expect(seen).to.include({ method, url: '/a%20b/c?x=1&y' });
        expect(JSON.stringify(seen)).to.contain('own.example');
      }
      const head = await fetch(url, { method: 'HEAD' });
      expect([head.status, await head.text()]).to.deep.equal([200, '']);
    });
  }

  it('passes status and headers of the answer on, repeated ones and redirects too', async ({ start }) => {
    const { url } = await startHttp(start, NODE);
    const moved = await fetch(`${url}/moved`, { redirect: 'manual' });
    expect([moved.status, moved.headers.get('location')]).to.deep.equal([302, '/elsewhere']);
    expect(moved.headers.getSetCookie()).to.deep.equal(['a=1', 'b=2']);
    const teapot = await fetch(`${url}/teapot`);
    expect([teapot.status, teapot.headers.get('x-own')]).to.deep.equal([418, 'own']);
  });

  it('passes long bodies through whole, both ways, with a length and without', async ({ start }) => {
    const { url } = await startHttp(start, NODE);
    const body = Buffer.alloc(12_000_000, 'abcdefghijk');
    const sized = await (await post(`${url}/same`, body)).arrayBuffer();
    expect(Buffer.from(sized).equals(body)).to.equal(true);
    const stream = new Blob([body]).stream();
    const chunked = await (await fetch(`${url}/same`, { method: 'POST', body: stream })).arrayBuffer();
    expect(Buffer.from(chunked).equals(body)).to.equal(true);
  });

  it('puts the path of upstream_url before every other', async ({ start }) => {
    const { watchdog, called } = await startRaw(start, {}, '/base');
    void fetch(`${watchdog.url}/a?b=1`).catch(() => {});
    expect((await called()).received).to.match(/^GET \/base\/a\?b=1 HTTP\/1\.1\r\n/);
  });

  for (const variable of ['http_buffer_req_body', 'buffer_http']) {
    differs(
      'buffered length',
      `finds out the length of a body that came without with ${variable}`,
      async ({ start }) => {
        const { watchdog, called } = await startRaw(start, { [variable]: '1' });
        const client = await rawCall(
          watchdog.url,
          'POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\n2\nab\n1\nc\n0',
        );
        const upstream = await called();
        expect(await upstream.untilReceived('abc')).to.match(/\r\nContent-Length: 3\r\n/i);
        client.destroy();
      },
    );
  }

  it('passes a body of unknown length on as such', async ({ start }) => {
    const { watchdog, called } = await startRaw(start);
    const client = await rawCall(watchdog.url, 'POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked');
    client.send('3\r\nabc\r\n');
    const upstream = await called();
    expect(await upstream.untilReceived('abc')).to.match(/\r\nTransfer-Encoding: chunked\r\n/i);
    client.destroy();
  });

  differs(
    'length as it came',
    'gives a server that cannot read chunks the length that the client told',
    async ({ start }) => {
      const { url } = await startHttp(start, 'python3 serves-http.py');
      expect(await (await post(url, 'four')).json()).to.include({ bytes: 4 });
    },
  );

  for (const accept of ['text/event-stream', 'application/x-ndjson']) {
    it(`passes ${accept} on line by line, past exec_timeout`, async ({ start }) => {
      const { watchdog, called } = await startRaw(start, { exec_timeout: '200ms' });
      const client = await rawCall(watchdog.url, `GET /events HTTP/1.1\nHost: a\nAccept: ${accept}`);
      const upstream = await called();
      upstream.send(
        `HTTP/1.1 200 OK\r\nContent-Type: ${accept}\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n`,
      );
      await client.untilReceived('first');
      await Bun.sleep(400); // longer than exec_timeout
      upstream.send('6\r\nsecond\r\n');
      await client.untilReceived('second');
      expect(client.received).not.to.match(/x-duration-seconds/i);
      upstream.send('0\r\n\r\n');
      await client.untilReceived('\r\n0\r\n\r\n');
      client.destroy();
    });
  }

  differs('flush at once', 'passes every answer on as it comes, whatever its type', async ({ start }) => {
    const { watchdog, called } = await startRaw(start);
    const client = await rawCall(watchdog.url, 'GET / HTTP/1.1\nHost: a');
    (await called()).send('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n');
    await client.untilReceived('first');
    client.destroy();
  });

  it('tunnels a WebSocket, both ways and raw', async ({ start }) => {
    const { watchdog, called } = await startRaw(start, { exec_timeout: '200ms' });
    const client = await rawCall(
      watchdog.url,
      'GET /ws HTTP/1.1\nHost: a\nConnection: Upgrade\nUpgrade: websocket\nSec-WebSocket-Version: 13\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    );
    const upstream = await called();
    expect(upstream.received).to.match(/\r\nUpgrade: websocket\r\n/i);
    upstream.send(
      'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n\x81\x05hello',
    );
    await client.untilReceived('\x81\x05hello');
    client.send('\x88\x80\x00\xff\r\n');
    await upstream.untilReceived('\x88\x80\x00\xff\r\n');
    await Bun.sleep(400); // longer than exec_timeout
    upstream.send('still there');
    await client.untilReceived('still there');
    client.destroy();
    await upstream.untilEnd();
  });

  differs('head as it came', 'adds nothing of its own to request and answer', async ({ start }) => {
    const { watchdog, called } = await startRaw(start);
    const client = await rawCall(watchdog.url, 'GET / HTTP/1.1\nHost: a\nx-lower: \xe9');
    const upstream = await called();
    expect(upstream.received).to.equal('GET / HTTP/1.1\r\nHost: a\r\nx-lower: \xe9\r\n\r\n');
    upstream.send('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi');
    await client.untilReceived('hi');
    expect(client.received).not.to.match(/content-type/i);
    client.destroy();
  });
});

describeContract('of-watchdog', 'mode http, failures and limits', ({ it, differs }) => {
  afterEach(stopRawUpstreams);

  it('answers 500 without a word when nobody listens any more', async ({ start }) => {
    const { watchdog, server } = await startRaw(start);
    server.close();
    const response = await post(watchdog.url, 'abc');
    expect([response.status, await response.text()]).to.deep.equal([500, '']);
    expect(response.headers.get('x-openfaas-internal')).to.equal(INTERNAL);
    expect(response.headers.get('x-duration-seconds')).to.match(/^\d+\.\d{6}$/);
    await watchdog.logged('Upstream HTTP request error: ');
  });

  for (const [what, bytes] of [
    ['closes without an answer', ''],
    ['answers garbage', 'SSH-2.0-OpenSSH_9.2\r\n\r\n'],
    ['closes in the middle of its head', 'HTTP/1.1 200 OK\r\nContent-'],
    ['names two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc'],
  ] as const) {
    it(`answers 500 when the server ${what}`, async ({ start }) => {
      const { watchdog, called } = await startRaw(start);
      const response = fetch(watchdog.url);
      const upstream = await called();
      upstream.send(bytes);
      upstream.socket.end();
      const { status, headers } = await response;
      expect([status, headers.get('x-openfaas-internal')]).to.deep.equal([500, INTERNAL]);
    });
  }

  differs('failure of a stream', 'answers 500 when an event stream does not begin', async ({ start }) => {
    const { watchdog, called } = await startRaw(start);
    const response = fetch(watchdog.url, { headers: { Accept: 'text/event-stream' } });
    (await called()).socket.end();
    const { status, headers } = await response;
    expect([status, headers.get('x-openfaas-internal')]).to.deep.equal([500, INTERNAL]);
  });

  it('breaks an answer off whose server does not complete it', async ({ start }) => {
    const { watchdog, called } = await startRaw(start);
    const client = await rawCall(watchdog.url, 'GET / HTTP/1.1\nHost: a');
    const upstream = await called();
    upstream.send('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf');
    upstream.socket.end();
    expect(await client.untilEnd()).to.match(/\r\n\r\nhalf$/);
  });

  differs(
    'half an answer',
    'leaves an answer of unknown length without its end when it is cut short',
    async ({ start }) => {
      const { watchdog, called } = await startRaw(start, { exec_timeout: '1s' });
      const client = await rawCall(watchdog.url, 'GET / HTTP/1.1\nHost: a');
      (await called()).send('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n');
      expect(await client.untilEnd()).to.match(/\r\n4\r\nhalf\r\n$/);
    },
  );

  it('answers 504 without a word after exec_timeout, and ends the call', async ({ start }) => {
    const { watchdog, called } = await startRaw(start, { exec_timeout: '300ms' });
    const response = await fetch(watchdog.url);
    expect([response.status, await response.text()]).to.deep.equal([504, '']);
    expect(response.headers.get('x-openfaas-internal')).to.equal(INTERNAL);
    expect(Number(response.headers.get('x-duration-seconds'))).to.be.within(0.3, 3);
    await (await called()).untilEnd();
    await watchdog.logged('Upstream HTTP killed due to exec_timeout: ');
  });

  it('counts the body of the answer, too', async ({ start }) => {
    const { watchdog, called } = await startRaw(start, { exec_timeout: '1s' });
    const client = await rawCall(watchdog.url, 'GET / HTTP/1.1\nHost: a');
    (await called()).send('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf');
    expect(await client.untilEnd()).to.match(/\r\n\r\nhalf$/);
  });

  it('takes a shorter limit from X-Timeout, and ignores a longer one', async ({ start }) => {
    const { watchdog } = await startRaw(start, { exec_timeout: '1s' });
    for (const [asked, least, most] of [
      ['200ms', 0.2, 0.9],
      ['1h', 1, 3],
    ] as const) {
      const response = await fetch(watchdog.url, { headers: { 'X-Timeout': asked } });
      expect(response.status).to.equal(504);
      expect(Number(response.headers.get('x-duration-seconds'))).to.be.within(least, most);
    }
  });

  differs('X-Timeout', 'refuses an X-Timeout that is no duration above 0', async ({ start }) => {
    const { watchdog } = await startRaw(start, { exec_timeout: '300ms' });
    for (const asked of ['0s', '0', '-1s', 'soon', '1 s']) {
      const response = await fetch(watchdog.url, { headers: { 'X-Timeout': asked } });
      expect([asked, response.status]).to.deep.equal([asked, 400]);
      expect(await response.text()).to.contain('X-Timeout');
    }
  });

  differs(
    'write timeout',
    'answers 504 when write_timeout is over before exec_timeout',
    async ({ start }) => {
      const { watchdog } = await startRaw(start, { exec_timeout: '0', write_timeout: '300ms' });
      expect((await fetch(watchdog.url)).status).to.equal(504);
      await watchdog.logged('write_timeout');
    },
  );

  it('ends the call when the client leaves', async ({ start }) => {
    const { watchdog, called } = await startRaw(start);
    const client = await rawCall(watchdog.url, 'GET / HTTP/1.1\nHost: a');
    const upstream = await called();
    client.destroy();
    await upstream.untilEnd();
  });

  it('answers more calls than max_inflight with 429', async ({ start }) => {
    const { watchdog, called } = await startRaw(start, { max_inflight: '1' });
    const first = fetch(watchdog.url);
    const upstream = await called();
    const second = await fetch(watchdog.url);
    expect([second.status, await second.text()]).to.deep.equal([
      429,
      'Concurrent request limit exceeded. Max concurrent requests: 1\n',
    ]);
    expect((await fetch(`${watchdog.url}/_/ready`)).status).to.equal(429);
    upstream.send('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi');
    expect(await (await first).text()).to.equal('hi');
  });

  it('asks the function at ready_path', async ({ start }) => {
    const { watchdog, called } = await startRaw(start, { ready_path: '/own/ready?full=1' });
    const ready = fetch(`${watchdog.url}/_/ready`, { headers: { 'X-Own': 'own' } });
    const upstream = await called();
    expect(upstream.received).to.match(/^GET \/own\/ready\?full=1 HTTP\/1\.1\r\n/);
    expect(upstream.received).to.match(/\r\nX-Own: own\r\n/i);
    upstream.send('HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\nbusy');
    const response = await ready;
    expect([response.status, await response.text()]).to.deep.equal([503, 'busy']);
    expect((await fetch(`${watchdog.url}/_/ready`, { method: 'POST' })).status).to.equal(405);
  });

  it('writes one line for a call, with its id when asked, and none for the probes of Kubernetes', async ({
    start,
  }) => {
    const { url, logged, log } = await startHttp(start, NODE, { log_callid: '1' });
    await (await post(`${url}/same?x=1`, 'a'.repeat(1500), { 'X-Call-Id': 'id-1' })).text();
    await (await fetch(`${url}/probed`, { headers: { 'User-Agent': 'kube-probe/1.30' } })).text();
    await (await fetch(`${url}/moved`, { redirect: 'manual' })).text();
    expect(await logged('GET /moved - 302 Found - ')).to.match(/ \[none\]\n$/);
    expect(log()).to.match(
      /\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d POST \/same\?x=1 - 200 OK - ContentLength: (-1B|1\.5kB) \(\d+\.\d{4}s\) \[id-1\]\n/,
    );
    expect(log()).not.to.contain('/probed');
  });
});

describeContract('of-watchdog', 'mode http, its process', ({ it, differs }) => {
  afterEach(stopRawUpstreams);

  it('logs what the process prints, with time and stream', async ({ start }) => {
    const { logged } = await startHttp(start, NODE);
    for (const stream of ['stdout', 'stderr']) {
      await logged(`Started logging: ${stream} from function.`);
      expect(await logged(`${stream}: printed to ${stream}\n`)).to.match(
        new RegExp(`\\d{4}/\\d\\d/\\d\\d \\d\\d:\\d\\d:\\d\\d ${stream}: printed to ${stream}\\n`),
      );
    }
    expect(await logged('Forking: ')).to.contain('Forking: node, arguments: [serves-http.mjs]');
  });

  it('logs it bare with prefix_logs=false', async ({ start }) => {
    const { logged } = await startHttp(start, NODE, { prefix_logs: 'false' });
    expect(await logged('printed to stdout\n')).to.match(/^printed to stdout$/m);
  });

  differs(
    'long log line',
    'logs a line longer than log_buffer_size in pieces, and what follows',
    async ({ start }) => {
      const { watchdog } = await startRaw(start, {
        fprocess: './prints-long-lines',
        log_buffer_size: '1000',
      });
      const text = await watchdog.logged('stdout: after it\n');
      expect([...text.matchAll(/ stdout: (x+)\n/g)].map(([, line = '']) => line.length)).to.deep.equal([
        1000, 1000, 500,
      ]);
    },
  );

  it('ends with 1 when the process fails', async ({ start }) => {
    const watchdog = await startHttp(start, NODE);
    const call = fetch(`${watchdog.url}/exit/3`).then(
      ({ status }) => status,
      () => 'cut off',
    );
    expect(await watchdog.exited()).to.equal(1);
    expect([500, 'cut off']).to.include(await call);
    expect(watchdog.log()).to.contain('Forked function has terminated: exit status 3');
  });

  differs(
    'process that ends',
    'ends with 1 when the process ends with 0, for it serves no more',
    async ({ start }) => {
      const watchdog = await startHttp(start, NODE);
      const response = await fetch(`${watchdog.url}/exit/0`);
      expect(response.status).to.equal(500);
      expect(await watchdog.exited()).to.equal(1);
      expect(watchdog.log()).to.contain('Forked function has terminated: exit status 0');
    },
  );

  it('hands SIGTERM on at once, and serves until the wait is over', async ({ start }) => {
    const watchdog = await startHttp(start, NODE, { healthcheck_interval: '1500ms', write_timeout: '2s' });
    watchdog.process.kill('SIGTERM');
    await watchdog.logged('got SIGTERM');
    expect(watchdog.log()).not.to.contain('No new connections allowed');
    const response = await fetch(watchdog.url);
    expect(response.status).to.equal(200);
    expect((await fetch(`${watchdog.url}/_/health`)).status).to.equal(503);
    expect(await watchdog.exited()).to.equal(0);
    expect(watchdog.log()).to.contain('Exiting. Active connections: 0');
  });

  differs(
    'process that ends',
    'ends with 0 as soon as the process has ended after SIGTERM',
    async ({ start }) => {
      const watchdog = await startHttp(start, NODE, { healthcheck_interval: '60s', ENDS_ON_SIGTERM: '1' });
      watchdog.process.kill('SIGTERM');
      expect(await watchdog.exited()).to.equal(0);
    },
  );

  differs(
    'waits for its process',
    'is healthy no sooner than the process listens, and holds calls until then',
    async ({ start }) => {
      const upstreamPort = freePort();
      const { url } = await start({
        mode: 'http',
        fprocess: NODE,
        upstream_url: `http://127.0.0.1:${upstreamPort}`,
        UPSTREAM_PORT: String(upstreamPort),
        START_DELAY_MS: '1500',
      });
      const early = fetch(`${url}/early`);
      expect((await fetch(`${url}/_/health`)).status).to.equal(503);
      expect((await fetch(`${url}/_/ready`)).status).to.equal(503);
      expect((await early).status).to.equal(200);
      expect((await fetch(`${url}/_/health`)).status).to.equal(200);
    },
  );

  differs('waits for its process', 'gives up a held call at its time limit', async ({ start }) => {
    const { url } = await start({
      mode: 'http',
      fprocess: 'sleep 60',
      upstream_url: 'http://127.0.0.1:9',
      exec_timeout: '300ms',
    });
    const response = await fetch(url);
    expect([response.status, response.headers.get('x-openfaas-internal')]).to.deep.equal([504, INTERNAL]);
  });

  it('needs upstream_url', async ({ start }) => {
    const watchdog = await start({ mode: 'http', fprocess: 'cat' }, { waits: false });
    expect(await watchdog.exited()).not.to.equal(0);
    expect(watchdog.log()).to.contain('upstream_url');
  });

  it('does not start around a process that cannot be started', async ({ start }) => {
    const env = { mode: 'http', fprocess: 'no-such-program', upstream_url: 'http://127.0.0.1:9' };
    const watchdog = await start(env, { waits: false });
    expect(await watchdog.exited()).not.to.equal(0);
    expect(watchdog.log()).to.contain('no-such-program');
  });
});
