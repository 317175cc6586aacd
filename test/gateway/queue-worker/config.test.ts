import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { loadQueueWorkerConfig } from '../../../gateway/queue-worker/config.ts';

describe("a queue worker's settings", () => {
  it('have defaults', () => {
    const config = loadQueueWorkerConfig({});
    expect(config).to.deep.include({
      natsHost: 'nats',
      queueName: 'faas-request',
      gateway: { hostname: 'gateway', port: 8080 },
      maxInflight: 50,
      maxRetryAttempts: 10,
      initialRetryWaitMs: 10_000,
      maxRetryWaitMs: 120_000,
      retryHttpCodes: [408, 429, 500, 502, 503, 504],
      backoff: 'exponential',
      shutdownTimeoutMs: 180_000,
    });
  });

  it('are read', () => {
    const config = loadQueueWorkerConfig({
      gateway_url: 'http://[::1]:81/',
      retry_http_codes: '429, 500',
      upstream_timeout: '15m',
      scaling_mode: 'function',
    });
    expect(config.gateway).to.deep.equal({ hostname: '::1', port: 81 });
    expect(config.retryHttpCodes).to.deep.equal([429, 500]);
    expect(config.shutdownTimeoutMs).to.equal(900_000);
  });

  it('are refused all at once, each with its name', () => {
    const bad = {
      nats_port: '65536',
      cluster_name: 'a.b',
      queue_name: 'a b',
      gateway_url: 'gateway:8080',
      max_inflight: '0',
      upstream_timeout: '0',
      retry_http_codes: '500,abc',
      max_retry_attempts: '-1',
      backoff: 'linear',
      limiter_enabled: 'yes',
    };
    for (const [key, value] of Object.entries(bad)) {
      expect(() => loadQueueWorkerConfig(bad)).to.throw(`${key}=${value}: `);
    }
  });

  for (const url of [
    'https://gateway',
    'http://user:pw@gateway',
    'http://gateway/path',
    'http://gateway?x',
  ]) {
    it(`refuse ${url} as a gateway`, () => {
      expect(() => loadQueueWorkerConfig({ gateway_url: url })).to.throw('such as http://gateway:8080');
    });
  }

  it('say why there is no common line for all functions', () => {
    expect(() => loadQueueWorkerConfig({ scaling_mode: 'static' })).to.throw(
      'scaling_mode=static: there is no common line for all functions here',
    );
  });

  it('of callbacks are refused by their names, too', () => {
    for (const [key, value] of Object.entries({
      callback_allow: '10.0.0.0/64',
      callback_timeout: '0',
      callback_retries: '1001',
      callback_max_inflight: '0',
      callback_max_per_host: 'all',
    })) {
      expect(() => loadQueueWorkerConfig({ [key]: value })).to.throw(`${key}=${value}: `);
    }
    expect(() => loadQueueWorkerConfig({ callback_retry_wait: '1h' })).to.throw(
      'callback_max_retry_wait is less than callback_retry_wait',
    );
  });

  it('refuse a longest wait that is shorter than the first one', () => {
    expect(() => loadQueueWorkerConfig({ initial_retry_wait: '5m' })).to.throw(
      'max_retry_wait is less than initial_retry_wait',
    );
  });

  it('are documented, one by one', () => {
    const read = (path: string): string => readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8');
    const inSource = [...read('gateway/queue-worker/config.ts').matchAll(/read\('([a-z_]+)'/g)];
    const inDocs = [...read('docs/queue-worker.md').matchAll(/^\| `([a-z_]+)` \|/gm)];
    expect(inSource.length).to.be.greaterThan(20);
    expect(inDocs.map(([, key]) => key)).to.have.members(inSource.map(([, key]) => key));
  });
});
