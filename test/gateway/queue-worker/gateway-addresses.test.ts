import { expect } from 'chai';
import { GatewayAddresses } from '../../../gateway/queue-worker/gateway-addresses.ts';

describe("the gateways' addresses", () => {
  it('are what was given, where that is one', async () => {
    const addresses = new GatewayAddresses({ hostname: '127.0.0.1', port: 81 });
    const first = await addresses.pick();
    addresses.failed(first);
    expect(await addresses.pick()).to.equal(first);
    expect(first).to.deep.equal({ hostname: '127.0.0.1', port: 81 });
  });

  it('are what a name stands for, each always the same object', async () => {
    const addresses = new GatewayAddresses({ hostname: 'localhost', port: 81 });
    const seen = new Set(await Promise.all(Array.from({ length: 50 }, () => addresses.pick())));
    expect(seen.size).to.be.at.most(2);
    for (const one of seen) expect('hostname' in one && one.hostname).to.be.oneOf(['127.0.0.1', '::1']);
  });

  it('are asked again when nobody was there', async () => {
    const addresses = new GatewayAddresses({ hostname: 'localhost', port: 81 });
    for (let i = 0; i < 10; i++) addresses.failed(await addresses.pick());
  });

  it('are none where the name stands for none', async () => {
    const addresses = new GatewayAddresses({ hostname: 'nobody.invalid', port: 81 });
    for (let i = 0; i < 2; i++) {
      const error = await addresses.pick().catch((cause: unknown) => cause);
      expect(error).to.be.instanceOf(Error);
    }
  });
});
