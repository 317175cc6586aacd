import { choice, dashboard, labelVariable, resultVariable } from '../dashboard.ts';
import { CALLS } from '../queries.ts';
import { BY, CHOSEN } from './chosen-functions.ts';
import { figures } from './figures.ts';
import { calls, resources, scaling } from './graphs.ts';

export const overview = dashboard({
  uid: 'skep-overview',
  refresh: '10s',
  title: 'Overview',
  description: 'All functions: rate, errors, duration, replicas and what moves them, CPU and memory.',
  variables: [
    labelVariable({
      name: 'functions',
      label: 'Functions',
      description: 'name.namespace',
      metric: 'gateway_service_count',
      of: 'function_name',
      isMulti: true,
    }),
    choice({
      name: 'lines',
      label: 'Lines at most',
      description:
        'How many functions have lines of their own: those with the most calls in the chosen time.',
      values: ['10', '25', '100', '1000'],
      first: '25',
    }),
    resultVariable({
      name: 'shown',
      description: 'The functions that have lines of their own.',
      query: `topk($lines, sum by (${BY}) (increase(${CALLS}{${CHOSEN}}[$__range])))`,
      of: BY,
    }),
  ],
  sections: [figures, calls, scaling, resources],
});
