import { dashboard, labelVariable } from '../dashboard.ts';
import { state, workers } from './gateways.ts';
import { api, cluster, monitoring } from './surroundings.ts';

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
