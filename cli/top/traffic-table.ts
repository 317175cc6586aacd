import type { Traffic } from './traffic.ts';

export const TOP_ORDERS = ['rate', 'errors', 'p99', 'inflight', 'replicas', 'name'] as const;
export type TopOrder = (typeof TOP_ORDERS)[number];

const BY: Readonly<Record<Exclude<TopOrder, 'name'>, (traffic: Traffic) => number>> = {
  rate: ({ rate }) => rate,
  errors: ({ errors }) => errors ?? 0,
  p99: ({ p99Ms }) => p99Ms ?? 0,
  inflight: ({ inFlight }) => inFlight,
  replicas: ({ replicas }) => replicas,
};

/** Most first; those that are equal, and `name`, by name. */
export function sortTraffic(traffic: readonly Traffic[], order: TopOrder): Traffic[] {
  const size = order === 'name' ? () => 0 : BY[order];
  return traffic.toSorted((a, b) => size(b) - size(a) || (a.function < b.function ? -1 : 1));
}

/** Lines of equal columns, the heading first. */
export function trafficTable(traffic: readonly Traffic[]): string[] {
  const rows = [
    ['FUNCTION', 'REPLICAS', 'CALLS/S', 'ERRORS', 'IN FLIGHT', 'P50', 'P99'],
    ...traffic.map((each) => [
      each.function,
      `${each.ready}/${each.replicas}`,
      each.rate === 0 ? '-' : each.rate.toFixed(each.rate < 10 ? 2 : 0),
      each.errors === null ? '-' : `${(each.errors * 100).toFixed(1)}%`,
      String(each.inFlight),
      duration(each.p50Ms),
      duration(each.p99Ms),
    ]),
  ];
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  return rows.map((row) =>
    row
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join('  '),
  );
}

function duration(ms: number | null): string {
  if (ms === null) return '-';
  if (ms >= 1000) return `${(ms / 1000).toFixed(2)} s`;
  return `${ms.toFixed(ms < 10 ? 1 : 0)} ms`;
}
