import type { Service, ServiceStatus } from 'dockerode';
import { DEFAULT_NAMESPACE, type FunctionRef, qualifiedName } from '../../contract/function-ref.ts';
import type { FunctionStatus } from '../../contract/function-types.ts';
import { FUNCTION_LABEL, NAMESPACE_LABEL } from '../functions/labels.ts';
import { toDeployment } from './deployed.ts';
import { toServiceName } from './service-name.ts';

/** A service as the engine lists it: the data alone, without dockerode's methods. */
export type ListedService = Pick<
  Service,
  'ID' | 'Version' | 'CreatedAt' | 'UpdatedAt' | 'Spec' | 'PreviousSpec' | 'UpdateStatus'
> & { readonly ServiceStatus?: Pick<ServiceStatus, 'RunningTasks' | 'DesiredTasks'> | undefined };

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

/** One function as GET answers it; `service` as listed with `status=true`, or inspected and its tasks counted. */
export function toFunctionStatus(service: ListedService, ref: FunctionRef): FunctionStatus {
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
    // The engine's count holds those that still finish their work, too, though they take no more.
    availableReplicas: Math.min(service.ServiceStatus?.RunningTasks ?? 0, desiredReplicas(service)),
    createdAt: service.CreatedAt ?? '0001-01-01T00:00:00Z',
  };
}

/** Replicas asked for. */
export function desiredReplicas(service: ListedService): number {
  return service.Spec?.Mode?.Replicated?.Replicas ?? service.ServiceStatus?.DesiredTasks ?? 0;
}

/**
 * Of several services that say they are the same function, the one that bears its name, or else the oldest:
 * replicas of two would take turns in the table.
 */
export function onePerFunction(
  services: readonly ListedService[],
  defaultNamespace: string,
): ListedService[] {
  const chosen = new Map<string, ListedService>();
  const byAge = services.toSorted((a, b) => (a.CreatedAt ?? '').localeCompare(b.CreatedAt ?? ''));
  for (const service of byAge) {
    const ref = toFunctionRef(service, defaultNamespace);
    if (ref === undefined) continue;
    const key = qualifiedName(ref);
    if (!chosen.has(key) || service.Spec?.Name === toServiceName(ref, defaultNamespace)) {
      chosen.set(key, service);
    }
  }
  const kept = new Set(chosen.values());
  return services.filter((service) => kept.has(service));
}
