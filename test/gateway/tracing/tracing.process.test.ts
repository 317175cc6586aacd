import { type IncomingHttpHeaders, request } from 'node:http';
import { expect } from 'chai';
import { type FunctionReplicas, startReplicas } from '../../support/function-replicas.ts';
import { type RunningGateway, runGateway } from '../../support/run-gateway.ts';
import { attributesOf, Collector } from './collector.ts';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const SPAN = 'b7ad6b7169203331';

describe('a traced gateway', function () {
  this.timeout(30_000);
  let collector: Collector;
  let endpoint: string;
  let replicas: FunctionReplicas;
  let gateway: RunningGateway;
  const seen: IncomingHttpHeaders[] = [];

  beforeEach(async () => {
    seen.length = 0;
    collector = new Collector();
    endpoint = await collector.listen();
    replicas = await startReplicas(1, (incoming, outgoing) => {
      seen.push(incoming.headers);
      if (incoming.url === '/breaks') incoming.socket.destroy();
      else outgoing.end('ok');
    });
  });
  afterEach(async () => {
    gateway.kill('SIGKILL');
    await gateway.ended;
    await replicas.close();
    collector.close();
  });

  const start = async (settings: Record<string, string> = {}): Promise<void> => {
    gateway = await runGateway({
      gateway_workers: '1',
      function_port: String(replicas.port),
      ...settings,
    });
    const { status, body } = await gateway.call('/system/functions', {
      json: { service: 'fn', image: 'test:1' },
    });
    expect(status, body).to.equal(202);
  };
  const call = (path: string, headers: Record<string, string | string[]> = {}): Promise<number> =>
    new Promise((resolve, reject) => {
      request({ host: '127.0.0.1', port: gateway.port, path, headers, agent: false }, (response) => {
        response.resume().once('end', () => resolve(response.statusCode ?? 0));
      })
        .once('error', reject)
        .end();
    });
  /** Calls until one is traced: what traces is loaded beside the first calls. */
  const traced = async (): Promise<void> => {
    do await call('/function/fn/warm-up');
    while (seen.at(-1)?.['traceparent'] === undefined);
    await collector.until(() => collector.spans.length > 0);
    collector.spans.length = 0;
    seen.length = 0;
  };

  it('begins a trace, tells the function of it, and sends its span', async () => {
    await start({ otlp_endpoint: endpoint });
    await traced();
    await call('/function/fn/a/b?secret=1', {
      'x-call-id': 'c1',
      authorization: 'Bearer t',
      tracestate: 'a=1',
    });
    await collector.until(() => collector.spans.some((span) => attributesOf(span)['skep.call_id'] === 'c1'));
    const span = collector.spans.find((one) => attributesOf(one)['skep.call_id'] === 'c1');
    if (span === undefined) throw new Error('no span');
    expect(seen[0]?.['traceparent']).to.equal(`00-${span.traceId}-${span.spanId}-01`);
    expect(seen[0]?.['tracestate']).to.equal(undefined); // of no trace
    expect(span.parentSpanId).to.equal(undefined);
    expect(span.name).to.equal('function fn.openfaas-fn');
    expect(attributesOf(span)).to.deep.equal({
      'faas.name': 'fn.openfaas-fn',
      'http.request.method': 'GET',
      'url.path': '/a/b',
      'http.response.status_code': '200',
      'skep.call_id': 'c1',
      'network.peer.address': '127.0.0.1',
    });
    expect(BigInt(span.endTimeUnixNano) > BigInt(span.startTimeUnixNano)).to.equal(true);
    expect(JSON.stringify(collector.spans)).to.not.contain('secret').and.not.contain('Bearer');
  });

  it('goes on with the trace that a call comes with', async () => {
    await start({ otlp_endpoint: endpoint });
    await traced();
    await call('/function/fn', { traceparent: `00-${TRACE}-${SPAN}-01`, tracestate: 'a=1,b=2' });
    await collector.until(() => collector.spans.some(({ traceId }) => traceId === TRACE));
    const span = collector.spans.find(({ traceId }) => traceId === TRACE);
    expect(span?.parentSpanId).to.equal(SPAN);
    expect(seen[0]?.['traceparent']).to.equal(`00-${TRACE}-${span?.spanId}-01`);
    expect(seen[0]?.['tracestate']).to.equal('a=1,b=2');
  });

  it('leaves alone a trace that is not recorded, and records what fails as a failure', async () => {
    await start({ otlp_endpoint: endpoint });
    await traced();
    const quiet = `00-${TRACE}-${SPAN}-00`;
    await call('/function/fn', { traceparent: quiet, tracestate: 'a=1' });
    expect(seen[0]).to.include({ traceparent: quiet, tracestate: 'a=1' });
    expect(await call('/function/fn/breaks', { traceparent: 'nonsense' })).to.equal(502);
    expect(seen[1]?.['traceparent']).to.match(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
    await collector.until(() => collector.spans.some(({ status }) => status.code === 2));
    expect(collector.spans.find(({ status }) => status.code === 2)?.status.message).to.contain('broke off');
    expect(collector.spans.some(({ traceId }) => traceId === TRACE)).to.equal(false);
  });

  it('records the part of the calls that it is told to, and all of those whose callers record', async () => {
    await start({ otlp_endpoint: endpoint, trace_sample: '0' });
    do await call('/function/fn');
    while (seen.at(-1)?.['traceparent'] === undefined);
    expect(seen.at(-1)?.['traceparent']).to.match(/-00$/);
    await call('/function/fn', { traceparent: `00-${TRACE}-${SPAN}-01` });
    await collector.until(() => collector.spans.length > 0);
    expect(collector.spans.map(({ traceId }) => traceId)).to.deep.equal([TRACE]);
  });

  it('serves as ever when nobody takes its spans, and counts them', async () => {
    collector.status = 400;
    await start({ otlp_endpoint: endpoint });
    for (let dropped = 0; dropped === 0; ) {
      expect(await call('/function/fn')).to.equal(200);
      dropped = (await gateway.metric('gateway_spans_dropped_total'))['{worker="1"}'] ?? 0;
    }
    expect((await gateway.logged(/spans cannot be sent/))['reason']).to.contain('400');
  });

  it('passes the headers of a trace on as they come where there is no collector', async () => {
    await start();
    const headers = { traceparent: 'as it came', tracestate: 'a=1' };
    await call('/function/fn', headers);
    await call('/function/fn');
    expect(seen[0]).to.include(headers);
    expect(seen[1]).to.not.have.any.keys('traceparent', 'tracestate');
    expect(await gateway.metric('gateway_spans_dropped_total')).to.deep.equal({});
  });

  it('sends the last spans before it ends', async () => {
    await start({ otlp_endpoint: endpoint, shutdown_delay: '0' });
    await traced();
    await call('/function/fn', { 'x-call-id': 'last' });
    gateway.kill('SIGTERM');
    await collector.until(() =>
      collector.spans.some((span) => attributesOf(span)['skep.call_id'] === 'last'),
    );
  });
});
