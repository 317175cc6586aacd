import type { FunctionEntry, LiveReplica } from './function-table.ts';

/** Looks in one such time: with fewer, one that comes just after a call began would count for the whole of it. */
const LOOKS = 4;

export interface ReplicaWatchOptions {
  readonly entries: () => Iterable<FunctionEntry>;
  /** How long a replica may answer no call, while some are in flight, before it is doubted. */
  readonly silenceMs: number;
  /** The replica may be gone: whether it can be reached should be tried. */
  readonly onDoubt: (entry: FunctionEntry, replica: LiveReplica) => void;
}

interface Seen {
  answered: number;
  looks: number;
}

/**
 * Notices replicas that may be gone though the cluster does not say so yet. The connections to a machine that lost its power stay
 * open for minutes: calls sent there wait for their time limit, and few in flight is what attracts more. Whatever is slow is
 * doubted as well; that costs it one connection, now and then.
 */
export class ReplicaWatch {
  readonly #options: ReplicaWatchOptions;
  readonly #seen = new WeakMap<LiveReplica, Seen>();
  /** Doubted since the last look: a replica that breaks off every call is asked about once. */
  readonly #doubted = new Set<LiveReplica>();
  readonly #timer: ReturnType<typeof setInterval>;

  constructor(options: ReplicaWatchOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.look(), options.silenceMs / LOOKS);
  }

  /** A call to the replica ended as it would if the replica had gone. */
  doubt(entry: FunctionEntry, replica: LiveReplica): void {
    if (!replica.isReady || this.#doubted.has(replica)) return;
    this.#doubted.add(replica);
    this.#options.onDoubt(entry, replica);
  }

  /** @internal What the timer does. */
  look(): void {
    this.#doubted.clear();
    for (const entry of this.#options.entries()) {
      for (const replica of entry.replicas) {
        if (replica.inFlight > 0 && replica.isReady) this.#lookAt(entry, replica);
        else if (this.#seen.has(replica)) this.#seen.delete(replica);
      }
    }
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #lookAt(entry: FunctionEntry, replica: LiveReplica): void {
    const { answered = 0 } = replica;
    const seen = this.#seen.get(replica);
    if (seen === undefined) this.#seen.set(replica, { answered, looks: 0 });
    else if (seen.answered !== answered) {
      seen.answered = answered;
      seen.looks = 0;
    } else if (++seen.looks >= LOOKS) {
      seen.looks = 0;
      this.doubt(entry, replica);
    }
  }
}
