import type { ServiceSpec } from 'dockerode';
import type { Rollout } from '../../contract/function-types.ts';
import type { Deployed, Known } from '../functions/provider.ts';
import type { Engine } from './engine.ts';
import { engineStatus } from './errors.ts';
import { desiredReplicas, type ListedService } from './read-back.ts';
import { isRunning, isSameVersion, listTasks, type Task, taskError } from './tasks.ts';

/** On the service: which deployment made it what it is, `{ id, at }`. */
const ROLLOUT_LABEL = 'skep.rollout';
/** On the service: that the last deployment was taken back, and why, `{ error }`. */
const FAILED_LABEL = 'skep.rollout-failed';
/**
 * On the service: the version to go back to, where it is not the one that Swarm keeps. Swarm remembers one spec, and
 * every write moves it on, that of a replica count too.
 */
const LAST_GOOD_LABEL = 'skep.last-good';

/** How long after a deployment its replicas are still looked at; the clocks of two gateways may differ by as much. */
const RECENT_MS = 10 * 60_000;
/** Attempts to start, with none that runs, after which a first deployment is called failed. */
const HOPELESS_AFTER = 3;

/** A version of a service that can be gone back to. */
export interface Version {
  readonly Labels?: Record<string, string> | undefined;
  readonly TaskTemplate?: ServiceSpec['TaskTemplate'];
}

/** The label of a new deployment. */
export function rolloutLabel(id: string, now: Date): Record<string, string> {
  return { [ROLLOUT_LABEL]: JSON.stringify({ id, at: now.toISOString() }) };
}

/** The last deployment, while it is recent and nothing has failed it: then its replicas are watched. */
export function recentDeployment(service: ListedService, now: number): Deployed | undefined {
  const mark = deploymentMark(service);
  if (mark === undefined || isFailed(service)) return undefined;
  if (!(Math.abs(now - Date.parse(mark.at)) < RECENT_MS)) return undefined;
  return {
    ...mark,
    isRevertible: goodVersion(service) !== undefined,
    ...(service.UpdateStatus?.State === 'paused' && { isStopped: true }),
  };
}

/** The version that ran before what is now being rolled out. */
export function goodVersion(service: ListedService): Version | undefined {
  const kept = keptVersion(service);
  if (kept !== undefined) return kept;
  const before = service.PreviousSpec;
  if (before === undefined || isSameVersion(before.TaskTemplate, service.Spec?.TaskTemplate))
    return undefined;
  return { Labels: before.Labels, TaskTemplate: before.TaskTemplate };
}

/** The version to go back to that the service itself keeps, beside the one that Swarm does. */
export function keptVersion(service: Pick<ListedService, 'Spec'>): Version | undefined {
  const kept = parseLabel(service, LAST_GOOD_LABEL) as
    | { Labels?: unknown; TaskTemplate?: unknown }
    | undefined;
  const isVersion =
    isObject(kept?.TaskTemplate) && 'ContainerSpec' in kept.TaskTemplate && isObject(kept.Labels ?? {});
  return isVersion ? (kept as Version) : undefined;
}

/**
 * What a change of the replica count, or a next deployment, must keep of a roll-out that is going on.
 * @param known of which deployment it is known that it has answered; where nobody looked, Swarm's own view counts
 * @returns the version to go back to, if the one that is being rolled out may not be it
 */
export function unprovenVersion(
  service: ListedService,
  known: Known | undefined,
): { readonly back: Version } | undefined {
  const { State } = service.UpdateStatus ?? {};
  const deployed = recentDeployment(service, Date.now());
  // A deployment that is not the one known of may have come this moment, through another gateway.
  const isOpen =
    known?.provenId === undefined || deployed === undefined
      ? State === 'updating' || State === 'paused'
      : known.provenId !== deployed.id;
  if (!isOpen || isFailed(service)) return undefined;
  const back = goodVersion(service);
  return back && { back };
}

/** The service's labels with those of a roll-out set anew: what is not given is taken off. */
export function withRolloutLabels(
  labels: Readonly<Record<string, string>>,
  { back, error }: { readonly back?: Version | undefined; readonly error?: string | undefined },
): Record<string, string> {
  const { [LAST_GOOD_LABEL]: _back, [FAILED_LABEL]: _failed, ...rest } = labels;
  return {
    ...rest,
    ...(back !== undefined && { [LAST_GOOD_LABEL]: JSON.stringify(withoutLastGood(back)) }),
    ...(error !== undefined && { [FAILED_LABEL]: JSON.stringify({ error }) }),
  };
}

/** Why the last roll-out was taken back, if it was: by the gateway, or by Swarm, which its next write forgets. */
export async function rolloutFailure(engine: Engine, service: ListedService): Promise<string | undefined> {
  const told = parseLabel(service, FAILED_LABEL);
  if (told !== undefined) return String((told as { error?: unknown }).error ?? 'no reason was kept');
  const { State = '', Message = '' } = service.UpdateStatus ?? {};
  if (State !== 'paused' && !State.startsWith('rollback_')) return undefined;
  const id = /task ([a-z0-9]{20,30})/.exec(Message)?.[1];
  // After a pause the service is what failed; after a rollback it is the version before.
  const isOf = { current: State !== 'rollback_started' && State !== 'rollback_completed' };
  const task = (id && (await findTask(engine, id))) || (await lastEnded(engine, service, isOf));
  const reason = task && taskError(task);
  if (State === 'rollback_paused')
    return `the version before it could not be brought back: ${reason ?? (Message || 'Swarm gave no reason')}`;
  const after = State === 'paused' ? '' : ': the version before it is back';
  return `${reason === undefined ? Message || 'Swarm gave no reason' : `a replica of the new version ended (${reason})`}${after}`;
}

/** How the last deployment fares, as far as the cluster can tell: it knows of processes, not whether they answer. */
export async function readRollout(
  engine: Engine,
  service: ListedService,
  live: readonly Task[],
): Promise<Rollout> {
  const failure = await rolloutFailure(engine, service);
  if (failure !== undefined) return { state: 'failed', error: failure };
  const { State } = service.UpdateStatus ?? {};
  if (State === 'completed' || desiredReplicas(service) === 0) return { state: 'done' };
  const template = service.Spec?.TaskTemplate;
  const isCurrent = (task: Task): boolean => isSameVersion(task.Spec, template);
  const running = live.filter(isRunning);
  if (State !== 'updating' && running.length > 0)
    return { state: running.every(isCurrent) ? 'done' : 'running' };
  const past = (await listTasks(engine, { service: [service.ID], 'desired-state': ['shutdown'] })).filter(
    (task) => isCurrent(task) && taskError(task) !== undefined,
  );
  const newest = [...live.filter(isCurrent), ...past]
    .toSorted(newestFirst)
    .find((task) => taskError(task) !== undefined);
  const error = newest && taskError(newest);
  if (State !== 'updating' && error !== undefined && past.length >= HOPELESS_AFTER)
    return { state: 'failed', error };
  if (State !== 'updating' && error === undefined && recentDeployment(service, Date.now()) === undefined)
    return { state: 'done' }; // What starts now was asked for by a replica count, long after the deployment.
  return { state: 'running', ...(error !== undefined && { error }) };
}

function deploymentMark(service: ListedService): { id: string; at: string } | undefined {
  const mark = parseLabel(service, ROLLOUT_LABEL) as { id?: unknown; at?: unknown } | undefined;
  return typeof mark?.id === 'string' && typeof mark.at === 'string'
    ? { id: mark.id, at: mark.at }
    : undefined;
}

function isFailed(service: ListedService): boolean {
  return (
    service.Spec?.Labels?.[FAILED_LABEL] !== undefined ||
    (service.UpdateStatus?.State ?? '').startsWith('rollback_')
  );
}

function parseLabel(service: Pick<ListedService, 'Spec'>, label: string): object | undefined {
  const text = service.Spec?.Labels?.[label];
  if (text === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined; // Somebody edited it: then it is as if it were not there.
  }
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

function withoutLastGood({ Labels = {}, TaskTemplate }: Version): Version {
  return { Labels: withRolloutLabels(Labels, {}), TaskTemplate };
}

/**
 * The last task that ended, of the version that the service is or of another: Swarm names none once a rollback is
 * completed, and forgets the one that it named when it has tried a few more.
 */
async function lastEnded(
  engine: Engine,
  service: ListedService,
  isOf: { readonly current: boolean },
): Promise<Task | undefined> {
  const past = await listTasks(engine, { service: [service.ID], 'desired-state': ['shutdown'] });
  return past
    .filter((task) => taskError(task) !== undefined)
    .filter((task) => isSameVersion(task.Spec, service.Spec?.TaskTemplate) === isOf.current)
    .toSorted(newestFirst)[0];
}

function newestFirst(left: Task, right: Task): number {
  return (right.CreatedAt ?? '').localeCompare(left.CreatedAt ?? '');
}

async function findTask(engine: Engine, id: string): Promise<Task | undefined> {
  return engine.ask('inspect task', async (docker, abortSignal): Promise<Task | undefined> => {
    try {
      return await docker.getTask(id).inspect({ abortSignal });
    } catch (error) {
      if (engineStatus(error) === 404) return undefined; // The engine keeps only a few past tasks.
      throw error;
    }
  });
}
