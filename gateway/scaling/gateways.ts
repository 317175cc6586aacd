import type { FunctionLoad, GatewayLoad } from './function-load.ts';

/**
 * What this gateway may do about replica counts.
 * `leads`: it scales. `follows`: another one does. `cut_off`: it cannot hear the others that there were: it may add replicas, not remove any.
 */
export type ScalingRole = 'leads' | 'follows' | 'cut_off';

/** The gateways that serve one cluster. Each tells the others what calls it has, and one of them scales. */
export interface Gateways {
  readonly role: ScalingRole;
  /** How many there are, this one included. */
  readonly count: number;
  /**
   * Tells the others what this one has, and adds up what all have. Never waits and never throws: what the others told last counts.
   * @param own by `name.namespace`
   */
  exchange(own: ReadonlyMap<string, GatewayLoad>): ReadonlyMap<string, FunctionLoad>;
  /** Gives the lead away and leaves. */
  stop(): Promise<void>;
}
