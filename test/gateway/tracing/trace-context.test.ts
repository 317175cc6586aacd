import { expect } from 'chai';
import { formatTraceparent, parseTraceparent, randomId } from '../../../gateway/tracing/trace-context.ts';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const SPAN = 'b7ad6b7169203331';

describe('traceparent', () => {
  it('is read and written', () => {
    for (const isSampled of [true, false]) {
      const text = formatTraceparent({ traceId: TRACE, spanId: SPAN, isSampled });
      expect(text).to.equal(`00-${TRACE}-${SPAN}-0${isSampled ? 1 : 0}`);
      expect(parseTraceparent(text)).to.deep.equal({ traceId: TRACE, spanId: SPAN, isSampled });
    }
  });

  it('may have flags that nobody knows yet, and be of a later version that says more', () => {
    expect(parseTraceparent(`00-${TRACE}-${SPAN}-ff`)?.isSampled).to.equal(true);
    expect(parseTraceparent(`00-${TRACE}-${SPAN}-02`)?.isSampled).to.equal(false);
    expect(parseTraceparent(`cc-${TRACE}-${SPAN}-01-what-else`)?.traceId).to.equal(TRACE);
  });

  for (const wrong of [
    '',
    'nonsense',
    `00-${TRACE}-${SPAN}`,
    `00-${TRACE}-${SPAN}-1`,
    `00-${TRACE}-${SPAN}-01-more`,
    `ff-${TRACE}-${SPAN}-01`,
    `00-${TRACE.toUpperCase()}-${SPAN}-01`,
    `00-${'0'.repeat(32)}-${SPAN}-01`,
    `00-${TRACE}-${'0'.repeat(16)}-01`,
    `00-${TRACE}-${SPAN}-01, 00-${TRACE}-${SPAN}-01`,
    `00-${TRACE.slice(1)}-${SPAN}-01`,
    ` 00-${TRACE}-${SPAN}-01`,
  ]) {
    it(`is no trace: ${JSON.stringify(wrong)}`, () => {
      expect(parseTraceparent(wrong)).to.equal(undefined);
    });
  }

  it('has ids that differ', () => {
    const ids = new Set(Array.from({ length: 1000 }, () => randomId(8)));
    expect(ids.size).to.equal(1000);
    for (const id of ids) expect(id).to.match(/^[0-9a-f]{16}$/);
    expect(randomId(16)).to.match(/^[0-9a-f]{32}$/);
  });
});
