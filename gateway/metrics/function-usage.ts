import type { FunctionUsage } from '../../contract/function-types.ts';

/** Whose usage is asked for: every function of a namespace, or one of them. */
export interface UsageSelection {
  readonly namespace: string;
  readonly name?: string;
}

/** What functions use right now, over all their replicas. */
export interface UsageReadings {
  /** By `name.namespace`; a function that was not measured yet is absent. Rejects when nothing can be had in time. */
  read(selection: UsageSelection, signal?: AbortSignal): Promise<ReadonlyMap<string, FunctionUsage>>;
}
