import type { Series } from './panels.ts';
import { quantileOfFew, times } from './queries.ts';

/** @param selector which functions or gateways, e.g. `job="gateway"` */
export function scalingsByCause(selector: string): Series {
  return [
    times('direction, cause', 'gateway_scalings_total', selector, '$__interval'),
    '{{direction}}: {{cause}}',
  ];
}

/** The median and the slow end, over five minutes. @param selector see {@link scalingsByCause} */
export function coldStartDurations(selector: string): Series[] {
  return [0.5, 0.95].map((of) => [
    quantileOfFew({ of, metric: 'gateway_cold_start_seconds_bucket', selector, window: '5m' }),
    `p${of * 100}`,
  ]);
}
