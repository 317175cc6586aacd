import { FieldColorModeId } from '@grafana/schema';
import { dashboard, labelVariable, type Section } from './dashboard.ts';
import type { Override } from './dashboard-types.ts';
import { figure, graph, table } from './panels.ts';
import {
  CALLS,
  capacity,
  cpu,
  DURATIONS,
  failedShare,
  memory,
  perSecond,
  quantile,
  quantileOfFew,
  shared,
  times,
  timesSeen,
} from './queries.ts';

const CHOSEN = 'function_name="$function"';
const BY = 'function_name';
const one = (metric: string): string => shared(BY, metric, CHOSEN);
const durations = (of: number): string => quantile({ of, metric: DURATIONS, selector: CHOSEN });

/** Statuses by their first digit, so that what is red is a failure. */
const BY_STATUS: readonly Override[] = (
  [
    ['2', 'green'],
    ['3', 'blue'],
    ['4', 'yellow'],
    ['5', 'red'],
  ] as const
).map(([digit, fixedColor]) => ({
  matcher: { id: 'byRegexp', options: `/^${digit}/` },
  properties: [{ id: 'color', value: { mode: FieldColorModeId.Shades, fixedColor } }],
}));

const calls: Section = {
  title: 'Rate, errors, duration',
  lines: [
    {
      height: 4,
      panels: [
        figure({
          title: 'Calls',
          description: 'Calls that ended, per second, over all gateways.',
          unit: 'reqps',
          base: 'text',
          hasGraph: true,
          series: [[perSecond(BY, CALLS, CHOSEN), 'calls']],
        }),
        figure({
          title: 'Failed',
          description: 'Share of the present calls that are answered with a 5xx status.',
          unit: 'percentunit',
          decimals: 2,
          thresholds: [
            [0.01, 'orange'],
            [0.05, 'red'],
          ],
          noValue: 'no calls',
          hasGraph: true,
          series: [[failedShare(BY, CHOSEN), 'failed']],
        }),
        figure({
          title: 'Duration p95',
          description: 'The time in which 95 % of the calls of the chosen time were answered.',
          unit: 's',
          thresholds: [
            [1, 'orange'],
            [5, 'red'],
          ],
          noValue: 'no calls',
          series: [
            [quantileOfFew({ of: 0.95, metric: DURATIONS, selector: CHOSEN, window: '$__range' }), 'p95'],
          ],
        }),
        figure({
          title: 'Replicas now',
          description:
            'Replicas asked for, and those that take calls. None ready of none desired is a function that sleeps.',
          unit: 'short',
          base: 'text',
          series: [
            [one('gateway_service_count'), 'desired'],
            [one('gateway_service_ready_count'), 'ready'],
          ],
        }),
        figure({
          title: 'Cold starts',
          description: 'Times of the chosen time that a call has woken this function.',
          unit: 'short',
          base: 'text',
          series: [[times(BY, 'gateway_cold_starts_total', CHOSEN, '$__range'), 'cold starts']],
        }),
        figure({
          title: 'Failed replicas',
          description:
            'Replicas of the chosen time that ended by themselves or could not start. Their logs say why.',
          unit: 'short',
          thresholds: [
            [1, 'orange'],
            [10, 'red'],
          ],
          series: [[timesSeen(BY, 'gateway_replica_failures_total', CHOSEN, '$__range'), 'failed']],
        }),
      ],
    },
    {
      height: 9,
      panels: [
        graph({
          title: 'Calls per second by status',
          description:
            'What callers were answered. 499: the caller left. 502, 503 and 504 can be the gateway’s own: the access log tells.',
          unit: 'reqps',
          drawn: 'stacked',
          overrides: BY_STATUS,
          series: [[perSecond('code', CALLS, CHOSEN), '{{code}}']],
        }),
        graph({
          title: 'Failed share',
          description:
            'Share of the calls that were answered with a 5xx status. Without calls there is no line.',
          unit: 'percentunit',
          max: 1,
          thresholds: [
            [0.01, 'orange'],
            [0.05, 'red'],
          ],
          series: [[failedShare(BY, CHOSEN), 'failed']],
        }),
        graph({
          title: 'Duration',
          description:
            'The time in which half, 95 % and 99 % of the calls were answered. Measured in buckets up to 10 s: longer ones show as 10 s.',
          unit: 's',
          thresholds: [
            [1, 'orange'],
            [5, 'red'],
          ],
          series: [0.5, 0.95, 0.99].map((of) => [durations(of), `p${of * 100}`]),
        }),
      ],
    },
  ],
};

const scaling: Section = {
  title: 'Replicas and what moves them',
  lines: [
    {
      height: 9,
      panels: [
        graph({
          title: 'Replicas',
          description:
            'Asked for, ready, and the bounds that hold now. Ready below desired for long: it cannot start, or the cluster is full.',
          unit: 'short',
          decimals: 0,
          drawn: 'steps',
          series: [
            [one('gateway_service_count'), 'desired'],
            [one('gateway_service_ready_count'), 'ready'],
            [one('gateway_service_min'), 'min'],
            [one('gateway_service_max'), 'max'],
          ],
        }),
        graph({
          title: 'Load against target',
          description:
            'With com.openfaas.scale.type only: the load that the scaler measures over all replicas, and what the ready ones are meant to take (target × ready). Replicas are added before the two meet: at com.openfaas.scale.target-proportion.',
          unit: 'short',
          noValue: 'no com.openfaas.scale.type',
          series: [
            [shared('function_name, scaling_type', 'gateway_scaling_load', CHOSEN), 'load: {{scaling_type}}'],
            [capacity(CHOSEN), 'target × ready: {{scaling_type}}'],
          ],
        }),
        graph({
          title: 'In flight, begun and ended',
          description:
            'Calls accepted and not finished; and how many begin and end per second. More begun than ended for long: the function falls behind.',
          unit: 'short',
          series: [
            [`sum by (${BY}) (gateway_function_invocation_inflight{${CHOSEN}})`, 'in flight'],
            [perSecond(BY, 'gateway_function_invocation_started', CHOSEN), 'begun per second'],
            [perSecond(BY, CALLS, CHOSEN), 'ended per second'],
          ],
        }),
      ],
    },
    {
      height: 8,
      panels: [
        graph({
          title: 'Scalings',
          description:
            'Changes of the replica count by their cause. Up and down in turn for a steady load is flapping.',
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
          title: 'Cold starts and failed replicas',
          description:
            'Times that a call has woken this function, and replicas that ended by themselves or could not start.',
          unit: 'short',
          decimals: 0,
          drawn: 'bars',
          series: [
            [times(BY, 'gateway_cold_starts_total', CHOSEN, '$__interval'), 'cold starts'],
            [timesSeen(BY, 'gateway_replica_failures_total', CHOSEN, '$__interval'), 'failed replicas'],
          ],
        }),
        graph({
          title: 'Duration of cold starts',
          description:
            'From the call that woke the function to its first ready replica, over the last five minutes.',
          unit: 's',
          thresholds: [[5, 'orange']],
          series: [0.5, 0.95].map((of) => [
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
  title: 'CPU, memory and statuses',
  lines: [
    {
      height: 8,
      panels: [
        graph({
          title: 'CPU in cores, by replica',
          description:
            'As the replicas’ watchdogs measure it; stacked, so that the top is the function. Images without a Skep watchdog have none.',
          unit: 'short',
          drawn: 'stacked',
          noValue: 'no Skep watchdog',
          series: [[cpu('instance', CHOSEN), '{{instance}}']],
        }),
        graph({
          title: 'Memory, by replica',
          description:
            'Working set, as the replicas’ watchdogs measure it; stacked. One that only grows is a leak.',
          unit: 'bytes',
          drawn: 'stacked',
          noValue: 'no Skep watchdog',
          series: [[memory('instance', CHOSEN), '{{instance}}']],
        }),
        table({
          title: 'Statuses of the chosen time',
          description: 'Calls by the status that they were answered with, in the chosen time.',
          unit: 'short',
          rows: [{ label: 'code', name: 'Status' }],
          sortedBy: 'Calls',
          columns: [
            { name: 'Calls', expr: times('code', CALLS, CHOSEN, '$__range'), unit: 'short' },
            {
              name: 'Mean duration',
              expr: `${times('code', 'gateway_functions_seconds_sum', CHOSEN, '$__range')} / (${times('code', 'gateway_functions_seconds_count', CHOSEN, '$__range')} > 0)`,
              unit: 's',
            },
          ],
        }),
      ],
    },
  ],
};

export const functionSpotlight = dashboard({
  uid: 'skep-function',
  title: 'Function',
  description: 'One function: what callers get, what scaling does, what its replicas use.',
  variables: [
    labelVariable({
      name: 'function',
      label: 'Function',
      description: 'name.namespace',
      metric: 'gateway_service_count',
      of: 'function_name',
      isMulti: false,
    }),
  ],
  sections: [calls, scaling, resources],
});
