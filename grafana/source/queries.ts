/*
 * PromQL that several dashboards need. There may be several gateways: what each of them counts is added up, and of what all of them
 * read from the cluster one figure holds. A selector stands between braces: `function_name=~"$functions"`.
 */

/** As long as Prometheus needs for two samples at least. */
const WINDOW = '$__rate_interval';

/** Calls, or whatever is counted, per second. */
export const perSecond = (by: string, metric: string, selector: string): string =>
  `sum by (${by}) (rate(${metric}{${selector}}[${WINDOW}]))`;

/** The value of a gauge that every gateway has. */
export const shared = (by: string, metric: string, selector: string): string =>
  `max by (${by}) (${metric}{${selector}})`;

/** Of 1. Without calls there is no share, and without failures it is 0. */
export function failedShare(by: string, selector: string, window = WINDOW): string {
  const all = times(by, CALLS, selector, window);
  return `(${times(by, CALLS, `${selector},code=~"5.."`, window)} or 0 * ${all}) / (${all} > 0)`;
}

export const CALLS = 'gateway_function_invocation_total';
/** In seconds, each call with its status. */
export const DURATIONS = 'gateway_functions_seconds_bucket';

export interface Quantile {
  readonly of: number;
  readonly by?: string;
  readonly metric: string;
  readonly selector: string;
  readonly window?: string;
}

export function quantile({ of, by, metric, selector, window = WINDOW }: Quantile): string {
  const labels = by === undefined ? 'le' : `${by}, le`;
  return `histogram_quantile(${of}, sum by (${labels}) (rate(${metric}{${selector}}[${window}])))`;
}

/**
 * How often something has happened in a window, in whole numbers. Not `increase`: it misses the first time of a series that did not exist
 * before (the first 500 of a function, its first scaling), and guesses fractions at the window's ends.
 */
export function times(by: string, metric: string, selector: string, window: string): string {
  return `sum by (${by}) (${growth(`${metric}{${selector}}`, window)})`;
}

/** The same of what every gateway sees and counts. */
export function timesSeen(by: string, metric: string, selector: string, window: string): string {
  return `max by (${by}) (${growth(`${metric}{${selector}}`, window)})`;
}

/** A series that is new, or began anew, has grown from nothing. */
const growth = (series: string, window: string): string =>
  `(${series} - ${series} offset ${window}) >= 0 or ${series}`;

/** The same of what happens seldom, when `rate` would know nothing of the first time, and over a long window, of which it needs two samples only. */
export function quantileOfFew({ of, metric, selector, window = WINDOW }: Omit<Quantile, 'by'>): string {
  return `histogram_quantile(${of}, ${times('le', metric, selector, window)})`;
}

/** Load of a function as a share of what its ready replicas are meant to take; only of those that are scaled by target. */
export function loadShare(selector: string): string {
  const typed = 'function_name, scaling_type';
  return `${shared(typed, 'gateway_scaling_load', selector)} / on (${typed}) (${capacity(selector)})`;
}

/** What the ready replicas of a function are meant to take. */
export function capacity(selector: string): string {
  const ready = shared('function_name', 'gateway_service_ready_count', selector);
  return `${shared('function_name, scaling_type', 'gateway_service_target_load', selector)} * on (function_name) group_left () (${ready} > 0)`;
}

export const cpu = (by: string, selector: string): string =>
  perSecond(by, 'pod_cpu_usage_seconds_total', selector);
export const memory = (by: string, selector: string): string =>
  `sum by (${by}) (pod_memory_working_set_bytes{${selector}})`;
