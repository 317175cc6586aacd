import { expect } from 'chai';
import { mostConnections } from '../../../gateway/workers/most-connections.ts';
import { descriptorLimit } from '../../../http1/descriptors.ts';

describe('the connections that a worker takes', () => {
  it('are its share of the setting, rounded up', () => {
    expect(mostConnections(10_000, 1, 1_048_576)).to.equal(10_000);
    expect(mostConnections(10_000, 3, 1_048_576)).to.equal(3334);
  });

  it('are no more than it has descriptors for, each with its call', () => {
    expect(mostConnections(10_000, 1, 1024)).to.equal(480);
    expect(mostConnections(0, 1, 1024)).to.equal(480);
    expect(mostConnections(10_000, 1, 20)).to.equal(4);
  });

  it('have no limit where none is set and none is known', () => {
    expect(mostConnections(0, 2, Number.POSITIVE_INFINITY)).to.equal(Number.POSITIVE_INFINITY);
  });

  it('know the limit that the kernel tells', () => {
    const text =
      'Limit                     Soft Limit           Hard Limit           Units\nMax open files            20000                30000                files\n';
    expect(descriptorLimit(text)).to.equal(20_000);
    expect(
      descriptorLimit('Max open files            unlimited            unlimited            files\n'),
    ).to.equal(Number.POSITIVE_INFINITY);
    expect(descriptorLimit('')).to.equal(Number.POSITIVE_INFINITY);
    expect(descriptorLimit()).to.be.above(0);
  });
});
