import { type ChildProcess, spawn } from 'node:child_process';
import { expect } from 'chai';
import { docker } from '../support/cli.ts';
import { deployExample, openPlatform, type Platform, removeFunction, until } from '../support/platform.ts';

const PROMETHEUS = process.env['SKEP_PROMETHEUS_URL'] ?? 'http://127.0.0.1:9090';
const ALERTMANAGER = process.env['SKEP_ALERTMANAGER'] ?? 'skep_alertmanager';
const BY_DEFAULT = 'e2e-scaling-default';
const BY_STEPS = 'e2e-scaling-steps';
const BY_TYPE = 'e2e-scaling-typed';

const FUNCTIONS: Readonly<Record<string, Record<string, string>>> = {
  // A fifth of twenty: 1, 5…
  [BY_DEFAULT]: {},
  [BY_STEPS]: { 'com.openfaas.scale.max': '3', 'com.openfaas.scale.factor': '30' },
  // Far from what the load asks for.
  [BY_TYPE]: { 'com.openfaas.scale.type': 'capacity', 'com.openfaas.scale.target': '1000' },
};

describe('scaling by alert', function () {
  this.timeout(240_000);
  let platform: Platform;
  const loads = new Map<string, ChildProcess>();
  /** Every replica count that was asked for, in the order in which they were seen. */
  const seen = new Map<string, number[]>();
  let watch: ReturnType<typeof setInterval> | undefined;

  const look = async (name: string): Promise<number> => {
    const response = await platform.request(`/system/function/${name}`);
    const { replicas = 0 } = (await response.json()) as { replicas?: number };
    const counts = seen.get(name) ?? [];
    if (counts.at(-1) !== replicas) seen.set(name, [...counts, replicas]);
    return replicas;
  };
  const url = (name: string): string => `${platform.url}/function/${name}`;
  /** Ten calls a second: twice what is many. */
  const begin = (name: string): void => {
    const args = ['-z', '200s', '-c', '1', '-q', '10', '-m', 'POST', '-d', 'hi', url(name)];
    loads.set(name, spawn('hey', args, { stdio: 'ignore' }));
  };
  const end = (name: string): void => {
    loads.get(name)?.kill();
    loads.delete(name);
  };
  const query = async (path: string): Promise<unknown> => {
    const { data } = (await (await fetch(`${PROMETHEUS}/api/v1/${path}`)).json()) as { data: unknown };
    return data;
  };
  const firing = async (): Promise<string[]> => {
    const { alerts } = (await query('alerts')) as {
      alerts: { state: string; labels: Record<string, string> }[];
    };
    return alerts
      .filter(({ state, labels }) => state === 'firing' && labels['alertname'] === 'APIHighInvocationRate')
      .map(({ labels }) => labels['function_name'] ?? '');
  };
  const ignored = async (): Promise<number> => {
    const promql = 'sum(gateway_alerts_total{status="firing",result="ignored"})';
    const { result } = (await query(`query?${new URLSearchParams({ query: promql })}`)) as {
      result: { value: [number, string] }[];
    };
    return Number(result[0]?.value[1] ?? 0);
  };

  before(async () => {
    platform = await openPlatform();
    for (const [service, labels] of Object.entries(FUNCTIONS)) {
      await deployExample(platform, service, { labels, envVars: { healthcheck_interval: '1s' } });
    }
    for (const name of Object.keys(FUNCTIONS))
      await until(
        `the first replica of ${name}`,
        async () => (await fetch(url(name), { method: 'POST', body: 'hi' })).status === 200,
      );
  });
  after(async () => {
    clearInterval(watch);
    for (const name of loads.keys()) end(name);
    for (const name of Object.keys(FUNCTIONS)) await removeFunction(platform, name);
  });

  it('adds a fifth of the maximum at once, where labels do not say otherwise', async () => {
    for (const name of Object.keys(FUNCTIONS)) {
      await look(name);
      begin(name);
    }
    watch = setInterval(() => void look(BY_STEPS).catch(() => {}), 500);
    await until('five replicas', async () => (await look(BY_DEFAULT)) > 1);
    end(BY_DEFAULT);
    expect(seen.get(BY_DEFAULT)).to.deep.equal([1, 5]);
  });

  it('shows the alert in Prometheus', async () => {
    await until('the alert', async () => (await firing()).includes(`${BY_STEPS}.openfaas-fn`));
  });

  it('leaves a function with a type of its own alone, and counts its alerts', async () => {
    await until('the alert', async () => (await firing()).includes(`${BY_TYPE}.openfaas-fn`));
    await until('the count of ignored alerts', async () => (await ignored()) > 0);
    expect(await look(BY_TYPE)).to.equal(1);
    end(BY_TYPE);
  });

  it('goes back to the minimum at once when the load ends', async () => {
    await until('one replica', async () => (await look(BY_DEFAULT)) === 1, 90_000);
    expect(seen.get(BY_DEFAULT)).to.deep.equal([1, 5, 1]);
  });

  it('adds a step at a time, up to the maximum, while the load lasts', async () => {
    await until('three replicas', async () => (await look(BY_STEPS)) === 3, 150_000);
  });

  it('hears of the end of a load though Alertmanager was replaced meanwhile', async () => {
    const replaced = await docker('service', 'update', '--force', '--quiet', ALERTMANAGER);
    expect(replaced.exitCode, replaced.stderr).to.equal(0);
    end(BY_STEPS);
    await until('one replica', async () => (await look(BY_STEPS)) === 1, 90_000);
    expect(seen.get(BY_STEPS)).to.deep.equal([1, 2, 3, 1]);
    expect(await look(BY_TYPE)).to.equal(1);
  });

  it('counts the calls in the list', async () => {
    await until('the count', async () => {
      const functions = (await (await platform.request('/system/functions')).json()) as {
        name: string;
        invocationCount?: number;
      }[];
      return (functions.find(({ name }) => name === BY_STEPS)?.invocationCount ?? 0) > 100;
    });
  });
});
