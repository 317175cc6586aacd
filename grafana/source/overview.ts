import { alertsFiring } from './alerts-firing.ts';
import { choice, dashboard, labelVariable, resultVariable, type Section } from './dashboard.ts';
import { figure, graph, type Thresholds, table } from './panels.ts';
import {
  CALLS,
  cpu,
  DURATIONS,
  failedShare,
  loadShare,
  memory,
  perSecond,
  quantile,
  quantileOfFew,
  shared,
  times,
  timesSeen,
} from './queries.ts';

const CHOSEN = 'function_name=~"$functions"';
/** Lines of a thousand functions are no picture, and too much for a browser: the busiest of the chosen ones. */
const SHOWN = 'function_name=~"$shown"';
const BY = 'function_name';
const NAME = '{{function_name}}';

const FAILED: Thresholds = [
  [0.01, 'orange'],
  [0.05, 'red'],
];
const SLOW: Thresholds = [
  [1, 'orange'],
  [5, 'red'],
];
const FULL: Thresholds = [
  [0.8, 'orange'],
  [1, 'red'],
];

const toFunction = (name: string) => ({
  title: 'Show this function alone',
  url: `/d/skep-function/function?var-function=${name}&\${__url_time_range}`,
});
/** A click on a function's line. */
const links = [toFunction(`\${__field.labels.function_name}`)];
const readyOf = (functions: string): string => shared(BY, 'gateway_service_ready_count', functions);
const desiredOf = (functions: string): string => shared(BY, 'gateway_service_count', functions);
const [ready, desired] = [readyOf(CHOSEN), desiredOf(CHOSEN)];

const figures: Section = {
  title: 'All chosen functions',
  lines: [
    {
      height: 4,
      panels: [
        figure(alertsFiring),
        figure({
          title: 'Calls',
          description: 'Calls that ended, per second, over all gateways.',
          unit: 'reqps',
          base: 'text',
          hasGraph: true,
          series: [[`sum(rate(${CALLS}{${CHOSEN}}[$__rate_interval]))`, 'calls']],
        }),
        figure({
          title: 'Failed',
          description:
            'Share of the calls of the chosen time that were answered with a 5xx status, by the function or by the gateway.',
          unit: 'percentunit',
          decimals: 2,
          thresholds: FAILED,
          noValue: 'no calls',
          series: [
            [
              `sum(${times(BY, CALLS, `${CHOSEN},code=~"5.."`, '$__range')} or vector(0)) / (sum(${times(BY, CALLS, CHOSEN, '$__range')}) > 0)`,
              'failed',
            ],
          ],
        }),
        figure({
          title: 'p95 of all',
          description:
            'The time in which 95 % of the calls of the chosen time were answered, without the wait for a first replica.',
          unit: 's',
          thresholds: SLOW,
          noValue: 'no calls',
          series: [
            [quantileOfFew({ of: 0.95, metric: DURATIONS, selector: CHOSEN, window: '$__range' }), 'p95'],
          ],
        }),
        figure({
          title: 'In flight now',
          description: 'Calls accepted and not finished, now.',
          unit: 'short',
          base: 'text',
          hasGraph: true,
          series: [[`sum(gateway_function_invocation_inflight{${CHOSEN}})`, 'in flight']],
        }),
        figure({
          title: 'Functions',
          description:
            'Functions deployed, and how many of them have a replica that takes calls. The others are asleep, starting, or broken.',
          unit: 'short',
          base: 'text',
          series: [
            [`count(${desired})`, 'deployed'],
            [`count(${ready} > 0) or vector(0)`, 'ready'],
          ],
        }),
        figure({
          title: 'At maximum',
          description:
            'Functions that have as many replicas as com.openfaas.scale.max lets them have, where that is more than one: more load makes them slower.',
          unit: 'short',
          thresholds: [[1, 'orange']],
          series: [
            [
              `count(${desired} >= (${shared(BY, 'gateway_service_max', CHOSEN)} > 1)) or vector(0)`,
              'at their maximum',
            ],
          ],
        }),
        figure({
          title: 'Failed replicas',
          description: 'Replicas of the chosen time that ended by themselves or could not start.',
          unit: 'short',
          thresholds: [
            [1, 'orange'],
            [10, 'red'],
          ],
          series: [
            [
              `sum(${timesSeen(BY, 'gateway_replica_failures_total', CHOSEN, '$__range')}) or vector(0)`,
              'failed',
            ],
          ],
        }),
      ],
    },
    {
      height: 9,
      panels: [
        table({
          title: 'Functions at a glance',
          description:
            'All of each function at the end of the chosen time. A click on a name shows the function alone. The share of its maximum is empty where scaling has none.',
          unit: 'short',
          rows: [{ label: BY, name: 'Function', links: [toFunction(`\${__value.raw}`)] }],
          sortedBy: 'Calls',
          columns: [
            { name: 'Calls', expr: perSecond(BY, CALLS, CHOSEN), unit: 'reqps', decimals: 1 },
            {
              name: 'Failed',
              expr: failedShare(BY, CHOSEN),
              unit: 'percentunit',
              decimals: 2,
              thresholds: FAILED,
            },
            {
              name: 'p95',
              expr: quantile({ of: 0.95, by: BY, metric: DURATIONS, selector: CHOSEN }),
              unit: 's',
              thresholds: SLOW,
            },
            {
              name: 'In flight',
              expr: `sum by (${BY}) (gateway_function_invocation_inflight{${CHOSEN}})`,
              unit: 'short',
            },
            { name: 'Desired', expr: desired, unit: 'short' },
            { name: 'Ready', expr: ready, unit: 'short' },
            {
              name: 'Of maximum',
              expr: `${desired} / ${shared(BY, 'gateway_service_max', CHOSEN)}`,
              unit: 'percentunit',
              thresholds: FULL,
            },
            { name: 'CPU cores', expr: cpu(BY, CHOSEN), unit: 'short', decimals: 2 },
            { name: 'Memory', expr: memory(BY, CHOSEN), unit: 'bytes' },
          ],
        }),
      ],
    },
  ],
};

const calls: Section = {
  title: 'Rate, errors, duration',
  lines: [
    {
      height: 8,
      panels: [
        graph({
          title: 'Calls per second',
          description: 'Calls that ended, by function, over all gateways.',
          unit: 'reqps',
          links,
          series: [[perSecond(BY, CALLS, SHOWN), NAME]],
        }),
        graph({
          title: 'Failed share',
          description:
            'Share of a function’s calls that were answered with a 5xx status. A function without calls has no line.',
          unit: 'percentunit',
          max: 1,
          thresholds: FAILED,
          links,
          series: [[failedShare(BY, SHOWN), NAME]],
        }),
      ],
    },
    {
      height: 8,
      panels: ([0.5, 0.95, 0.99] as const).map((of) =>
        graph({
          title: `Duration p${of * 100}`,
          description: `The time in which ${of * 100} % of a function’s calls were answered, without the wait for a first replica. Measured in buckets up to 10 s: longer ones show as 10 s.`,
          unit: 's',
          thresholds: SLOW,
          links,
          series: [[quantile({ of, by: BY, metric: DURATIONS, selector: SHOWN }), NAME]],
        }),
      ),
    },
  ],
};

const scaling: Section = {
  title: 'Replicas and what moves them',
  lines: [
    {
      height: 8,
      panels: [
        graph({
          title: 'Replicas desired and ready',
          description:
            'What was asked of the cluster, and how many take calls. A gap that stays is a function that cannot start, or a cluster that is full.',
          unit: 'short',
          decimals: 0,
          drawn: 'steps',
          links,
          series: [
            [desiredOf(SHOWN), `${NAME} desired`],
            [readyOf(SHOWN), `${NAME} ready`],
          ],
        }),
        graph({
          title: 'Replicas allowed',
          description:
            'The bounds that scaling keeps: com.openfaas.scale.min, or what a schedule asks for now, and com.openfaas.scale.max.',
          unit: 'short',
          decimals: 0,
          drawn: 'steps',
          links,
          series: [
            [shared(BY, 'gateway_service_min', SHOWN), `${NAME} min`],
            [shared(BY, 'gateway_service_max', SHOWN), `${NAME} max`],
          ],
        }),
        graph({
          title: 'In flight',
          description:
            'Calls accepted and not finished, by function, waiting ones included. It grows when a function is slower than its callers.',
          unit: 'short',
          links,
          series: [[`sum by (${BY}) (gateway_function_invocation_inflight{${SHOWN}})`, NAME]],
        }),
      ],
    },
    {
      height: 8,
      panels: [
        graph({
          title: 'Load of what the replicas are meant to take',
          description:
            'Functions with com.openfaas.scale.type only: measured load, divided by target × ready replicas. Scaling aims at com.openfaas.scale.target-proportion (0.9); above 1 the replicas are too few, until the new ones are there.',
          unit: 'percentunit',
          thresholds: [[1, 'orange']],
          links,
          series: [[loadShare(SHOWN), `${NAME} {{scaling_type}}`]],
        }),
        graph({
          title: 'Scalings',
          description:
            'Changes of replica counts by their cause: alert, target (rps, capacity, cpu, custom), idle, schedule, minimum, wake, or manual by the API. Up and down in turn for a steady load is flapping.',
          unit: 'short',
          decimals: 0,
          drawn: 'bars',
          series: [
            [
              times('direction, cause', 'gateway_scalings_total', CHOSEN, '$__interval'),
              '{{direction}}: {{cause}}',
            ],
          ],
        }),
        graph({
          title: 'Cold starts',
          description: 'Times that a call has woken a function which had no replicas.',
          unit: 'short',
          decimals: 0,
          drawn: 'bars',
          links,
          series: [[times(BY, 'gateway_cold_starts_total', SHOWN, '$__interval'), NAME]],
        }),
        graph({
          title: 'Duration of cold starts',
          description:
            'From the call that woke a function to its first ready replica, over the last five minutes.',
          unit: 's',
          thresholds: [[5, 'orange']],
          series: ([0.5, 0.95] as const).map((of) => [
            quantileOfFew({
              of,
              metric: 'gateway_cold_start_seconds_bucket',
              selector: CHOSEN,
              window: '5m',
            }),
            `p${of * 100}`,
          ]),
        }),
      ],
    },
  ],
};

const resources: Section = {
  title: 'CPU and memory',
  lines: [
    {
      height: 8,
      panels: [
        graph({
          title: 'CPU in cores',
          description:
            'CPU time that all replicas of a function spend per second, as their watchdogs measure it. Images without a Skep watchdog have none.',
          unit: 'short',
          links,
          series: [[cpu(BY, SHOWN), NAME]],
        }),
        graph({
          title: 'Memory',
          description:
            'Working set of all replicas of a function, as their watchdogs measure it. Images without a Skep watchdog have none.',
          unit: 'bytes',
          links,
          series: [[memory(BY, SHOWN), NAME]],
        }),
      ],
    },
  ],
};

export const overview = dashboard({
  uid: 'skep-overview',
  refresh: '10s',
  title: 'Overview',
  description: 'All functions: rate, errors, duration, replicas and what moves them, CPU and memory.',
  variables: [
    labelVariable({
      name: 'functions',
      label: 'Functions',
      description: 'name.namespace',
      metric: 'gateway_service_count',
      of: 'function_name',
      isMulti: true,
    }),
    choice({
      name: 'lines',
      label: 'Lines at most',
      description:
        'How many functions have lines of their own: those with the most calls in the chosen time.',
      values: ['10', '25', '100', '1000'],
      first: '25',
    }),
    resultVariable({
      name: 'shown',
      description: 'The functions that have lines of their own.',
      query: `topk($lines, sum by (${BY}) (increase(${CALLS}{${CHOSEN}}[$__range])))`,
      of: BY,
    }),
  ],
  sections: [figures, calls, scaling, resources],
});
