import { dashboard, labelVariable } from '../dashboard.ts';
import { calls } from './calls.ts';
import { resources, scaling } from './replicas.ts';

export const functionSpotlight = dashboard({
  uid: 'skep-function',
  title: 'Function',
  description: 'One function: what callers get, what scaling does, what its replicas use.',
  variables: [
    labelVariable({
      name: 'function',
      label: 'Function',
      description: 'name.namespace',
      metric: 'gateway_service_count',
      of: 'function_name',
      isMulti: false,
    }),
  ],
  sections: [calls, scaling, resources],
});
