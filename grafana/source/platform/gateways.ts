import { alertsFiring } from '../alerts-firing.ts';
import type { Section } from '../dashboard.ts';
import { figure, graph, type Thresholds } from '../panels.ts';
import { perSecond, times } from '../queries.ts';
import { AGE, CHOSEN } from './chosen-gateways.ts';

const WORKER = '{{instance}} worker {{worker}}';
const LAG: Thresholds = [
  [0.05, 'orange'],
  [0.25, 'red'],
];

export const state: Section = {
  title: 'State',
  lines: [
    {
      height: 4,
      panels: [
        figure({
          title: 'Gateways',
          description: 'Gateways that Prometheus can read.',
          unit: 'short',
          base: 'red',
          thresholds: [[1, 'green']],
          series: [['sum(up{job="gateway"})', 'up']],
        }),
        figure({
          title: 'Workers',
          description: 'Processes that serve calls, over all chosen gateways.',
          unit: 'short',
          base: 'red',
          thresholds: [[1, 'green']],
          series: [[`count(gateway_worker_resident_memory_bytes{${CHOSEN}})`, 'workers']],
        }),
        figure({
          title: 'Who scales',
          description:
            'Gateways that say they are the one which scales. There has to be exactly one, but for the seconds in which another takes over.',
          unit: 'short',
          base: 'red',
          thresholds: [
            [1, 'green'],
            [2, 'red'],
          ],
          texts: { 0: { text: 'nobody', color: 'red' }, 1: { text: 'one', color: 'green' } },
          series: [['sum(gateway_scaling_leader{job="gateway"})', 'leaders']],
        }),
        figure({
          title: 'Cluster last read',
          description:
            'Time since the gateway that is worst off has read services and tasks. Calls are served from the last reading as long as it lasts.',
          unit: 's',
          thresholds: AGE,
          hasGraph: true,
          series: [[`max(gateway_cluster_read_age_seconds{${CHOSEN}})`, 'age']],
        }),
        figure({
          title: 'Targets not up',
          description:
            'What Prometheus cannot read: gateways, functions’ replicas, itself. Replicas that end show here for a moment.',
          unit: 'short',
          thresholds: [
            [1, 'orange'],
            [5, 'red'],
          ],
          series: [['count(up == 0) or vector(0)', 'not up']],
        }),
        figure(alertsFiring),
        figure({
          title: 'Gateway memory',
          description: 'Resident memory of all processes of the chosen gateways.',
          unit: 'bytes',
          base: 'text',
          hasGraph: true,
          series: [
            [
              `sum(process_resident_memory_bytes{${CHOSEN}}) + sum(gateway_worker_resident_memory_bytes{${CHOSEN}})`,
              'memory',
            ],
          ],
        }),
        figure({
          title: 'Workers replaced',
          description:
            'Worker processes of the chosen time that ended by themselves. Any is worth a look into the gateway’s log.',
          unit: 'short',
          thresholds: [[1, 'red']],
          series: [
            [`sum(${times('instance', 'gateway_worker_restarts_total', CHOSEN, '$__range')})`, 'replaced'],
          ],
        }),
      ],
    },
  ],
};

export const workers: Section = {
  title: 'Gateway processes',
  lines: [
    {
      height: 8,
      panels: [
        graph({
          title: 'Calls per second by gateway',
          description:
            'Calls of functions that ended. What is before the gateways should share them out evenly.',
          unit: 'reqps',
          drawn: 'stacked',
          series: [[perSecond('instance', 'gateway_function_invocation_total', CHOSEN), '{{instance}}']],
        }),
        graph({
          title: 'CPU in cores',
          description:
            'A worker at one core is full: it has a single thread. Then more workers (gateway_workers) or gateways help.',
          unit: 'short',
          thresholds: [[0.9, 'orange']],
          series: [
            [perSecond('instance, worker', 'gateway_worker_cpu_seconds_total', CHOSEN), WORKER],
            [perSecond('instance', 'process_cpu_seconds_total', CHOSEN), '{{instance}} control'],
          ],
        }),
        graph({
          title: 'Memory',
          description: 'Resident memory of each process. stack.yml limits a gateway to 1 GiB in all.',
          unit: 'bytes',
          thresholds: [[805_306_368, 'orange']],
          series: [
            [`gateway_worker_resident_memory_bytes{${CHOSEN}}`, WORKER],
            [`process_resident_memory_bytes{${CHOSEN}}`, '{{instance}} control'],
          ],
        }),
      ],
    },
    {
      height: 8,
      panels: [
        graph({
          title: 'Event loop lag',
          description:
            'The longest time in the last 15 s in which a worker could serve nobody else. Every call of that moment was late by it.',
          unit: 's',
          thresholds: LAG,
          series: [[`gateway_worker_event_loop_lag_seconds{${CHOSEN}}`, WORKER]],
        }),
        graph({
          title: 'Connections',
          description: 'Open connections of clients, and those to functions and to the control plane.',
          unit: 'short',
          series: [
            [`sum by (instance) (gateway_worker_connections{${CHOSEN}})`, '{{instance}} clients'],
            [`sum by (instance) (gateway_worker_upstream_connections{${CHOSEN}})`, '{{instance}} upstream'],
          ],
        }),
        graph({
          title: 'Connections refused',
          description: 'Connections of clients per second beyond max_connections.',
          unit: 'cps',
          thresholds: [[1, 'red']],
          series: [
            [perSecond('instance', 'gateway_worker_connections_refused_total', CHOSEN), '{{instance}}'],
          ],
        }),
      ],
    },
    {
      height: 8,
      panels: [
        graph({
          title: 'Held bytes',
          description:
            'What workers hold for clients and functions that do not read. It is bounded; near the bound new calls are refused.',
          unit: 'bytes',
          series: [[`gateway_worker_held_bytes{${CHOSEN}}`, WORKER]],
        }),
        graph({
          title: 'Calls in workers',
          description: 'Calls accepted and not finished, and those of them that wait for a first replica.',
          unit: 'short',
          series: [
            [`gateway_worker_inflight{${CHOSEN}}`, `${WORKER} in flight`],
            [`gateway_worker_waiting{${CHOSEN}}`, `${WORKER} waiting`],
          ],
        }),
        graph({
          title: 'Uptime',
          description:
            'Time since each gateway began. One that falls to zero was restarted: what it had counted begins anew.',
          unit: 's',
          series: [[`time() - process_start_time_seconds{${CHOSEN}}`, '{{instance}}']],
        }),
      ],
    },
  ],
};
