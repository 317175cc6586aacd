import { randomNumbers } from './arrivals.ts';

/** What replicas are like. */
export interface ReplicaModel {
  /** From the decision to the first call that a new one takes: engine, container, watchdog, table. */
  readonly startMs: number;
  /** From one to none and back: the image is warm, the caller waits. */
  readonly serviceMs: number;
  /** Calls that one serves at a time. What is more waits in a queue. */
  readonly slots: number;
}

export const MODEL: ReplicaModel = { startMs: 1500, serviceMs: 200, slots: 4 };

/** Calls per second that one replica can serve. */
export function perReplica({ slots, serviceMs }: ReplicaModel): number {
  return (slots * 1000) / serviceMs;
}

/** The replicas of one function and the calls in them: each takes its time by chance, or waits until one is free. */
export class Replicas {
  readonly #model: ReplicaModel;
  readonly #random = randomNumbers(99);
  /** When those begin to serve that are asked for and not ready. */
  #startingAt: number[] = [];
  /** Ends of the calls that are served, unordered. */
  #ends: number[] = [];
  #waiting = 0;
  #ready: number;
  #desired: number;
  completed = 0;
  /** Calls that came and found no replica free. */
  delayed = 0;

  constructor(model: ReplicaModel, desired: number) {
    this.#model = model;
    this.#desired = desired;
    this.#ready = desired;
  }

  get desired(): number {
    return this.#desired;
  }

  get ready(): number {
    return this.#ready;
  }

  get inFlight(): number {
    return this.#ends.length + this.#waiting;
  }

  scale(desired: number, nowMs: number): void {
    const more = desired - this.#desired;
    this.#desired = desired;
    for (let added = 0; added < more; added++) this.#startingAt.push(nowMs + this.#model.startMs);
    for (let over = this.#ready + this.#startingAt.length - desired; over > 0; over--) {
      // The youngest go first; a ready one finishes what it serves.
      if (this.#startingAt.pop() === undefined) this.#ready--;
    }
  }

  advance(nowMs: number, calls: number): void {
    this.#ready += this.#startingAt.filter((at) => at <= nowMs).length;
    this.#startingAt = this.#startingAt.filter((at) => at > nowMs);
    const before = this.#ends.length;
    this.#ends = this.#ends.filter((end) => end > nowMs);
    this.completed += before - this.#ends.length;
    const free = Math.max(0, this.#ready * this.#model.slots - this.#ends.length);
    const begun = Math.min(free, this.#waiting + calls);
    this.delayed += Math.max(0, calls - Math.max(0, free - this.#waiting));
    this.#waiting += calls - begun;
    for (let call = 0; call < begun; call++) {
      this.#ends.push(nowMs - this.#model.serviceMs * Math.log(1 - this.#random()));
    }
  }
}
