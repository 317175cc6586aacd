import { expect } from 'chai';
import type { FunctionSnapshot } from '../../../gateway/functions/provider.ts';
import { InvocationCounters } from '../../../gateway/metrics/invocation-counters.ts';
import { createMetrics, type GatewayMetrics } from '../../../gateway/metrics/metrics.ts';
import { type MetricsServer, startMetricsServer } from '../../../gateway/metrics/server.ts';

function snapshot(name: string, changes: Partial<FunctionSnapshot> = {}): FunctionSnapshot {
  return {
    ref: { name, namespace: 'ns' },
    labels: {},
    annotations: {},
    envVars: {},
    desired: 0,
    replicas: [],
    createdAt: '2026-01-01T00:00:00Z',
    ...changes,
  };
}

describe('the metrics page', () => {
  let metrics: GatewayMetrics;
  /** What two workers count. */
  let first: InvocationCounters;
  let second: InvocationCounters;

  beforeEach(() => {
    metrics = createMetrics();
    first = new InvocationCounters();
    second = new InvocationCounters();
  });
  const report = (): void => {
    metrics.add(1, first.take());
    metrics.add(2, second.take());
  };

  const values = async (name: string): Promise<Record<string, number>> => {
    const samples = [...(await metrics.page()).matchAll(new RegExp(`^${name}(\\{.*\\})? (\\S+)$`, 'gm'))];
    return Object.fromEntries(samples.map(([, labels = '', value]) => [labels, Number(value)]));
  };

  it('has a deployed function at zero before its first call, so that this one is an increase', async () => {
    metrics.sync([snapshot('echo')]);
    const labels = '{function_name="echo.ns",code="200"}';
    expect(await values('gateway_function_invocation_total')).to.deep.equal({ [labels]: 0 });
    expect(await values('gateway_functions_seconds_count')).to.deep.equal({ [labels]: 0 });
    expect(await values('gateway_function_invocation_started')).to.deep.equal({
      '{function_name="echo.ns"}': 0,
    });
  });

  it('counts the calls of all workers by status, and those in flight', async () => {
    metrics.sync([snapshot('echo')]);
    for (let call = 0; call < 3; call++) first.started('echo.ns');
    for (let call = 0; call < 2; call++) second.started('echo.ns');
    first.completed('echo.ns', 200, 0.02);
    second.completed('echo.ns', 200, 0.02);
    report();
    first.completed('echo.ns', 502, 12);
    report();
    expect(await values('gateway_function_invocation_total')).to.deep.equal({
      '{function_name="echo.ns",code="200"}': 2,
      '{function_name="echo.ns",code="502"}': 1,
    });
    expect(await values('gateway_function_invocation_started')).to.deep.equal({
      '{function_name="echo.ns"}': 5,
    });
    expect(await values('gateway_function_invocation_inflight')).to.deep.equal({
      '{function_name="echo.ns"}': 2,
    });
  });

  it('takes nothing back of what a worker had counted when that ends, but what it had in flight', async () => {
    metrics.sync([snapshot('echo')]);
    for (let call = 0; call < 3; call++) first.started('echo.ns');
    second.started('echo.ns');
    first.completed('echo.ns', 200, 0.02);
    report();
    metrics.workerEnded(1);
    first = new InvocationCounters();
    report();
    expect(await values('gateway_function_invocation_started')).to.deep.equal({
      '{function_name="echo.ns"}': 4,
    });
    expect(await values('gateway_function_invocation_total')).to.deep.equal({
      '{function_name="echo.ns",code="200"}': 1,
    });
    expect(await values('gateway_function_invocation_inflight')).to.deep.equal({
      '{function_name="echo.ns"}': 1,
    });
  });

  it('files durations under their upper bound, each bucket holding the ones before', async () => {
    for (const seconds of [0, 0.005, 0.0051, 10, 11]) {
      const counters = seconds < 1 ? first : second;
      counters.started('echo.ns');
      counters.completed('echo.ns', 200, seconds);
    }
    report();
    const buckets = Object.entries(await values('gateway_functions_seconds_bucket')).map(
      ([labels, value]) => `${/le="(.*?)"/.exec(labels)?.[1]}:${value}`,
    );
    expect(buckets.join(' ')).to.equal(
      '0.005:2 0.01:3 0.025:3 0.05:3 0.1:3 0.25:3 0.5:3 1:3 2.5:3 5:3 10:4 +Inf:5',
    );
    const [sum] = Object.values(await values('gateway_functions_seconds_sum'));
    expect(sum).to.be.closeTo(21.0101, 1e-9);
  });

  it('has no series of their own for statuses that are not standard', async () => {
    for (let status = 100; status < 1000; status++) {
      first.started('echo.ns');
      first.completed('echo.ns', status, 0);
    }
    report();
    const totals = await values('gateway_function_invocation_total');
    const codes = Object.keys(totals).map((labels) => /code="(.*)"/.exec(labels)?.[1] ?? '');
    expect(codes).to.include.members(['101', '200', '404', '499', '503', '2xx', '5xx', '9xx']);
    expect(codes).to.not.include.oneOf(['299', '777']);
    expect(codes.length).to.be.lessThan(80);
    expect(Object.values(totals).reduce((sum, count) => sum + count)).to.equal(900);
    expect(await values('gateway_functions_seconds_count')).to.deep.equal(totals);
  });

  it('keeps the calls, and those in flight, of a function that was deployed while the cluster was read', async () => {
    first.started('echo.ns');
    first.started('echo.ns');
    first.completed('echo.ns', 200, 0.02);
    report();
    metrics.sync([]);
    metrics.sync([snapshot('echo')]);
    expect(metrics.loads().get('echo.ns')).to.deep.equal({ started: 2, inFlight: 1 });
    expect(Object.values(await values('gateway_function_invocation_total'))).to.deep.equal([1]);
  });

  it('forgets a function that was removed, also when a call of it ends later', async () => {
    metrics.sync([snapshot('echo')]);
    first.started('echo.ns');
    report();
    metrics.sync([]);
    first.completed('echo.ns', 200, 1);
    report();
    metrics.sync([]);
    report();
    expect(await metrics.page()).to.not.contain('echo.ns');
  });

  it('shows a call of a function that was removed and deployed again as long as it is in flight', async () => {
    const inFlight = async (): Promise<number | undefined> =>
      (await values('gateway_function_invocation_inflight'))['{function_name="echo.ns"}'];
    metrics.sync([snapshot('echo')]);
    first.started('echo.ns');
    report();
    metrics.sync([]);
    metrics.sync([snapshot('echo')]);
    expect(await inFlight()).to.equal(0);
    first.started('echo.ns');
    report();
    expect(await inFlight()).to.equal(2);
    first.completed('echo.ns', 200, 1);
    first.completed('echo.ns', 200, 1);
    report();
    expect(await inFlight()).to.equal(0);
  });

  it('tells of the workers themselves, until they end', async () => {
    const figures = {
      residentBytes: 50e6,
      cpuSeconds: 3,
      lagSeconds: 0.01,
      connections: 7,
      upstreamConnections: 5,
      inFlight: 4,
      waiting: 2,
      refusedConnections: 3,
      heldBytes: 4,
    };
    metrics.add(1, [], figures);
    metrics.add(2, [], { ...figures, residentBytes: 60e6 });
    expect(await values('gateway_worker_resident_memory_bytes')).to.deep.equal({
      '{worker="1"}': 50e6,
      '{worker="2"}': 60e6,
    });
    expect(await values('gateway_worker_cpu_seconds_total')).to.include({ '{worker="1"}': 3 });
    metrics.workerEnded(2);
    metrics.workerReplaced();
    expect(await values('gateway_worker_inflight')).to.deep.equal({ '{worker="1"}': 4 });
    expect(await values('gateway_worker_restarts_total')).to.deep.equal({ '': 1 });
  });

  it('tells desired, ready and least replicas', async () => {
    const replicas = [
      { id: 'a', address: '10.0.0.1', isRunning: true },
      { id: 'b', address: undefined, isRunning: false },
    ];
    const labels = { 'com.openfaas.scale.min': '2' };
    const odd = snapshot('odd', { labels: { 'com.openfaas.scale.min': 'lots' } });
    metrics.sync([snapshot('echo', { desired: 2, replicas, labels }), odd]);
    expect(await values('gateway_service_count')).to.deep.equal({
      '{function_name="echo.ns"}': 2,
      '{function_name="odd.ns"}': 0,
    });
    expect(await values('gateway_service_ready_count')).to.include({ '{function_name="echo.ns"}': 1 });
    expect(await values('gateway_service_min')).to.deep.equal({ '{function_name="echo.ns"}': 2 });
  });

  it('counts the requests of the control plane', async () => {
    metrics.apiRequest({ method: 'GET', path: '/system/function/:name', status: 404, seconds: 0.1 });
    const labels = '{method="GET",path="/system/function/:name",status="404"}';
    expect(await values('http_requests_total')).to.deep.equal({ [labels]: 1 });
    expect(await values('http_request_duration_seconds_count')).to.deep.equal({ [labels]: 1 });
  });
});

describe('the metrics server', () => {
  let server: MetricsServer;
  let isHealthy = true;

  beforeEach(async () => {
    isHealthy = true;
    server = await startMetricsServer({
      host: '127.0.0.1',
      port: 0,
      page: async () => 'up 1\n',
      isHealthy: () => isHealthy,
    });
  });

  afterEach(() => server.close());

  const ask = async (path: string, method = 'GET'): Promise<[number, string]> => {
    const response = await fetch(`http://127.0.0.1:${server.port}${path}`, { method });
    return [response.status, await response.text()];
  };

  it('serves the page as Prometheus reads it', async () => {
    const response = await fetch(`http://127.0.0.1:${server.port}/metrics`);
    expect(response.headers.get('content-type')).to.equal('text/plain; version=0.0.4; charset=utf-8');
    expect(await response.text()).to.equal('up 1\n');
  });

  it('answers /healthz with OK, and with 503 while the gateway stops', async () => {
    expect(await ask('/healthz')).to.deep.equal([200, 'OK']);
    isHealthy = false;
    expect((await ask('/healthz'))[0]).to.equal(503);
  });

  it('answers other verbs with 405 and other paths with 404', async () => {
    expect((await ask('/healthz', 'POST'))[0]).to.equal(405);
    expect((await ask('/system/functions'))[0]).to.equal(404);
  });

  it('tells when its port is taken', async () => {
    const error = await startMetricsServer({
      host: '127.0.0.1',
      port: server.port,
      page: async () => '',
    }).catch((reason: unknown) => reason);
    expect((error as { code?: string }).code).to.equal('EADDRINUSE');
  });
});
