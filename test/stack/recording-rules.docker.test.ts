import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { parse } from 'yaml';
import { type RuleCase, runRuleCases } from './promtool.ts';

const root = join(import.meta.dirname, '..', '..');
const RULES = 'prometheus/recording.rules.yml';
const LOAD = 'job:function_current_load:sum';
const STARTED = 'job:function_current_started:max_sum';
const TOTAL = 'gateway_function_invocation_total';

/** The rule that docs/alerts.md shows as a type of one's own. */
const ownRule =
  /^```yaml\n(# prometheus\/rules\/orders\.yml[\s\S]*?)^```$/m.exec(
    readFileSync(join(root, 'docs', 'alerts.md'), 'utf8'),
  )?.[1] ?? '';

const announce = (name: string, type: string): Record<string, string> =>
  Object.fromEntries(
    ['g1', 'g2'].map((gateway) => [
      `gateway_service_target_load{function_name="${name}",scaling_type="${type}",instance="${gateway}"}`,
      '50x60',
    ]),
  );
const load = (name: string, type: string): string =>
  `{__name__="${LOAD}", function_name="${name}", scaling_type="${type}"}`;

const CASES: Readonly<Record<string, RuleCase>> = {
  'rps: completed calls of all codes per second, over all gateways': {
    series: {
      ...announce('a.ns', 'rps'),
      [`${TOTAL}{function_name="a.ns",code="200",instance="g1"}`]: '0+50x60',
      [`${TOTAL}{function_name="a.ns",code="502",instance="g1"}`]: '0+5x60',
      [`${TOTAL}{function_name="a.ns",code="200",instance="g2"}`]: '0+20x60',
    },
    at: '2m',
    expect: { [LOAD]: { [load('a.ns', 'rps')]: 15 } },
  },
  'rps: a rise shows whole after half a minute': {
    series: { ...announce('a.ns', 'rps'), [`${TOTAL}{function_name="a.ns",code="200"}`]: '0x12 0+50x48' },
    at: '95s',
    expect: { [LOAD]: { [load('a.ns', 'rps')]: 10 } },
  },
  'rps: nothing of functions that do not scale by it': {
    series: {
      ...announce('b.ns', 'capacity'),
      [`${TOTAL}{function_name="a.ns",code="200"}`]: '0+50x60',
      [`${TOTAL}{function_name="b.ns",code="200"}`]: '0+50x60',
    },
    at: '2m',
    expect: { [`${LOAD}{scaling_type="rps"}`]: {} },
  },
  'capacity: the peak of each gateway within 45 seconds, added up': {
    series: {
      ...announce('a.ns', 'capacity'),
      'gateway_function_invocation_inflight{function_name="a.ns",instance="g1"}': '0x15 30 2x44',
      'gateway_function_invocation_inflight{function_name="a.ns",instance="g2"}': '7x60',
      'gateway_function_invocation_inflight{function_name="other.ns",instance="g2"}': '7x60',
    },
    at: '2m',
    expect: { [LOAD]: { [load('a.ns', 'capacity')]: 37 } },
  },
  'capacity: the peak is over after 45 seconds': {
    series: {
      ...announce('a.ns', 'capacity'),
      'gateway_function_invocation_inflight{function_name="a.ns",instance="g1"}': '0x5 30 2x54',
    },
    at: '2m',
    expect: { [LOAD]: { [load('a.ns', 'capacity')]: 2 } },
  },
  'capacity: a gateway that has gone has no calls any more': {
    series: {
      ...announce('a.ns', 'capacity'),
      'gateway_function_invocation_inflight{function_name="a.ns",instance="g1"}': '30x20 stale',
      'gateway_function_invocation_inflight{function_name="a.ns",instance="g2"}': '7x60',
    },
    at: '2m',
    expect: { [LOAD]: { [load('a.ns', 'capacity')]: 7 } },
  },
  'cpu: thousandths of a core over all replicas, without those that have gone': {
    series: {
      ...announce('a.ns', 'cpu'),
      'pod_cpu_usage_seconds_total{function_name="a.ns",instance="r1"}': '0+1x60',
      'pod_cpu_usage_seconds_total{function_name="a.ns",instance="r2"}': '500+2.5x60',
      'pod_cpu_usage_seconds_total{function_name="a.ns",instance="r3"}': '0+5x20 stale',
    },
    at: '2m',
    expect: { [`round(${LOAD})`]: { '{function_name="a.ns", scaling_type="cpu"}': 700 } },
  },
  'queue: calls that wait and that run, over all queues, however many gateways see them': {
    series: {
      ...announce('a.ns', 'queue'),
      'gateway_async_waiting{function_name="a.ns",queue_name="q",instance="g1"}': '5x60',
      'gateway_async_waiting{function_name="a.ns",queue_name="q",instance="g2"}': '5x60',
      'gateway_async_running{function_name="a.ns",queue_name="q",instance="g1"}': '2x60',
      'gateway_async_running{function_name="a.ns",queue_name="q",instance="g2"}': '2x60',
      'gateway_async_waiting{function_name="a.ns",queue_name="slow",instance="g1"}': '30x60',
      'gateway_async_running{function_name="a.ns",queue_name="slow",instance="g1"}': '0x60',
      'gateway_async_waiting{function_name="b.ns",queue_name="q",instance="g1"}': '9x60',
      'gateway_async_running{function_name="b.ns",queue_name="q",instance="g1"}': '9x60',
    },
    at: '2m',
    expect: { [LOAD]: { [load('a.ns', 'queue')]: 37 } },
  },
  'calls started in the last minute, of every function: one that began at 0 counts from its first call': {
    series: {
      'gateway_function_invocation_started{function_name="a.ns",instance="g1"}': '0x20 1x40',
      'gateway_function_invocation_started{function_name="b.ns",instance="g1"}': '9x60',
    },
    at: '2m',
    expect: {
      [`ceil(${STARTED})`]: { '{function_name="a.ns"}': 1, '{function_name="b.ns"}': 0 },
    },
  },
  'a rule of the operator’s own is a series beside ours': {
    series: {
      ...announce('packer.openfaas-fn', 'orders-waiting'),
      'orders_waiting{worker="packer",shop="north"}': '40x60',
      'orders_waiting{worker="packer",shop="south"}': '2x60',
      'orders_waiting{worker="nobody",shop="south"}': '99x60',
    },
    at: '2m',
    expect: { [LOAD]: { [load('packer.openfaas-fn', 'orders-waiting')]: 42 } },
  },
};

describe('the load of functions, as Prometheus records it', function () {
  this.timeout(60_000);
  let told: ReadonlyMap<string, string | undefined>;

  before(async () => {
    told = await runRuleCases({ files: [RULES], texts: { 'orders.yml': ownRule } }, CASES);
  });

  for (const name of Object.keys(CASES)) {
    it(name, () => {
      const failure = told.get(name);
      if (failure !== undefined) throw new Error(failure);
    });
  }

  it('has the names and labels that the gateway asks for', () => {
    const { groups } = parse(ownRule) as {
      groups: readonly { rules: readonly { record: string; labels: Record<string, string> }[] }[];
    };
    expect(groups[0]?.rules.map(({ record, labels }) => [record, Object.keys(labels)])).to.deep.equal([
      [LOAD, ['scaling_type']],
    ]);
    expect(readFileSync(join(root, 'gateway/scaling/prometheus-loads.ts'), 'utf8')).to.contain(
      `${LOAD}{scaling_type=`,
    );
  });
});
