import type { Exchange, UpstreamPool } from '../../http1/types.ts';
import type { CallIntake } from '../queue/call-queue.ts';
import { Acceptor, type AsyncOptions } from './async/acceptor.ts';
import type { CallTracer } from './call-tracer.ts';
import { createFront } from './front.ts';
import type { FunctionEntry, LiveReplica } from './function-table.ts';
import type { InvocationRecord } from './invocation-record.ts';
import { type InvocationRecorder, Invoker } from './invoke.ts';
import { readCallRules } from './limits/call-rules.ts';
import { privateCounts, type SharedCounts } from './limits/shared-counts.ts';
import { ReplicaWatch } from './replica-watch.ts';
import type { TableChanges } from './table-changes.ts';
import type { UnreachableReplica } from './table-keeper.ts';
import { TableMirror } from './table-mirror.ts';
import { WaitingRoom } from './waiting-room.ts';

/** A start that fails is judged by how long it has, and the table may have no news of it. */
const RECONSIDER_MS = 500;
const SILENCE_MS = 3000;

export interface ServingPlaneOptions {
  readonly pool: UpstreamPool;
  readonly recorder: InvocationRecorder;
  readonly onRecord: (record: InvocationRecord) => void;
  /** Whether a call that was answered so is recorded. Default: all are. */
  readonly wantsRecord?: ((status: number) => boolean) | undefined;
  /** Asks the cluster for the first replicas of a function that has none. */
  readonly scaleUp: (entry: FunctionEntry) => Promise<void>;
  /** The cluster should be read soon. */
  readonly nudge: () => void;
  readonly onUnreachable: (replica: UnreachableReplica) => void;
  /** Default 3 s: see {@link ReplicaWatchOptions}. */
  readonly silenceMs?: number;
  readonly controlSocket: string;
  /** Names and addresses that may be called, without a port; absent: any. */
  readonly hosts?: readonly string[] | undefined;
  readonly functionPort: number;
  readonly defaultNamespace: string;
  readonly upstreamTimeoutMs: number;
  readonly maxInflight: number;
  /** Calls in flight at one replica of functions that do not say; 0 or absent: no limit. */
  readonly replicaMaxInflight?: number | undefined;
  /** Counts that are shared with the other workers; absent: this process is alone. */
  readonly counts?: SharedCounts | undefined;
  readonly coldStart: {
    readonly capacity: number;
    /** Default: half of them. */
    readonly capacityPerFunction?: number;
    readonly timeoutMs: number;
    readonly scaleFromZero: boolean;
  };
  readonly version: string;
  /** Of calls that are run later; absent: there are none. */
  readonly async?: AsyncOptions | undefined;
}

/** The invocation path of one process. */
export interface ServingPlane {
  /** Serves one request of the public listener. */
  readonly onExchange: (exchange: Exchange) => void;
  /** Takes over what the table's keeper tells. */
  apply(changes: TableChanges): void;
  /** From now on calls are taken into traces. */
  trace(tracer: CallTracer): void;
  /** From now on calls are accepted that are run later. */
  takeCalls(intake: CallIntake): void;
  /** Calls that wait for a first replica. */
  readonly waiting: number;
  /** Lets go of calls that wait for a replica. */
  stop(): void;
}

/** Puts the invocation path together: mirror of the table, waiting room, invoker, front. */
export function createServingPlane(options: ServingPlaneOptions): ServingPlane {
  const { pool, functionPort, upstreamTimeoutMs, counts = privateCounts(), replicaMaxInflight = 0 } = options;
  const waitingRoom = new WaitingRoom({
    ...options.coldStart,
    counts,
    scaleUp: options.scaleUp,
    nudge: options.nudge,
  });
  const mirror = new TableMirror(options.defaultNamespace, {
    onReady: (entry) => waitingRoom.open(entry),
    onUnready: (replica) => pool.forget({ hostname: replica.address, port: replica.port ?? functionPort }),
    onEntry: (entry) => {
      const { rules, timeLimit } = readCallRules(entry, { upstreamTimeoutMs, replicaMaxInflight });
      entry.rules = rules;
      entry.timeLimit = timeLimit;
      waitingRoom.onEntry(entry);
    },
    onEntryGone: (entry) => waitingRoom.onEntryGone(entry),
  });
  const watch = new ReplicaWatch({
    entries: () => mirror.entries(),
    silenceMs: options.silenceMs ?? SILENCE_MS,
    onDoubt: ({ key }, replica) =>
      options.onUnreachable({ key, replicaId: replica.id, proof: mirror.proofOf(replica), isDoubtful: true }),
  });
  const reconsider = setInterval(() => waitingRoom.reconsider(), RECONSIDER_MS);
  const invoker = new Invoker({
    table: mirror,
    waitingRoom,
    pool,
    recorder: options.recorder,
    onRecord: options.onRecord,
    wantsRecord: options.wantsRecord,
    onUnreachable: (entry: FunctionEntry, replica: LiveReplica) => {
      // It was told already, by another call or by another process.
      if (!replica.isReady) return;
      options.onUnreachable({ key: entry.key, replicaId: replica.id, proof: mirror.distrust(replica) });
    },
    onDoubt: (entry, replica) => watch.doubt(entry, replica),
    upstreamTimeoutMs,
    maxInflight: options.maxInflight,
    counts,
    functionPort,
    version: options.version,
  });
  const acceptor =
    options.async &&
    new Acceptor({
      ...options.async,
      table: mirror,
      onRecord: options.onRecord,
      wantsRecord: options.wantsRecord,
      servedBy: `skep/${options.version}`,
    });
  return {
    onExchange: createFront({
      invoker,
      acceptor,
      pool,
      controlSocket: options.controlSocket,
      hosts: options.hosts,
    }),
    apply: (changes) => mirror.apply(changes),
    trace: (tracer) => {
      invoker.tracer = tracer;
    },
    takeCalls: (intake) => {
      if (acceptor !== undefined) acceptor.intake = intake;
    },
    get waiting() {
      return waitingRoom.waiting;
    },
    stop: () => {
      clearInterval(reconsider);
      watch.stop();
      waitingRoom.close();
    },
  };
}
