import { BUCKET_BOUNDS_SECONDS } from './invocation-counters.ts';
import type { DurationTotals } from './invocation-totals.ts';
import { statusLabel } from './status-label.ts';

const NAME = 'gateway_functions_seconds';

/** Durations of one function's calls. */
export interface TimedFunction {
  /** As `labelText` writes them. */
  readonly labels: string;
  readonly completed: ReadonlyMap<number, DurationTotals>;
}

/**
 * The histogram of call durations as Prometheus' text format has it. Written here since prom-client's histograms take
 * one observation at a time, and ours are counted already.
 */
export function durationsText(functions: Iterable<TimedFunction>): string {
  let text = `# HELP ${NAME} Duration of calls of functions.\n# TYPE ${NAME} histogram\n`;
  for (const { labels: named, completed } of functions) {
    for (const [code, { buckets, count, sumSeconds }] of completed) {
      const labels = `${named},code="${statusLabel(code)}"`;
      let below = 0;
      for (const [index, bound] of BUCKET_BOUNDS_SECONDS.entries()) {
        below += buckets[index] ?? 0;
        text += `${NAME}_bucket{${labels},le="${bound}"} ${below}\n`;
      }
      text += `${NAME}_bucket{${labels},le="+Inf"} ${count}\n${NAME}_sum{${labels}} ${sumSeconds}\n${NAME}_count{${labels}} ${count}\n`;
    }
  }
  return text;
}
