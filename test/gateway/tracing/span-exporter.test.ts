import { expect } from 'chai';
import type { Span } from '../../../gateway/tracing/otlp.ts';
import { SpanExporter } from '../../../gateway/tracing/span-exporter.ts';
import { Collector } from './collector.ts';

const span = (name: string): Span => ({
  traceId: '0af7651916cd43dd8448eb211c80319c',
  spanId: 'b7ad6b7169203331',
  parentSpanId: undefined,
  name,
  startMs: 1_800_000_000_000.123,
  endMs: 1_800_000_000_001.5,
  attributes: { 'http.request.method': 'GET', 'http.response.status_code': 503 },
  error: 'away',
});

describe('the exporter of spans', () => {
  let collector: Collector;
  let exporter: SpanExporter;
  const health: (string | undefined)[] = [];

  beforeEach(async () => {
    health.length = 0;
    collector = new Collector();
    exporter = new SpanExporter({
      endpoint: await collector.listen(),
      resource: { 'service.name': 'skep-gateway' },
      version: 'test',
      everyMs: 20,
      onHealth: (error) => health.push(error?.message),
    });
  });
  afterEach(() => collector.close());

  it('sends what it was given, in the form that OTLP has for JSON', async () => {
    exporter.add(span('a'));
    await collector.until(() => collector.spans.length > 0);
    expect(collector.requests).to.deep.equal(['POST /v1/traces application/json']);
    expect(collector.spans).to.deep.equal([
      {
        traceId: '0af7651916cd43dd8448eb211c80319c',
        spanId: 'b7ad6b7169203331',
        name: 'a',
        kind: 2,
        startTimeUnixNano: '1800000000000123000',
        endTimeUnixNano: '1800000000001500000',
        attributes: [
          { key: 'http.request.method', value: { stringValue: 'GET' } },
          { key: 'http.response.status_code', value: { intValue: '503' } },
        ],
        status: { code: 2, message: 'away' },
      },
    ]);
    await exporter.close();
    expect([exporter.exported, exporter.dropped]).to.deep.equal([1, 0]);
  });

  it('sends the last ones when it is closed, and takes no more', async () => {
    for (let i = 0; i < 1000; i++) exporter.add(span(`${i}`));
    await exporter.close();
    exporter.add(span('late'));
    expect(collector.spans.map(({ name }) => name)).to.deep.equal(
      Array.from({ length: 1000 }, (_, i) => `${i}`),
    );
    expect([exporter.exported, exporter.dropped]).to.deep.equal([1000, 1]);
  });

  it('keeps a bounded number of them, and counts the others', async () => {
    for (let i = 0; i < 10_000; i++) exporter.add(span(`${i}`));
    expect(exporter.dropped).to.equal(10_000 - 4096);
    await exporter.close();
    expect(exporter.exported).to.equal(4096);
  });

  it('drops what the collector refuses for good, and tells of it once', async () => {
    collector.status = 400;
    exporter.add(span('a'));
    await collector.until(() => collector.requests.length === 1);
    await exporter.close();
    expect([exporter.exported, exporter.dropped]).to.deep.equal([0, 1]);
    expect(health).to.have.length(1);
    expect(health[0]).to.contain('400');
  });

  it('tries again what the collector may take later', async () => {
    collector.status = 503;
    exporter.add(span('a'));
    await collector.until(() => collector.requests.length === 1);
    collector.status = 200;
    await collector.until(() => collector.spans.length === 1);
    await exporter.close();
    expect([exporter.exported, exporter.dropped]).to.deep.equal([1, 0]);
    expect(health).to.have.length(2);
    expect(health[1]).to.equal(undefined);
  });

  it('loses what it holds when nobody listens, without a failure', async () => {
    collector.close();
    exporter.add(span('a'));
    await exporter.close();
    expect([exporter.exported, exporter.dropped]).to.deep.equal([0, 1]);
  });
});
