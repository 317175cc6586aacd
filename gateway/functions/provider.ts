import type { FunctionRef } from '../../contract/function-ref.ts';
import type { FunctionDeployment, FunctionStatus, VersionInfo } from '../../contract/function-types.ts';

/** A replica as the cluster tells of it. */
export interface Replica {
  /** Stable for the life of the replica; shown to users as the log's `instance`. */
  readonly id: string;
  /** Where its watchdog listens, e.g. `10.0.1.7`; undefined until the cluster has given it an address. */
  readonly address: string | undefined;
  /** Of its watchdog; absent: the one that every function's watchdog has. */
  readonly port?: number;
  /** It runs and is meant to: calls may be sent to it. */
  readonly isRunning: boolean;
  /** Of an earlier version than the one that was deployed last; told only while that was lately. */
  readonly isOutdated?: boolean;
  /** Why it is not running, in the cluster's own words (no such image, exit code, no suitable node). */
  readonly error?: string;
}

/** A function's last deployment, while it is recent enough for its outcome to be open. */
export interface Deployed {
  /** Another for each deployment. */
  readonly id: string;
  /** RFC 3339. */
  readonly at: string;
  /** There is an earlier version to go back to. */
  readonly isRevertible: boolean;
  /** The cluster has stopped rolling it out, because a replica of it ended. */
  readonly isStopped?: boolean;
}

/** What the caller knows of a function already. */
export interface Known {
  /** False: the last read of the cluster did not have it, so that it need not be looked for under every name. */
  readonly isThere?: boolean | undefined;
  /**
   * Id of the recent deployment of which a replica has answered; empty: of none that is known. Until that of the last one
   * is given, the version before it stays the one to go back to. Undefined: nobody looked, then the cluster's view counts.
   */
  readonly provenId?: string | undefined;
}

/** What the data plane and the scalers know of a function; read often, so it is cheap to fetch for all at once. */
export interface FunctionSnapshot {
  readonly ref: FunctionRef;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** As deployed: the function's own limits (`exec_timeout`, `max_inflight`…) are read from it. */
  readonly envVars: Readonly<Record<string, string>>;
  readonly desired: number;
  readonly replicas: readonly Replica[];
  /**
   * Replicas that ended by themselves or could not start since the snapshot of all before this one, each counted once; absent: none.
   * Not those that were told to stop, nor those that were lost with their node.
   */
  readonly ended?: number;
  /** RFC 3339. */
  readonly createdAt: string;
  /** Absent when the last deployment was long ago or was taken back. */
  readonly deployed?: Deployed;
}

/** What the gateway needs from the cluster, in the domain's words and in plain data: no Docker type crosses it. */
export interface Provider {
  /** @throws {FaasError} `provider_unavailable` */
  list(namespace?: string): Promise<FunctionStatus[]>;
  /** With `rollout`. @throws {FaasError} `function_not_found`, `provider_unavailable` */
  read(ref: FunctionRef): Promise<FunctionStatus>;
  /** Resolves once the cluster accepts it, before any replica is available.
   *  @throws {FaasError} `function_exists`, `invalid_request` (unknown secret), `provider_unavailable` */
  create(deployment: FunctionDeployment, known?: Known): Promise<void>;
  /** Keeps the replica count when it is inside the new [min, max].
   *  @throws {FaasError} `function_not_found`, `invalid_request`, `provider_unavailable` */
  update(deployment: FunctionDeployment, known?: Known): Promise<void>;
  /** @throws {FaasError} `function_not_found`, `provider_unavailable` */
  remove(ref: FunctionRef): Promise<void>;
  /** Resolves once the cluster accepts the count, before the replicas are available.
   *  @throws {FaasError} `function_not_found`, `provider_unavailable` */
  scale(ref: FunctionRef, desired: number, known?: Known): Promise<void>;
  /**
   * Goes back to the version before a deployment and keeps why as the outcome of its roll-out. The replica count stays.
   * @returns false when that deployment is not the last one any more, was taken back already, or has none before it
   * @throws {FaasError} `function_not_found`, `provider_unavailable`
   */
  revert(ref: FunctionRef, why: { readonly deployedId: string; readonly error: string }): Promise<boolean>;
  /** Every function with its replicas: two reads of the cluster however many functions there are.
   *  @throws {FaasError} `provider_unavailable` */
  snapshot(): Promise<FunctionSnapshot[]>;
  /** One function with its replicas, however many others there are; undefined when there is none of that name.
   *  @throws {FaasError} `provider_unavailable` */
  look(ref: FunctionRef): Promise<FunctionSnapshot | undefined>;
  /** Calls `onChange` soon after something about functions may have changed; a hint, never the truth. Returns the stop. */
  watch(onChange: () => void): () => void;
  /** @throws {FaasError} `provider_unavailable` */
  info(): Promise<{
    readonly provider: string;
    readonly orchestration: string;
    readonly version: VersionInfo;
  }>;
  /** What `ping` looks at, as a report on health names it. */
  readonly kind: 'swarm' | 'processes';
  /** The engine alone answers, whatever may be with the cluster. Resolves with what it is, for operators. Absent: there is no engine.
   *  @throws {FaasError} `provider_unavailable` with the reason */
  readonly pingEngine?: () => Promise<string>;
  /** The cluster can be read and written. Resolves with what it is, for operators.
   *  @throws {FaasError} `provider_unavailable` with the reason */
  ping(): Promise<string>;
}
