import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { type ControlPlaneServer, listenOnSocket } from '../../../gateway/control-plane/server.ts';

describe('listenOnSocket', () => {
  let folder: string;
  let server: ControlPlaneServer;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'skep-'));
  });

  afterEach(async () => {
    await server.close(0);
    await rm(folder, { recursive: true });
  });

  const ask = async (unix: string): Promise<string> => (await fetch('http://control/', { unix })).text();

  it('serves on a socket that only its owner may use, in place of one left behind', async () => {
    const path = join(folder, 'control.sock');
    await Bun.write(path, 'left behind');
    server = await listenOnSocket((_request, response) => response.end('here'), path);
    expect(await ask(path)).to.equal('here');
    expect((await stat(path)).mode & 0o777).to.equal(0o600);
  });

  it('takes heads as long as the front lets through', async () => {
    const path = join(folder, 'control.sock');
    server = await listenOnSocket((request, response) => response.end(String(request.url?.length)), path);
    const response = await fetch(`http://control/${'a'.repeat(64 * 1024)}`, { unix: path });
    expect([response.status, await response.text()]).to.deep.equal([200, String(64 * 1024 + 1)]);
  });

  it('answers what is in flight before it closes', async () => {
    const path = join(folder, 'control.sock');
    const { promise: arrived, resolve: arrive } = Promise.withResolvers<void>();
    const { promise: go, resolve: answer } = Promise.withResolvers<void>();
    server = await listenOnSocket(async (_request, response) => {
      arrive();
      await go;
      response.end('late');
    }, path);
    const call = ask(path);
    await arrived;
    const closed = server.close(5000);
    answer();
    expect(await call).to.equal('late');
    await closed;
  });

  it('cuts off what takes longer than it may', async () => {
    const path = join(folder, 'control.sock');
    const { promise: arrived, resolve: arrive } = Promise.withResolvers<void>();
    server = await listenOnSocket(() => arrive(), path);
    const call = ask(path).catch((error: unknown) => error);
    await arrived;
    await server.close(20);
    expect(await call).to.be.instanceOf(Error);
  });
});
