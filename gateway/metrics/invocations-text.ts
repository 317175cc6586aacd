import { durationsText } from './durations-text.ts';
import { familyText, labelText } from './family-text.ts';
import type { InvocationTotals } from './invocation-totals.ts';
import { statusLabel } from './status-label.ts';

/** The calls of functions, as Prometheus' text format has them. */
export function invocationsText(totals: Pick<InvocationTotals, 'entries'>): string {
  const functions = [...totals.entries()].map(([key, of]) => ({ ...of, key, labels: named(key) }));
  return [
    familyText(
      {
        name: 'gateway_function_invocation_total',
        type: 'counter',
        help: 'Completed calls of functions.',
      },
      functions.flatMap(({ labels, completed }) =>
        [...completed].map(([code, { count }]) => [`${labels},code="${statusLabel(code)}"`, count] as const),
      ),
    ),
    familyText(
      {
        name: 'gateway_function_invocation_started',
        type: 'counter',
        help: 'Accepted calls of functions.',
      },
      functions.map(({ labels, started }) => [labels, started]),
    ),
    familyText(
      {
        name: 'gateway_function_invocation_inflight',
        type: 'gauge',
        help: 'Calls of functions accepted and not finished.',
      },
      functions.map(({ labels, inFlight }) => [labels, inFlight]),
    ),
    durationsText(functions),
  ].join('');
}

function named(key: string): string {
  return labelText({ function_name: key });
}
