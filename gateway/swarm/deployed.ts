import { isDeepStrictEqual } from 'node:util';
import type { ContainerTaskSpec, Service } from 'dockerode';
import type { FunctionRef } from '../../contract/function-ref.ts';
import type { FunctionDeployment, FunctionResources } from '../../contract/function-types.ts';
import { platformLabels } from '../functions/labels.ts';
import { DEPLOYMENT_LABEL, IMAGE_ID_LABEL, toAnnotations, toUserLabels } from './function-labels.ts';
import { fromDevices, toSwarmResources } from './resources.ts';
import { DEFAULT_CONSTRAINT } from './service-spec.ts';

/** The part of a service that says what runs. */
export type WithSpec = Pick<Service, 'Spec'>;

const PLATFORM_ENV: ReadonlySet<string> = new Set(['fprocess', 'OPENFAAS_NAME', 'OPENFAAS_NAMESPACE']);
const DIGEST = /@sha256:[0-9a-f]{64}$/;

/**
 * What a function runs as. The request that it was deployed with tells how its author spelled things; where the spec
 * says otherwise (a `docker service update` from outside), the spec is what runs.
 */
export function toDeployment(service: WithSpec, ref: FunctionRef): FunctionDeployment {
  const text = service.Spec?.Labels?.[DEPLOYMENT_LABEL];
  const stored = text === undefined ? undefined : parseStored(text);
  const found = fromSpec(service, ref);
  if (stored === undefined) return found;
  const own = Object.keys(platformLabels(ref));
  const sentOwn = Object.entries(stored.labels ?? {}).filter(([key]) => own.includes(key));
  const { limits, requests } = hasResources(service, stored) ? stored : found;
  return {
    ...found,
    image: runsImage(service, stored.image) ? stored.image : found.image,
    constraints: isSame(stored.constraints, found.constraints)
      ? (stored.constraints ?? [])
      : (found.constraints ?? []),
    labels: { ...found.labels, ...Object.fromEntries(sentOwn) },
    ...(limits !== undefined && { limits }),
    ...(requests !== undefined && { requests }),
  };
}

/** The function's variables as they are now, without those that the platform sets. */
export function envVarsOf(service: WithSpec): Record<string, string> {
  return Object.fromEntries(envOf(service).filter(([key]) => !PLATFORM_ENV.has(key)));
}

function parseStored(text: string): FunctionDeployment | undefined {
  try {
    const value: unknown = JSON.parse(text);
    const isDeployment =
      typeof value === 'object' && value !== null && 'service' in value && 'image' in value;
    // Written by toServiceSpec alone, after the request had been parsed.
    return isDeployment ? (value as FunctionDeployment) : undefined;
  } catch {
    return undefined; // Somebody edited the label: the spec itself still tells what runs.
  }
}

function fromSpec(service: WithSpec, ref: FunctionRef): FunctionDeployment {
  const container = containerOf(service);
  const labels = service.Spec?.Labels ?? {};
  const envProcess = envOf(service).find(([key]) => key === 'fprocess')?.[1];
  const secrets = (container?.Secrets ?? []).map(({ File }) => File?.Name?.split('/').at(-1) ?? '');
  const { Limits, Reservations } = taskOf(service)?.Resources ?? {};
  const limits = toResources(Limits);
  const requests = toResources(Reservations);
  return {
    service: ref.name,
    namespace: ref.namespace,
    image: (container?.Image ?? '').replace(DIGEST, ''),
    ...(envProcess !== undefined && { envProcess }),
    envVars: envVarsOf(service),
    constraints: (taskOf(service)?.Placement?.Constraints ?? []).filter((one) => one !== DEFAULT_CONSTRAINT),
    secrets: secrets.filter((name) => name !== ''),
    labels: toUserLabels(labels, ref),
    annotations: toAnnotations(labels),
    ...(container?.ReadOnly === true && { readOnlyRootFilesystem: true }),
    ...(limits !== undefined && { limits }),
    ...(requests !== undefined && { requests }),
  };
}

/** Whether the service runs what `image` was deployed as: by that name, its digest, or the id that it had here. */
function runsImage(service: WithSpec, image: string): boolean {
  const container = containerOf(service);
  const running = container?.Image ?? '';
  if (running === image || running.replace(DIGEST, '') === image) return true;
  return running.startsWith('sha256:') && running === container?.Labels?.[IMAGE_ID_LABEL];
}

function hasResources(service: WithSpec, stored: FunctionDeployment): boolean {
  const { Limits, Reservations } = taskOf(service)?.Resources ?? {};
  try {
    const meant = toSwarmResources(stored);
    const isAs = (left: Units | undefined, right: Units | undefined): boolean =>
      (left?.MemoryBytes ?? 0) === (right?.MemoryBytes ?? 0) &&
      (left?.NanoCPUs ?? 0) === (right?.NanoCPUs ?? 0) &&
      isDeepStrictEqual(fromDevices(left?.GenericResources), fromDevices(right?.GenericResources));
    return isAs(meant.Limits, Limits) && isAs(meant.Reservations, Reservations);
  } catch {
    return false; // Of a version that took other units: what runs is told in the engine's own.
  }
}

interface Units {
  readonly MemoryBytes?: number | undefined;
  readonly NanoCPUs?: number | undefined;
  readonly GenericResources?: readonly object[] | undefined;
}

function toResources(units: Units | undefined): FunctionResources | undefined {
  const resources: FunctionResources = {
    ...(units?.MemoryBytes && { memory: String(units.MemoryBytes) }),
    ...(units?.NanoCPUs && { cpu: `${units.NanoCPUs / 1e6}m` }),
    ...fromDevices(units?.GenericResources),
  };
  return Object.keys(resources).length === 0 ? undefined : resources;
}

function isSame(stored: readonly string[] = [], found: readonly string[] = []): boolean {
  // The default, sent by the author, stands in no way apart in the spec.
  const without = stored.filter((one) => one !== DEFAULT_CONSTRAINT);
  return without.length === found.length && without.every((one, index) => one === found[index]);
}

function envOf(service: WithSpec): [string, string][] {
  return (containerOf(service)?.Env ?? []).map((line) => {
    const equals = line.indexOf('=');
    return equals === -1 ? [line, ''] : [line.slice(0, equals), line.slice(equals + 1)];
  });
}

function taskOf(service: WithSpec): ContainerTaskSpec | undefined {
  return service.Spec?.TaskTemplate as ContainerTaskSpec | undefined;
}

function containerOf(service: WithSpec): ContainerTaskSpec['ContainerSpec'] | undefined {
  return taskOf(service)?.ContainerSpec;
}
