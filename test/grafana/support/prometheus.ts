/** As much of a result as the tests look at: the values of all series. */
type Result = readonly {
  readonly values: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
}[];

interface RawSeries {
  readonly metric: Readonly<Record<string, string>>;
  readonly value?: readonly [number, string];
  readonly values?: readonly (readonly [number, string])[];
}

/** The HTTP API of a running Prometheus. */
export class Prometheus {
  readonly #url: string;

  constructor(url: string) {
    this.#url = url;
  }

  /** @throws {Error} what Prometheus says of a query that it refuses */
  async now(query: string): Promise<Result> {
    return toResult(await this.#get('query', { query }));
  }

  /** From a time until now, every five seconds. @param since in milliseconds, as `Date.now()` */
  async since(query: string, since: number): Promise<Result> {
    const [start, end] = [since, Date.now()].map((ms) => String(ms / 1000)) as [string, string];
    return toResult(await this.#get('query_range', { query, start, end, step: '5' }));
  }

  async labelValues(metric: string, label: string): Promise<readonly string[]> {
    return (await this.#get(`label/${label}/values`, { 'match[]': metric })) as readonly string[];
  }

  async #get(path: string, parameters: Record<string, string>): Promise<unknown> {
    const response = await fetch(`${this.#url}/api/v1/${path}?${new URLSearchParams(parameters)}`, {
      signal: AbortSignal.timeout(10_000),
    });
    const answer = (await response.json()) as { data?: unknown; error?: string };
    if (!response.ok) throw new Error(`Prometheus: ${answer.error}: ${parameters['query']}`);
    return answer.data;
  }
}

function toResult(data: unknown): Result {
  const { resultType, result } = data as { resultType: string; result: unknown };
  if (resultType === 'scalar') return [{ labels: {}, values: [(result as [number, string])[1]] }];
  return (result as readonly RawSeries[]).map(({ metric, value, values }) => ({
    labels: metric,
    values: value === undefined ? (values ?? []).map(([, text]) => text) : [value[1]],
  }));
}

/** Whether there is something to draw: NaN is what Grafana leaves out. */
export function hasData(result: Result): boolean {
  return result.some(({ values }) => values.some((value) => Number.isFinite(Number(value))));
}
