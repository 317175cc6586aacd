import fetch from 'node-fetch';
import { qualifiedName } from '../../contract/function-ref.ts';
import type { FunctionUsage } from '../../contract/function-types.ts';
import { type JsonObject, kindOf, ownValue, parseObject } from '../../contract/parse-json.ts';
import type { UsageReadings, UsageSelection } from './function-usage.ts';
import type { InvocationCounts } from './invocation-counts.ts';
import { restingAfterFailure } from './resting-after-failure.ts';

const CALLS = 'sum(gateway_function_invocation_total) by (function_name)';
const MILLICORES = 1000;

export interface PrometheusOptions {
  /** e.g. `http://prometheus:9090` */
  readonly url: string;
  /** Longest wait for its answer. Default 1500. */
  readonly timeoutMs?: number;
  /** After a read that failed, how long the next ones fail at once: 0, the default, not at all. */
  readonly restMs?: number;
}

/** Invocation counts by an instant query to Prometheus. */
export function prometheusCounts(options: PrometheusOptions): InvocationCounts {
  const resting = restingAfterFailure(options);
  return { read: (signal) => resting(() => queryByFunction(options, CALLS, signal), signal) };
}

/** Any instant query whose answer is one number for each function, by `name.namespace`. */
export function prometheusQuery(
  options: PrometheusOptions,
): (promql: string, signal?: AbortSignal) => Promise<ReadonlyMap<string, number>> {
  return (promql, signal) => queryByFunction(options, promql, signal);
}

/** CPU and memory of functions, by two instant queries at a time. */
export function prometheusUsage(options: PrometheusOptions): UsageReadings {
  const resting = restingAfterFailure(options);
  return {
    read: async (selection, signal) => {
      const { cpu, memory } = usageQueries(selection);
      const [cores, bytes] = await resting(
        () => Promise.all([queryByFunction(options, cpu, signal), queryByFunction(options, memory, signal)]),
        signal,
      );
      const usage = new Map<string, FunctionUsage>();
      for (const [key, perSecond] of cores) {
        const totalMemoryBytes = bytes.get(key);
        // Half a measurement is none: a zero in place of the other half would be a lie.
        if (totalMemoryBytes !== undefined && perSecond >= 0)
          usage.set(key, { cpu: perSecond * MILLICORES, totalMemoryBytes });
      }
      return usage;
    },
  };
}

/** @internal */
export function usageQueries({ namespace, name }: UsageSelection): { cpu: string; memory: string } {
  // JSON's escapes are among those of a PromQL string.
  const matchers = [
    `namespace=${JSON.stringify(namespace)}`,
    ...(name === undefined ? [] : [`function_name=${JSON.stringify(qualifiedName({ name, namespace }))}`]),
  ].join(',');
  const cpu = `pod_cpu_usage_seconds_total{${matchers}}`;
  return {
    // deriv, not rate: it is right with the first two samples already, where rate spreads their increase over the whole window.
    // It knows no counter resets, and there are none: each replica is a series of its own. The right side of `and`
    // leaves out replicas that have gone but have samples in the window.
    cpu: `sum by (function_name) (deriv(${cpu}[30s]) and ${cpu})`,
    memory: `sum by (function_name) (pod_memory_working_set_bytes{${matchers}})`,
  };
}

/** An instant query whose answer is one number for each function. Rejects when Prometheus can not be read in time. */
async function queryByFunction(
  { url, timeoutMs = 1500 }: PrometheusOptions,
  query: string,
  signal?: AbortSignal,
): Promise<Map<string, number>> {
  const limit = AbortSignal.timeout(timeoutMs);
  const response = await fetch(`${url}/api/v1/query?${new URLSearchParams({ query })}`, {
    signal: signal === undefined ? limit : AbortSignal.any([limit, signal]),
  });
  if (!response.ok) throw new Error(`Prometheus answered ${response.status}`);
  return parseVector(await response.json());
}

/** `{"status":"success","data":{"resultType":"vector","result":[{"metric":{…},"value":[time,"count"]}]}}` */
function parseVector(value: unknown): Map<string, number> {
  const data = parseObject(ownValue(parseObject(value, 'the answer'), 'data'), 'data');
  const result = ownValue(data, 'result');
  if (!Array.isArray(result)) throw new Error(`data.result: expected a list, not ${kindOf(result)}`);
  const counts = new Map<string, number>();
  for (const item of result) {
    const sample = parseObject(item, 'data.result[]');
    const name = ownValue(parseObject(ownValue(sample, 'metric'), 'metric'), 'function_name');
    const count = sampleValue(sample);
    if (typeof name === 'string' && Number.isFinite(count)) counts.set(name, count);
  }
  return counts;
}

function sampleValue(sample: JsonObject): number {
  const pair = ownValue(sample, 'value');
  return Array.isArray(pair) && typeof pair[1] === 'string' ? Number(pair[1]) : Number.NaN;
}
