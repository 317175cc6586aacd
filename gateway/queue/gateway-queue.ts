import type { Logger } from '../log.ts';
import type { ProgressStore } from '../schedules/schedule-progress.ts';
import type { CallBook, CallIntake, QueueView } from './call-queue.ts';

/** What is to be done by one gateway of all. */
export interface SoleTask {
  /** By which the gateways agree on it, e.g. `schedules`. */
  readonly key: string;
  /** Of this gateway in this run: no other one has ever had it. */
  readonly id: string;
  readonly logger: Logger;
  /** Runs while it is this one's task, and is called again when it has ended before. What it throws is told, and it is called again. */
  readonly act: (signal: AbortSignal) => Promise<void>;
}

/** Sees to it that one of all gateways does a task. */
export interface TaskHolder {
  start(): void;
  /** Ends what it does, and leaves it to another one at once. Never throws. */
  stop(): Promise<void>;
}

/** Who says how much waits. */
export interface QueueLoad {
  /** Calls of each function that wait or run, by `name.namespace`, over all queues. @throws {Error} when it cannot be told */
  loads(): Promise<Map<string, number>>;
  /** What is in the queue, or undefined when that cannot be told in time. Never throws. */
  lookWithin(ms: number): Promise<QueueView | undefined>;
}

/** What the gateway has of the queue of asynchronous calls, wherever that is. */
export interface GatewayQueue {
  /** `memory`: it is in this process, which also runs its calls; no other one can reach it. */
  readonly kind: 'jetstream' | 'memory';
  readonly intake: CallIntake;
  readonly book: CallBook;
  readonly load: QueueLoad;
  /** How far schedules have come. */
  readonly progress: ProgressStore;
  holdAlone(task: SoleTask): TaskHolder;
  /** How it is, in a few words for people. @throws {Error} when it cannot be used, with the reason */
  look(signal: AbortSignal): Promise<string>;
  /** Whether anybody runs its calls, in a few words. @throws {Error} when nobody does, or it cannot be told */
  lookAtWorkers(signal: AbortSignal): Promise<string>;
  /** To be called while functions can still be called: a queue that runs its calls itself begins no more, and waits for those that run. Never throws. */
  drain(withinMs: number): Promise<void>;
  /** Never throws. @returns how many calls and callbacks nobody will ever run */
  stop(): Promise<{ readonly lost: number }>;
}
