import type { FunctionRef } from '../../contract/function-ref.ts';
import { FaasError } from '../errors.ts';
import { FUNCTION_LABEL } from '../functions/labels.ts';
import type { FunctionSnapshot, Replica } from '../functions/provider.ts';
import { envVarsOf } from './deployed.ts';
import type { Engine } from './engine.ts';
import { engineStatus } from './errors.ts';
import { toAnnotations, toUserLabels } from './function-labels.ts';
import { desiredReplicas, type ListedService, onePerFunction, toFunctionRef } from './read-back.ts';
import { recentDeployment } from './rollout.ts';
import type { ServiceList } from './service-list.ts';
import type { TaskEndings } from './task-endings.ts';
import { isRunning, isSameVersion, LIVE, listTasks, type Task, taskError } from './tasks.ts';

/** Most services whose past tasks are asked for by id at a time: a longer list would not fit a URL. */
const MOST_IDS = 100;

/** All services that are functions, with counts of their tasks. */
export async function listFunctionServices(
  engine: Engine,
  defaultNamespace: string,
): Promise<ListedService[]> {
  const services: ListedService[] = await engine.ask('list services', (docker, abortSignal) =>
    docker.listServices({ status: true, filters: { label: [FUNCTION_LABEL] }, abortSignal }),
  );
  return onePerFunction(services, defaultNamespace);
}

export interface SnapshotOptions {
  /** Name of the network on which functions are called. */
  readonly functionsNetwork: string;
  readonly defaultNamespace: string;
}

/**
 * Every function with its replicas, from one list of services and one of live tasks. Past tasks are read only of
 * functions with a replica that does not run and does not say why: the one before it in the same slot may.
 */
export async function takeSnapshot(
  engine: Engine,
  known: { readonly list: Pick<ServiceList, 'read'>; readonly endings: Pick<TaskEndings, 'since'> },
  options: SnapshotOptions,
): Promise<FunctionSnapshot[]> {
  const [services, live] = await Promise.all([
    known.list.read(),
    listTasks(engine, { label: [FUNCTION_LABEL], 'desired-state': LIVE }),
  ]);
  const past = await pastOf(engine, live);
  // Last: what it tells is told once, and must not be lost with a read that fails.
  const ended = await known.endings.since(live);
  return toSnapshots({ services, live, past, ended }, options);
}

/** The same of one service, whatever its label. */
export async function snapshotOf(
  engine: Engine,
  service: ListedService,
  options: SnapshotOptions,
): Promise<FunctionSnapshot | undefined> {
  const live = await listTasks(engine, { service: [service.ID], 'desired-state': LIVE });
  return toSnapshots({ services: [service], live, past: await pastOf(engine, live) }, options)[0];
}

/** Past tasks of the services of which a task does not run and does not say why. */
async function pastOf(engine: Engine, live: readonly Task[]): Promise<Task[]> {
  const silent = [...new Set(live.filter(isSilent).map((task) => task.ServiceID ?? ''))].slice(0, MOST_IDS);
  return silent.length === 0 ? [] : await listPastTasks(engine, silent);
}

/** @internal The pure half of `takeSnapshot`. */
export function toSnapshots(
  seen: {
    readonly services: readonly ListedService[];
    readonly live: readonly Task[];
    readonly past: readonly Task[];
    /** Ended by themselves since the read before. */
    readonly ended?: readonly Task[];
  },
  options: SnapshotOptions,
): FunctionSnapshot[] {
  const liveByService = Map.groupBy(seen.live, (task) => task.ServiceID ?? '');
  const pastByService = Map.groupBy(seen.past, (task) => task.ServiceID ?? '');
  const endedByService = Map.groupBy(seen.ended ?? [], (task) => task.ServiceID ?? '');
  const snapshots: FunctionSnapshot[] = [];
  for (const service of seen.services) {
    const ref = toFunctionRef(service, options.defaultNamespace);
    if (ref === undefined) continue;
    const live = liveByService.get(service.ID) ?? [];
    const past = pastByService.get(service.ID) ?? [];
    const ended = endedByService.get(service.ID) ?? [];
    snapshots.push(toOne({ service, ref, live, past, ended }, options));
  }
  return snapshots;
}

interface Seen {
  readonly service: ListedService;
  readonly ref: FunctionRef;
  readonly live: readonly Task[];
  readonly past: readonly Task[];
  readonly ended: readonly Task[];
}

/** What the service alone tells of a function. */
interface Facts {
  readonly told: Pick<FunctionSnapshot, 'labels' | 'annotations' | 'envVars' | 'createdAt' | 'deployed'>;
  /** By task, whose own template never changes: whether it is of an earlier version. */
  readonly outdated: Map<string, boolean>;
}

/** Tasks are read anew much more often than the list of services: of a service that is the same object nothing has changed. */
const factsByService = new WeakMap<ListedService, Facts>();

function factsOf(service: ListedService, ref: FunctionRef): Facts {
  const known = factsByService.get(service);
  if (known !== undefined) return known;
  const labels = service.Spec?.Labels ?? {};
  const deployed = recentDeployment(service, Date.now());
  const told = {
    labels: toUserLabels(labels, ref),
    annotations: toAnnotations(labels),
    envVars: envVarsOf(service),
    createdAt: service.CreatedAt ?? '0001-01-01T00:00:00Z',
    ...(deployed !== undefined && { deployed }),
  };
  const facts = { told, outdated: new Map<string, boolean>() };
  factsByService.set(service, facts);
  return facts;
}

function toOne(seen: Seen, options: SnapshotOptions): FunctionSnapshot {
  const { service, ref, live, ended } = seen;
  const { told, outdated } = factsOf(service, ref);
  return {
    ...told,
    ref,
    // A service that runs on every node has no count of its own.
    desired: service.Spec?.Mode?.Global === undefined ? desiredReplicas(service) : live.length,
    replicas: live.map((task) => ({
      ...toReplica(task, seen, options),
      // Templates are compared only while it matters: it costs as much as all the rest.
      ...(told.deployed !== undefined && isOutdated(task, service, outdated) && { isOutdated: true }),
    })),
    ...(ended.length > 0 && { ended: ended.length }),
  };
}

function isOutdated(task: Task, service: ListedService, known: Facts['outdated']): boolean {
  const before = known.get(task.ID);
  if (before !== undefined) return before;
  const found = !isSameVersion(task.Spec, service.Spec?.TaskTemplate);
  known.set(task.ID, found);
  return found;
}

function toReplica(task: Task, { service, past }: Seen, options: SnapshotOptions): Replica {
  const error = isRunning(task) ? undefined : (taskError(task) ?? lastError(task, service, past));
  return {
    id: task.ID,
    address: addressOf(task, options.functionsNetwork),
    isRunning: isRunning(task),
    ...(error !== undefined && { error }),
  };
}

function addressOf(task: Task, network: string): string | undefined {
  const attachments = task.NetworksAttachments ?? [];
  const attachment =
    attachments.find(({ Network }) => Network?.Spec?.Name === network) ??
    attachments.find(({ Network }) => Network?.Spec?.Labels?.['openfaas'] === 'true');
  return attachment?.Addresses?.[0]?.split('/')[0];
}

/** Why the replica before this one in its slot ended, if that was since the service was last changed. */
function lastError(task: Task, service: ListedService, past: readonly Task[]): string | undefined {
  const since = Date.parse(service.UpdatedAt ?? '');
  const before = past
    .filter((other) => other.Slot === task.Slot && Date.parse(other.CreatedAt ?? '') >= since)
    .sort((left, right) => Date.parse(right.CreatedAt ?? '') - Date.parse(left.CreatedAt ?? ''))[0];
  return before === undefined ? undefined : taskError(before);
}

function isSilent(task: Task): boolean {
  return task.Status?.State !== 'running' && taskError(task) === undefined;
}

/** Past tasks of services; none when one of the services was removed since it was listed: the next read knows that. */
async function listPastTasks(engine: Engine, services: readonly string[]): Promise<Task[]> {
  try {
    return await listTasks(engine, { service: services, 'desired-state': ['shutdown'] });
  } catch (error) {
    if (error instanceof FaasError && engineStatus(error.cause) === 404) return [];
    throw error;
  }
}
