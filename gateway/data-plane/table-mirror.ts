import { qualifiedName } from '../../contract/function-ref.ts';
import { type FunctionEntry, type FunctionLookup, isSamePlace, type LiveReplica } from './function-table.ts';
import type { FunctionState, ReplicaState, TableChanges } from './table-changes.ts';

export interface MirrorListener {
  /** A replica can be called from now on, or again. */
  onReady(entry: FunctionEntry): void;
  /** A replica is not to be called: it is gone, or did not answer somebody. */
  onUnready(replica: LiveReplica): void;
  onEntry(entry: FunctionEntry): void;
  onEntryGone(entry: FunctionEntry): void;
}

/**
 * The function table as the invocation path has it: a copy of what the control process tells, whose objects live as long as
 * what they stand for, so that the counts kept in them survive every change.
 */
export class TableMirror implements FunctionLookup {
  readonly #byName = new Map<string, FunctionEntry>();
  readonly #byKey = new Map<string, FunctionEntry>();
  /** The answer since which a replica is known to be ready. */
  readonly #proofs = new WeakMap<LiveReplica, number>();
  /** The answers of a replica, up to this one, that count no more: it was called since, and could not be reached. */
  readonly #distrusted = new WeakMap<LiveReplica, number>();
  readonly #defaultNamespace: string;
  readonly #listener: MirrorListener;
  #isLoaded = false;

  constructor(defaultNamespace: string, listener: MirrorListener) {
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

  apply({ isLoaded, changed, removed }: TableChanges): void {
    this.#isLoaded = isLoaded;
    for (const key of removed) {
      const entry = this.#byKey.get(key);
      if (entry !== undefined) this.#remove(entry);
    }
    for (const state of changed) this.#applyOne(state);
  }

  /**
   * A call did not reach the replica: it takes none until it has answered a probe that began after this.
   * @returns the number of the answer that is not true any more, for the control process
   */
  distrust(replica: LiveReplica): number {
    const proof = this.#proofs.get(replica) ?? 0;
    this.#distrusted.set(replica, proof);
    this.#setReady(replica, false);
    return proof;
  }

  /** The answer since which the replica is known to be ready. */
  proofOf(replica: LiveReplica): number {
    return this.#proofs.get(replica) ?? 0;
  }

  #applyOne(state: FunctionState): void {
    const key = qualifiedName(state.ref);
    const { labels, annotations, envVars, desired, failures, slot } = state;
    const facts = { labels, annotations, envVars, desired, failures, slot };
    const known = this.#byKey.get(key);
    const entry: FunctionEntry = known ?? {
      ref: state.ref,
      key,
      ...facts,
      deployed: undefined,
      isRemoved: false,
      replicas: [],
    };
    if (known === undefined) {
      this.#byKey.set(key, entry);
      this.#byName.set(key, entry);
      if (state.ref.namespace === this.#defaultNamespace) this.#byName.set(state.ref.name, entry);
    } else Object.assign(entry, facts);
    const hasReady = this.#applyReplicas(entry, state.replicas);
    this.#listener.onEntry(entry);
    if (hasReady) this.#listener.onReady(entry);
  }

  /** @returns whether there is a replica that can be called and could not be before */
  #applyReplicas(entry: FunctionEntry, states: readonly ReplicaState[]): boolean {
    const before = entry.replicas;
    let hasReady = false;
    entry.replicas = states.map((state) => {
      const { id, address, port, isReady, proofs, slot } = state;
      const replica = before.find((known) => isSamePlace(known, state)) ?? {
        id,
        address,
        port,
        inFlight: 0,
        isReady: false,
        isOutdated: false,
      };
      replica.slot = slot;
      this.#proofs.set(replica, proofs);
      const isTrusted = isReady && proofs > (this.#distrusted.get(replica) ?? -1);
      if (isTrusted && !replica.isReady) hasReady = true;
      this.#setReady(replica, isTrusted);
      return replica;
    });
    this.#letGo(entry, before);
    return hasReady;
  }

  /**
   * A replica that is to stop serves on for a while. The cluster may start another one only when it has stopped (from a drained
   * node it does), so as long as no other is ready, who calls is better served by it than kept waiting.
   */
  #letGo(entry: FunctionEntry, before: readonly LiveReplica[]): void {
    const isNeeded = entry.desired > 0 && !entry.replicas.some(({ isReady }) => isReady);
    const kept: LiveReplica[] = [];
    for (const replica of before) {
      if (entry.replicas.includes(replica)) continue;
      if (!isNeeded || !replica.isReady) {
        this.#gone(replica);
        continue;
      }
      // Its place in the shared counts is another's, and its connections end with it.
      replica.slot = undefined;
      replica.isLeaving = true;
      this.#listener.onUnready(replica);
      kept.push(replica);
    }
    if (kept.length > 0) entry.replicas = [...entry.replicas, ...kept];
  }

  #setReady(replica: LiveReplica, isReady: boolean): void {
    const wasReady = replica.isReady;
    replica.isReady = isReady;
    if (wasReady && !isReady) this.#listener.onUnready(replica);
  }

  #gone(replica: LiveReplica): void {
    replica.isReady = false;
    this.#listener.onUnready(replica);
  }

  #remove(entry: FunctionEntry): void {
    this.#byKey.delete(entry.key);
    this.#byName.delete(entry.key);
    if (this.#byName.get(entry.ref.name) === entry) this.#byName.delete(entry.ref.name);
    const replicas = entry.replicas;
    entry.replicas = [];
    entry.desired = 0;
    entry.isRemoved = true;
    for (const replica of replicas) this.#gone(replica);
    this.#listener.onEntryGone(entry);
  }
}
