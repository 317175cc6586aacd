/** A load, and within what bounds it may really be. */
export interface MeasuredLoad {
  /** What was measured. */
  readonly load: number;
  /** At least this much there is: replicas for it are due. */
  readonly atLeast: number;
  /** At most this much there is: replicas beyond it may go. */
  readonly atMost: number;
}

/** The formula of the contract: `ceil(load / (target * proportion))`. @param perReplica target * proportion, above 0 */
export function targetReplicas(load: number, perReplica: number): number {
  return Math.ceil(load / perReplica);
}
