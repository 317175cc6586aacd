import { BUCKET_BOUNDS_SECONDS } from './invocation-counters.ts';
import type { DurationTotals } from './invocation-totals.ts';
import { statusLabel } from './status-label.ts';

const NAME = 'gateway_functions_seconds';

/**
 * The histogram of call durations as Prometheus' text format has it. Written here since prom-client's histograms take
 * one observation at a time, and ours are counted already.
 */
export function durationsText(
  entries: Iterable<[string, { readonly completed: ReadonlyMap<number, DurationTotals> }]>,
): string {
  const lines = [`# HELP ${NAME} Duration of calls of functions.`, `# TYPE ${NAME} histogram`];
  for (const [key, { completed }] of entries) {
    for (const [code, { buckets, count, sumSeconds }] of completed) {
      const labels = `function_name="${escapeLabel(key)}",code="${statusLabel(code)}"`;
      let below = 0;
      for (const [index, bound] of BUCKET_BOUNDS_SECONDS.entries()) {
        below += buckets[index] ?? 0;
        lines.push(`${NAME}_bucket{${labels},le="${bound}"} ${below}`);
      }
      lines.push(
        `${NAME}_bucket{${labels},le="+Inf"} ${count}`,
        `${NAME}_sum{${labels}} ${sumSeconds}`,
        `${NAME}_count{${labels}} ${count}`,
      );
    }
  }
  return `${lines.join('\n')}\n`;
}

function escapeLabel(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
