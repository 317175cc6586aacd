import { dashboard, labelVariable, type Section } from './dashboard.ts';
import { figure, graph, type Thresholds } from './panels.ts';
import { perSecond, times } from './queries.ts';

const CHOSEN = 'queue_name=~"$queues"';
const BY = 'queue_name, function_name';
const NAME = '{{queue_name}} {{function_name}}';
const PENDING = 'queue_worker_pending_messages';
const SUBMITTED = 'queue_worker_messages_submitted_total';
const PROCESSED = 'queue_worker_messages_processed_total';

/** A minute is nothing for a queue; ten are to be looked at. */
const LONG: Thresholds = [
  [600, 'orange'],
  [3600, 'red'],
];
/** What is deleted or given up leaves the queue as well, so this is an estimate. */
const drain = `sum by (queue_name) (${PENDING}{${CHOSEN}}) / (${perSecond('queue_name', PROCESSED, CHOSEN)} > 0)`;

const now: Section = {
  title: 'All chosen queues',
  lines: [
    {
      height: 4,
      panels: [
        figure({
          title: 'Pending',
          description: 'Calls that wait in a queue, now.',
          unit: 'short',
          base: 'text',
          hasGraph: true,
          series: [[`sum(${PENDING}{${CHOSEN}})`, 'pending']],
        }),
        figure({
          title: 'Submitted',
          description: 'Calls that are put into a queue, per second.',
          unit: 'ops',
          base: 'text',
          hasGraph: true,
          series: [[`sum(rate(${SUBMITTED}{${CHOSEN}}[$__rate_interval]))`, 'submitted']],
        }),
        figure({
          title: 'Processed',
          description: 'Calls that are taken out of a queue and done with, per second.',
          unit: 'ops',
          base: 'text',
          hasGraph: true,
          series: [[`sum(rate(${PROCESSED}{${CHOSEN}}[$__rate_interval]))`, 'processed']],
        }),
        figure({
          title: 'In flight',
          description: 'Queued calls that a function works on, now.',
          unit: 'short',
          base: 'text',
          hasGraph: true,
          series: [[`sum(queue_worker_function_invocation_inflight{${CHOSEN}})`, 'in flight']],
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
        figure({
          title: 'Reconnects',
          description: 'Times of the chosen time that a worker has lost NATS and found it again.',
          unit: 'short',
          thresholds: [
            [1, 'orange'],
            [10, 'red'],
          ],
          series: [
            [`sum(${times('instance', 'queue_worker_nats_reconnect_total', '', '$__range')})`, 'reconnects'],
          ],
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
          title: 'Pending by queue and function',
          description:
            'Calls that wait. One that grows for long: its function is too slow, has too few replicas, or fails and is tried again.',
          unit: 'short',
          drawn: 'stacked',
          series: [[`sum by (${BY}) (${PENDING}{${CHOSEN}})`, NAME]],
        }),
        graph({
          title: 'Submitted and processed by queue',
          description: 'Per second. While more is submitted than processed, the queue grows.',
          unit: 'ops',
          series: [
            [perSecond('queue_name', SUBMITTED, CHOSEN), '{{queue_name}} submitted'],
            [perSecond('queue_name', PROCESSED, CHOSEN), '{{queue_name}} processed'],
          ],
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
          series: [[`sum by (${BY}) (queue_worker_function_invocation_inflight{${CHOSEN}})`, NAME]],
        }),
        graph({
          title: 'Time to empty',
          description:
            'How long each queue needs for what is in it, if it goes on as now and nothing is added.',
          unit: 's',
          thresholds: LONG,
          series: [[drain, '{{queue_name}}']],
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
    'Calls that were queued: how many wait, how quickly they are worked off. Empty as long as nothing has been queued.',
  variables: [
    labelVariable({
      name: 'queues',
      label: 'Queues',
      description: 'Names of queues',
      metric: PENDING,
      of: 'queue_name',
      isMulti: true,
    }),
  ],
  sections: [now, course],
});
