import { isDeepStrictEqual } from 'node:util';
import type { Engine } from './engine.ts';

/** The part of a Swarm task that is read here. */
export interface Task {
  readonly ID: string;
  readonly ServiceID?: string;
  readonly Slot?: number;
  readonly CreatedAt?: string;
  readonly DesiredState?: string;
  readonly Spec?: object;
  readonly Status?: {
    readonly State?: string;
    readonly Err?: string;
    readonly Message?: string;
    readonly ContainerStatus?: { readonly ExitCode?: number };
  };
  readonly NetworksAttachments?: readonly {
    readonly Network?: {
      readonly ID?: string;
      readonly Spec?: { readonly Name?: string; readonly Labels?: Readonly<Record<string, string>> };
    };
    readonly Addresses?: readonly string[];
  }[];
}

/** What a task is meant to become that still counts for its service. */
export const LIVE = ['running', 'ready', 'accepted'];
/** Without `shutdown`: that one was asked to end, and its exit code is no reason for anything. */
const ENDED: ReadonlySet<string> = new Set(['failed', 'rejected', 'complete', 'orphaned']);

/** @throws {FaasError} `provider_unavailable`, with the engine's 404 as `cause` for a service that is gone */
export function listTasks(
  engine: Engine,
  filters: Readonly<Record<string, readonly string[]>>,
): Promise<Task[]> {
  // dockerode types tasks as `any`; the fields above are those of the engine's API 1.41.
  return engine.ask(
    'list tasks',
    (docker, abortSignal): Promise<Task[]> =>
      docker.listTasks({ filters: JSON.stringify(filters), abortSignal }),
  );
}

export function isRunning(task: Task): boolean {
  return task.DesiredState === 'running' && task.Status?.State === 'running';
}

/** Why a task does not run, in the engine's words. */
export function taskError(task: Task): string | undefined {
  const { State = '', Err, ContainerStatus } = task.Status ?? {};
  if (Err) return Err;
  return ENDED.has(State) && ContainerStatus?.ExitCode !== undefined
    ? `exit code ${ContainerStatus.ExitCode}`
    : undefined;
}

/**
 * Whether two templates run the same: that of a task and that of its service now, or those of two versions of a service.
 * The engine tells `Runtime` of services and not of tasks.
 */
export function isSameVersion(left: object | undefined, right: object | undefined): boolean {
  return isDeepStrictEqual(withoutRuntime(left), withoutRuntime(right));
}

function withoutRuntime(template: object | undefined): object {
  const { Runtime: _, ...rest } = (template ?? {}) as { Runtime?: unknown };
  return rest;
}
