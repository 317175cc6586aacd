import { createServer } from 'node:net';
import { expect } from 'chai';
import { OwnPorts, upstreamPort, withUpstreamPort } from '../../../gateway/processes/own-upstream.ts';

describe('ports of functions’ own servers', () => {
  it('are moved where a server would listen on a port of its own choice', () => {
    const http = { mode: 'http' };
    expect(upstreamPort({ ...http, upstream_url: 'http://127.0.0.1:3000' })).to.equal(3000);
    expect(upstreamPort({ ...http, http_upstream_url: 'http://localhost:81/base' })).to.equal(81);
    for (const env of [
      { upstream_url: 'http://127.0.0.1:3000' },
      { ...http },
      { ...http, upstream_url: 'http://127.0.0.1:0' },
      { ...http, upstream_url: 'http://db.example:3000' },
      { ...http, upstream_url: 'nonsense' },
    ]) {
      expect(upstreamPort(env), JSON.stringify(env)).to.equal(undefined);
    }
  });

  it('are moved wherever they are named, and nothing else is', () => {
    const env = {
      upstream_url: 'http://127.0.0.1:3000/base',
      fprocess: 'gunicorn -b 0.0.0.0:3000 app',
      HTTP_PORT: '3000',
      other: '3000',
      far: 'http://db:3000 127.0.0.1:30001',
    };
    expect(withUpstreamPort(env, { from: 3000, to: 20_001 })).to.deep.equal({
      upstream_url: 'http://127.0.0.1:20001/base',
      fprocess: 'gunicorn -b 0.0.0.0:20001 app',
      HTTP_PORT: '20001',
      other: '3000',
      far: 'http://db:3000 127.0.0.1:30001',
      PORT: '20001',
    });
  });

  it('are given once, and are free', async () => {
    const ports = new OwnPorts();
    const taken = await Promise.all(Array.from({ length: 50 }, () => ports.take()));
    expect(new Set(taken).size).to.equal(50);
    const [port = 0] = taken;
    const server = createServer();
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, '127.0.0.1', resolve);
    });
    server.close();
  });
});
