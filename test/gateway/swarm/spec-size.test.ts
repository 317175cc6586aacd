import { expect } from 'chai';
import { checkSpecSize } from '../../../gateway/swarm/spec-size.ts';

describe('checkSpecSize', () => {
  it('takes what Swarm can keep twice with the one before it, and refuses more with the limit', () => {
    const spec = { Name: 'a', Labels: { large: 'x'.repeat(367 * 1024 - 8 * 1024) } };
    expect(checkSpecSize(spec, {})).to.equal(spec);
    const more = { Name: 'a', Labels: { large: 'ä'.repeat(184 * 1024) } };
    expect(() => checkSpecSize(more, {})).to.throw(/service of 37\d{4} bytes.*at most 368640/);
  });

  it('has room for what a roll-out sets aside', () => {
    const Labels = { 'skep.last-good': 'x'.repeat(360 * 1024), large: 'x'.repeat(300 * 1024) };
    const spec = { Name: 'a', Labels };
    expect(checkSpecSize(spec, { 'skep.last-good': '' })).to.equal(spec);
    expect(() => checkSpecSize(spec, {})).to.throw('at most 368640');
  });
});
