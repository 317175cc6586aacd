import type { Section } from '../dashboard.ts';
import { graph } from '../panels.ts';
import {
  CALLS,
  cpu,
  DURATIONS,
  failedShare,
  loadShare,
  memory,
  perSecond,
  quantile,
  shared,
  times,
} from '../queries.ts';
import { coldStartDurations, scalingsByCause } from '../scaling-series.ts';
import { BY, CHOSEN, desiredOf, FAILED, links, NAME, readyOf, SHOWN, SLOW } from './chosen-functions.ts';

export const calls: Section = {
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

export const scaling: Section = {
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
          series: [scalingsByCause(CHOSEN)],
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
          series: coldStartDurations(CHOSEN),
        }),
      ],
    },
  ],
};

export const resources: Section = {
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
