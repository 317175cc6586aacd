import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { type RunningGateway, runGateway } from '../../support/run-gateway.ts';

const SIGNED = `X-Build-Signature: sha256=${'0'.repeat(64)}\r\n`;

describe('clients of the build API that leave, through the whole gateway', function () {
  this.timeout(60_000);
  let folder: string;
  let gateway: RunningGateway;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'skep-test-'));
    await writeFile(join(folder, 'payload-secret'), 'a payload secret\n');
    gateway = await runGateway({ queue: 'memory', builder: 'endless', secret_mount_path: folder });
  });

  afterEach(async () => {
    await gateway.end();
    await rm(folder, { recursive: true });
  });

  /** Sends this, and goes away once `until` has happened. */
  const leave = async (head: string, body: string | Buffer, until: () => Promise<unknown>): Promise<void> => {
    const socket = connect(gateway.port, '127.0.0.1');
    socket.on('error', () => {});
    await once(socket, 'connect');
    socket.write(`POST ${head}Host: gateway\r\n`);
    socket.write('\r\n');
    socket.write(body);
    await until();
    socket.destroy();
    await once(socket, 'close');
  };

  for (const [path, headers] of [
    ['/build', SIGNED],
    ['/system/build', ''],
    ['/system/functions', ''],
  ] as const) {
    it(`goes on when an upload to ${path} breaks off`, async () => {
      await leave(`${path} HTTP/1.1\r\n${headers}Content-Length: 1000000\r\n`, 'x', () =>
        gateway.call('/publickey'),
      );
      // What is queued for the broken request has come before this is answered.
      for (let i = 0; i < 5; i++) expect((await gateway.call('/publickey')).status).to.equal(404);
    });
  }
});
