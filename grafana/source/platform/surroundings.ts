import type { Section } from '../dashboard.ts';
import { graph, table } from '../panels.ts';
import { perSecond, quantile, quantileOfFew, times } from '../queries.ts';
import { scalingsByCause } from '../scaling-series.ts';
import { AGE, CHOSEN } from './chosen-gateways.ts';

export const cluster: Section = {
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
          series: [scalingsByCause(CHOSEN)],
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

export const api: Section = {
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
    {
      height: 8,
      panels: [
        graph({
          title: 'Builds',
          description:
            'Builds through the gateways that ended, by how. Refused: the request was wrong; left: the client went away; broke_off: see the gateway’s log.',
          unit: 'short',
          decimals: 0,
          drawn: 'bars',
          series: [[times('result', 'gateway_builds_total', CHOSEN, '$__interval'), '{{result}}']],
        }),
        graph({
          title: 'Duration of builds p95',
          description: 'The time in which 95 % of builds ended, deployment included.',
          unit: 's',
          series: [
            [quantileOfFew({ of: 0.95, metric: 'gateway_build_seconds_bucket', selector: CHOSEN }), 'p95'],
          ],
        }),
        graph({
          title: 'Builds in progress',
          description: 'Each gateway makes build_max_inflight of them at a time, and answers more with 429.',
          unit: 'short',
          decimals: 0,
          series: [[`gateway_builds_inflight{${CHOSEN}}`, '{{instance}}']],
        }),
      ],
    },
  ],
};

export const monitoring: Section = {
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
