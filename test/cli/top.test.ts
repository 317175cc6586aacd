import { expect } from 'chai';
import { parseMetrics } from '../../cli/top/metrics-text.ts';
import { quantileMs, readingOf, trafficBetween } from '../../cli/top/traffic.ts';
import { sortTraffic, trafficTable } from '../../cli/top/traffic-table.ts';

interface Counts {
  readonly ok?: number;
  readonly failed?: number;
  readonly quick?: number;
  readonly slow?: number;
}

/** A page of a gateway that has counted so much for one function. */
function page({ ok = 0, failed = 0, quick = 0, slow = 0 }: Counts, name = 'hello.openfaas-fn'): string {
  const of = `function_name="${name}"`;
  return `# HELP gateway_function_invocation_total Completed calls of functions.
# TYPE gateway_function_invocation_total counter
gateway_function_invocation_total{${of},code="200"} ${ok}
gateway_function_invocation_total{${of},code="503"} ${failed}
gateway_function_invocation_inflight{${of}} 2
gateway_functions_seconds_bucket{${of},code="200",le="0.1"} ${quick}
gateway_functions_seconds_bucket{${of},code="200",le="0.5"} ${quick + slow}
gateway_functions_seconds_bucket{${of},code="200",le="+Inf"} ${quick + slow}
gateway_service_count{${of}} 3
gateway_service_ready_count{${of}} 1
`;
}

describe('traffic between two readings', () => {
  it('is calls a second, the part of them that ended with 5xx, durations and replicas', () => {
    const before = readingOf(page({ ok: 100, failed: 5, quick: 105 }), 1000);
    const after = readingOf(page({ ok: 106, failed: 9, quick: 110, slow: 5 }), 3000);
    const [traffic] = trafficBetween(before, after);
    expect({ ...traffic, p99Ms: Math.round(traffic?.p99Ms ?? 0) }).to.deep.equal({
      function: 'hello.openfaas-fn',
      replicas: 3,
      ready: 1,
      inFlight: 2,
      rate: 5,
      errors: 0.4,
      p50Ms: 100,
      p99Ms: 492,
    });
  });

  it('has no errors and no durations where there were no calls', () => {
    const reading = readingOf(page({ ok: 5, quick: 5 }), 0);
    const [traffic] = trafficBetween(reading, { ...reading, atMs: 1000 });
    expect(traffic).to.include({ rate: 0, errors: null, p50Ms: null, p99Ms: null });
  });

  it('does not take what a function was called before it was first seen for a rate', () => {
    const [traffic] = trafficBetween(readingOf('', 0), readingOf(page({ ok: 1000, quick: 1000 }), 1000));
    expect(traffic).to.include({ rate: 0, errors: null, p99Ms: null });
  });

  it('counts from nothing after the gateway was started anew', () => {
    const [traffic] = trafficBetween(readingOf(page({ ok: 100 }), 0), readingOf(page({ ok: 4 }), 2000));
    expect(traffic).to.include({ rate: 2, errors: 0 });
  });

  it('has nothing of a function that was removed', () => {
    expect(trafficBetween(readingOf(page({ ok: 1 }), 0), readingOf('', 1000))).to.deep.equal([]);
  });
});

describe('a quantile of a histogram', () => {
  const buckets = [
    { bound: 0.1, count: 10 },
    { bound: 1, count: 20 },
    { bound: Number.POSITIVE_INFINITY, count: 21 },
  ];
  it('lies on a straight line within its bucket', () => {
    expect(quantileMs(5 / 21, buckets)).to.be.closeTo(50, 1e-6);
    expect(quantileMs(15 / 21, buckets)).to.be.closeTo(550, 1e-6);
  });
  it('is the last bound where it lies beyond, and nothing where nothing was counted', () => {
    expect(quantileMs(1, buckets)).to.equal(1000);
    expect(quantileMs(0.5, [])).to.equal(null);
    expect(quantileMs(0.5, [{ bound: 1, count: 0 }])).to.equal(null);
  });
});

describe('the text of metrics', () => {
  it('is read with labels of any text, and without', () => {
    expect(parseMetrics('a{b="x \\"y\\" \\\\ \\n{}",c=""} 1e3\na NaN 17\n', new Set(['a']))).to.deep.equal([
      { name: 'a', labels: { b: 'x "y" \\ \n{}', c: '' }, value: 1000 },
      { name: 'a', labels: {}, value: Number.NaN },
    ]);
  });
  it('is refused where it is a page of something else', () => {
    expect(() => parseMetrics('<html>\n', new Set())).to.throw('a line that is none: <html>');
  });
});

describe('the table of traffic', () => {
  const row = {
    function: 'a.x',
    replicas: 2,
    ready: 1,
    inFlight: 3,
    rate: 1.234,
    errors: 0.5,
    p50Ms: 1.25,
    p99Ms: 12_345,
  };
  it('has columns of equal width, and a dash for what there was not', () => {
    const idle = { ...row, function: 'longer.x', rate: 0, errors: null, p50Ms: null, p99Ms: null };
    expect(trafficTable([row, idle])).to.deep.equal([
      'FUNCTION  REPLICAS  CALLS/S  ERRORS  IN FLIGHT     P50      P99',
      'a.x            1/2     1.23   50.0%          3  1.3 ms  12.35 s',
      'longer.x       1/2        -       -          3       -        -',
    ]);
  });
  it('is sorted by what is asked for, the most first, and by name', () => {
    const list = [row, { ...row, function: 'b.x', rate: 9, errors: null }, { ...row, function: '0.x' }];
    const names = (order: 'rate' | 'errors' | 'name'): string[] =>
      sortTraffic(list, order).map((each) => each.function);
    expect(names('rate')).to.deep.equal(['b.x', '0.x', 'a.x']);
    expect(names('errors')).to.deep.equal(['0.x', 'a.x', 'b.x']);
    expect(names('name')).to.deep.equal(['0.x', 'a.x', 'b.x']);
  });
});
