import { type FunctionRef, qualifiedName } from '../../contract/function-ref.ts';
import type { Exchange, UpstreamPool } from '../../http1/types.ts';
import type { FunctionSnapshot } from '../functions/provider.ts';
import type { TableKnowledge } from '../functions/with-knowledge.ts';
import { createFront } from './front.ts';
import { type FunctionEntry, FunctionTable } from './function-table.ts';
import { type InvocationRecord, type InvocationRecorder, Invoker } from './invoke.ts';
import { Prober } from './probe.ts';
import { RolloutWatch, type RolloutWatchOptions } from './rollout-watch.ts';
import { TablePoller } from './table-poller.ts';
import { WaitingRoom } from './waiting-room.ts';

export interface DataPlaneOptions {
  readonly pool: UpstreamPool;
  readonly recorder: InvocationRecorder;
  readonly onRecord: (record: InvocationRecord) => void;
  /** Every function with its replicas, read often. */
  readonly snapshot: () => Promise<FunctionSnapshot[]>;
  /** One of them by itself; undefined when there is none of that name. */
  readonly look: (ref: FunctionRef) => Promise<FunctionSnapshot | undefined>;
  readonly onTableHealth: (error: Error | undefined) => void;
  /** Asks the cluster for the first replicas of a function that has none. */
  readonly scaleUp: (entry: FunctionEntry) => Promise<void>;
  readonly controlSocket: string;
  readonly functionPort: number;
  readonly defaultNamespace: string;
  readonly upstreamTimeoutMs: number;
  readonly maxInflight: number;
  readonly coldStart: {
    readonly capacity: number;
    readonly timeoutMs: number;
    readonly scaleFromZero: boolean;
  };
  readonly rollouts: RolloutWatchOptions;
  readonly version: string;
}

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
  /** Whether the cluster has been read since the start. */
  isLoaded(): boolean;
  /** Lets go of calls that wait for a replica, and stops reading. */
  stop(): void;
}

/** Puts the invocation path together: table, poller, prober, waiting room, invoker, front. */
export function createDataPlane(options: DataPlaneOptions): DataPlane {
  const { pool, functionPort } = options;
  const table: FunctionTable = new FunctionTable(options.defaultNamespace, {
    onReplica: (entry, replica) => prober.start(entry, replica),
    onReplicaGone: (replica) => {
      prober.stop(replica);
      pool.forget({ hostname: replica.address, port: functionPort });
    },
    onEntry: (entry) => {
      waitingRoom.onEntry(entry);
      rolloutWatch.observe(entry);
    },
    onEntryGone: (entry) => {
      waitingRoom.onEntryGone(entry);
      rolloutWatch.observe(entry);
    },
  });
  const poller = new TablePoller({
    snapshot: options.snapshot,
    apply: (snapshots, asOf) => table.apply(snapshots, asOf),
    onHealth: options.onTableHealth,
  });
  const waitingRoom = new WaitingRoom({
    ...options.coldStart,
    scaleUp: options.scaleUp,
    nudge: () => poller.nudge(),
  });
  const rolloutWatch = new RolloutWatch(options.rollouts);
  const prober = new Prober({
    port: functionPort,
    onReady: (entry) => {
      rolloutWatch.observe(entry);
      waitingRoom.open(entry);
    },
  });
  const entryOf = (ref: FunctionRef): FunctionEntry | undefined => table.find(qualifiedName(ref));
  const invoker = new Invoker({
    table,
    waitingRoom,
    pool,
    recorder: options.recorder,
    onRecord: options.onRecord,
    onUnreachable: (entry, replica) => {
      replica.isReady = false;
      pool.forget({ hostname: replica.address, port: functionPort });
      // One that left the table meanwhile is nobody's any more.
      if (entry.replicas.includes(replica)) prober.start(entry, replica);
      poller.nudge();
    },
    upstreamTimeoutMs: options.upstreamTimeoutMs,
    maxInflight: options.maxInflight,
    functionPort,
    version: options.version,
  });
  return {
    onExchange: createFront({ invoker, pool, controlSocket: options.controlSocket }),
    start: () => poller.start(),
    nudge: () => poller.nudge(),
    refresh: async (ref) => {
      const asOf = performance.now();
      // A read that fails is made up for by the poller, who also tells of a cluster that is away.
      await options.look(ref).then(
        (snapshot) => table.applyAlone(ref, snapshot, asOf),
        () => {},
      );
      poller.nudge();
    },
    knowledge: {
      isThere: (ref) => (table.isLoaded ? entryOf(ref) !== undefined : undefined),
      rolloutOf: (ref) => {
        const entry = entryOf(ref);
        return entry && rolloutWatch.rolloutOf(entry);
      },
      provenId: (ref) => {
        const entry = entryOf(ref);
        return (entry && rolloutWatch.provenId(entry)) ?? '';
      },
    },
    isLoaded: () => table.isLoaded,
    stop: () => {
      poller.stop();
      prober.stopAll();
      waitingRoom.close();
    },
  };
}
