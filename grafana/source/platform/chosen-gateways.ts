import type { Thresholds } from '../panels.ts';

/** Of the page that each gateway has for Prometheus. */
export const CHOSEN = 'job="gateway",instance=~"$gateways"';

/** Of the last reading of the cluster. */
export const AGE: Thresholds = [
  [5, 'orange'],
  [30, 'red'],
];
