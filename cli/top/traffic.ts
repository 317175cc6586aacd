import { parseMetrics, type Sample } from './metrics-text.ts';

/** What a gateway had counted at a moment. */
export interface Reading {
  /** `performance.now()` */
  readonly atMs: number;
  readonly functions: ReadonlyMap<string, Counted>;
  /** Gateways of the cluster; 1 where nothing tells. */
  readonly gateways: number;
}

interface Counted {
  readonly calls: number;
  readonly errors: number;
  readonly inFlight: number;
  readonly replicas: number;
  readonly ready: number;
  /** Upper bound in seconds to calls that took so long or less. */
  readonly buckets: ReadonlyMap<number, number>;
}

/** What went on between two readings. */
export interface Traffic {
  /** `name.namespace` */
  readonly function: string;
  readonly replicas: number;
  readonly ready: number;
  readonly inFlight: number;
  /** Calls finished a second. */
  readonly rate: number;
  /** Of them, the part that ended with 5xx, 0 to 1; null: there were no calls. */
  readonly errors: number | null;
  /** Milliseconds, from the histogram's buckets; null: there were no calls. */
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
}

const CALLS = 'gateway_function_invocation_total';
const IN_FLIGHT = 'gateway_function_invocation_inflight';
const DURATIONS = 'gateway_functions_seconds_bucket';
const REPLICAS = 'gateway_service_count';
const READY = 'gateway_service_ready_count';
const GATEWAYS = 'gateway_scaling_gateways';
const NAMES: ReadonlySet<string> = new Set([CALLS, IN_FLIGHT, DURATIONS, REPLICAS, READY, GATEWAYS]);

/** @throws {CliError} for what is no page of metrics */
export function readingOf(text: string, atMs: number): Reading {
  const samples = parseMetrics(text, NAMES);
  const byFunction = Map.groupBy(
    samples.filter(({ labels }) => labels['function_name'] !== undefined),
    ({ labels }) => labels['function_name'] ?? '',
  );
  return {
    atMs,
    functions: new Map([...byFunction].map(([name, own]) => [name, countedOf(own)])),
    gateways: Math.max(1, sumOf(samples, GATEWAYS)),
  };
}

function countedOf(samples: readonly Sample[]): Counted {
  const buckets = new Map<number, number>();
  for (const { name, labels, value } of samples) {
    if (name !== DURATIONS) continue;
    const bound = labels['le'] === '+Inf' ? Number.POSITIVE_INFINITY : Number(labels['le']);
    buckets.set(bound, (buckets.get(bound) ?? 0) + value);
  }
  return {
    calls: sumOf(samples, CALLS),
    errors: sumOf(
      samples.filter(({ labels }) => /^5/.test(labels['code'] ?? '')),
      CALLS,
    ),
    inFlight: sumOf(samples, IN_FLIGHT),
    replicas: sumOf(samples, REPLICAS),
    ready: sumOf(samples, READY),
    buckets,
  };
}

function sumOf(samples: readonly Sample[], name: string): number {
  return samples.reduce((sum, sample) => sum + (sample.name === name ? sample.value : 0), 0);
}

/** Per function. A gateway that was started between the two has counted anew: its counts stand for themselves. */
export function trafficBetween(before: Reading, after: Reading): Traffic[] {
  const seconds = Math.max(0.001, (after.atMs - before.atMs) / 1000);
  return [...after.functions].map(([name, now]) => {
    const was = before.functions.get(name);
    const isAnew = was === undefined || was.calls > now.calls;
    const calls = now.calls - (isAnew ? 0 : was.calls);
    const errors = now.errors - (isAnew ? 0 : was.errors);
    const buckets = [...now.buckets]
      .map(([bound, count]) => ({ bound, count: count - (isAnew ? 0 : (was.buckets.get(bound) ?? 0)) }))
      .sort((a, b) => a.bound - b.bound);
    // A function that is new to us may have been called for hours: only from the next reading on there is a rate.
    const isKnown = was !== undefined;
    return {
      function: name,
      replicas: now.replicas,
      ready: now.ready,
      inFlight: now.inFlight,
      rate: isKnown ? calls / seconds : 0,
      errors: isKnown && calls > 0 ? errors / calls : null,
      p50Ms: isKnown ? quantileMs(0.5, buckets) : null,
      p99Ms: isKnown ? quantileMs(0.99, buckets) : null,
    };
  });
}

/**
 * As Prometheus' histogram_quantile: within the bucket in a straight line; beyond the last bound, that bound.
 * @param buckets cumulative, by bound
 * @returns null where nothing was counted
 */
export function quantileMs(
  quantile: number,
  buckets: readonly { readonly bound: number; readonly count: number }[],
): number | null {
  const total = buckets.at(-1)?.count ?? 0;
  if (total <= 0) return null;
  const rank = quantile * total;
  let lower = { bound: 0, count: 0 };
  for (const bucket of buckets) {
    if (bucket.count >= rank) {
      if (!Number.isFinite(bucket.bound)) return lower.bound * 1000;
      const part = bucket.count === lower.count ? 1 : (rank - lower.count) / (bucket.count - lower.count);
      return (lower.bound + (bucket.bound - lower.bound) * part) * 1000;
    }
    lower = bucket;
  }
  return lower.bound * 1000;
}
