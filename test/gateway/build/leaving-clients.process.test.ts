import { once } from 'node:events';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { signBuild } from '../../../contract/build-signature.ts';
import { until } from '../../support/platform.ts';
import { type RunningGateway, runGateway } from '../../support/run-gateway.ts';
import { configEntry, tarOf } from './build-tar.ts';

const SECRET = 'a payload secret';
const WRONG = `X-Build-Signature: sha256=${'0'.repeat(64)}\r\n`;

describe('clients of the build API that leave, or that the gateway leaves', function () {
  this.timeout(60_000);
  let folder: string;
  let gateway: RunningGateway;
  /** That were begun so far: all tests have one gateway. */
  let builds = 0;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'skep-test-'));
    await writeFile(join(folder, 'payload-secret'), `${SECRET}\n`);
    gateway = await runGateway({
      gateway_workers: '1',
      builder: 'endless',
      secret_mount_path: folder,
      TMPDIR: folder,
      write_timeout: '4s',
    });
  });

  after(async () => {
    await gateway.end();
    await rm(folder, { recursive: true });
  });

  /** Sends this, and goes away once this has happened. */
  const leave = async (
    head: string,
    body: string | Buffer,
    happened: () => Promise<unknown>,
  ): Promise<void> => {
    const socket = connect(gateway.port, '127.0.0.1');
    socket.on('error', () => {});
    socket.resume();
    await once(socket, 'connect');
    socket.write(`POST ${head}Host: gateway\r\n\r\n`);
    socket.write(body);
    await happened();
    socket.destroy();
    await once(socket, 'close');
  };
  const keepsRequests = async (): Promise<boolean> =>
    (await readdir(folder)).some((name) => name.startsWith('skep-build-'));

  for (const [path, headers] of [
    ['/build', WRONG],
    ['/system/build', ''],
  ] as const) {
    it(`goes on when an upload to ${path} breaks off, and keeps nothing of it`, async () => {
      await leave(`${path} HTTP/1.1\r\n${headers}Content-Length: 1000000\r\n`, 'x', () =>
        until('the request is kept', keepsRequests),
      );
      await until('nothing is kept', async () => !(await keepsRequests()));
      expect((await gateway.call('/publickey')).status).to.equal(404);
    });
  }

  it('goes on when a deployment breaks off', async () => {
    await leave('/system/functions HTTP/1.1\r\nContent-Length: 1000000\r\n', 'x', () =>
      gateway.call('/publickey'),
    );
    // What is queued for the broken request has come before this is answered.
    for (let i = 0; i < 5; i++) expect((await gateway.call('/publickey')).status).to.equal(404);
  });

  for (const accept of ['application/json', 'application/x-ndjson']) {
    it(`ends builds that say nothing when their clients leave that wanted ${accept}`, async () => {
      const tar = await tarOf(configEntry({ image: 'x/silent:1' }), ['context/Dockerfile', 'FROM scratch']);
      const fields = `Accept: ${accept}\r\nContent-Length: ${tar.length}\r\n`;
      const signature = `X-Build-Signature: ${signBuild(tar, SECRET)}\r\n`;
      for (const head of [
        `/system/build HTTP/1.1\r\n${fields}`,
        `/build HTTP/1.1\r\n${signature}${fields}`,
      ]) {
        const nth = ++builds;
        await leave(head, tar, () => gateway.logged('the build has begun', nth));
        await gateway.logged('the build was ended', nth);
      }
      await until('nothing is kept', async () => !(await keepsRequests()));
    });
  }

  it('tells clients of builds that the gateway ends, and to send them again', async () => {
    const tar = await tarOf(configEntry({ image: 'x/silent:1' }), ['context/Dockerfile', 'FROM scratch']);
    const answer = fetch(`http://127.0.0.1:${gateway.port}/system/build`, {
      method: 'POST',
      body: new Uint8Array(tar),
      headers: { accept: 'application/x-ndjson' },
    });
    await gateway.logged('the build has begun', ++builds);
    gateway.kill('SIGTERM');
    const lines = (await (await answer).text()).trim().split('\n');
    const last = JSON.parse(lines.at(-1) ?? '') as { status: string; error: string };
    expect(last).to.include({ status: 'failed' }).and.to.have.property('error').that.includes('again');
    expect(await gateway.ended).to.include({ exitCode: 0 });
  });
});
