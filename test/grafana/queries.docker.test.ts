import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Dashboard, Panel, Query, Row } from '../../grafana/source/dashboard-types.ts';
import { openPlatform, until } from '../support/platform.ts';
import { type Chosen, filledIn } from './support/fill-in.ts';
import { hasData, Prometheus } from './support/prometheus.ts';
import { selectorsOf } from './support/promql.ts';
import { ALERT, TARGET, Traffic } from './support/traffic.ts';

/** Those of the dashboard that OpenFaaS' users had on Swarm: it has to go on working. */
const HISTORIC: readonly string[] = [
  'rate ( gateway_function_invocation_total [20s])',
  'gateway_service_count',
  'scalar( sum( gateway_function_invocation_total {  code="200"} ))',
  '(rate(gateway_functions_seconds_sum[20s]) / rate(gateway_functions_seconds_count[20s]))',
];

const folder = join(import.meta.dirname, '..', '..', 'grafana', 'dashboards');
const dashboards = readdirSync(folder).map((file) => ({
  file,
  dashboard: JSON.parse(readFileSync(join(folder, file), 'utf8')) as Dashboard,
}));
/** Labels that name a line or a row. */
function labelsShown({ transformations = [] }: Panel, { legendFormat = '' }: Query): readonly string[] {
  const rows = transformations.flatMap((it) =>
    it.id === 'organize' ? Object.keys(it.options.renameByName).filter((name) => /^[a-z_]+$/.test(name)) : [],
  );
  return [...rows, ...[...legendFormat.matchAll(/{{(\w+)}}/g)].map(([, label = '']) => label)];
}

const panelsOf = ({ panels }: Dashboard): Panel[] =>
  panels.filter((it: Panel | Row) => it.type !== 'row') as Panel[];

/** Long enough for an alert: two scrapes, an evaluation, on a busy machine. */
const WITHIN_MS = 60_000;

const prometheus = new Prometheus(`http://127.0.0.1:${process.env['SKEP_PROMETHEUS_PORT'] ?? 9090}`);

describe('the queries of the dashboards, asked of a Prometheus that has seen traffic', function () {
  this.timeout(120_000);
  let traffic: Traffic;
  let began: number;
  /** When all had happened that makes data. */
  let ready: number;
  const chosen: Chosen = {
    function: `${TARGET}.openfaas-fn`,
    functions: [`${TARGET}.openfaas-fn`, `${ALERT}.openfaas-fn`],
    shown: [`${TARGET}.openfaas-fn`, `${ALERT}.openfaas-fn`],
    lines: '25',
    queues: ['faas-request'],
  };
  let gateways: readonly string[] = [];

  before(async () => {
    const platform = await openPlatform();
    traffic = new Traffic(platform);
    began = Date.now();
    await traffic.begin();
    await until('Prometheus has read a gateway', async () => {
      const up = await prometheus.now('up{job="gateway"} == 1');
      gateways = up.map(({ labels }) => labels['instance'] ?? '');
      return gateways.length > 0;
    });
    ready = Date.now();
  });
  after(() => traffic.end());

  /** What is wrong with a query; undefined: it finds data, whose series have the labels that name them. */
  const problem = async (
    expression: string,
    isInstant: boolean,
    labels: readonly string[] = [],
  ): Promise<string | undefined> => {
    const query = filledIn(expression, { ...chosen, gateways });
    // Each metric by itself: an `or vector(0)` would hide that there is no such thing.
    for (const { text } of selectorsOf(query))
      if ((await prometheus.now(`last_over_time(${text}[5m])`)).length === 0) return `no series ${text}`;
    const result = isInstant ? await prometheus.now(query) : await prometheus.since(query, began);
    if (!hasData(result)) return `no data: ${query}`;
    const missing = labels.filter((label) => result.every((series) => series.labels[label] === undefined));
    return missing.length === 0 ? undefined : `no label ${missing.join(', ')}: ${query}`;
  };
  /** A scrape, an evaluation, an alert may be on their way, but not for ever: what has not come in time does not delay the rest. */
  const untilFound = async (
    expression: string,
    isInstant: boolean,
    labels?: readonly string[],
  ): Promise<void> => {
    let last: string | undefined;
    const search = async (): Promise<boolean> => {
      last = await problem(expression, isInstant, labels);
      return last === undefined;
    };
    await until('data', search, Math.max(ready + WITHIN_MS - Date.now(), 3000)).catch((error: Error) => {
      throw last === undefined ? error : new Error(last);
    });
  };

  /** What a drop-down offers, by the two functions of Grafana's that are used. */
  const valuesOf = async (text: string, regex: string): Promise<readonly string[]> => {
    const [, metric = '', label = ''] = /^label_values\((.+), (\w+)\)$/.exec(text) ?? [];
    if (metric !== '') return prometheus.labelValues(metric, label);
    const [, expression = ''] = /^query_result\((.+)\)$/.exec(text) ?? [];
    // Grafana looks for it in `metric{label="value"} 1 1700000000`.
    const pattern = new RegExp(regex.slice(1, -1));
    return (await prometheus.now(expression)).map(({ labels }) => {
      const pairs = Object.entries(labels).map(([name, value]) => `${name}="${value}"`);
      return pattern.exec(`{${pairs.join(',')}} 1 1`)?.[1] ?? '';
    });
  };

  for (const { file, dashboard } of dashboards) {
    for (const { name, query, regex = '' } of (dashboard.templating?.list ?? []).filter(
      ({ type }) => type === 'query',
    )) {
      it(`${file}: there is something to choose for $${name}`, async () => {
        const expected = name === 'gateways' ? gateways : [chosen[name] ?? ''].flat();
        const text = filledIn((query as { query: string }).query, chosen);
        await until(`${text} has ${expected.join(' and ')}`, async () => {
          const values = await valuesOf(text, regex);
          return expected.length > 0 && expected.every((value) => values.includes(value));
        });
      });
    }
    for (const panel of panelsOf(dashboard)) {
      it(`${file}: ${panel.title}`, async () => {
        for (const target of panel.targets)
          await untilFound(target.expr, target.instant ?? false, labelsShown(panel, target));
      });
    }
  }

  for (const expression of HISTORIC) {
    it(`the historic dashboard: ${expression}`, () => untilFound(expression, false));
  }

  it('fail over a metric that does not exist, though another part of the query has data', async () => {
    expect(await problem('sum(gateway_functions_invoked_total) or vector(0)', true)).to.equal(
      'no series gateway_functions_invoked_total',
    );
  });

  it('fail over a label that the metric does not have', async () => {
    expect(await problem('sum(rate(gateway_function_invocation_total{status="200"}[20s]))', false)).to.equal(
      'no series gateway_function_invocation_total{status="200"}',
    );
  });

  it('fail where the parts have data and the whole has none', async () => {
    expect(await problem('gateway_service_count and on (job) prometheus_build_info', true)).to.match(
      /^no data/,
    );
  });

  it('fail where the lines would be named after a label that they do not have', async () => {
    expect(await problem('gateway_service_count', true, ['function_name', 'name'])).to.match(
      /^no label name:/,
    );
  });

  it('fail at a variable that the dashboard does not have, and at what is no PromQL', async () => {
    const failure = (expression: string) =>
      problem(expression, true).then(
        () => undefined,
        (error: Error) => error.message,
      );
    expect(await failure('up{job="$jobs"}')).to.contain('$jobs is no variable');
    expect(await failure('sum(up')).to.contain('no PromQL');
  });
});
