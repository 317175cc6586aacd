/** Where completed calls are remembered across restarts of the gateway. */
export interface InvocationCounts {
  /** Completed calls by `name.namespace`; functions never called may be absent. Rejects when they can not be had in time. */
  read(signal?: AbortSignal): Promise<ReadonlyMap<string, number>>;
}
