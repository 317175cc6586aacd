import { type FunctionRef, qualifiedName } from '../../contract/function-ref.ts';
import type { FunctionSnapshot } from '../functions/provider.ts';
import type { TableKnowledge } from '../functions/with-knowledge.ts';
import { type FunctionEntry, FunctionTable, type LiveReplica } from './function-table.ts';
import { LimitKeeper } from './limits/limit-keeper.ts';
import { privateCounts, type SharedCounts } from './limits/shared-counts.ts';
import { Prober } from './probe.ts';
import { canReach } from './reach.ts';
import { RolloutWatch, type RolloutWatchOptions } from './rollout-watch.ts';
import { type FunctionState, isSameState, stateOf, type TableChanges } from './table-changes.ts';
import { TablePoller } from './table-poller.ts';

const CONNECT_TIMEOUT_MS = 1000;

export interface TableKeeperOptions {
  /** Every function with its replicas, read often. */
  readonly snapshot: () => Promise<FunctionSnapshot[]>;
  /** One of them by itself; undefined when there is none of that name. */
  readonly look: (ref: FunctionRef) => Promise<FunctionSnapshot | undefined>;
  readonly onTableHealth: (error: Error | undefined) => void;
  readonly functionPort: number;
  /** How long a connection to a replica may take. Default 1 s. */
  readonly connectTimeoutMs?: number;
  readonly defaultNamespace: string;
  readonly rollouts: RolloutWatchOptions;
  /** Where calls of limited functions are counted; absent: in this process alone. */
  readonly counts?: SharedCounts | undefined;
  /** Calls in flight at one replica of functions that do not say; 0 or absent: no limit. */
  readonly replicaMaxInflight?: number | undefined;
  /** A limit of a function has no effect, and why. */
  readonly onLimitProblem?: ((key: string, why: string) => void) | undefined;
  /** Something of the table has changed, and this is all of it. */
  readonly onChanges: (changes: TableChanges) => void;
}

/** A replica that a call did not reach, by the number of the answer on which it was thought to be ready. */
export interface UnreachableReplica {
  /** `name.namespace` */
  readonly key: string;
  readonly replicaId: string;
  readonly proof: number;
  /** Nobody failed to reach it, but it may be gone: to be tried first. */
  readonly isDoubtful?: boolean;
}

/** The table's original: reads the cluster, probes replicas, looks after roll-outs, and tells the invocation path what has changed. */
export class TableKeeper {
  readonly knowledge: TableKnowledge;
  readonly #options: TableKeeperOptions;
  readonly #table: FunctionTable;
  readonly #poller: TablePoller;
  readonly #prober: Prober;
  readonly #rolloutWatch: RolloutWatch;
  readonly #limits: LimitKeeper;
  /** Doubtful replicas that are being tried. */
  readonly #tried = new Set<LiveReplica>();
  readonly #proofs = new WeakMap<LiveReplica, number>();
  /** What was told last of each function. */
  readonly #told = new Map<string, FunctionState>();
  #hasToldLoaded = false;
  /** Functions that may have changed since; undefined: gone. */
  readonly #touched = new Map<string, FunctionEntry | undefined>();

  constructor(options: TableKeeperOptions) {
    this.#options = options;
    this.#limits = new LimitKeeper({
      counts: options.counts ?? privateCounts(),
      replicaMaxInflight: options.replicaMaxInflight,
      onProblem: options.onLimitProblem ?? (() => {}),
    });
    this.#table = new FunctionTable(options.defaultNamespace, {
      onReplica: (entry, replica) => this.#prober.start(entry, replica),
      onReplicaGone: (replica) => {
        this.#prober.stop(replica);
        this.#limits.onReplicaGone(replica);
      },
      onEntry: (entry) => {
        this.#limits.onEntry(entry);
        this.#rolloutWatch.observe(entry);
        this.#touched.set(entry.key, entry);
      },
      onEntryGone: (entry) => {
        this.#limits.onEntryGone(entry);
        this.#rolloutWatch.observe(entry);
        this.#touched.set(entry.key, undefined);
      },
    });
    this.#poller = new TablePoller({
      snapshot: options.snapshot,
      apply: (snapshots, asOf) => {
        this.#table.apply(snapshots, asOf);
        this.#tell();
      },
      onHealth: options.onTableHealth,
    });
    this.#rolloutWatch = new RolloutWatch(options.rollouts);
    this.#prober = new Prober({
      port: options.functionPort,
      onReady: (entry, replica) => {
        this.#proofs.set(replica, this.#proofsOf(replica) + 1);
        this.#rolloutWatch.observe(entry);
        this.#touched.set(entry.key, entry);
        this.#tell();
      },
    });
    this.knowledge = {
      isThere: (ref) => (this.#table.isLoaded ? this.#entryOf(ref) !== undefined : undefined),
      rolloutOf: (ref) => {
        const entry = this.#entryOf(ref);
        return entry && this.#rolloutWatch.rolloutOf(entry);
      },
      provenId: (ref) => {
        const entry = this.#entryOf(ref);
        return (entry && this.#rolloutWatch.provenId(entry)) ?? '';
      },
    };
  }

  /** Reads the cluster and keeps reading. Resolves after the first read, whatever came of it. */
  start(): Promise<void> {
    return this.#poller.start();
  }

  /** Something about functions may have changed: read the cluster soon. */
  nudge(): void {
    this.#poller.nudge();
  }

  /** Resolves when the function was read anew and its changes were told. Never rejects. */
  async refresh(ref: FunctionRef): Promise<void> {
    const asOf = performance.now();
    // A read that fails is made up for by the poller, who also tells of a cluster that is away.
    await this.#options.look(ref).then(
      (snapshot) => {
        this.#table.applyAlone(ref, snapshot, asOf);
        this.#tell();
      },
      () => {},
    );
    this.#poller.nudge();
  }

  /** A call did not reach a replica: nobody is to call it until it has answered another probe. */
  unreachable(told: UnreachableReplica): void {
    const { key, replicaId, proof } = told;
    const entry = this.#table.find(key);
    const replica = entry?.replicas.find(({ id }) => id === replicaId);
    // One that left the table meanwhile is nobody's any more, and one that has answered since is well.
    if (entry === undefined || replica === undefined || this.#proofsOf(replica) !== proof) return;
    if (told.isDoubtful === true) {
      void this.#try(replica, told);
      return;
    }
    replica.isReady = false;
    this.#prober.start(entry, replica);
    this.#touched.set(key, entry);
    this.#tell();
    this.#poller.nudge();
  }

  async #try(replica: LiveReplica, told: UnreachableReplica): Promise<void> {
    if (this.#tried.has(replica)) return;
    this.#tried.add(replica);
    const { functionPort, connectTimeoutMs = CONNECT_TIMEOUT_MS } = this.#options;
    const { address: hostname, port = functionPort } = replica;
    const isThere = await canReach({ hostname, port }, connectTimeoutMs);
    this.#tried.delete(replica);
    if (!isThere) this.unreachable({ ...told, isDoubtful: false });
  }

  /** The whole table, for somebody who was told nothing yet. */
  whole(): TableChanges {
    return { isLoaded: this.#hasToldLoaded, changed: [...this.#told.values()], removed: [] };
  }

  /** @param key `name.namespace` */
  find(key: string): FunctionEntry | undefined {
    return this.#table.find(key);
  }

  /** Every function there is. */
  entries(): Iterable<FunctionEntry> {
    return this.#table.entries();
  }

  stop(): void {
    this.#poller.stop();
    this.#prober.stopAll();
  }

  #entryOf(ref: FunctionRef): FunctionEntry | undefined {
    return this.#table.find(qualifiedName(ref));
  }

  #proofsOf(replica: LiveReplica): number {
    return this.#proofs.get(replica) ?? 0;
  }

  #tell(): void {
    const changed: FunctionState[] = [];
    const removed: string[] = [];
    for (const [key, entry] of this.#touched) {
      const told = this.#told.get(key);
      if (entry === undefined) {
        if (this.#told.delete(key)) removed.push(key);
        continue;
      }
      const state = stateOf(entry, (replica) => this.#proofsOf(replica));
      if (told !== undefined && isSameState(told, state)) continue;
      this.#told.set(key, state);
      changed.push(state);
    }
    this.#touched.clear();
    const isLoaded = this.#table.isLoaded;
    if (changed.length === 0 && removed.length === 0 && isLoaded === this.#hasToldLoaded) return;
    this.#hasToldLoaded = isLoaded;
    this.#options.onChanges({ isLoaded, changed, removed });
  }
}
