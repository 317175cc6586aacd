import { FaasError } from '../errors.ts';
import type { FunctionEntry } from './function-table.ts';

/** How long a function must have shown a failure, with nothing running, before its callers are told. */
const FAILING_FOR_MS = 5000;
/** Attempts of the cluster, beyond one for each replica, that must have failed while calls wait before they are told. */
const FAILED_AGAIN = 2;
/** A scale call shows in the table a moment later; until then the table's zero is no reason to ask again. */
const SCALE_SETTLES_MS = 3000;

export interface WaitingRoomOptions {
  /** Calls that may wait at a time, over all functions. */
  readonly capacity: number;
  readonly timeoutMs: number;
  readonly scaleFromZero: boolean;
  /** Asks the cluster for a first replica. */
  readonly scaleUp: (entry: FunctionEntry) => Promise<void>;
  /** The table should be read soon. */
  readonly nudge: () => void;
}

interface Waiter {
  readonly release: (failure?: FaasError) => void;
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
  readonly #rooms = new Map<FunctionEntry, Room>();
  /** When the cluster was last asked to start each function: once, however many wait. */
  readonly #scaledAt = new WeakMap<FunctionEntry, number>();
  #waiting = 0;

  constructor(options: WaitingRoomOptions) {
    this.#options = options;
  }

  get waiting(): number {
    return this.#waiting;
  }

  /**
   * Calls `onReady` once: without an argument when a replica is ready, with the reason when there will be none.
   * @returns leaves the room: nothing is called any more
   */
  enter(entry: FunctionEntry, onReady: (failure?: FaasError) => void): () => void {
    if (entry.isRemoved) {
      onReady(removed(entry));
      return () => {};
    }
    if (entry.desired === 0 && !this.#options.scaleFromZero) {
      onReady(new FaasError('no_replica', `${entry.key} has no replicas: scale it up to call it`));
      return () => {};
    }
    if (this.#waiting >= this.#options.capacity) {
      onReady(
        new FaasError(
          'waiting_room_full',
          `${entry.key} is starting and too many calls wait already: try again soon`,
        ),
      );
      return () => {};
    }
    const room = this.#rooms.get(entry) ?? emptyRoom();
    this.#rooms.set(entry, room);
    const waiter: Waiter = {
      release: (failure) => {
        this.#leave(entry, waiter);
        onReady(failure);
      },
      timer: setTimeout(() => waiter.release(this.#timedOut(entry)), this.#options.timeoutMs),
    };
    room.waiters.add(waiter);
    this.#waiting++;
    room.lastError ??= entry.failures[0]?.error;
    this.#scaleUp(entry);
    this.#options.nudge();
    return () => this.#leave(entry, waiter);
  }

  /** A replica of the function is ready. */
  open(entry: FunctionEntry): void {
    this.#releaseAll(entry);
  }

  /** The table has news of the function: a failing start is told to those who wait. */
  onEntry(entry: FunctionEntry): void {
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
      this.#releaseAll(entry, new FaasError('no_replica', `${entry.key} does not start: ${room.lastError}`));
    }
  }

  /** Looks at every function that is waited for again: what it shows may have lasted too long by now. */
  reconsider(): void {
    for (const entry of [...this.#rooms.keys()]) this.onEntry(entry);
  }

  onEntryGone(entry: FunctionEntry): void {
    this.#releaseAll(entry, removed(entry));
  }

  /** Lets everybody go: the gateway stops. */
  close(): void {
    for (const entry of [...this.#rooms.keys()]) {
      this.#releaseAll(entry, new FaasError('no_replica', 'the gateway is stopping: try again'));
    }
  }

  #scaleUp(entry: FunctionEntry): void {
    if (entry.desired > 0 || Date.now() - (this.#scaledAt.get(entry) ?? 0) < SCALE_SETTLES_MS) return;
    this.#scaledAt.set(entry, Number.POSITIVE_INFINITY);
    Promise.try(this.#options.scaleUp, entry)
      .then(() => {
        this.#scaledAt.set(entry, Date.now());
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
        this.#releaseAll(entry, failure);
      });
  }

  #timedOut(entry: FunctionEntry): FaasError {
    const error = this.#rooms.get(entry)?.lastError;
    const reason = error === undefined ? '' : `: ${error}`;
    const seconds = this.#options.timeoutMs / 1000;
    return new FaasError(
      'cold_start_timeout',
      `${entry.key} had no ready replica within ${seconds} s${reason}`,
    );
  }

  #releaseAll(entry: FunctionEntry, failure?: FaasError): void {
    const room = this.#rooms.get(entry);
    if (room === undefined) return;
    for (const waiter of [...room.waiters]) waiter.release(failure);
  }

  #leave(entry: FunctionEntry, waiter: Waiter): void {
    const room = this.#rooms.get(entry);
    clearTimeout(waiter.timer);
    if (!room?.waiters.delete(waiter)) return;
    this.#waiting--;
    if (room.waiters.size === 0) this.#rooms.delete(entry);
  }
}

function removed(entry: FunctionEntry): FaasError {
  return new FaasError('function_not_found', `${entry.key} was removed while the call waited for it`);
}

function emptyRoom(): Room {
  return { waiters: new Set(), failingSince: undefined, failedIds: new Set(), lastError: undefined };
}
