import type { Figure } from './panels.ts';

/** Alerts by which the gateway scales tell of load, not of trouble. */
export const alertsFiring: Figure = {
  title: 'Alerts',
  description:
    'Alerts that fire, without those by which the gateway scales. Platform lists them; docs/alerts.md says what to do.',
  unit: 'short',
  thresholds: [[1, 'red']],
  links: [{ title: 'Which they are', url: `/d/skep-platform/platform?\${__url_time_range}` }],
  series: [
    [
      'count(ALERTS{alertstate="firing"} unless ALERTS{service="gateway",severity="major"}) or vector(0)',
      'firing',
    ],
  ],
};
