import { expect } from 'chai';
import { RawPeer } from '../http1/raw-peer.ts';
import { freePort } from '../support/free-port.ts';
import { startHttp, startRaw, stopRawUpstreams } from './http-upstream.ts';
import { isAlive, peakMegabytes, startWatchdog, stopWatchdogs, until } from './start-watchdog.ts';

const NODE = 'node serves-http.mjs';

describe('mode http of the watchdog, what the contract does not say', () => {
  afterEach(async () => {
    stopRawUpstreams();
    await stopWatchdogs();
  });

  it('answers 421 to a call that is meant for another function, and calls nobody', async () => {
    const { watchdog, server } = await startRaw(startWatchdog, {
      OPENFAAS_NAME: 'me',
      OPENFAAS_NAMESPACE: 'here',
    });
    const response = await fetch(watchdog.url, { headers: { 'X-Skep-Function': 'you.here' } });
    expect([response.status, response.headers.get('x-openfaas-internal')]).to.deep.equal([421, 'watchdog']);
    expect(server.peers.every(({ received }) => received === '')).to.equal(true);
  });

  it('has its lock file before the process listens: an image with a HEALTHCHECK on it is not killed while it starts', async () => {
    const port = freePort();
    const { lockPath, url } = await startWatchdog({
      mode: 'http', fprocess: NODE, upstream_url: `http://127.0.0.1:${port}`, UPSTREAM_PORT: String(port), START_DELAY_MS: '1500',
    }); // biome-ignore format: short
    expect(await Bun.file(lockPath).exists()).to.equal(true);
    expect((await fetch(`${url}/_/health`)).status).to.equal(503);
  });

  it('finds a process that listens on localhost, whatever address that is', async () => {
    const port = freePort();
    const { url } = await startHttp(startWatchdog, NODE, {
      upstream_url: `http://localhost:${port}`,
      UPSTREAM_PORT: String(port),
    });
    expect((await fetch(url)).status).to.equal(200);
  });

  it('chooses a free port where the upstream has port 0, another one for each watchdog, and tells the process in PORT', async () => {
    const own = { mode: 'http', fprocess: NODE, upstream_url: 'http://127.0.0.1:0' };
    const watchdogs = await Promise.all([startWatchdog(own), startWatchdog({ ...own, PORT: '1' })]);
    const answers = await Promise.all(watchdogs.map(({ url }) => fetch(`${url}/hello`)));
    expect(answers.map(({ status }) => status)).to.deep.equal([200, 200]);
  });

  it('does not start where the upstream has port 0 and an address that is not this machine’s', async () => {
    const own = { mode: 'http', fprocess: NODE, upstream_url: 'http://192.0.2.1:0' };
    const watchdog = await startWatchdog(own, { waits: false });
    expect(await watchdog.exited()).to.equal(1);
    expect(watchdog.log()).to.contain('cannot start: upstream_url: no free port on 192.0.2.1');
  });

  it('forgets a held call whose client leaves', async () => {
    const port = freePort();
    const watchdog = await startWatchdog({
      mode: 'http', fprocess: NODE, upstream_url: `http://127.0.0.1:${port}`, UPSTREAM_PORT: String(port), START_DELAY_MS: '1500',
    }); // biome-ignore format: short
    const client = await RawPeer.connect(Number(new URL(watchdog.url).port));
    client.send('GET /left HTTP/1.1\r\nHost: a\r\n\r\n');
    client.destroy();
    expect((await fetch(`${watchdog.url}/stayed`)).status).to.equal(200);
    expect(await watchdog.logged('GET /stayed - 200 OK')).to.contain('GET /left - 499 ');
  });

  it('is unhealthy while nobody listens, and healthy again when somebody does', async () => {
    const { watchdog, server } = await startRaw(startWatchdog);
    const { port } = server;
    server.close();
    expect((await fetch(watchdog.url)).status).to.equal(500);
    expect((await fetch(`${watchdog.url}/_/health`)).status).to.equal(503);
    const again = Bun.listen({ hostname: '127.0.0.1', port, socket: { data() {} } });
    await until(
      () => fetch(`${watchdog.url}/_/health`).then(({ status }) => status === 200),
      'healthy again',
    );
    again.stop(true);
  });

  it('does not send a request again when a connection that was kept dies under it', async () => {
    const { watchdog, called, server } = await startRaw(startWatchdog);
    const first = fetch(watchdog.url);
    const upstream = await called();
    upstream.send('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi');
    await (await first).text();
    const connections = server.peers.length;
    upstream.clear();
    const second = fetch(watchdog.url, { method: 'POST', body: 'once' });
    await upstream.untilReceived('once');
    upstream.destroy();
    expect((await second).status).to.equal(500);
    expect(server.peers.length).to.equal(connections);
  });

  it('ends the call of a client that leaves though the process does not read its body', async () => {
    const { watchdog, called } = await startRaw(startWatchdog, { exec_timeout: '1h', write_timeout: '1h' });
    const client = await RawPeer.connect(Number(new URL(watchdog.url).port));
    client.send('POST /long HTTP/1.1\r\nHost: a\r\nContent-Length: 60000000\r\n\r\n');
    client.send(Buffer.alloc(60_000_000));
    (await called()).socket.pause();
    await client.untilReceived('H'); // the beginning of any answer, to see whether it is there
    client.destroy();
    await watchdog.logged('POST /long - 499 ');
  });

  it('waits for a buffered body no longer than the call may take', async () => {
    const { watchdog } = await startRaw(startWatchdog, {
      http_buffer_req_body: 'true',
      exec_timeout: '500ms',
    });
    const client = await RawPeer.connect(Number(new URL(watchdog.url).port));
    client.send('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n');
    const drops = setInterval(() => client.send('1\r\na\r\n'), 50);
    expect(await client.untilReceived('\r\n\r\n').finally(() => clearInterval(drops))).to.match(
      /^HTTP\/1\.1 504 /,
    );
    client.destroy();
  });

  it('refuses a buffered body that is too long with 413', async function () {
    this.timeout(30_000);
    const { url } = await startHttp(startWatchdog, NODE, { http_buffer_req_body: 'true' });
    const client = await RawPeer.connect(Number(new URL(url).port));
    client.send('POST /count HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n');
    const piece = Buffer.alloc(1_048_576);
    for (let sent = 0; sent < 102 && !client.received.includes('413'); sent++) {
      client.send('100000\r\n');
      client.socket.write(piece);
      client.send('\r\n');
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await client.untilReceived('bodies of up to')).to.match(/^HTTP\/1\.1 413 /);
    client.destroy();
  });

  it('counts every call under what its client was answered, upgrades too, and not who asks whether it is ready', async () => {
    const { watchdog, called } = await startRaw(startWatchdog, {
      exec_timeout: '1s',
      ready_path: '/ready',
    });
    const counted = async (line: string): Promise<void> => {
      await until(async () => (await (await fetch(watchdog.metricsUrl)).text()).includes(`${line}\n`), line);
    };
    expect((await fetch(watchdog.url, { method: 'PUT' })).status).to.equal(504);
    await counted('http_requests_total{code="504",method="put"} 1');
    const ready = fetch(`${watchdog.url}/_/ready`);
    (await called(1)).send('HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n');
    expect((await ready).status).to.equal(204);
    const client = await RawPeer.connect(Number(new URL(watchdog.url).port));
    client.send('GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
    const upstream = await called(2);
    upstream.send('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
    await client.untilReceived('101');
    await counted('http_requests_in_flight 1');
    client.destroy();
    await upstream.untilEnd();
    upstream.socket.end(); // a tunnel lasts until both sides have ended
    await counted('http_requests_total{code="101",method="get"} 1');
    await counted('http_requests_in_flight 0');
    expect(await (await fetch(watchdog.metricsUrl)).text()).not.to.contain('code="204"');
    expect(await watchdog.logged('GET /ws - 101 Switching Protocols')).to.contain(
      'PUT / - 504 Gateway Timeout',
    );
  });

  it('kills what is left of the process when it ends', async () => {
    const pidFile = `/tmp/skep-http-mode-${process.pid}`;
    const { process: watchdog, exited } = await startRaw(startWatchdog, {
      fprocess: './ignores-sigterm', PID_FILE: pidFile, write_timeout: '1s',
    }).then(({ watchdog }) => watchdog); // biome-ignore format: short
    await until(() => Bun.file(pidFile).exists(), 'the process runs');
    const pid = Number(await Bun.file(pidFile).text());
    watchdog.kill('SIGTERM');
    expect(await exited()).to.equal(0);
    await until(() => !isAlive(pid), 'the process is dead');
    await Bun.file(pidFile).delete();
  });

  it('serves on, in little memory, when nobody reads what the process prints without end', async () => {
    const { watchdog, called } = await startRaw(startWatchdog, { fprocess: './prints-for-ever' });
    const { pid, stdout, stderr } = watchdog.process;
    stdout?.pause();
    stderr?.pause();
    await Bun.sleep(500); // the pipes fill
    for (let i = 0; i < 20; i++) {
      const response = fetch(watchdog.url);
      (await called(i)).send('HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi');
      expect(await (await response).text()).to.equal('hi');
    }
    expect(peakMegabytes(pid)).to.be.below(150);
  });

  it('logs bytes as they are, and the last line without an end', async () => {
    const watchdog = await startWatchdog(
      { mode: 'http', fprocess: './prints-bytes', upstream_url: 'http://127.0.0.1:9', prefix_logs: 'false' },
      { waits: false },
    );
    const pieces: Buffer[] = [];
    watchdog.process.stdout?.on('data', (piece: Buffer) => pieces.push(piece));
    expect(await watchdog.exited()).to.equal(1);
    expect(Buffer.concat(pieces).toString('latin1')).to.equal('\xff\xfe\x00\x01\n\nlast\n');
  });
});
