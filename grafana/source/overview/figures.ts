import { alertsFiring } from '../alerts-firing.ts';
import type { Section } from '../dashboard.ts';
import { figure, type Thresholds, table } from '../panels.ts';
import {
  CALLS,
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
} from '../queries.ts';
import { BY, CHOSEN, desiredOf, FAILED, readyOf, SLOW, toFunction } from './chosen-functions.ts';

const FULL: Thresholds = [
  [0.8, 'orange'],
  [1, 'red'],
];
const [ready, desired] = [readyOf(CHOSEN), desiredOf(CHOSEN)];

export const figures: Section = {
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
