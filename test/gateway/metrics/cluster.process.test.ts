import { expect } from 'chai';
import { type FunctionReplicas, startReplicas } from '../../support/function-replicas.ts';
import { until } from '../../support/platform.ts';
import { type RunningGateway, runGateway } from '../../support/run-gateway.ts';

describe('what the gateway counts of its cluster', function () {
  this.timeout(60_000);
  let replicas: FunctionReplicas;
  let gateway: RunningGateway;

  beforeEach(async () => {
    replicas = await startReplicas(1, (_, outgoing) => void outgoing.end('done'));
    gateway = await runGateway({
      gateway_workers: '1',
      function_port: String(replicas.port),
      replicas_run: 'by_hand',
      cold_start_timeout: '300ms',
    });
  });
  afterEach(async () => {
    await gateway?.end();
    await replicas.close();
  });

  const one = async (name: string, labels = ''): Promise<number | undefined> =>
    Object.entries(await gateway.metric(name)).find(([key]) => key.includes(labels))?.[1];
  const deploy = async (min: string): Promise<void> => {
    const json = { service: 'fn', image: 'test:1', labels: { 'com.openfaas.scale.min': min } };
    expect((await gateway.call('/system/functions', { json })).status).to.equal(202);
  };

  it('are its reads: good ones, failed ones, and how old the last good one is', async () => {
    await until('a good read', async () => ((await one('gateway_cluster_reads_total', 'ok')) ?? 0) > 0);
    expect(await one('gateway_cluster_reads_total', 'failed')).to.equal(0);
    gateway.tell({ kind: 'away', isAway: true });
    await until('a failed read', async () => ((await one('gateway_cluster_reads_total', 'failed')) ?? 0) > 1);
    const before = await one('gateway_cluster_read_age_seconds');
    expect(await one('gateway_cluster_read_age_seconds')).to.be.greaterThan(before ?? Infinity);
    gateway.tell({ kind: 'away', isAway: false });
    const old = (await one('gateway_cluster_read_age_seconds')) ?? 0;
    await until('a young read', async () => ((await one('gateway_cluster_read_age_seconds')) ?? old) < old);
  });

  it('are replicas that ended by themselves, each once, and none that was scaled away', async () => {
    await deploy('2');
    const failures = () => one('gateway_replica_failures_total');
    await until('its series', async () => (await failures()) === 0);
    gateway.tell({ kind: 'run', name: 'fn', count: 2 });
    await until('both', async () => (await one('gateway_service_ready_count')) === 2);
    const json = { serviceName: 'fn', replicas: 1 };
    expect((await gateway.call('/system/scale-function/fn', { json })).status).to.equal(202);
    await until('one less', async () => (await one('gateway_service_ready_count')) === 1);
    expect(await failures()).to.equal(0);
    gateway.tell({ kind: 'fail', name: 'fn', error: 'exit code 1' });
    await until('a failure', async () => (await failures()) === 1);
    const reads = (await one('gateway_cluster_reads_total', 'ok')) ?? 0;
    await until(
      'more reads',
      async () => ((await one('gateway_cluster_reads_total', 'ok')) ?? 0) > reads + 2,
    );
    expect(await failures()).to.equal(1);
  });

  it('are cold starts: one that has not ended yet is counted and has no duration', async () => {
    await deploy('0');
    expect((await gateway.call('/function/fn')).status).to.equal(503);
    await until('it is counted', async () => (await one('gateway_cold_starts_total')) === 1);
    expect(await one('gateway_cold_start_seconds_count')).to.equal(0);
    expect(await one('gateway_scalings_total', 'direction="up",cause="wake"')).to.equal(1);
    gateway.tell({ kind: 'run', name: 'fn', count: 1 });
    await until('its end', async () => (await one('gateway_cold_start_seconds_count')) === 1);
  });
});
