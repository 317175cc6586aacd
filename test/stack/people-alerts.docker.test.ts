import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { parse, stringify } from 'yaml';
import { runInImage } from './in-image.ts';
import { type RuleCase, runRuleCases } from './promtool.ts';

const root = join(import.meta.dirname, '..', '..');
const RULES = 'prometheus/people.rules.yml';
const F = 'function_name="a.openfaas-fn"';
const TOTAL = 'gateway_function_invocation_total';

interface Rule {
  readonly alert?: string;
  readonly expr: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}
const { groups } = parse(readFileSync(join(root, RULES), 'utf8')) as {
  groups: readonly { readonly rules: readonly Rule[] }[];
};
const alerts = groups.flatMap(({ rules }) => rules).filter(({ alert }) => alert !== undefined);

/** A case in which this fires, with these labels beside its own, and nothing else. */
const fires = (name: string, labels: Readonly<Record<string, string>>, rest: Omit<RuleCase, 'expect'>) => ({
  ...rest,
  expect: {
    'count by (alertname, function_name, instance, queue_name) (ALERTS{alertstate="firing"})': {
      [`{${[`alertname="${name}"`, ...Object.entries(labels).map(([key, value]) => `${key}="${value}"`)].join(', ')}}`]: 1,
    },
  },
});

/** A case in which nothing fires. */
const silent = (series: RuleCase['series'], at: string): RuleCase => ({
  series: { 'up{job="gateway",instance="g1"}': `1x${samples('2h')}`, ...series },
  at,
  expect: { 'ALERTS{alertstate="firing"}': {} },
});

/** How many samples a time has. */
function samples(time: string): number {
  const [, count = '', unit = ''] = /^(\d+)([smh])$/.exec(time) ?? [];
  return (Number(count) * { s: 1, m: 60, h: 3600 }[unit as 's' | 'm' | 'h']) / 5;
}
const UP = { 'up{job="gateway",instance="g1"}': `1x${samples('2h')}` };
const FUNCTION = { function_name: 'a.openfaas-fn' };

/** Buckets of calls that took between half a second and one, `slow` times out of `each` between five and ten. */
const durations = (
  phases: readonly { readonly calls: number; readonly slow: number; readonly times: number }[],
) => {
  const total = (from: number): number[] => {
    let sum = 0;
    return phases.flatMap(({ calls, slow, times }) =>
      Array.from({ length: times }, () => {
        sum += from === 0 ? calls - slow : calls;
        return sum;
      }),
    );
  };
  const series = (le: string, values: readonly number[]): [string, string] => [
    `gateway_functions_seconds_bucket{${F},code="200",le="${le}"}`,
    values.join(' '),
  ];
  return Object.fromEntries([
    series(
      '0.5',
      total(0).map(() => 0),
    ),
    series('1', total(0)),
    series('5', total(0)),
    series('10', total(1)),
    series('+Inf', total(1)),
    [`gateway_functions_seconds_count{${F},code="200"}`, total(1).join(' ')],
  ]);
};

const CASES: Readonly<Record<string, RuleCase>> = {
  'FunctionErrors fires for a tenth of failing calls': fires('FunctionErrors', FUNCTION, {
    series: { ...UP, [`${TOTAL}{${F},code="200"}`]: '0+9x120', [`${TOTAL}{${F},code="502"}`]: '0+1x120' },
    at: '7m',
    alerts: [
      {
        alertname: 'FunctionErrors',
        labels: { ...FUNCTION, severity: 'warning' },
        annotations: {
          summary: 'a.openfaas-fn fails 10% of its calls',
          description:
            '10% of the calls of a.openfaas-fn in the last 5 minutes were answered 5xx. Look at its log (skep logs a.openfaas-fn), at the codes (502: a replica ended inside a call; 503: no replica; 504: too slow), and at what was deployed last.',
          runbook: 'docs/alerts.md#functionerrors',
        },
      },
    ],
  }),
  'FunctionErrors adds up gateways and codes': fires('FunctionErrors', FUNCTION, {
    series: {
      ...UP,
      [`${TOTAL}{${F},code="200",instance="g1"}`]: '0+94x120',
      [`${TOTAL}{${F},code="500",instance="g1"}`]: '0+3x120',
      [`${TOTAL}{${F},code="503",instance="g2"}`]: '0+3x120',
    },
    at: '7m',
  }),
  'FunctionErrors is silent at one call in twenty': silent(
    { [`${TOTAL}{${F},code="200"}`]: '0+19x120', [`${TOTAL}{${F},code="502"}`]: '0+1x120' },
    '7m',
  ),
  'FunctionErrors is silent about one failure of a function that is hardly called': silent(
    { [`${TOTAL}{${F},code="200"}`]: '0x120', [`${TOTAL}{${F},code="500"}`]: '0x30 1x90' },
    '4m',
  ),
  'FunctionErrors is silent about calls that clients got wrong, left, or sent too many of': silent(
    {
      [`${TOTAL}{${F},code="200"}`]: '0+1x120',
      [`${TOTAL}{${F},code="404"}`]: '0+9x120',
      [`${TOTAL}{${F},code="429"}`]: '0+9x120',
      [`${TOTAL}{${F},code="499"}`]: '0+9x120',
    },
    '7m',
  ),
  'FunctionErrors is silent about the few failures of a roll-out': silent(
    { [`${TOTAL}{${F},code="200"}`]: '0+5x120', [`${TOTAL}{${F},code="502"}`]: '0x40 4x80' },
    '4m',
  ),
  'FunctionSlow fires when the slow twentieth is seven times as slow as in the hour before': fires(
    'FunctionSlow',
    FUNCTION,
    {
      series: {
        ...UP,
        ...durations([
          { calls: 10, slow: 0, times: samples('1h') },
          { calls: 10, slow: 5, times: 120 },
        ]),
      },
      at: '70m',
      alerts: [
        {
          alertname: 'FunctionSlow',
          labels: { ...FUNCTION, severity: 'warning' },
          annotations: {
            summary: 'a.openfaas-fn is slow: one call in twenty takes 9.5s or longer',
            description:
              'The 95th percentile of a.openfaas-fn over 5 minutes is 9.5s, more than three times what it was in the hour before. Look at its calls in flight and replicas, at CPU and memory against its limits, and at what it calls itself.',
            runbook: 'docs/alerts.md#functionslow',
          },
        },
      ],
    },
  ),
  'FunctionSlow is silent about a function that always takes long': silent(
    durations([{ calls: 10, slow: 5, times: samples('80m') }]),
    '75m',
  ),
  'FunctionSlow is silent about a function that has no hour before': silent(
    durations([{ calls: 10, slow: 5, times: samples('9m') }]),
    '9m',
  ),
  'FunctionSlow is silent about a few calls': silent(
    durations([
      { calls: 10, slow: 0, times: samples('1h') },
      { calls: 0, slow: 0, times: 60 },
      { calls: 1, slow: 1, times: 15 },
      { calls: 0, slow: 0, times: 45 },
    ]),
    '69m',
  ),
  'FunctionAtMaximum fires after a quarter of an hour at the maximum, with calls': fires(
    'FunctionAtMaximum',
    FUNCTION,
    {
      series: {
        ...UP,
        [`gateway_service_count{${F}}`]: '1x12 20x240',
        [`gateway_service_max{${F}}`]: '20x260',
        [`gateway_service_min{${F}}`]: '1x260',
        [`gateway_function_invocation_started{${F}}`]: '0+9x260',
      },
      at: '17m',
      alerts: [
        {
          alertname: 'FunctionAtMaximum',
          labels: { ...FUNCTION, severity: 'warning' },
          annotations: {
            summary: 'a.openfaas-fn has had all of its 20 replicas for a quarter of an hour',
            description:
              'a.openfaas-fn is called and cannot get more replicas: com.openfaas.scale.max is 20. Raise it if the nodes have room, or find out why a replica takes so little.',
            runbook: 'docs/alerts.md#functionatmaximum',
          },
        },
      ],
    },
  ),
  'FunctionAtMaximum is silent before that, and one replica below': silent(
    {
      [`gateway_service_count{${F}}`]: '1x72 20x180',
      [`gateway_service_max{${F}}`]: '20x260',
      [`gateway_service_min{${F}}`]: '1x260',
      [`gateway_function_invocation_started{${F}}`]: '0+9x260',
      'gateway_service_count{function_name="b.ns"}': '19x260',
      'gateway_service_max{function_name="b.ns"}': '20x260',
      'gateway_service_min{function_name="b.ns"}': '1x260',
      'gateway_function_invocation_started{function_name="b.ns"}': '0+9x260',
    },
    '20m',
  ),
  'FunctionAtMaximum is silent about functions of a fixed size, and about those that nobody calls': silent(
    {
      [`gateway_service_count{${F}}`]: '3x260',
      [`gateway_service_max{${F}}`]: '3x260',
      [`gateway_service_min{${F}}`]: '3x260',
      [`gateway_function_invocation_started{${F}}`]: '0+9x260',
      'gateway_service_count{function_name="b.ns"}': '20x260',
      'gateway_service_max{function_name="b.ns"}': '20x260',
      'gateway_service_min{function_name="b.ns"}': '1x260',
      'gateway_function_invocation_started{function_name="b.ns"}': '7x260',
    },
    '20m',
  ),
  'FunctionCrashLoop fires for a replica that ends every minute': fires('FunctionCrashLoop', FUNCTION, {
    series: {
      ...UP,
      [`gateway_service_count{${F}}`]: '1x240',
      [`gateway_replica_failures_total{${F},instance="g1"}`]: everyMinute(10),
      [`gateway_replica_failures_total{${F},instance="g2"}`]: everyMinute(10),
    },
    at: '10m',
    alerts: [
      {
        alertname: 'FunctionCrashLoop',
        labels: { ...FUNCTION, severity: 'warning' },
        annotations: {
          summary: 'Replicas of a.openfaas-fn end again and again',
          description:
            '9 replicas of a.openfaas-fn ended by themselves or could not start in 10 minutes. The reason is in skep describe a.openfaas-fn and in docker service ps --no-trunc; exit code 137 without a stop is memory beyond the limit.',
          runbook: 'docs/alerts.md#functioncrashloop',
        },
      },
    ],
  }),
  'FunctionCrashLoop is silent about four ends in ten minutes, and about a node whose twenty replicas ended at once':
    silent(
      {
        [`gateway_service_count{${F}}`]: '1x240',
        [`gateway_replica_failures_total{${F}}`]: '0x20 1x20 2x20 3x20 4x160',
        'gateway_service_count{function_name="b.ns"}': '20x240',
        'gateway_replica_failures_total{function_name="b.ns"}': '0x60 20x180',
      },
      '7m',
    ),
  'FunctionCrashLoop ends soon after the last crash': silent(
    {
      [`gateway_service_count{${F}}`]: '1x240',
      [`gateway_replica_failures_total{${F}}`]: `${everyMinute(6)} 6x60`,
    },
    '9m',
  ),
  'FunctionDown fires when a function that is meant to run has no replica': fires('FunctionDown', FUNCTION, {
    series: {
      ...UP,
      [`gateway_service_count{${F},instance="g1"}`]: '1x240',
      [`gateway_service_ready_count{${F},instance="g1"}`]: '1x12 0x200',
    },
    at: '5m',
    alerts: [
      {
        alertname: 'FunctionDown',
        labels: { ...FUNCTION, severity: 'critical' },
        annotations: {
          summary: 'a.openfaas-fn has no replica that runs',
          description:
            'a.openfaas-fn is meant to run and no replica of it does: its calls wait and are then answered 503. The reason is in skep describe a.openfaas-fn: no such image, no suitable node, or a replica that ends as it starts.',
          runbook: 'docs/alerts.md#functiondown',
        },
      },
    ],
  }),
  'FunctionDown is silent about a function that sleeps, one that wakes up, and one that one gateway sees running':
    silent(
      {
        [`gateway_service_count{${F}}`]: '0x240',
        [`gateway_service_ready_count{${F}}`]: '0x240',
        'gateway_service_count{function_name="b.ns"}': '0x30 1x200',
        'gateway_service_ready_count{function_name="b.ns"}': '0x60 1x170',
        'gateway_service_count{function_name="c.ns",instance="g1"}': '1x240',
        'gateway_service_count{function_name="c.ns",instance="g2"}': '1x240',
        'gateway_service_ready_count{function_name="c.ns",instance="g1"}': '0x240',
        'gateway_service_ready_count{function_name="c.ns",instance="g2"}': '1x240',
      },
      '15m',
    ),
  'GatewayDown fires when no gateway answers': fires(
    'GatewayDown',
    {},
    {
      series: { 'up{job="gateway",instance="g1"}': '1x12 0x60' },
      at: '3m',
      alerts: [
        {
          alertname: 'GatewayDown',
          labels: { severity: 'critical' },
          annotations: {
            summary: 'No gateway answers',
            description:
              'Prometheus could scrape no gateway for a minute: most likely no function can be called. Look at docker service ps skep_gateway and at docker service logs skep_gateway.',
            runbook: 'docs/alerts.md#gatewaydown',
          },
        },
      ],
    },
  ),
  'GatewayDown fires also when there is no gateway to ask': fires(
    'GatewayDown',
    {},
    {
      series: { 'up{job="prometheus",instance="p"}': '1x60' },
      at: '3m',
    },
  ),
  'GatewayDown is silent while a gateway is replaced': {
    ...silent({}, '3m'),
    series: {
      'up{job="gateway",instance="g1"}': '1x20 0x4',
      'up{job="gateway",instance="g2"}': '_x30 1x30',
    },
  },
  'GatewayReplicaDown fires for one of two': fires(
    'GatewayReplicaDown',
    { instance: 'g2' },
    {
      series: { ...UP, 'up{job="gateway",instance="g2"}': '1x12 0x60' },
      at: '4m',
      alerts: [
        {
          alertname: 'GatewayReplicaDown',
          labels: { job: 'gateway', instance: 'g2', severity: 'warning' },
          annotations: {
            summary: 'The gateway at g2 does not answer, others do',
            description:
              'Prometheus could not scrape g2 for two minutes. Look at docker service ps skep_gateway, and at the node it is on.',
            runbook: 'docs/alerts.md#gatewayreplicadown',
          },
        },
      ],
    },
  ),
  'GatewayReplicaDown is silent about one that is away for a minute and a half': silent(
    { 'up{job="gateway",instance="g2"}': '1x12 0x18 1x30' },
    '3m',
  ),
  'GatewayWorkersEnd fires for the third in a quarter of an hour': fires(
    'GatewayWorkersEnd',
    { instance: 'g1' },
    {
      series: { ...UP, 'gateway_worker_restarts_total{instance="g1",job="gateway"}': '0x24 1x24 2x24 3x140' },
      at: '15m',
      alerts: [
        {
          alertname: 'GatewayWorkersEnd',
          labels: { job: 'gateway', instance: 'g1', severity: 'warning' },
          annotations: {
            summary: 'Workers of the gateway at g1 end by themselves',
            description:
              "3 worker processes of g1 ended in 15 minutes, each time with the calls they had. The log says how (a worker has ended by itself); killed means that the service's memory is short.",
            runbook: 'docs/alerts.md#gatewayworkersend',
          },
        },
      ],
    },
  ),
  'GatewayWorkersEnd is silent about two': silent(
    { 'gateway_worker_restarts_total{instance="g1",job="gateway"}': '0x24 1x24 2x160' },
    '15m',
  ),
  'ClusterNotReadable fires when the last good read is a minute ago': fires(
    'ClusterNotReadable',
    { instance: 'g1' },
    {
      series: { ...UP, 'gateway_cluster_read_age_seconds{instance="g1",job="gateway"}': '0x12 5+5x12 65x20' },
      at: '3m',
      alerts: [
        {
          alertname: 'ClusterNotReadable',
          labels: { job: 'gateway', instance: 'g1', severity: 'critical' },
          annotations: {
            summary: 'The gateway at g1 cannot read the cluster',
            description:
              'g1 read functions and replicas last 1m 5s ago. Calls go on to the replicas it knew then; nothing is deployed, scaled or noticed. skep admin health says whether the engine or the swarm is away; a swarm without a majority of managers cannot be read.',
            runbook: 'docs/alerts.md#clusternotreadable',
          },
        },
      ],
    },
  ),
  'ClusterNotReadable is silent about reads that take long, and a moment without a manager': silent(
    {
      'gateway_cluster_read_age_seconds{instance="g1",job="gateway"}':
        '1 20 3 19 29 1 0 5 10 15 20 25 30 35 40 1x60',
    },
    '2m',
  ),
  'ScalingWithoutLeader fires when none of two scales': fires(
    'ScalingWithoutLeader',
    {},
    {
      series: {
        ...UP,
        'gateway_scaling_leader{instance="g1"}': '1x12 0x60',
        'gateway_scaling_leader{instance="g2"}': '0x72',
      },
      at: '3m',
      alerts: [
        {
          alertname: 'ScalingWithoutLeader',
          labels: { severity: 'warning' },
          annotations: {
            summary: '0 gateways scale functions, where one should',
            description:
              'Exactly one gateway scales by target, to zero and by the clock; 0 say that they do. They agree over NATS: look whether all gateways reach it (skep admin health). Alerts scale meanwhile, and calls go on.',
            runbook: 'docs/alerts.md#scalingwithoutleader',
          },
        },
      ],
    },
  ),
  'ScalingWithoutLeader fires when two scale': fires(
    'ScalingWithoutLeader',
    {},
    {
      series: {
        ...UP,
        'gateway_scaling_leader{instance="g1"}': '1x60',
        'gateway_scaling_leader{instance="g2"}': '1x60',
      },
      at: '3m',
    },
  ),
  'ScalingWithoutLeader is silent while one takes over from the other': silent(
    {
      'gateway_scaling_leader{instance="g1"}': '1x20 0x40',
      'gateway_scaling_leader{instance="g2"}': '0x26 1x34',
    },
    '3m',
  ),
  'QueueBacklog fires for a call that waits for more than ten minutes': fires(
    'QueueBacklog',
    { function_name: 'a.openfaas-fn', queue_name: 'q' },
    {
      series: {
        ...UP,
        [`gateway_async_oldest_waiting_seconds{queue_name="q",${F},instance="g1"}`]: '601+5x200',
        [`gateway_async_oldest_waiting_seconds{queue_name="q",${F},instance="g2"}`]: '599+5x200',
        'gateway_async_oldest_waiting_seconds{queue_name="q",function_name="b.ns",instance="g1"}': '5x200',
      },
      at: '6m',
      alerts: [
        {
          alertname: 'QueueBacklog',
          labels: { queue_name: 'q', ...FUNCTION, severity: 'warning' },
          annotations: {
            summary: 'Asynchronous calls of a.openfaas-fn wait for 16m 1s',
            description:
              'The oldest asynchronous call of a.openfaas-fn has waited in q for 16m 1s. Either more comes in than the function can take (replicas, com.openfaas.scale.type: queue), or it is slow, or the workers are too few (SKEP_QUEUE_WORKERS).',
            runbook: 'docs/alerts.md#queuebacklog',
          },
        },
      ],
    },
  ),
  'QueueBacklog is silent about ten minutes, and about a wave that is worked off': silent(
    {
      [`gateway_async_oldest_waiting_seconds{queue_name="q",${F}}`]: '600x200',
      'gateway_async_oldest_waiting_seconds{queue_name="q",function_name="b.ns"}': '0x20 500+5x59 0x120',
    },
    '12m',
  ),
  'QueueStuck fires when calls wait and none is taken': fires(
    'QueueStuck',
    { queue_name: 'q' },
    {
      series: {
        ...UP,
        'gateway_async_waiting{queue_name="q",function_name="a.ns",instance="g1"}': '3x260',
        'gateway_async_waiting{queue_name="q",function_name="a.ns",instance="g2"}': '3x260',
        'queue_worker_messages_processed_total{queue_name="q"}': '9x260',
      },
      at: '20m',
      alerts: [
        {
          alertname: 'QueueStuck',
          labels: { queue_name: 'q', severity: 'critical' },
          annotations: {
            summary: 'Nothing is taken out of the queue q',
            description:
              '3 calls wait in q, none is in work, and none was finished for 10 minutes. Look whether the queue workers run and reach NATS.',
            runbook: 'docs/alerts.md#queuestuck',
          },
        },
      ],
    },
  ),
  'QueueStuck fires also where no worker is left to tell anything': fires(
    'QueueStuck',
    { queue_name: 'q' },
    {
      series: { ...UP, 'gateway_async_waiting{queue_name="q",function_name="a.ns"}': '1x260' },
      at: '20m',
    },
  ),
  'QueueStuck is silent about calls that take long, and about an empty queue': silent(
    {
      'gateway_async_waiting{queue_name="q",function_name="a.ns"}': '3x260',
      'queue_worker_function_invocation_inflight{queue_name="q",function_name="a.ns"}': '1x260',
      'queue_worker_messages_processed_total{queue_name="q"}': '9x260',
      'gateway_async_waiting{queue_name="r",function_name="a.ns"}': '0x260',
    },
    '20m',
  ),
  'DeadLetters fires for one, seen by two gateways': fires('DeadLetters', FUNCTION, {
    series: {
      ...UP,
      [`gateway_async_dead_letters{${F},instance="g1"}`]: '_x12 1x60',
      [`gateway_async_dead_letters{${F},instance="g2"}`]: '_x12 1x60',
    },
    at: '3m',
    alerts: [
      {
        alertname: 'DeadLetters',
        labels: { ...FUNCTION, severity: 'warning' },
        annotations: {
          summary: '1 asynchronous calls of a.openfaas-fn were given up',
          description:
            '1 calls of a.openfaas-fn failed as often as they may, and are kept: skep calls --dead --function a.openfaas-fn says why, skep redrive sends them again. This ends when they are sent again or thrown away.',
          runbook: 'docs/alerts.md#deadletters',
        },
      },
    ],
  }),
  'DeadLetters is silent where they were sent again, and where there were none': silent(
    {
      [`gateway_async_dead_letters{${F}}`]: '_x12 1x10 stale _x60',
      'gateway_async_dead_letters{function_name="b.ns"}': '0x80',
    },
    '5m',
  ),
  'AsyncCallsRefused fires for the first of them': fires(
    'AsyncCallsRefused',
    {},
    {
      series: {
        ...UP,
        'gateway_async_refused_total{reason="queue_full",instance="g1"}': '0x12 1x60',
        'gateway_async_refused_total{reason="queue_full",instance="g2"}': '0x12 2x60',
        'gateway_async_refused_total{reason="invalid_request",instance="g1"}': '0+9x72',
      },
      at: '3m',
      alerts: [
        {
          alertname: 'AsyncCallsRefused',
          labels: { reason: 'queue_full', severity: 'critical' },
          annotations: {
            summary: 'Asynchronous calls are refused: queue_full',
            description:
              '3 asynchronous calls were answered 503 in the last 5 minutes, queue_full: NATS is away (queue_unavailable), the queue or its disk is full (queue_full), or no worker serves a queue (queue_not_served). Nothing of them was accepted. skep admin health tells how NATS is.',
            runbook: 'docs/alerts.md#asynccallsrefused',
          },
        },
      ],
    },
  ),
  'AsyncCallsRefused is silent about those of long ago, and about bad requests': silent(
    {
      'gateway_async_refused_total{reason="queue_unavailable"}': '0x12 7x120',
      'gateway_async_refused_total{reason="invalid_request"}': '0+9x132',
    },
    '10m',
  ),
  'ScheduleMissed fires for the first of a gateway that has just begun': fires('ScheduleMissed', FUNCTION, {
    series: {
      ...UP,
      [`gateway_schedule_ticks_total{${F},result="missed",instance="g2"}`]: '_x12 1x60',
      [`gateway_schedule_ticks_total{${F},result="accepted",instance="g2"}`]: '_x12 5x60',
    },
    at: '2m',
    alerts: [
      {
        alertname: 'ScheduleMissed',
        labels: { ...FUNCTION, severity: 'warning' },
        annotations: {
          summary: 'a.openfaas-fn was not called at its time',
          description:
            'Ticks of the schedule of a.openfaas-fn passed while no gateway could call it: the gateway or NATS was away for longer than two minutes, or the call was not accepted. The log of the gateways has since when, and whether it was made up for (com.skep.schedule.on-missed).',
          runbook: 'docs/alerts.md#schedulemissed',
        },
      },
    ],
  }),
  'ScheduleMissed is silent about calls that were made, and those missed long ago': silent(
    {
      [`gateway_schedule_ticks_total{${F},result="accepted"}`]: '0+1x300',
      [`gateway_schedule_ticks_total{${F},result="missed"}`]: '0x12 3x288',
    },
    '20m',
  ),
};

function everyMinute(times: number): string {
  return Array.from({ length: times }, (_, index) => `${index + 1}x11`).join(' ');
}

describe('alerts for people, as Prometheus itself evaluates them', function () {
  this.timeout(60_000);
  let told: ReadonlyMap<string, string | undefined>;

  before(async () => {
    told = await runRuleCases({ files: [RULES] }, CASES);
  });

  for (const name of Object.keys(CASES)) {
    it(name, () => {
      const failure = told.get(name);
      if (failure !== undefined) throw new Error(failure);
    });
  }

  for (const { alert = '', labels = {}, annotations = {} } of alerts) {
    it(`${alert} fires and is silent in a case of its own, scales nothing, and says what to do`, () => {
      expect(Object.keys(CASES).some((name) => name.startsWith(`${alert} fires`))).to.equal(true);
      expect(Object.keys(CASES).some((name) => name.startsWith(`${alert} is silent`))).to.equal(true);
      expect(labels['severity']).to.be.oneOf(['warning', 'critical']);
      expect(labels).to.not.have.property('service');
      expect(Object.keys(annotations)).to.deep.equal(['summary', 'description', 'runbook']);
    });
  }

  it('have a section each in docs/alerts.md, and that has no other alerts', () => {
    const page = readFileSync(join(root, 'docs', 'alerts.md'), 'utf8');
    const headings = [...page.matchAll(/^### (\w+)$/gm)].map(([, name = '']) => name);
    expect(headings).to.have.members(alerts.map(({ alert }) => alert));
    for (const { alert = '', annotations = {} } of alerts)
      expect(annotations['runbook']).to.equal(`docs/alerts.md#${alert.toLowerCase()}`);
  });

  it('can be sent to people as docs/alerts.md shows it, beside what scales', async () => {
    const page = readFileSync(join(root, 'docs', 'alerts.md'), 'utf8');
    const shown = parse(/^```yaml\n(route:[\s\S]*?)^```$/m.exec(page)?.[1] ?? '') as Routing;
    const ours = parse(readFileSync(join(root, 'prometheus', 'alertmanager.yml'), 'utf8')) as Routing;
    const [first, ...more] = ours.route.routes;
    const config = {
      ...ours,
      ...shown,
      route: { ...ours.route, routes: [first, ...more, ...shown.route.routes.slice(1)] },
      receivers: [...ours.receivers, ...shown.receivers],
    };
    const routed = (receiver: string, labels: string): string =>
      `amtool config routes test --config.file=am.yml --verify.receivers=${receiver} ${labels}`;
    const { exitCode, output } = await runInImage({
      image: 'prom/alertmanager:v0.25.0',
      files: [],
      texts: { 'am.yml': stringify(config) },
      command: [
        'amtool check-config am.yml',
        routed('scale-up', 'service=gateway severity=major function_name=a.openfaas-fn'),
        routed('team', 'alertname=GatewayDown severity=critical'),
        routed('team', 'alertname=FunctionErrors severity=warning function_name=a.openfaas-fn'),
        routed('dropped', 'alertname=service_down severity=minor'),
      ].join(' && '),
    });
    expect(exitCode, output).to.equal(0);
  });
});

interface Routing {
  readonly route: { readonly receiver: string; readonly routes: readonly object[] };
  readonly receivers: readonly object[];
}
