import { writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { expect } from 'chai';
import { RawPeer } from '../http1/raw-peer.ts';
import { type DataPlaneUnderTest, startDataPlane } from '../support/data-plane-with-upstream.ts';
import { freePort } from '../support/free-port.ts';
import { startWatchdog, stopWatchdogs } from '../watchdog/start-watchdog.ts';
import { find, goProgram, scratchFolder, serve, serveOn, skipSaying, stopPrograms } from './programs.ts';

const FIXTURES = join(import.meta.dirname, 'fixtures');
const NODE_SERVER = join(FIXTURES, 'server.cjs');
const PYTHON_SERVER = join(FIXTURES, 'server.py');

interface Answer {
  readonly status: number;
  readonly headers: Record<string, string | string[] | undefined>;
  readonly body: Buffer;
}

/** A server that functions are written with, and what it cannot do. */
interface Kind {
  readonly needs: string;
  readonly start: () => Promise<number>;
  readonly hasNoTrailers?: true;
  readonly isHttp10?: true;
}

async function startNginx(): Promise<number> {
  const folder = scratchFolder();
  const [port, behind] = [freePort(), await serve(['node', NODE_SERVER])];
  writeFileSync(
    join(folder, 'nginx.conf'),
    `daemon off; master_process off; worker_processes 1; pid ${folder}/pid; error_log ${folder}/error.log;
events { worker_connections 256; }
http {
  access_log off; client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/f; uwsgi_temp_path ${folder}/u; scgi_temp_path ${folder}/s;
  keepalive_timeout 3s 3s; keepalive_requests 5; client_max_body_size 1m;
  server {
    listen 127.0.0.1:${port};
    location / { proxy_pass http://127.0.0.1:${behind}; proxy_http_version 1.1; proxy_set_header Connection ""; }
    location = /_/health { return 200; }
    location = /empty { return 204; }
  }
}`,
  );
  await serveOn(port, [find('nginx') ?? 'nginx', '-c', join(folder, 'nginx.conf'), '-p', folder]);
  return port;
}

const kinds: Readonly<Record<string, Kind>> = {
  'node:http': { needs: 'node', start: () => serve(['node', NODE_SERVER]) },
  'node:http that keeps connections for a moment only': {
    needs: 'node',
    start: () => serve(['node', NODE_SERVER], { KEEP_ALIVE_MS: '1' }),
  },
  'Go’s net/http': { needs: 'go', start: async () => serve([await goProgram('server.go.txt')]) },
  'Python’s http.server': { needs: 'python3', start: () => serve(['python3', PYTHON_SERVER]) },
  'Python’s http.server in HTTP/1.0': {
    needs: 'python3',
    start: () => serve(['python3', PYTHON_SERVER], { VERSION: 'HTTP/1.0' }),
    isHttp10: true,
  },
  nginx: { needs: 'nginx', start: startNginx, hasNoTrailers: true },
  'our watchdog in mode http': {
    needs: 'node',
    start: async () => {
      const upstreamPort = String(freePort());
      const watchdog = await startWatchdog({
        mode: 'http',
        fprocess: `${find('node')} ${NODE_SERVER}`,
        upstream_url: `http://127.0.0.1:${upstreamPort}`,
        UPSTREAM_PORT: upstreamPort,
      });
      return Number(new URL(watchdog.url).port);
    },
  },
};

describe('the answers of real servers through the data plane', function () {
  this.timeout(120_000);
  let plane: DataPlaneUnderTest | undefined;

  afterEach(async () => {
    plane?.close();
    plane = undefined;
    await stopWatchdogs();
    await stopPrograms();
  });

  function call(
    method: string,
    path: string,
    body?: Buffer,
    headers: Record<string, string> = {},
  ): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const outgoing = request(
        { host: '127.0.0.1', port: plane?.port, path: `/function/fn${path}`, method, headers, agent: false },
        (response) => {
          const pieces: Buffer[] = [];
          response.on('data', (piece: Buffer) => pieces.push(piece));
          response.once('error', reject);
          response.once('aborted', () => reject(new Error('cut off')));
          response.once('end', () =>
            resolve({
              status: response.statusCode ?? 0,
              headers: response.headers,
              body: Buffer.concat(pieces),
            }),
          );
        },
      );
      outgoing.once('error', reject);
      outgoing.end(body);
    });
  }

  /** All that the raw client gets of one call, to the end of the connection. */
  async function rawCall(path: string): Promise<string> {
    const client = await RawPeer.connect(plane?.port ?? 0);
    client.send(`GET /function/fn${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
    const received = await client.untilEnd();
    client.destroy();
    return received;
  }

  for (const [name, { needs, start, hasNoTrailers, isHttp10 }] of Object.entries(kinds)) {
    it(name, async function () {
      if (find(needs) === null) return skipSaying(this, `there is no ${needs} on this machine`);
      plane = await startDataPlane({ functionPort: await start() });

      for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']) {
        for (const size of [0, 1, 4096, 300_000]) {
          const body = Buffer.alloc(size, 'äß\0\r\n');
          const answer = await call(method, '/echo?q=%2F', body, { 'content-length': String(size) });
          const about = `${method} of ${size}`;
          expect(answer.status, about).to.equal(200);
          expect(answer.body.equals(body), `${about}: ${answer.body.length} bytes`).to.equal(true);
          expect(answer.headers['x-method'], about).to.equal(method);
          expect(answer.headers['x-url'], about).to.equal('/echo?q=%2F');
        }
      }
      const chunked = await call('POST', '/echo', Buffer.from('in chunks'), {
        'transfer-encoding': 'chunked',
      });
      expect(chunked.body.toString()).to.equal('in chunks');

      const pieces = await rawCall('/chunks');
      expect(pieces.match(/piece [0-9]\n/g)).to.deep.equal(
        ['0', '1', '2', '3', '4'].map((i) => `piece ${i}\n`),
      );
      if (!hasNoTrailers && !isHttp10) expect(pieces).to.match(/\r\n0\r\nx-sum: 5\r\n\r\n$/i);
      else expect(pieces.endsWith('0\r\n\r\n')).to.equal(true);

      const gzip = await rawCall('/gzip');
      expect(gzip).to.match(/\r\ncontent-encoding: gzip\r\n/i);
      const zipped = await call('GET', '/gzip', undefined, { 'accept-encoding': 'gzip' });
      const text = zipped.body[0] === 0x1f ? gunzipSync(zipped.body).toString() : zipped.body.toString();
      expect(text).to.equal('compressed '.repeat(1000));

      const head = await call('HEAD', '/sized');
      expect([head.status, head.headers['content-length'], head.body.length]).to.deep.equal([200, '1000', 0]);
      const moved = await call('GET', '/moved');
      expect([moved.status, moved.headers['location']]).to.deep.equal([302, '/elsewhere']);
      expect((await call('GET', '/empty')).status).to.equal(204);
      expect((await call('GET', '/close')).body.toString()).to.equal('closing');
      expect((await call('GET', '/nothing-there')).status).to.equal(404);

      // An answer that breaks off is never made to look whole; a server without lengths cannot say that it broke off.
      const broken = await rawCall('/broken');
      expect(broken).to.match(/^HTTP\/1\.1 200 OK/);
      if (!name.includes('watchdog')) expect(broken.endsWith('\r\n0\r\n\r\n')).to.equal(false);

      await Promise.all(
        Array.from({ length: 50 }, async (_, i) => {
          const body = Buffer.from(`call ${i}`);
          const answer = await call('POST', '/echo', body, { 'content-length': String(body.length) });
          expect(answer.body.toString()).to.equal(`call ${i}`);
        }),
      );
      const unexpected = plane.records.filter(({ status, error }) => error !== undefined && status !== 502);
      expect(unexpected).to.deep.equal([]);
    });
  }

  for (const mode of ['fork', 'serializing', 'streaming']) {
    it(`our watchdog in mode ${mode}`, async () => {
      const watchdog = await startWatchdog({ mode, fprocess: 'cat' });
      plane = await startDataPlane({ functionPort: Number(new URL(watchdog.url).port) });
      for (const size of [0, 1, 4096, 1_000_000]) {
        const body = Buffer.alloc(size, 'äß\0\r\n');
        for (const framing of [{ 'content-length': String(size) }, { 'transfer-encoding': 'chunked' }]) {
          const answer = await call('POST', '/', body, framing as Record<string, string>);
          expect(answer.status).to.equal(200);
          expect(answer.body.equals(body), `${size}: ${answer.body.length} bytes`).to.equal(true);
          if (mode !== 'streaming') expect(answer.headers['x-duration-seconds']).to.be.a('string');
        }
      }
    });
  }
});
