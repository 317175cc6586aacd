import type { AlertNews } from './alert-memory.ts';
import type { FunctionLoad, GatewayLoad } from './function-load.ts';

/**
 * What this gateway may do about replica counts.
 * `leads`: it scales. `follows`: another one does. `cut_off`: it cannot hear the others that there were: it may add replicas, not remove any.
 */
export type ScalingRole = 'leads' | 'follows' | 'cut_off';

/** The gateways that serve one cluster. Each tells the others what calls it has, and one of them scales. */
export interface Gateways {
  /** As of now: it may end from one moment to the next, so it is asked right before anything is applied. */
  readonly role: ScalingRole;
  /** How many there are, this one included. */
  readonly count: number;
  /**
   * Tells the others what this one has, and adds up what all have. Never waits and never throws: what the others told last counts.
   * @param own by `name.namespace`
   * @returns functions that no gateway has calls of may be missing
   */
  exchange(own: ReadonlyMap<string, GatewayLoad>): ReadonlyMap<string, FunctionLoad>;
  /** Gives the lead away, for good, and goes on exchanging: its calls in flight count until they are finished. Never throws. */
  resign(): Promise<void>;
  /** Resigns and leaves. Never throws. */
  stop(): Promise<void>;
}

/** An alert may come to any gateway, and the same notification again to another one. */
export interface SharedAlerts {
  /** Tells the others what alerts led to here. Never waits and never throws: a message may be lost. */
  share(news: AlertNews): void;
  /** @param listener hears what the others share */
  onShared(listener: (news: AlertNews) => void): void;
}

const ROLE_TEXT: Readonly<Record<ScalingRole, string>> = {
  leads: 'this one scales',
  follows: 'this one does not scale',
  cut_off: 'this one adds replicas and removes none',
};

/** @returns e.g. `2 gateways, this one scales` */
export function describeGateways({ count, role }: Pick<Gateways, 'count' | 'role'>): string {
  return `${count} ${count === 1 ? 'gateway' : 'gateways'}, ${ROLE_TEXT[role]}`;
}
