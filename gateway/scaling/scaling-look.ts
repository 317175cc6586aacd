import type { FunctionLoad } from './function-load.ts';

/** A function as one tick of the loop sees it. */
export interface ScalingLook {
  /** Milliseconds that only grow. */
  readonly nowMs: number;
  /** Milliseconds since 1970, for the schedule. */
  readonly todayMs: number;
  /** Its calls over all gateways; `started` since the look before. */
  readonly calls: FunctionLoad;
  /** `cpu` and custom types: what Prometheus said last; `queue`: calls that wait or run; undefined: nothing, or nothing lately. */
  readonly measured: number | undefined;
  /** Replicas that can take a call. */
  readonly ready: number;
  /** Replicas asked for. */
  readonly desired: number;
  /** `nowMs` of the last alert that fired for it; undefined: none. */
  readonly alertedMs: number | undefined;
}
