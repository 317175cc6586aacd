import { FaasError } from '../errors.ts';
import type { FunctionEntry } from './function-table.ts';
import { privateCounts, type SharedCounts, WAITING_SLOT } from './limits/shared-counts.ts';

/** How long a function must have shown a failure, with nothing running, before its callers are told. */
const FAILING_FOR_MS = 5000;
/** Attempts of the cluster, beyond one for each replica, that must have failed while calls wait before they are told. */
const FAILED_AGAIN = 2;
/** A scale call shows in the table a moment later; until then the table's zero is no reason to ask again. */
const SCALE_SETTLES_MS = 3000;

export interface WaitingRoomOptions {
  /** Calls that may wait at a time, over all functions and workers. */
  readonly capacity: number;
  /** Calls that may wait here for one function: one that does not start must not take all places. Default: half of them. */
  readonly capacityPerFunction?: number | undefined;
  /** Where those who wait are counted; absent: in this process alone. */
  readonly counts?: SharedCounts | undefined;
  readonly timeoutMs: number;
  readonly scaleFromZero: boolean;
  /** Asks the cluster for a first replica. */
  readonly scaleUp: (entry: FunctionEntry) => Promise<void>;
  /** The table should be read soon. */
  readonly nudge: () => void;
}

/** A call that waits. */
export interface WaitingCall {
  /** A replica may take it now. Returns false when none did: then the call stays where it is in the row. */
  offer(): boolean;
  /** There will be none. Called once, and nothing after it. */
  fail(failure: FaasError): void;
}

interface Waiter {
  readonly call: WaitingCall;
  readonly timer: ReturnType<typeof setTimeout>;
}

interface Room {
  readonly waiters: Set<Waiter>;
  failingSince: number | undefined;
  /** Failed attempts seen since the first of the waiters came, and what the last one said. */
  readonly failedIds: Set<string>;
  lastError: string | undefined;
}

/**
 * Where calls wait for a first replica: after a scale to zero, during a deployment, or while every replica is away.
 * However many wait, the cluster is asked once.
 */
export class WaitingRoom {
  readonly #options: WaitingRoomOptions;
  readonly #counts: SharedCounts;
  readonly #rooms = new Map<FunctionEntry, Room>();
  /** When the cluster was last asked to start each function: once, however many wait. */
  readonly #scaledAt = new WeakMap<FunctionEntry, number>();
  #waiting = 0;

  constructor(options: WaitingRoomOptions) {
    this.#options = options;
    this.#counts = options.counts ?? privateCounts();
  }

  /** In this process. */
  get waiting(): number {
    return this.#waiting;
  }

  /**
   * Has the call wait until a replica takes it, or fails it once when there will be none.
   * @returns leaves the room: nothing is called any more
   */
  enter(entry: FunctionEntry, call: WaitingCall): () => void {
    const refusal = this.#refusal(entry);
    if (refusal !== undefined) {
      call.fail(refusal);
      return () => {};
    }
    const room = this.#rooms.get(entry) ?? emptyRoom();
    this.#rooms.set(entry, room);
    const waiter: Waiter = {
      call,
      timer: setTimeout(() => this.#fail(entry, waiter, this.#timedOut(entry)), this.#options.timeoutMs),
    };
    room.waiters.add(waiter);
    this.#waiting++;
    room.lastError ??= entry.failures[0]?.error;
    this.#scaleUp(entry);
    this.#options.nudge();
    return () => this.#leave(entry, waiter);
  }

  /** A replica of the function is ready, or has room again: those who came first are offered it first. */
  open(entry: FunctionEntry): void {
    const room = this.#rooms.get(entry);
    if (room === undefined) return;
    // A copy: a call that is let down at once comes back, and must wait like any other.
    for (const waiter of [...room.waiters]) {
      if (!waiter.call.offer()) return;
      this.#leave(entry, waiter);
    }
  }

  /** Why the call may not wait. Otherwise it is counted. */
  #refusal(entry: FunctionEntry): FaasError | undefined {
    const { scaleFromZero, capacity, capacityPerFunction = Math.ceil(capacity / 2) } = this.#options;
    if (entry.isRemoved) return removed(entry);
    if (entry.desired === 0 && !scaleFromZero) {
      return new FaasError('no_replica', `${entry.key} has no replicas: scale it up to call it`);
    }
    const isFull =
      (this.#rooms.get(entry)?.waiters.size ?? 0) >= capacityPerFunction ||
      !this.#counts.tryEnter(WAITING_SLOT, capacity);
    if (!isFull) return undefined;
    return new FaasError(
      'waiting_room_full',
      `${entry.key} is starting and too many calls wait already: try again soon`,
    );
  }

  /** The table has news of the function: a failing start is told to those who wait. */
  onEntry(entry: FunctionEntry): void {
    if (entry.desired > 0) this.#settled(entry);
    const room = this.#rooms.get(entry);
    if (room === undefined) return;
    for (const { id, error } of entry.failures) {
      room.failedIds.add(id);
      room.lastError = error;
    }
    if (entry.desired === 0) this.#scaleUp(entry); // scaled to zero again while calls wait
    const isFailing = entry.failures.length > 0 && entry.replicas.length === 0;
    if (!isFailing) room.failingSince = undefined;
    else room.failingSince ??= Date.now();
    const isHopeless =
      room.failedIds.size >= entry.desired + FAILED_AGAIN ||
      (room.failingSince !== undefined && Date.now() - room.failingSince >= FAILING_FOR_MS);
    if (isHopeless && entry.replicas.length === 0) {
      this.#failAll(entry, new FaasError('no_replica', `${entry.key} does not start: ${room.lastError}`));
    }
  }

  /**
   * Looks at every function that is waited for again: what it shows may have lasted too long by now, and a replica may have
   * room since another worker's call has ended.
   */
  reconsider(): void {
    for (const entry of [...this.#rooms.keys()]) {
      this.onEntry(entry);
      this.open(entry);
    }
  }

  onEntryGone(entry: FunctionEntry): void {
    this.#failAll(entry, removed(entry));
  }

  /** Lets everybody go: the gateway stops. */
  close(): void {
    for (const entry of [...this.#rooms.keys()]) {
      this.#failAll(entry, new FaasError('no_replica', 'the gateway is stopping: try again'));
    }
  }

  #scaleUp(entry: FunctionEntry): void {
    if (entry.desired > 0 || Date.now() - (this.#scaledAt.get(entry) ?? 0) < SCALE_SETTLES_MS) return;
    this.#scaledAt.set(entry, Number.POSITIVE_INFINITY);
    Promise.try(this.#options.scaleUp, entry)
      .then(() => {
        this.#scaledAt.set(entry, Date.now());
        if (entry.desired > 0) this.#settled(entry);
        this.#options.nudge();
      })
      .catch((error: unknown) => {
        this.#scaledAt.delete(entry);
        const failure =
          error instanceof FaasError
            ? error
            : new FaasError(
                'provider_unavailable',
                `${entry.key} could not be scaled up: ${(error as Error).message}`,
                { cause: error },
              );
        this.#failAll(entry, failure);
      });
  }

  /** The table shows what was asked for: a later zero is another one. */
  #settled(entry: FunctionEntry): void {
    if (this.#scaledAt.get(entry) !== Number.POSITIVE_INFINITY) this.#scaledAt.delete(entry);
  }

  #timedOut(entry: FunctionEntry): FaasError {
    if (entry.replicas.some(({ isReady }) => isReady)) {
      return new FaasError(
        'replicas_busy',
        `${entry.key} has started, but its replicas had no room for this call`,
      );
    }
    const error = this.#rooms.get(entry)?.lastError;
    const reason = error === undefined ? '' : `: ${error}`;
    const seconds = this.#options.timeoutMs / 1000;
    return new FaasError(
      'cold_start_timeout',
      `${entry.key} had no ready replica within ${seconds} s${reason}`,
    );
  }

  #failAll(entry: FunctionEntry, failure: FaasError): void {
    const room = this.#rooms.get(entry);
    if (room === undefined) return;
    for (const waiter of [...room.waiters]) this.#fail(entry, waiter, failure);
  }

  #fail(entry: FunctionEntry, waiter: Waiter, failure: FaasError): void {
    this.#leave(entry, waiter);
    waiter.call.fail(failure);
  }

  #leave(entry: FunctionEntry, waiter: Waiter): void {
    const room = this.#rooms.get(entry);
    clearTimeout(waiter.timer);
    if (!room?.waiters.delete(waiter)) return;
    this.#waiting--;
    this.#counts.leave(WAITING_SLOT);
    if (room.waiters.size === 0) this.#rooms.delete(entry);
  }
}

function removed(entry: FunctionEntry): FaasError {
  return new FaasError('function_not_found', `${entry.key} was removed while the call waited for it`);
}

function emptyRoom(): Room {
  return { waiters: new Set(), failingSince: undefined, failedIds: new Set(), lastError: undefined };
}
