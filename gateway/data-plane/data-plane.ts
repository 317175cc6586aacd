import type { FunctionRef } from '../../contract/function-ref.ts';
import type { Exchange } from '../../http1/types.ts';
import type { TableKnowledge } from '../functions/with-knowledge.ts';
import type { CallIntake } from '../queue/call-queue.ts';
import { privateCounts } from './limits/shared-counts.ts';
import { createServingPlane, type ServingPlane, type ServingPlaneOptions } from './serving-plane.ts';
import { TableKeeper, type TableKeeperOptions } from './table-keeper.ts';

export type DataPlaneOptions = Omit<TableKeeperOptions, 'onChanges'> &
  Omit<ServingPlaneOptions, 'nudge' | 'onUnreachable'>;

export interface DataPlane {
  /** Serves one request of the public listener. */
  readonly onExchange: (exchange: Exchange) => void;
  /** Reads the cluster once and keeps reading. */
  start(): Promise<void>;
  /** Something about functions may have changed: read the cluster soon. */
  nudge(): void;
  /** Resolves when the function was read anew: what was changed of it before is then known here. Never rejects. */
  refresh(ref: FunctionRef): Promise<void>;
  readonly knowledge: TableKnowledge;
  /** Lets go of calls that wait for a replica, and stops reading. */
  stop(): void;
  /** From now on calls are accepted that are run later. */
  takeCalls(intake: CallIntake): void;
}

/**
 * The whole data plane in one process: the table's keeper and one invocation path, without anything between them. In the gateway
 * they are in processes of their own.
 */
export function createDataPlane(options: DataPlaneOptions): DataPlane {
  const counts = options.counts ?? privateCounts();
  const keeper: TableKeeper = new TableKeeper({
    ...options,
    counts,
    onChanges: (changes) => serving.apply(changes),
  });
  const serving: ServingPlane = createServingPlane({
    ...options,
    counts,
    nudge: () => keeper.nudge(),
    onUnreachable: (replica) => keeper.unreachable(replica),
  });
  return {
    onExchange: serving.onExchange,
    start: () => keeper.start(),
    nudge: () => keeper.nudge(),
    refresh: (ref) => keeper.refresh(ref),
    knowledge: keeper.knowledge,
    takeCalls: (intake) => serving.takeCalls(intake),
    stop: () => {
      keeper.stop();
      serving.stop();
    },
  };
}
