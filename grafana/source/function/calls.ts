import { FieldColorModeId } from '@grafana/schema';
import type { Section } from '../dashboard.ts';
import type { Override } from '../dashboard-types.ts';
import { figure, graph } from '../panels.ts';
import {
  CALLS,
  DURATIONS,
  failedShare,
  perSecond,
  quantile,
  quantileOfFew,
  times,
  timesSeen,
} from '../queries.ts';
import { BY, CHOSEN, one } from './chosen-function.ts';

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

export const calls: Section = {
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
