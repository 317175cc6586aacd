import fetch from 'node-fetch';
import { type JsonObject, kindOf, ownValue, parseObject } from '../../contract/parse-json.ts';
import type { InvocationCounts } from './invocation-counts.ts';

const QUERY = 'sum(gateway_function_invocation_total) by (function_name)';

export interface PrometheusOptions {
  /** e.g. `http://prometheus:9090` */
  readonly url: string;
  /** Longest wait for its answer. Default 1500. */
  readonly timeoutMs?: number;
}

/** Invocation counts by an instant query to Prometheus. */
export function prometheusCounts({ url, timeoutMs = 1500 }: PrometheusOptions): InvocationCounts {
  const target = `${url}/api/v1/query?${new URLSearchParams({ query: QUERY })}`;
  return {
    read: async (signal) => {
      const limit = AbortSignal.timeout(timeoutMs);
      const response = await fetch(target, {
        signal: signal === undefined ? limit : AbortSignal.any([limit, signal]),
      });
      if (!response.ok) throw new Error(`Prometheus answered ${response.status}`);
      return parseVector(await response.json());
    },
  };
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
