import { type FunctionRef, qualifiedName } from '../../contract/function-ref.ts';
import type { Deployed, FunctionSnapshot } from '../functions/provider.ts';
import type { CallRules } from './limits/call-rules.ts';
import type { TimeLimit } from './limits/time-limit.ts';

/** A replica that the cluster says is running, as the data plane sees it. */
export interface LiveReplica {
  readonly id: string;
  readonly address: string;
  /** Of its watchdog; undefined: the one of every function's watchdog. */
  readonly port?: number | undefined;
  /** Calls now at this replica. */
  inFlight: number;
  /** It has answered a probe since it appeared, and no connection to it has failed since. */
  isReady: boolean;
  /** Why the last probe did not take it: `nothing listens on port 8080`. */
  probeFailure?: string;
  /** Of an earlier version than the one deployed last. */
  isOutdated: boolean;
  /** Its place in the shared counts; undefined: its calls are not limited. */
  slot?: number | undefined;
  /** The cluster has told it to stop: called only for want of another. */
  isLeaving?: boolean;
  /** Calls that were answered here. */
  answered?: number;
}

/** A replica that did not start or has ended; every attempt of the cluster is one of its own. */
export interface Failure {
  readonly id: string;
  /** In the cluster's own words. */
  readonly error: string;
  readonly isOutdated: boolean;
}

/** One function. The object lives as long as the function does; its fields follow the cluster. */
export interface FunctionEntry {
  readonly ref: FunctionRef;
  /** `name.namespace` */
  readonly key: string;
  labels: Readonly<Record<string, string>>;
  annotations: Readonly<Record<string, string>>;
  /** As deployed. */
  envVars: Readonly<Record<string, string>>;
  desired: number;
  /** RFC 3339; another one for a function that was removed and deployed again. Undefined where only the invocation path asks. */
  createdAt?: string | undefined;
  /** The last deployment, while its outcome is open. */
  deployed: Deployed | undefined;
  /** The cluster has it no more; one of the same name that comes later is another entry. */
  isRemoved: boolean;
  replicas: readonly LiveReplica[];
  /** Replicas that are not running and say why. */
  failures: readonly Failure[];
  /** What limits its calls; undefined: nothing. */
  rules?: CallRules | undefined;
  /** Its place in the shared counts; undefined: it needs none. */
  slot?: number | undefined;
  /** Its own limit of time, where that is shorter than the gateway's. */
  timeLimit?: TimeLimit | undefined;
}

/** How the invocation path finds functions. */
export interface FunctionLookup {
  /** False until the cluster was read once: an unknown name says nothing before that. */
  readonly isLoaded: boolean;
  /** @param name as a path writes it, with or without the namespace */
  find(name: string): FunctionEntry | undefined;
}

export interface TableListener {
  /** A replica began to run: it wants a probe. */
  onReplica(entry: FunctionEntry, replica: LiveReplica): void;
  /** A replica's address is no longer to be called. */
  onReplicaGone(replica: LiveReplica): void;
  /** Anything of the function may have changed. */
  onEntry(entry: FunctionEntry): void;
  onEntryGone(entry: FunctionEntry): void;
}

/** The functions and their replicas, kept in memory so that no call of the cluster stands in an invocation's path. */
export class FunctionTable implements FunctionLookup {
  readonly #byName = new Map<string, FunctionEntry>();
  readonly #byKey = new Map<string, FunctionEntry>();
  readonly #defaultNamespace: string;
  readonly #listener: TableListener;
  /** When functions were read by themselves, later than the last read of all began. */
  readonly #readAlone = new Map<string, number>();
  /** When the last read of all that was applied began. */
  #allAsOf = Number.NEGATIVE_INFINITY;
  #isLoaded = false;

  constructor(defaultNamespace: string, listener: TableListener) {
    this.#defaultNamespace = defaultNamespace;
    this.#listener = listener;
  }

  get isLoaded(): boolean {
    return this.#isLoaded;
  }

  find(name: string): FunctionEntry | undefined {
    return this.#byName.get(name);
  }

  entries(): Iterable<FunctionEntry> {
    return this.#byKey.values();
  }

  /**
   * Makes the table say what `snapshots` say, keeping the counts of what stays.
   * @param asOf when their reading began, by `performance.now`: what was read by itself after that is newer, and stays
   */
  apply(snapshots: readonly FunctionSnapshot[], asOf: number): void {
    const isNewer = (key: string): boolean => (this.#readAlone.get(key) ?? -1) > asOf;
    const seen = new Set<string>();
    for (const snapshot of snapshots) {
      const key = qualifiedName(snapshot.ref);
      seen.add(key);
      if (!isNewer(key)) this.#applyOne(key, snapshot);
    }
    for (const [key, entry] of this.#byKey) {
      if (!seen.has(key) && !isNewer(key)) this.#remove(key, entry);
    }
    for (const key of this.#readAlone.keys()) {
      if (!isNewer(key)) this.#readAlone.delete(key);
    }
    this.#allAsOf = asOf;
    this.#isLoaded = true;
  }

  /** The same for one function alone; undefined: the cluster has none of that name. */
  applyAlone(ref: FunctionRef, snapshot: FunctionSnapshot | undefined, asOf: number): void {
    const key = qualifiedName(ref);
    // What began later has told of it already, and may have seen more.
    if (Math.max(this.#readAlone.get(key) ?? -1, this.#allAsOf) > asOf) return;
    this.#readAlone.set(key, asOf);
    const entry = this.#byKey.get(key);
    if (snapshot !== undefined) this.#applyOne(key, snapshot);
    else if (entry !== undefined) this.#remove(key, entry);
  }

  #applyOne(key: string, snapshot: FunctionSnapshot): void {
    const known = this.#byKey.get(key);
    const entry: FunctionEntry = known ?? {
      ref: snapshot.ref,
      key,
      labels: snapshot.labels,
      annotations: snapshot.annotations,
      envVars: snapshot.envVars,
      desired: snapshot.desired,
      createdAt: snapshot.createdAt,
      deployed: snapshot.deployed,
      isRemoved: false,
      replicas: [],
      failures: [],
    };
    entry.labels = snapshot.labels;
    entry.annotations = snapshot.annotations;
    entry.envVars = snapshot.envVars;
    entry.desired = snapshot.desired;
    entry.createdAt = snapshot.createdAt;
    entry.deployed = snapshot.deployed;
    if (known === undefined) {
      this.#byKey.set(key, entry);
      this.#byName.set(key, entry);
      if (snapshot.ref.namespace === this.#defaultNamespace) this.#byName.set(snapshot.ref.name, entry);
    }
    this.#applyReplicas(entry, snapshot);
    this.#listener.onEntry(entry);
  }

  #applyReplicas(entry: FunctionEntry, snapshot: FunctionSnapshot): void {
    const before = entry.replicas;
    const running = snapshot.replicas.filter((replica) => replica.isRunning && replica.address !== undefined);
    const fresh: LiveReplica[] = [];
    entry.replicas = running.map((replica) => {
      const known = before.find((one) => isSamePlace(one, replica));
      const isOutdated = replica.isOutdated === true;
      if (known !== undefined) {
        known.isOutdated = isOutdated;
        return known;
      }
      const born = {
        id: replica.id,
        address: replica.address ?? '',
        port: replica.port,
        inFlight: 0,
        isReady: false,
        isOutdated,
      };
      fresh.push(born);
      return born;
    });
    entry.failures = snapshot.replicas.flatMap(({ id, isRunning, error, isOutdated = false }) =>
      isRunning || error === undefined ? [] : [{ id, error, isOutdated }],
    );
    for (const replica of before) {
      if (!entry.replicas.includes(replica)) {
        replica.isReady = false;
        this.#listener.onReplicaGone(replica);
      }
    }
    for (const replica of fresh) this.#listener.onReplica(entry, replica);
  }

  #remove(key: string, entry: FunctionEntry): void {
    this.#byKey.delete(key);
    this.#byName.delete(key);
    if (this.#byName.get(entry.ref.name) === entry) this.#byName.delete(entry.ref.name);
    const replicas = entry.replicas;
    entry.replicas = [];
    entry.desired = 0;
    entry.isRemoved = true;
    for (const replica of replicas) {
      replica.isReady = false;
      this.#listener.onReplicaGone(replica);
    }
    this.#listener.onEntryGone(entry);
  }
}

/** Whether one is the other: a process that was started again is another one. */
export function isSamePlace(
  a: { readonly id: string; readonly address: string | undefined; readonly port?: number | undefined },
  b: { readonly id: string; readonly address: string | undefined; readonly port?: number | undefined },
): boolean {
  return a.id === b.id && a.address === b.address && a.port === b.port;
}
