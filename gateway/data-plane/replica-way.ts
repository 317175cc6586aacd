import type { UpstreamAddress } from '../../http1/types.ts';
import { fieldLine } from '../../http1/write-head.ts';
import type { FunctionEntry, LiveReplica } from './function-table.ts';

/** What is the same for every call of one replica. */
export interface ReplicaWay {
  readonly address: UpstreamAddress;
  /** Field lines that say who is meant: `Host` and `X-Skep-Function`. */
  readonly lines: string;
}

/** The ways to replicas, made once for each as long as it lives. */
export class ReplicaWays {
  readonly #port: number;
  readonly #ways = new WeakMap<LiveReplica, ReplicaWay>();

  /** @param port of the watchdogs of replicas that do not say */
  constructor(port: number) {
    this.#port = port;
  }

  to(entry: FunctionEntry, replica: LiveReplica): ReplicaWay {
    let way = this.#ways.get(replica);
    if (way === undefined) {
      const address = { hostname: replica.address, port: replica.port ?? this.#port };
      const host = fieldLine('Host', `${address.hostname}:${address.port}`);
      way = { address, lines: host + fieldLine('X-Skep-Function', entry.key) };
      this.#ways.set(replica, way);
    }
    return way;
  }
}
