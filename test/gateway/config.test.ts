import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { loadConfig } from '../../gateway/config.ts';

describe('the gateway configuration', () => {
  it('has the documented defaults', () => {
    const config = loadConfig({});
    expect(config.port).to.equal(8080);
    expect(config.upstreamTimeoutMs).to.equal(60_000);
    expect(config.functionNamespace).to.equal('openfaas-fn');
    expect(config.basicAuth).to.equal(true);
  });

  it('reads durations as seconds and as Go writes them', () => {
    expect(loadConfig({ upstream_timeout: '5m5s' }).upstreamTimeoutMs).to.equal(305_000);
    expect(loadConfig({ upstream_timeout: '90' }).upstreamTimeoutMs).to.equal(90_000);
    expect(loadConfig({ upstream_timeout: '1.5s' }).upstreamTimeoutMs).to.equal(1500);
  });

  it('has a worker for every two cores, at least one, and as many as it is told', () => {
    for (const [cores, workers] of [
      [1, 1],
      [2, 1],
      [3, 1],
      [4, 2],
      [64, 32],
    ] as const) {
      expect(loadConfig({}, cores).gatewayWorkers, `${cores} cores`).to.equal(workers);
    }
    expect(loadConfig({ gateway_workers: '5' }, 2).gatewayWorkers).to.equal(5);
  });

  it('names every bad value in one error', () => {
    const env = {
      port: '80800',
      gateway_workers: '0',
      max_header_bytes: '100',
      max_header_fields: '1e3',
      write_timeout: '0',
      upstream_timeout: '-5s',
      read_timeout: '5 minutes',
      max_inflight: 'many',
      basic_auth: 'yes',
      function_namespace: 'Open FaaS',
      access_log: 'none',
      access_log_sample: '1.5',
      trace_sample: '1e-1',
      otlp_endpoint: 'collector:4318',
      connect_timeout: '0',
      default_target: '0',
      autoscaler: 'off',
      maintain_min_replicas: '1',
      build_max_inflight: '0',
      build_memory_bytes: '1024',
      build_free_space_bytes: '2G',
      build_unpacked_limit_bytes: '-1',
      build_file_limit_bytes: 'big',
      build_timeout: '0',
    };
    let message = '';
    try {
      loadConfig(env);
    } catch (error) {
      message = (error as Error).message;
    }
    for (const [key, value] of Object.entries(env)) expect(message).to.contain(`${key}=${value}: `);
  });

  it('takes the collector that OpenTelemetry’s own variable names, unless ours does', () => {
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://a:4318/' };
    expect(loadConfig({}).otlpEndpoint).to.equal('');
    expect(loadConfig(env).otlpEndpoint).to.equal('http://a:4318');
    expect(loadConfig({ ...env, otlp_endpoint: 'http://b:4318/x' }).otlpEndpoint).to.equal('http://b:4318/x');
  });

  it('reads fractions', () => {
    const sampleOf = (text: string): number => loadConfig({ access_log_sample: text }).accessLogSample;
    expect(['0', '1', '0.01', '.5', '1.0'].map(sampleOf)).to.deep.equal([0, 1, 0.01, 0.5, 1]);
  });

  it('reads a target as labels have it', () => {
    const targetOf = (text: string): number => loadConfig({ default_target: text }).defaultTarget;
    expect(['1', '0.5', '250'].map(targetOf)).to.deep.equal([1, 0.5, 250]);
    for (const text of ['-1', '1e3', 'fifty', '10000000000'])
      expect(() => targetOf(text), text).to.throw('default_target');
  });

  it('reads how much room the queue has, and how long it keeps', () => {
    const { queueLimitBytes, resultTtlMs, idempotencyWindowMs, natsStreamReplicas } = loadConfig({
      queue_limit_bytes: '8388608',
      result_ttl: '1m',
      idempotency_window: '8760h',
      nats_stream_replicas: '5',
    });
    expect([queueLimitBytes, resultTtlMs, natsStreamReplicas]).to.deep.equal([8_388_608, 60_000, 5]);
    expect(idempotencyWindowMs).to.equal(365 * 24 * 3_600_000);
    const bad = [
      ['queue_limit_bytes', '8388607'],
      ['queue_later_limit_bytes', '1GB'],
      ['queue_body_limit_bytes', '0'],
      ['queue_record_limit_bytes', '-1'],
      ['queue_result_limit_bytes', '9e9'],
      ['queue_dead_limit_bytes', '99999999999999'],
      ['result_ttl', '59s'],
      ['idempotency_window', '8761h'],
      ['nats_stream_replicas', '6'],
    ] as const;
    for (const [key, value] of bad) {
      expect(() => loadConfig({ [key]: value }), key).to.throw(`${key}=${value}: expected`);
    }
  });

  it('is documented, variable by variable', () => {
    const source = readFileSync(new URL('../../gateway/config.ts', import.meta.url), 'utf8');
    const docs = readFileSync(new URL('../../docs/configuration.md', import.meta.url), 'utf8');
    const inSource = [...source.matchAll(/read\('([a-z_]+)'/g)].map(([, key]) => key);
    const inDocs = [...docs.matchAll(/^\| `([a-z_]+)` \|/gm)].map(([, key]) => key);
    expect(inSource.length).to.be.greaterThan(10);
    expect(inDocs).to.deep.equal(inSource);
  });
});
