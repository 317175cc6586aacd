import { expect } from 'chai';
import { keptHeaders } from '../../../gateway/queue/kept-headers.ts';
import { storedBytes } from '../../../gateway/queue/stored-size.ts';

describe('headers of an answer', () => {
  const headers = ['A', 'x'.repeat(10), 'B', 'x'.repeat(1000), 'C', 'x'.repeat(20), 'B', 'é'.repeat(300)];

  it('are kept as they are, as long as they fit', () => {
    expect(keptHeaders(headers, 10_000)).to.equal(headers);
    expect(keptHeaders([], 0)).to.deep.equal([]);
  });

  it('lose the longest ones, as they are stored, until the others fit', () => {
    expect(keptHeaders(headers, 1500)).to.deep.equal(headers.slice(0, 6));
    expect(keptHeaders(headers, 500)).to.deep.equal(['A', headers[1], 'C', headers[5]]);
    expect(keptHeaders(headers, 10)).to.deep.equal([]);
  });

  it('fit however many of them are left out', () => {
    const many = Array.from({ length: 2000 }, (_, index) => [`x-${index}`, 'é']).flat();
    expect(storedBytes(keptHeaders(many, 10_000))).to.be.within(9950, 10_000);
  });
});
