import type { AddressInfo } from 'node:net';
import { createServer, type Server } from 'node:net';
import { expect } from 'chai';
import { claimPort } from '../../../gateway/workers/claim-port.ts';

describe('the claim of a port', () => {
  let server: Server | undefined;

  afterEach(() => server?.close());

  it('finds a free one, and leaves it free', async () => {
    const port = claimPort('127.0.0.1', 0);
    expect(port).to.be.greaterThan(0);
    expect(claimPort('127.0.0.1', port)).to.equal(port);
  });

  it('fails where another program listens, with a sentence that says so', async () => {
    server = createServer();
    await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    expect(() => claimPort('127.0.0.1', port)).to.throw(
      `port ${port} of 127.0.0.1 cannot be had: another program listens on it`,
    );
  });

  it('fails where others listen together', () => {
    const options = { hostname: '127.0.0.1', port: 0, reusePort: true, socket: { data: () => {} } };
    const others = Bun.listen(options);
    try {
      expect(() => claimPort('127.0.0.1', others.port)).to.throw('another program listens on it');
    } finally {
      others.stop(true);
    }
  });

  it('fails with the reason for an address that is not of this machine', () => {
    expect(() => claimPort('192.0.2.1', 0)).to.throw('port 0 of 192.0.2.1 cannot be had: ');
  });
});
