import type { Section } from '../dashboard.ts';
import { graph, table } from '../panels.ts';
import { CALLS, capacity, cpu, memory, perSecond, shared, times, timesSeen } from '../queries.ts';
import { coldStartDurations, scalingsByCause } from '../scaling-series.ts';
import { BY, CHOSEN, one } from './chosen-function.ts';

export const scaling: Section = {
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
          series: [scalingsByCause(CHOSEN)],
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
          series: coldStartDurations(CHOSEN),
        }),
      ],
    },
  ],
};

export const resources: Section = {
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
