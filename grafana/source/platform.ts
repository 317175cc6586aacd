import { alertsFiring } from './alerts-firing.ts';
import { dashboard, labelVariable, type Section } from './dashboard.ts';
import { figure, graph, type Thresholds, table } from './panels.ts';
import { perSecond, quantile, times } from './queries.ts';

const CHOSEN = 'job="gateway",instance=~"$gateways"';
const WORKER = '{{instance}} worker {{worker}}';

const AGE: Thresholds = [
  [5, 'orange'],
  [30, 'red'],
];
const LAG: Thresholds = [
  [0.05, 'orange'],
  [0.25, 'red'],
];

const state: Section = {
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

const workers: Section = {
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

const cluster: Section = {
  title: 'Cluster and scaling',
  lines: [
    {
      height: 8,
      panels: [
        graph({
          title: 'Reads of the cluster',
          description:
            'Reads of services and tasks per second: one a second, five while something changes. Failed ones: the manager or its engine is away.',
          unit: 'ops',
          series: [[perSecond('result', 'gateway_cluster_reads_total', CHOSEN), '{{result}}']],
        }),
        graph({
          title: 'Duration of reads',
          description: 'How long the engine takes to answer. It grows with the number of services and tasks.',
          unit: 's',
          thresholds: [[1, 'orange']],
          series: [0.5, 0.95].map((of) => [
            quantile({ of, metric: 'gateway_cluster_read_seconds_bucket', selector: CHOSEN }),
            `p${of * 100}`,
          ]),
        }),
        graph({
          title: 'Age of the last reading',
          description:
            'Time since the cluster was last read with success. Scaling waits and calls are served from the last reading while it grows.',
          unit: 's',
          thresholds: AGE,
          series: [[`gateway_cluster_read_age_seconds{${CHOSEN}}`, '{{instance}}']],
        }),
      ],
    },
    {
      height: 8,
      panels: [
        graph({
          title: 'Gateway that scales',
          description:
            '1 for the gateway that scales, 0 for the others. It changes hands when the leader ends or loses NATS.',
          unit: 'short',
          decimals: 0,
          max: 1,
          drawn: 'steps',
          series: [[`gateway_scaling_leader{${CHOSEN}}`, '{{instance}}']],
        }),
        graph({
          title: 'Gateways that know of each other',
          description:
            'How many gateways each of them counts, itself included. Where they differ for long, one of them is cut off from NATS.',
          unit: 'short',
          decimals: 0,
          drawn: 'steps',
          series: [[`gateway_scaling_gateways{${CHOSEN}}`, '{{instance}}']],
        }),
        graph({
          title: 'Scalings by cause',
          description: 'Changes of replica counts of all functions.',
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
          title: 'Alerts received',
          description:
            'Alerts for functions that Alertmanager has sent, by what became of them. Ignored: unknown functions, those with a type of their own, repeated and late ones.',
          unit: 'short',
          decimals: 0,
          drawn: 'bars',
          series: [
            [
              times('status, result', 'gateway_alerts_total', CHOSEN, '$__interval'),
              '{{status}}: {{result}}',
            ],
          ],
        }),
      ],
    },
  ],
};

const api: Section = {
  title: 'API',
  lines: [
    {
      height: 8,
      panels: [
        graph({
          title: 'API requests',
          description:
            'Requests to /system and the like, per second, by route and status. Calls of functions are not among them.',
          unit: 'reqps',
          series: [
            [
              perSecond('method, path, status', 'http_requests_total', CHOSEN),
              '{{method}} {{path}} {{status}}',
            ],
          ],
        }),
        graph({
          title: 'Duration of API requests p95',
          description: 'The time in which 95 % of a route’s requests were answered.',
          unit: 's',
          thresholds: [
            [1, 'orange'],
            [5, 'red'],
          ],
          series: [
            [
              quantile({
                of: 0.95,
                by: 'method, path',
                metric: 'http_request_duration_seconds_bucket',
                selector: CHOSEN,
              }),
              '{{method}} {{path}}',
            ],
          ],
        }),
      ],
    },
  ],
};

const monitoring: Section = {
  title: 'Monitoring itself',
  lines: [
    {
      height: 8,
      panels: [
        table({
          title: 'Alerts firing',
          description:
            'All alerts that fire. Those of severity major make the gateway scale; the others are for people.',
          unit: 'short',
          noValue: 'none',
          rows: [
            { label: 'alertname', name: 'Alert' },
            { label: 'severity', name: 'Severity' },
            { label: 'function_name', name: 'Function' },
          ],
          sortedBy: 'Firing',
          columns: [
            {
              name: 'Firing',
              expr: 'count by (alertname, severity, function_name) (ALERTS{alertstate="firing"})',
              unit: 'short',
            },
          ],
        }),
        graph({
          title: 'Targets that answer',
          description: 'What Prometheus reads, by job. `functions` are replicas, through the gateways.',
          unit: 'short',
          decimals: 0,
          drawn: 'steps',
          series: [
            ['sum by (job) (up)', '{{job}} up'],
            ['count by (job) (up)', '{{job}} known'],
          ],
        }),
        graph({
          title: 'Duration of scrapes',
          description: 'The longest scrape of each job. Prometheus gives up after 4 s.',
          unit: 's',
          thresholds: [
            [1, 'orange'],
            [4, 'red'],
          ],
          series: [['max by (job) (scrape_duration_seconds)', '{{job}}']],
        }),
        graph({
          title: 'Series in Prometheus',
          description:
            'Time series that Prometheus holds in memory. It grows with functions, replicas and statuses.',
          unit: 'short',
          series: [['sum by (job) (prometheus_tsdb_head_series{job="prometheus"})', 'series']],
        }),
      ],
    },
  ],
};

export const platform = dashboard({
  uid: 'skep-platform',
  title: 'Platform',
  description:
    'The gateways and what they depend on: processes, cluster, scaling, API, Prometheus and alerts.',
  variables: [
    labelVariable({
      name: 'gateways',
      label: 'Gateways',
      description: 'Address of a gateway',
      metric: 'up{job="gateway"}',
      of: 'instance',
      isMulti: true,
    }),
  ],
  sections: [state, workers, cluster, api, monitoring],
});
