import { expect } from 'chai';
import { Registry } from 'prom-client';
import type { BuildProgress } from '../../../contract/function-types.ts';
import { FaasError } from '../../../gateway/errors.ts';
import { BuildMetrics } from '../../../gateway/metrics/build-metrics.ts';
import { parseMetrics } from '../../support/metrics-text.ts';

describe('the metrics of builds', () => {
  const { signal } = new AbortController();
  const ended = (status: BuildProgress['status']): BuildProgress => ({ image: 'i', log: [], status });
  let registry: Registry;
  let metrics: BuildMetrics;

  beforeEach(() => {
    registry = new Registry();
    metrics = new BuildMetrics(registry);
  });

  const valuesOf = async (name: string): Promise<Record<string, number>> => {
    const samples = [...(await registry.metrics()).matchAll(new RegExp(`^${name}(?:{(.*)})? (.*)$`, 'gm'))];
    return Object.fromEntries(samples.map(([, labels = '', value]) => [labels, Number(value)]));
  };

  it('begin at 0 with every result', async () => {
    const results = ['success', 'failed', 'refused', 'left', 'broke_off'];
    expect(await valuesOf('gateway_builds_total')).to.deep.equal(
      Object.fromEntries(results.map((result) => [`result="${result}"`, 0])),
    );
    expect(parseMetrics(await registry.metrics()).get('gateway_build_seconds')?.labels).to.deep.equal(
      new Set(['result']),
    );
    expect(await valuesOf('gateway_builds_inflight')).to.deep.equal({ '': 0 });
  });

  const leaving = new AbortController();
  leaving.abort();
  for (const [result, build, client] of [
    ['success', async () => ended('success'), signal],
    ['failed', async () => ended('failed'), signal],
    ['refused', () => Promise.reject(new FaasError('body_too_large', 'x')), signal],
    ['left', () => Promise.reject(new Error('gone')), leaving.signal],
    ['broke_off', () => Promise.reject(new FaasError('provider_unavailable', 'x')), signal],
    ['broke_off', () => Promise.reject(new Error('x')), signal],
  ] as const) {
    it(`count one as ${result}, and none as in progress any more`, async () => {
      let during: Record<string, number> = {};
      const counted = async (): Promise<BuildProgress> => {
        during = await valuesOf('gateway_builds_inflight');
        return build();
      };
      await metrics.during(counted, client).catch(() => {});
      expect(during).to.deep.equal({ '': 1 });
      expect(await valuesOf('gateway_builds_inflight')).to.deep.equal({ '': 0 });
      expect(await valuesOf('gateway_builds_total')).to.have.property(`result="${result}"`, 1);
      const seconds = await valuesOf('gateway_build_seconds_count');
      const isTimed = result === 'success' || result === 'failed';
      expect(Object.values(seconds).reduce((sum, count) => sum + count)).to.equal(isTimed ? 1 : 0);
    });
  }
});
