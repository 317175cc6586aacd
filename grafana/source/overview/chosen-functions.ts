import type { Thresholds } from '../panels.ts';
import { shared } from '../queries.ts';

export const CHOSEN = 'function_name=~"$functions"';
/** Lines of a thousand functions are no picture, and too much for a browser: the busiest of the chosen ones. */
export const SHOWN = 'function_name=~"$shown"';
export const BY = 'function_name';
export const NAME = '{{function_name}}';

export const FAILED: Thresholds = [
  [0.01, 'orange'],
  [0.05, 'red'],
];
export const SLOW: Thresholds = [
  [1, 'orange'],
  [5, 'red'],
];

export const toFunction = (name: string) => ({
  title: 'Show this function alone',
  url: `/d/skep-function/function?var-function=${name}&\${__url_time_range}`,
});
/** A click on a function's line. */
export const links = [toFunction(`\${__field.labels.function_name}`)];
export const readyOf = (functions: string): string => shared(BY, 'gateway_service_ready_count', functions);
export const desiredOf = (functions: string): string => shared(BY, 'gateway_service_count', functions);
