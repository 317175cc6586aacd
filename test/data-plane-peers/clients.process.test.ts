import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { eventually } from '../http1/raw-peer.ts';
import { type DataPlaneUnderTest, startDataPlane } from '../support/data-plane-with-upstream.ts';
import { freePort } from '../support/free-port.ts';
import {
  find,
  goProgram,
  mustRun,
  run,
  scratchFolder,
  serve,
  serveOn,
  skipSaying,
  stopPrograms,
} from './programs.ts';

const FIXTURES = join(import.meta.dirname, 'fixtures');

/** A Python that has `requests`, the system's among them: the first in the path may be another. */
async function pythonWithRequests(): Promise<string | undefined> {
  for (const python of [find('python3'), '/usr/bin/python3']) {
    if (python !== null && (await run([python, '-c', 'import requests'])).exitCode === 0) return python;
  }
  return undefined;
}

describe('real clients through the data plane', function () {
  this.timeout(120_000);
  let plane: DataPlaneUnderTest;
  let base: string;

  beforeEach(async () => {
    plane = await startDataPlane({ functionPort: await serve(['node', join(FIXTURES, 'server.cjs')]) });
    base = `http://127.0.0.1:${plane.port}/function/fn`;
  });
  afterEach(async () => {
    await eventually(() => plane.listener.inFlight === 0);
    plane.close();
    await stopPrograms();
  });

  function needs(test: Mocha.Context, program: string): void {
    if (find(program) === null) skipSaying(test, `there is no ${program} on this machine`);
  }

  describe('curl', () => {
    let folder: string;
    let upload: string;
    beforeEach(function () {
      needs(this, 'curl');
      folder = scratchFolder();
      upload = join(folder, 'upload');
      writeFileSync(upload, Buffer.alloc(3_000_000, 'äß\0\r\n'));
    });
    const curl = (...args: string[]): Promise<string> =>
      mustRun(['curl', '-sS', '--max-time', '30', ...args]);

    it('uploads and downloads: with a length, in chunks, with Expect, by HTTP/1.0', async () => {
      const ways = [
        ['-T', upload],
        ['-T', upload, '-H', 'Transfer-Encoding: chunked'],
        ['-T', upload, '-H', 'Expect: 100-continue'],
        ['--data-binary', `@${upload}`],
        ['--http1.0', '--data-binary', `@${upload}`],
        ['--compressed', '--data-binary', `@${upload}`],
      ];
      for (const way of ways) {
        const to = join(folder, 'download');
        await curl(...way, '-o', to, `${base}/echo`);
        expect(readFileSync(to).equals(readFileSync(upload)), way.join(' ')).to.equal(true);
      }
    });

    it('waits for 100 Continue, and gets it', async () => {
      const { stderr } = await run([
        'curl',
        '-v',
        '-T',
        upload,
        '-H',
        'Expect: 100-continue',
        '-o',
        '/dev/null',
        `${base}/echo`,
      ]);
      expect(stderr)
        .to.match(/< HTTP\/1\.1 100 Continue/)
        .and.match(/< HTTP\/1\.1 200 OK/);
    });

    it('undoes compression, asks for a head, follows no redirect, keeps its connection', async () => {
      expect(await curl('--compressed', `${base}/gzip`)).to.equal('compressed '.repeat(1000));
      expect(await curl('-I', `${base}/sized`)).to.match(
        /^HTTP\/1\.1 200 OK\r\n[\s\S]*Content-Length: 1000\r\n/,
      );
      expect(await curl('-o', '/dev/null', '-w', '%{http_code} %{redirect_url}', `${base}/moved`)).to.match(
        /^302 .*\/elsewhere$/,
      );
      expect(await curl('-w', '%{num_connects}', `${base}/chunks`, `${base}/empty`, `${base}/echo`)).to.match(
        /4\n1*0*$/m,
      );
      expect(await curl('--path-as-is', '-i', `${base}/../x`)).to.match(/^HTTP\/1\.1 404 /);
    });

    it('sees that an answer broke off', async () => {
      const { exitCode } = await run(['curl', '-sS', '-o', '/dev/null', `${base}/broken`]);
      expect(exitCode, 'curl: transfer closed with bytes outstanding').to.equal(18);
    });
  });

  it('hey: every answer a 200', async function () {
    needs(this, 'hey');
    const text = await mustRun(['hey', '-n', '2000', '-c', '50', '-m', 'POST', '-d', 'abc', `${base}/echo`]);
    expect(text).to.match(/\[200\]\s+2000 responses/);
    expect(text).not.to.match(/Error distribution/);
    expect(plane.records).to.have.length(2000);
  });

  it('wrk: no answer but 200, no error of a socket', async function () {
    needs(this, 'wrk');
    const text = await mustRun(['wrk', '-t', '1', '-c', '32', '-d', '1s', `${base}/sized`]);
    expect(text).to.match(/[1-9][0-9]* requests in/);
    expect(text).not.to.match(/Socket errors|Non-2xx/);
  });

  it('Node’s http and undici', async function () {
    needs(this, 'node');
    expect(await mustRun([find('node') ?? '', join(FIXTURES, 'client.cjs'), base])).to.contain(
      'all the same',
    );
  });

  it('Python’s http.client', async function () {
    needs(this, 'python3');
    expect(await mustRun(['python3', join(FIXTURES, 'client_http.py'), base])).to.contain('all the same');
  });

  it('Python’s requests', async function () {
    const python = await pythonWithRequests();
    if (python === undefined)
      return skipSaying(this, 'no Python here has requests (Debian: python3-requests)');
    expect(await mustRun([python, join(FIXTURES, 'client_requests.py'), base])).to.contain('all the same');
  });

  it('Go’s net/http', async function () {
    needs(this, 'go');
    expect(await mustRun([await goProgram('client.go.txt'), base])).to.contain('all the same');
  });

  it('nginx as a proxy before it', async function () {
    needs(this, 'nginx');
    needs(this, 'python3');
    const folder = scratchFolder();
    const port = freePort();
    writeFileSync(
      join(folder, 'nginx.conf'),
      `daemon off; master_process off; worker_processes 1; pid ${folder}/pid; error_log ${folder}/error.log;
events { worker_connections 256; }
http {
  access_log off; client_body_temp_path ${folder}/b; proxy_temp_path ${folder}/p;
  fastcgi_temp_path ${folder}/f; uwsgi_temp_path ${folder}/u; scgi_temp_path ${folder}/s;
  upstream gateway { server 127.0.0.1:${plane.port}; keepalive 8; }
  server {
    listen 127.0.0.1:${port};
    location / { proxy_pass http://gateway; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_request_buffering off; }
  }
}`,
    );
    await serveOn(port, [find('nginx') ?? '', '-c', join(folder, 'nginx.conf'), '-p', folder]);
    const through = `http://127.0.0.1:${port}/function/fn`;
    expect(await mustRun(['python3', join(FIXTURES, 'client_http.py'), through])).to.contain('all the same');
  });
});
