import { expect } from 'chai';
import { selectorsOf } from './support/promql.ts';

describe('the metrics that a query reads', () => {
  it('are found through functions, ranges, offsets and operators', () => {
    expect(
      selectorsOf(
        'sum by (a) (rate(x_total{code=~"5..",a="{b}"}[20s])) / on (a) (y offset 5m > 0) or vector(0)',
      ),
    ).to.deep.equal([
      { metric: 'x_total', text: 'x_total{code=~"5..",a="{b}"}' },
      { metric: 'y', text: 'y' },
    ]);
  });

  it('are not the names of labels and functions', () => {
    expect(
      selectorsOf('histogram_quantile(0.5, sum by (le) (d_bucket))').map(({ metric }) => metric),
    ).to.deep.equal(['d_bucket']);
  });

  for (const wrong of ['sum(', 'rate(x[20s)', 'a b', 'sum by (a (x)', 'x{a=b}', '{job="gateway"}']) {
    it(`are not guessed of ${wrong}`, () => {
      expect(() => selectorsOf(wrong)).to.throw(/no PromQL|names no metric/);
    });
  }
});
