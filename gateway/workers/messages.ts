// What the control process and its workers say to each other. Plain data, and both ends are the same executable.

import type { GatewayConfig } from '../config.ts';
import type { TableChanges } from '../data-plane/table-changes.ts';
import type { UnreachableReplica } from '../data-plane/table-keeper.ts';
import type { FaasErrorCode } from '../errors.ts';
import type { AcceptDelta } from '../metrics/accept-counters.ts';
import type { InvocationDelta } from '../metrics/invocation-counters.ts';
import type { WorkerFigures } from '../metrics/worker-metrics.ts';

/** What a worker is to do, all of it. */
export interface WorkerTask {
  /** The number of its place, from 1. */
  readonly worker: number;
  readonly config: GatewayConfig;
  /** Address to listen on. */
  readonly host: string;
  /** Names and addresses that may be called, without a port; absent: any. */
  readonly hosts?: readonly string[] | undefined;
  /** Where to listen, with others: never 0. */
  readonly port: number;
  /** Unix socket on which the control plane listens. */
  readonly controlSocket: string;
  /** What the workers count together, one row for each. */
  readonly countsFile: string;
  /** Root is not given up: it could not reach the control plane as another user. */
  readonly keepsRights: boolean;
  readonly functionPort: number;
  /** For `X-Served-By`. */
  readonly version: string;
}

/** Why something that was asked for could not be. Without a code: nobody expected it. */
export interface ToldFailure {
  readonly code?: FaasErrorCode;
  readonly message: string;
}

export interface DrainTimes {
  /** How long new calls are still taken, while every answer asks its client to close. */
  readonly servesOnMs: number;
  /** How long those that were taken may last after that. */
  readonly withinMs: number;
}

export type ToWorker =
  /** The first: the task, and the table as it is now. */
  | { readonly kind: 'begin'; readonly task: WorkerTask; readonly table: TableChanges }
  | { readonly kind: 'changes'; readonly changes: TableChanges }
  /** To be answered when all that was told before holds. */
  | { readonly kind: 'sync'; readonly id: number }
  /** To be answered with a report. */
  | { readonly kind: 'count'; readonly id: number }
  /** The answer to `wake`. */
  | { readonly kind: 'woken'; readonly id: number; readonly failure?: ToldFailure }
  /** Finish what is in flight, take nothing new. */
  | ({ readonly kind: 'drain' } & DrainTimes);

export type FromWorker =
  /** Listens to messages. */
  | { readonly kind: 'hello' }
  /** Listens to clients. */
  | { readonly kind: 'listening' }
  | { readonly kind: 'not_listening'; readonly reason: string }
  | { readonly kind: 'done'; readonly id: number }
  | {
      readonly kind: 'report';
      /** Of the `count` that asked for it. */
      readonly id?: number;
      readonly deltas: readonly InvocationDelta[];
      readonly figures: WorkerFigures;
      /** Calls to be run later, where some came. */
      readonly accepts?: AcceptDelta;
    }
  /** Calls wait for the first replica of a function that has none. */
  | { readonly kind: 'wake'; readonly id: number; readonly key: string }
  | { readonly kind: 'nudge' }
  | { readonly kind: 'unreachable'; readonly replica: UnreachableReplica }
  /** Nothing is in flight any more, or the time is over. */
  | { readonly kind: 'drained'; readonly cutOff: number };
