import type { ContainerTaskSpec, Service } from 'dockerode';
import { DEFAULT_NAMESPACE, type FunctionRef } from '../../contract/function-ref.ts';
import type { FunctionDeployment, FunctionStatus } from '../../contract/function-types.ts';
import {
  DEPLOYMENT_LABEL,
  FUNCTION_LABEL,
  NAMESPACE_LABEL,
  toAnnotations,
  toUserLabels,
} from './function-labels.ts';

const PLATFORM_ENV: ReadonlySet<string> = new Set(['fprocess', 'OPENFAAS_NAME', 'OPENFAAS_NAMESPACE']);

/** A service as the engine lists it: the data alone, without dockerode's methods. */
export type ListedService = Pick<
  Service,
  'ID' | 'Version' | 'CreatedAt' | 'UpdatedAt' | 'Spec' | 'ServiceStatus'
>;

/** Which function a service is, or undefined when it is none: its label tells, not its name. */
export function toFunctionRef(
  service: ListedService,
  defaultNamespace: string = DEFAULT_NAMESPACE,
): FunctionRef | undefined {
  const labels = service.Spec?.Labels ?? {};
  const name = labels[FUNCTION_LABEL];
  if (name === undefined || name === '') return undefined;
  return { name, namespace: labels[NAMESPACE_LABEL] || defaultNamespace };
}

/** The request that a service was deployed with; for a service that others made, what its spec amounts to. */
export function toDeployment(service: ListedService, ref: FunctionRef): FunctionDeployment {
  const stored = service.Spec?.Labels?.[DEPLOYMENT_LABEL];
  return (stored === undefined ? undefined : parseStored(stored)) ?? fromSpec(service, ref);
}

/** One function as GET answers it; `service` as listed with `status=true`, or inspected and `running` counted. */
export function toFunctionStatus(service: ListedService, ref: FunctionRef, running?: number): FunctionStatus {
  const deployment = toDeployment(service, ref);
  const { envProcess, envVars, constraints, secrets, limits, requests, readOnlyRootFilesystem } = deployment;
  return {
    name: ref.name,
    namespace: ref.namespace,
    image: deployment.image,
    ...(envProcess !== undefined && { envProcess }),
    ...(envVars !== undefined && Object.keys(envVars).length > 0 && { envVars }),
    ...(constraints !== undefined && constraints.length > 0 && { constraints }),
    ...(secrets !== undefined && secrets.length > 0 && { secrets }),
    labels: { ...deployment.labels, faas_function: ref.name },
    annotations: deployment.annotations ?? {},
    ...(limits !== undefined && { limits }),
    ...(requests !== undefined && { requests }),
    ...(readOnlyRootFilesystem === true && { readOnlyRootFilesystem }),
    replicas: desiredReplicas(service),
    availableReplicas: running ?? service.ServiceStatus?.RunningTasks ?? 0,
    createdAt: service.CreatedAt ?? '0001-01-01T00:00:00Z',
  };
}

/** Replicas asked for. */
export function desiredReplicas(service: ListedService): number {
  return service.Spec?.Mode?.Replicated?.Replicas ?? service.ServiceStatus?.DesiredTasks ?? 0;
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

function fromSpec(service: ListedService, ref: FunctionRef): FunctionDeployment {
  const task = service.Spec?.TaskTemplate as ContainerTaskSpec | undefined;
  const container = task?.ContainerSpec;
  const labels = service.Spec?.Labels ?? {};
  const env = Object.fromEntries((container?.Env ?? []).map(splitEnv));
  const secrets = (container?.Secrets ?? []).map((secret) => secret.File?.Name?.split('/').at(-1) ?? '');
  const constraints = task?.Placement?.Constraints ?? [];
  return {
    service: ref.name,
    namespace: ref.namespace,
    image: (container?.Image ?? '').replace(/@sha256:[0-9a-f]{64}$/, ''),
    ...(env['fprocess'] !== undefined && { envProcess: env['fprocess'] }),
    envVars: Object.fromEntries(Object.entries(env).filter(([key]) => !PLATFORM_ENV.has(key))),
    constraints,
    secrets: secrets.filter((name) => name !== ''),
    labels: toUserLabels(labels, ref),
    annotations: toAnnotations(labels),
    ...(container?.ReadOnly === true && { readOnlyRootFilesystem: true }),
  };
}

function splitEnv(line: string): [string, string] {
  const equals = line.indexOf('=');
  return equals === -1 ? [line, ''] : [line.slice(0, equals), line.slice(equals + 1)];
}
