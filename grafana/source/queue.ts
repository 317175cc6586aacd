import { dashboard, labelVariable, type Section } from './dashboard.ts';
import { figure, graph, type Thresholds } from './panels.ts';
import { perSecond, shared, times } from './queries.ts';

const CHOSEN = 'queue_name=~"$queues"';
const BY = 'queue_name, function_name';
const NAME = '{{queue_name}} {{function_name}}';
const WAITING = 'gateway_async_waiting';
const PROCESSED = 'queue_worker_messages_processed_total';
const ATTEMPTS = 'queue_worker_attempts_total';
const INFLIGHT = `sum by (${BY}) (queue_worker_function_invocation_inflight{${CHOSEN}})`;

/** A minute is nothing for a queue; ten are to be looked at. */
const LONG: Thresholds = [
  [600, 'orange'],
  [3600, 'red'],
];
const ANY: Thresholds = [[1, 'orange']];

/** All gateways see the same queue. */
const waiting = shared(BY, WAITING, CHOSEN);
const longest = shared(BY, 'gateway_async_oldest_waiting_seconds', CHOSEN);
/** What is tried again leaves the queue as well, so this is an estimate. */
const drain = `sum by (queue_name) (${waiting}) / (${perSecond('queue_name', PROCESSED, CHOSEN)} > 0)`;

const now: Section = {
  title: 'All chosen queues',
  lines: [
    {
      height: 4,
      panels: [
        figure({
          title: 'Waiting',
          description: 'Calls that no worker has taken yet, now. Not those whose time has not come.',
          unit: 'short',
          base: 'text',
          hasGraph: true,
          series: [[`sum(${waiting})`, 'waiting']],
        }),
        figure({
          title: 'Longest wait',
          description: 'How long the call has waited that waits longest, of all functions.',
          unit: 's',
          thresholds: LONG,
          series: [[`max(${longest})`, 'longest wait']],
        }),
        figure({
          title: 'In flight',
          description: 'Queued calls that a function works on, now.',
          unit: 'short',
          base: 'text',
          hasGraph: true,
          series: [[`sum(${INFLIGHT})`, 'in flight']],
        }),
        figure({
          title: 'Longest time to empty',
          description:
            'How long the slowest queue needs for what is in it, if it goes on as now and nothing is added.',
          unit: 's',
          thresholds: LONG,
          noValue: 'nothing processed',
          series: [[`max(${drain})`, 'time to empty']],
        }),
      ],
    },
    {
      height: 4,
      panels: [
        figure({
          title: 'Accepted',
          description: 'Asynchronous calls that were answered 202, per second, of all queues.',
          unit: 'ops',
          base: 'text',
          hasGraph: true,
          series: [['sum(rate(gateway_async_accepted_total[$__rate_interval]))', 'accepted']],
        }),
        figure({
          title: 'Attempts',
          description:
            'Calls that workers have made and are done with, per second; a call that is retried has several.',
          unit: 'ops',
          base: 'text',
          hasGraph: true,
          series: [[`sum(rate(${ATTEMPTS}{${CHOSEN}}[$__rate_interval]))`, 'attempts']],
        }),
        figure({
          title: 'Later',
          description: 'Calls, retries and callbacks of all queues whose time has not come.',
          unit: 'short',
          base: 'text',
          hasGraph: true,
          series: [['max(gateway_async_later)', 'later']],
        }),
        figure({
          title: 'Dead letters',
          description:
            'Calls of all queues that were given up and are kept, until they are sent again or thrown away.',
          unit: 'short',
          thresholds: ANY,
          noValue: '0',
          series: [['sum(max by (function_name) (gateway_async_dead_letters))', 'dead letters']],
        }),
      ],
    },
  ],
};

const course: Section = {
  title: 'By queue and function',
  lines: [
    {
      height: 9,
      panels: [
        graph({
          title: 'Waiting by queue and function',
          description:
            'Calls that wait. One that grows for long: its function is too slow, or has too few replicas.',
          unit: 'short',
          drawn: 'stacked',
          series: [[waiting, NAME]],
        }),
        graph({
          title: 'Longest wait by queue and function',
          description:
            'How long the call has waited that waits longest. An alert tells of more than ten minutes.',
          unit: 's',
          thresholds: LONG,
          series: [[longest, NAME]],
        }),
      ],
    },
    {
      height: 8,
      panels: [
        graph({
          title: 'In flight by queue and function',
          description:
            'Queued calls that a function works on. At the limit of the workers, or of the function, the others wait.',
          unit: 'short',
          series: [[INFLIGHT, NAME]],
        }),
        graph({
          title: 'Accepted by function',
          description: 'Asynchronous calls that were answered 202, per second, of all queues.',
          unit: 'ops',
          series: [[perSecond('function_name', 'gateway_async_accepted_total', ''), '{{function_name}}']],
        }),
        graph({
          title: 'Time to empty',
          description:
            'How long each queue needs for what is in it, if it goes on as now and nothing is added.',
          unit: 's',
          thresholds: LONG,
          series: [[drain, '{{queue_name}}']],
        }),
      ],
    },
  ],
};

const outcomes: Section = {
  title: 'What becomes of calls',
  lines: [
    {
      height: 8,
      panels: [
        graph({
          title: 'Attempts by what became of the call',
          description:
            'Per second. Retried and lost ones are made again; those that are dead were given up, after their last attempt.',
          unit: 'ops',
          drawn: 'stacked',
          series: [[perSecond('outcome', ATTEMPTS, CHOSEN), '{{outcome}}']],
        }),
        graph({
          title: 'Attempts that did not succeed',
          description:
            'How often, by function: retried, lost with their worker, refused by the function, or given up.',
          unit: 'short',
          decimals: 0,
          drawn: 'bars',
          series: [
            [
              times(
                'function_name, outcome',
                ATTEMPTS,
                `${CHOSEN},outcome=~"retried|lost|failed|dead"`,
                '$__interval',
              ),
              '{{function_name}} {{outcome}}',
            ],
          ],
        }),
        graph({
          title: 'Dead letters by function',
          description:
            'Calls that were given up and are kept. `skep calls --dead` says why, `skep redrive` sends them again.',
          unit: 'short',
          decimals: 0,
          drawn: 'steps',
          series: [[shared('function_name', 'gateway_async_dead_letters', ''), '{{function_name}}']],
        }),
      ],
    },
    {
      height: 8,
      panels: [
        graph({
          title: 'Callbacks',
          description: 'Results that were posted to their addresses, per second, and what became of it.',
          unit: 'ops',
          series: [[perSecond('outcome', 'queue_worker_callbacks_total', CHOSEN), '{{outcome}}']],
        }),
        graph({
          title: 'Ticks of schedules',
          description: 'Moments at which a schedule says that a function is called, and whether it was.',
          unit: 'short',
          decimals: 0,
          drawn: 'bars',
          series: [
            [
              times('function_name, result', 'gateway_schedule_ticks_total', '', '$__interval'),
              '{{function_name}} {{result}}',
            ],
          ],
        }),
        graph({
          title: 'Refused',
          description:
            'Asynchronous calls that were not accepted, by the code of the error. An alert tells of those that are 503.',
          unit: 'short',
          decimals: 0,
          drawn: 'bars',
          series: [[times('reason', 'gateway_async_refused_total', '', '$__interval'), '{{reason}}']],
        }),
        graph({
          title: 'Reconnects to NATS',
          description:
            'Times that a worker has lost NATS and found it again. Nothing is lost by it, but nothing is processed meanwhile.',
          unit: 'short',
          decimals: 0,
          drawn: 'bars',
          series: [
            [times('instance', 'queue_worker_nats_reconnect_total', '', '$__interval'), '{{instance}}'],
          ],
        }),
      ],
    },
  ],
};

export const queue = dashboard({
  uid: 'skep-queue',
  title: 'Queue',
  description:
    'Asynchronous calls: how many wait and for how long, how quickly they are worked off, what becomes of them.',
  variables: [
    labelVariable({
      name: 'queues',
      label: 'Queues',
      description: 'Names of queues',
      metric: WAITING,
      of: 'queue_name',
      isMulti: true,
    }),
  ],
  sections: [now, course, outcomes],
});
