import { expect } from 'chai';
import type { FunctionSnapshot } from '../../../gateway/functions/provider.ts';
import { createMetrics, type GatewayMetrics } from '../../../gateway/metrics/metrics.ts';

const ref = { name: 'echo', namespace: 'ns' };

function snapshot(changes: Partial<FunctionSnapshot> = {}): FunctionSnapshot {
  return {
    ref,
    labels: {},
    annotations: {},
    envVars: {},
    desired: 1,
    replicas: [],
    createdAt: '2026-01-01T00:00:00Z',
    ...changes,
  };
}

describe('the metrics page on scaling and the cluster', () => {
  let metrics: GatewayMetrics;
  beforeEach(() => {
    metrics = createMetrics();
  });

  const values = async (name: string): Promise<Record<string, number>> => {
    const samples = [...(await metrics.page()).matchAll(new RegExp(`^${name}(\\{.*\\})? (\\S+)$`, 'gm'))];
    return Object.fromEntries(samples.map(([, labels = '', value]) => [labels, Number(value)]));
  };
  const ECHO = '{function_name="echo.ns"}';

  describe('bounds and targets', () => {
    it('are what the labels say, and a target is shown of functions that scale by one only', async () => {
      metrics.sync([snapshot({ labels: { 'com.openfaas.scale.min': '2', 'com.openfaas.scale.max': '7' } })]);
      expect(await values('gateway_service_min')).to.deep.equal({ [ECHO]: 2 });
      expect(await values('gateway_service_max')).to.deep.equal({ [ECHO]: 7 });
      expect(await values('gateway_service_target_load')).to.deep.equal({});
      metrics.sync([
        snapshot({ labels: { 'com.openfaas.scale.type': 'rps', 'com.openfaas.scale.target': '2.5' } }),
      ]);
      expect(await values('gateway_service_target_load')).to.deep.equal({
        '{function_name="echo.ns",scaling_type="rps"}': 2.5,
      });
      expect(await values('gateway_service_min')).to.deep.equal({ [ECHO]: 1 });
    });

    it('have the gateway’s default where a function says a type and no target', async () => {
      metrics = createMetrics({ defaultTarget: 12 });
      metrics.sync([snapshot({ labels: { 'com.openfaas.scale.type': 'orders-waiting' } })]);
      expect(await values('gateway_service_target_load')).to.deep.equal({
        '{function_name="echo.ns",scaling_type="orders-waiting"}': 12,
      });
    });

    it('are not shown where a label is wrong, and are again when it was mended', async () => {
      metrics.sync([snapshot({ labels: { 'com.openfaas.scale.min': 'abc' } })]);
      for (const name of ['gateway_service_min', 'gateway_service_max', 'gateway_service_target_load'])
        expect(await values(name), name).to.deep.equal({});
      metrics.sync([snapshot({ labels: { 'com.openfaas.scale.min': '3' } })]);
      expect(await values('gateway_service_min')).to.deep.equal({ [ECHO]: 3 });
    });

    it('show the minimum of a schedule while it holds', async () => {
      metrics.sync([snapshot()]);
      metrics.scheduledMinimum('echo.ns', 5);
      metrics.sync([snapshot({ labels: { a: 'changed' } })]);
      expect(await values('gateway_service_min')).to.deep.equal({ [ECHO]: 5 });
      metrics.scheduledMinimum('echo.ns', undefined);
      expect(await values('gateway_service_min')).to.deep.equal({ [ECHO]: 1 });
    });
  });

  it('shows the load that was measured last, of functions that there are', async () => {
    metrics.sync([snapshot({ labels: { 'com.openfaas.scale.type': 'rps' } })]);
    metrics.scalingLoad('echo.ns', { scalingType: 'rps', load: 3.5 });
    metrics.scalingLoad('gone.ns', { scalingType: 'rps', load: 1 });
    expect(await values('gateway_scaling_load')).to.deep.equal({
      '{function_name="echo.ns",scaling_type="rps"}': 3.5,
    });
    metrics.sync([snapshot({ labels: { 'com.openfaas.scale.type': 'rps', mine: 'x' } })]);
    expect(Object.values(await values('gateway_scaling_load'))).to.deep.equal([3.5]);
    metrics.scalingLoad('echo.ns', undefined);
    expect(await values('gateway_scaling_load')).to.deep.equal({});
    metrics.scalingLoad('echo.ns', { scalingType: 'rps', load: 3.5 });
    metrics.sync([snapshot({ labels: { 'com.openfaas.scale.type': 'capacity' } })]);
    expect(await values('gateway_scaling_load'), 'another type').to.deep.equal({});
  });

  describe('changes of replica counts', () => {
    const counted = async (): Promise<string[]> =>
      Object.entries(await values('gateway_scalings_total')).map(
        ([labels, count]) => `${labels.replaceAll(/\w+=|"/g, '')}: ${count}`,
      );

    it('are counted by direction and cause; a function begins at 0 with the cause that is most its own', async () => {
      metrics.sync([snapshot()]);
      expect(await counted()).to.deep.equal(['{echo.ns,up,alert}: 0', '{echo.ns,down,alert}: 0']);
      metrics.scaled({ ref, from: 1, to: 5, cause: 'alert' });
      metrics.scaled({ ref, from: 5, to: 0, cause: 'idle' });
      expect(await counted()).to.deep.equal([
        '{echo.ns,up,alert}: 1',
        '{echo.ns,down,alert}: 0',
        '{echo.ns,up,idle}: 0',
        '{echo.ns,down,idle}: 1',
      ]);
    });

    it('are custom for every type that is a rule of the operator’s', async () => {
      metrics.sync([snapshot({ labels: { 'com.openfaas.scale.type': 'orders' } })]);
      expect(await counted()).to.deep.equal(['{echo.ns,up,custom}: 0', '{echo.ns,down,custom}: 0']);
    });

    it('are counted also of a function that no read has told of yet', async () => {
      metrics.scaled({ ref, from: 0, to: 1, cause: 'wake' });
      metrics.coldStart('echo.ns');
      metrics.sync([]); // had begun before the deployment
      metrics.sync([snapshot()]);
      expect(await counted()).to.include('{echo.ns,up,wake}: 1');
      expect(Object.values(await values('gateway_cold_starts_total'))).to.deep.equal([1]);
      metrics.sync([snapshot()]);
      expect(Object.values(await values('gateway_cold_starts_total'))).to.deep.equal([1]);
    });

    it('are none where nothing changed, nor of a function that is gone, whose series go with it', async () => {
      metrics.sync([snapshot()]);
      metrics.scaled({ ref, from: 1, to: 1, cause: 'alert' });
      expect(await counted()).to.deep.equal(['{echo.ns,up,alert}: 0', '{echo.ns,down,alert}: 0']);
      metrics.scaled({ ref, from: 1, to: 2, cause: 'manual' });
      metrics.sync([]);
      metrics.scaled({ ref, from: 2, to: 3, cause: 'rps' });
      expect(await counted()).to.deep.equal([]);
      metrics.sync([snapshot()]);
      expect(await counted()).to.deep.equal(['{echo.ns,up,alert}: 0', '{echo.ns,down,alert}: 0']);
    });
  });

  it('counts alerts by what became of them, each from 0', async () => {
    metrics.alert({ status: 'firing', result: 'applied' });
    const all = await values('gateway_alerts_total');
    expect(Object.keys(all)).to.have.length(8);
    expect(all['{status="firing",result="applied"}']).to.equal(1);
    expect(Object.values(all).reduce((sum, count) => sum + count)).to.equal(1);
  });

  it('tells who scales: this gateway, as long as nobody says otherwise', async () => {
    expect(await values('gateway_scaling_leader')).to.deep.equal({ '': 1 });
    expect(await values('gateway_scaling_gateways')).to.deep.equal({ '': 1 });
    const gateways = { role: 'follows', count: 3 };
    metrics.watchGateways(gateways);
    expect(await values('gateway_scaling_leader')).to.deep.equal({ '': 0 });
    expect(await values('gateway_scaling_gateways')).to.deep.equal({ '': 3 });
    gateways.role = 'cut_off';
    expect(await values('gateway_scaling_leader')).to.deep.equal({ '': 0 });
    gateways.role = 'leads';
    expect(await values('gateway_scaling_leader')).to.deep.equal({ '': 1 });
  });

  it('counts reads of the cluster from 0, and how long ago the last good one was', async () => {
    expect(await values('gateway_cluster_reads_total')).to.deep.equal({
      '{result="ok"}': 0,
      '{result="failed"}': 0,
    });
    await new Promise((resolve) => setTimeout(resolve, 30));
    metrics.clusterRead({ isOk: false, seconds: 20 });
    const [age = 0] = Object.values(await values('gateway_cluster_read_age_seconds'));
    expect(age, 'a read that failed makes nothing younger').to.be.at.least(0.025);
    const readAt = performance.now();
    metrics.clusterRead({ isOk: true, seconds: 0.02 });
    const [younger = age] = Object.values(await values('gateway_cluster_read_age_seconds'));
    expect(younger).to.be.at.most((performance.now() - readAt) / 1000);
    expect(await values('gateway_cluster_reads_total')).to.deep.equal({
      '{result="ok"}': 1,
      '{result="failed"}': 1,
    });
    expect(await values('gateway_cluster_read_seconds_count')).to.deep.equal({ '': 2 });
  });

  it('counts the replicas that ended by themselves, from 0, and forgets them with their function', async () => {
    metrics.sync([snapshot()]);
    expect(await values('gateway_replica_failures_total')).to.deep.equal({ [ECHO]: 0 });
    metrics.sync([snapshot({ ended: 2 })]);
    metrics.sync([snapshot()]);
    expect(await values('gateway_replica_failures_total')).to.deep.equal({ [ECHO]: 2 });
    metrics.sync([]);
    expect(await values('gateway_replica_failures_total')).to.deep.equal({});
  });

  it('counts cold starts from 0, with how long those took that had an end', async () => {
    metrics.sync([snapshot()]);
    expect(await values('gateway_cold_starts_total')).to.deep.equal({ [ECHO]: 0 });
    expect(await values('gateway_cold_start_seconds_count')).to.deep.equal({});
    metrics.sync([snapshot({ desired: 0 })]);
    metrics.sync([snapshot({ desired: 0 })]);
    expect(await values('gateway_cold_start_seconds_count')).to.deep.equal({ [ECHO]: 0 });
    metrics.coldStart('echo.ns');
    metrics.coldStart('echo.ns');
    metrics.coldStarted('echo.ns', 0.7);
    metrics.coldStart('gone.ns');
    metrics.coldStarted('gone.ns', 1);
    expect(await values('gateway_cold_starts_total')).to.deep.equal({ [ECHO]: 2 });
    const buckets = Object.entries(await values('gateway_cold_start_seconds_bucket')).map(
      ([labels, count]) => `${/le="(.*?)"/.exec(labels)?.[1]}:${count}`,
    );
    expect(buckets.join(' ')).to.equal('0.25:0 0.5:0 1:1 2:1 5:1 10:1 30:1 60:1 +Inf:1');
    metrics.sync([]);
    expect(await metrics.page()).to.not.contain('echo.ns');
  });
});
