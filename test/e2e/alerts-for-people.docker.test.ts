import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { parse } from 'yaml';
import { deployExample, openPlatform, type Platform, removeFunction, until } from '../support/platform.ts';

const root = join(import.meta.dirname, '..', '..');
const PROMETHEUS = `http://127.0.0.1:${process.env['SKEP_PROMETHEUS_PORT'] ?? 9090}`;
const CRASHES = 'e2e-alerts-crashes';
const WELL = 'e2e-alerts-well';

interface LoadedRule {
  readonly name: string;
  readonly health: string;
  readonly lastError?: string;
}

describe('alerts for people on the running platform', function () {
  this.timeout(120_000);
  let platform: Platform;

  const remove = (name: string): Promise<void> => removeFunction(platform, name);
  const query = async (expression: string): Promise<readonly number[]> => {
    const response = await fetch(`${PROMETHEUS}/api/v1/query?${new URLSearchParams({ query: expression })}`);
    const { data } = (await response.json()) as { data: { result: { value: [number, string] }[] } };
    return data.result.map(({ value }) => Number(value[1]));
  };

  before(async () => {
    platform = await openPlatform();
    await Promise.all([CRASHES, WELL].map(remove));
  });
  after(() => Promise.all([CRASHES, WELL].map(remove)));

  it('are loaded, with all other rules of the platform, and can be evaluated', async () => {
    const ours = readdirSync(join(root, 'prometheus'))
      .filter((file) => file.endsWith('.rules.yml'))
      .flatMap((file) => {
        const text = readFileSync(join(root, 'prometheus', file), 'utf8').replaceAll(
          /\{\{ env "\w+" \}\}/g,
          '5',
        );
        const { groups } = parse(text) as {
          groups: { rules: { alert?: string; record?: string }[] }[];
        };
        return groups.flatMap(({ rules }) => rules.map(({ alert, record }) => alert ?? record ?? ''));
      });
    let rules: readonly LoadedRule[] = [];
    // A Prometheus that has just begun has not evaluated them yet.
    await until('every rule was evaluated', async () => {
      const response = await fetch(`${PROMETHEUS}/api/v1/rules`);
      const { data } = (await response.json()) as { data: { groups: { rules: LoadedRule[] }[] } };
      rules = data.groups.flatMap((group) => group.rules);
      return rules.length > 0 && rules.every(({ health }) => health !== 'unknown');
    });
    expect(rules.map(({ name }) => name)).to.include.members(ours);
    expect(rules.filter(({ health }) => health !== 'ok')).to.deep.equal([]);
  });

  it('tell of a function whose replicas end again and again, and not of its neighbour that is scaled up and down', async () => {
    // No port: the watchdog ends as soon as it begins.
    await Promise.all([
      deployExample(platform, CRASHES, { envVars: { port: '99999' } }),
      deployExample(platform, WELL),
    ]);
    const crashes = `{function_name="${CRASHES}.openfaas-fn"}`;
    const well = `{function_name="${WELL}.openfaas-fn"}`;
    await until(
      'the neighbour runs',
      async () => (await query(`gateway_service_ready_count${well} > 0`)).length > 0,
    );
    for (const replicas of [2, 0, 1]) {
      const json = { serviceName: WELL, replicas };
      await platform.request(`/system/scale-function/${WELL}`, { method: 'POST', json });
      await until(
        `${replicas} replicas`,
        async () => (await query(`gateway_service_ready_count${well} == ${replicas}`)).length > 0,
      );
    }
    await until(
      'the alert begins',
      async () =>
        (await query(`ALERTS{alertname="FunctionCrashLoop",function_name="${CRASHES}.openfaas-fn"}`)).length >
        0,
    );
    expect(Math.max(...(await query(`gateway_replica_failures_total${crashes}`)))).to.be.at.least(5);
    expect(await query(`gateway_replica_failures_total${well} > 0`)).to.deep.equal([]);
    expect(await query(`ALERTS{alertstate="firing",function_name="${WELL}.openfaas-fn"}`)).to.deep.equal([]);
  });
});
