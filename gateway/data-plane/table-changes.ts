import type { FunctionRef } from '../../contract/function-ref.ts';
import { type Failure, type FunctionEntry, isSamePlace, type LiveReplica } from './function-table.ts';

/** A running replica, as those who call it are told. */
export interface ReplicaState {
  readonly id: string;
  readonly address: string;
  readonly port?: number | undefined;
  readonly isReady: boolean;
  /** How often it has answered after it did not: who found it unreachable says since which answer. */
  readonly proofs: number;
  /** Its place in the shared counts, where its calls are limited. */
  readonly slot?: number | undefined;
}

/** All that the invocation path needs to know of a function, in plain data: it crosses from one process to another. */
export interface FunctionState {
  readonly ref: FunctionRef;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** Only what the invocation path heeds: the others may be nobody's business. */
  readonly envVars: Readonly<Record<string, string>>;
  readonly desired: number;
  readonly replicas: readonly ReplicaState[];
  readonly failures: readonly Failure[];
  /** Its place in the shared counts, where its calls are limited. */
  readonly slot?: number | undefined;
}

/** What has changed in the table since the last of these; the first one holds all of it. */
export interface TableChanges {
  /** False until the cluster was read once. */
  readonly isLoaded: boolean;
  readonly changed: readonly FunctionState[];
  /** `name.namespace` of those that are gone, told before those that changed. */
  readonly removed: readonly string[];
}

/** A function's environment variables that say how it is to be called. */
const HEEDED_ENV = ['exec_timeout', 'max_inflight', 'read_timeout', 'upstream_timeout', 'write_timeout'];

/** @param proofsOf how often the replica has begun to answer */
export function stateOf(entry: FunctionEntry, proofsOf: (replica: LiveReplica) => number): FunctionState {
  const { ref, labels, annotations, desired, failures, slot } = entry;
  const envVars: Record<string, string> = {};
  for (const name of HEEDED_ENV) {
    const value = entry.envVars[name];
    if (value !== undefined) envVars[name] = value;
  }
  const replicas = entry.replicas.map((replica) => {
    const { id, address, port, isReady } = replica;
    return {
      id,
      address,
      ...(port !== undefined && { port }),
      isReady,
      proofs: proofsOf(replica),
      ...(replica.slot !== undefined && { slot: replica.slot }),
    };
  });
  return {
    ref,
    labels,
    annotations,
    envVars,
    desired,
    replicas,
    failures,
    ...(slot !== undefined && { slot }),
  };
}

/** Whether who knows the one need not be told the other. */
export function isSameState(a: FunctionState, b: FunctionState): boolean {
  return (
    a.desired === b.desired &&
    a.slot === b.slot &&
    isSameRecord(a.labels, b.labels) &&
    isSameRecord(a.annotations, b.annotations) &&
    isSameRecord(a.envVars, b.envVars) &&
    isSameList(a.replicas, b.replicas, isSameReplica) &&
    isSameList(a.failures, b.failures, isSameFailure)
  );
}

function isSameRecord(a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean {
  if (a === b) return true; // as long as the service itself has not changed
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => a[key] === b[key]);
}

function isSameList<T>(a: readonly T[], b: readonly T[], isSame: (x: T, y: T) => boolean): boolean {
  return (
    a.length === b.length &&
    a.every((x, index) => {
      const y = b[index];
      return y !== undefined && isSame(x, y);
    })
  );
}

function isSameReplica(a: ReplicaState, b: ReplicaState): boolean {
  return isSamePlace(a, b) && a.isReady === b.isReady && a.proofs === b.proofs && a.slot === b.slot;
}

function isSameFailure(a: Failure, b: Failure): boolean {
  return a.id === b.id && a.error === b.error && a.isOutdated === b.isOutdated;
}
