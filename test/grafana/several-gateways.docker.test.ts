import { expect } from 'chai';
import { stringify } from 'yaml';
import { overview } from '../../grafana/source/overview/overview.ts';
import { platform } from '../../grafana/source/platform/platform.ts';
import { runInImage } from '../stack/in-image.ts';
import { filledIn } from './support/fill-in.ts';

const PROMETHEUS = 'prom/prometheus:v2.42.0';
const NAME = 'a.openfaas-fn';
const LABELS = `{function_name="${NAME}"}`;
const CHOSEN = { function: NAME, functions: [NAME], shown: [NAME], gateways: ['1', '2'] };

/** What Prometheus has after four minutes, a sample each five seconds; of both gateways, or of the first alone. */
const SERIES = [
  ...both('gateway_function_invocation_total', `function_name="${NAME}",code="200"`, '0+10x60'),
  // The first failure ever makes a series that begins at 1.
  first('gateway_function_invocation_total', `function_name="${NAME}",code="500"`, '_x46 2x20'),
  ...both('gateway_function_invocation_inflight', `function_name="${NAME}"`, '2x60'),
  ...both('gateway_service_count', `function_name="${NAME}"`, '3x60'),
  ...both('gateway_service_ready_count', `function_name="${NAME}"`, '2x60'),
  ...both('gateway_service_max', `function_name="${NAME}"`, '3x60'),
  ...both('gateway_service_target_load', `function_name="${NAME}",scaling_type="rps"`, '50x60'),
  ...both('gateway_scaling_load', `function_name="${NAME}",scaling_type="rps"`, '80x60'),
  // Both see every replica that fails.
  ...both('gateway_replica_failures_total', `function_name="${NAME}"`, '0x20 4x40'),
  // The gateway began anew meanwhile, or the function was deployed anew.
  first('gateway_cold_starts_total', `function_name="${NAME}"`, '7x20 2x40'),
  first('gateway_scalings_total', `function_name="${NAME}",direction="up",cause="rps"`, '_x20 1x20 3x20'),
  first('gateway_scaling_leader', '', '1x60'),
];

function first(name: string, labels: string, values: string) {
  return { series: `${name}{job="gateway",instance="1"${labels === '' ? '' : `,${labels}`}}`, values };
}
function both(name: string, labels: string, values: string) {
  const one = first(name, labels, values);
  return [one, { ...one, series: one.series.replace('instance="1"', 'instance="2"') }];
}

interface Expected {
  readonly panel: string;
  /** Of the panel's queries, from 0. */
  readonly query?: number;
  /** Seconds after the beginning; default the end. */
  readonly at?: number;
  readonly labels: string;
  readonly value: number;
}

/** Asks Prometheus' own test tool what the queries of these panels give for `SERIES`. */
async function ask(dashboard: typeof overview, expected: readonly Expected[]): Promise<void> {
  const promql_expr_test = expected.map(({ panel: title, query = 0, at = 240, labels, value }) => {
    const panel = dashboard.panels.find((it) => it.title === title);
    const target = panel === undefined || panel.type === 'row' ? undefined : panel.targets[query];
    if (target === undefined) throw new Error(`no panel ${title}`);
    return {
      expr: filledIn(target.expr, CHOSEN),
      eval_time: `${at}s`,
      exp_samples: [{ labels, value }],
    };
  });
  // Without it the samples of the last minute are not there.
  const test = {
    evaluation_interval: '5s',
    tests: [{ interval: '5s', input_series: SERIES, promql_expr_test }],
  };
  const { exitCode, output } = await runInImage({
    image: PROMETHEUS,
    files: [],
    texts: { 'test.yml': stringify(test) },
    command: 'promtool test rules test.yml',
  });
  expect(exitCode, output).to.equal(0);
}

describe('the dashboards with two gateways', function () {
  this.timeout(60_000);

  it('add up what each has counted, and what each has in flight', () =>
    ask(overview, [
      // 10 in five seconds by each; none of the failures is in the rate, for its series does not move.
      { panel: 'Calls per second', labels: LABELS, value: 4 },
      { panel: 'In flight', labels: LABELS, value: 4 },
    ]));

  it('show once what both see: replicas, loads, replicas that failed', () =>
    ask(overview, [
      { panel: 'Replicas desired and ready', labels: LABELS, value: 3 },
      { panel: 'Replicas desired and ready', query: 1, labels: LABELS, value: 2 },
      { panel: 'At maximum', labels: '{}', value: 1 },
      {
        panel: 'Load of what the replicas are meant to take',
        labels: `{function_name="${NAME}",scaling_type="rps"}`,
        value: 0.8,
      },
      { panel: 'Failed replicas', labels: '{}', value: 4 },
    ]));

  it('count the first time that something ever happens', async () => {
    const scaled = '{direction="up",cause="rps"}';
    await ask(overview, [
      // 2 of 2 × 480 + 2 in all the time.
      { panel: 'Failed', labels: '{}', value: 2 / 962 },
      { panel: 'Scalings', at: 100, labels: scaled, value: 1 },
      { panel: 'Scalings', at: 105, labels: scaled, value: 0 },
      { panel: 'Scalings', at: 205, labels: scaled, value: 2 },
    ]);
  });

  it('go on after a counter began anew', () =>
    ask(overview, [
      { panel: 'Cold starts', at: 100, labels: LABELS, value: 0 },
      { panel: 'Cold starts', at: 105, labels: LABELS, value: 2 },
      { panel: 'Cold starts', at: 110, labels: LABELS, value: 0 },
    ]));

  it('tell who scales', () => ask(platform, [{ panel: 'Who scales', labels: '{}', value: 1 }]));
});
