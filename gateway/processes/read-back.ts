import type { FunctionStatus } from '../../contract/function-types.ts';
import type { FunctionProcesses } from './function-processes.ts';

/** One function as GET answers it: as it was sent. */
export function toStatus({ ref, version, desired, available, createdAt }: FunctionProcesses): FunctionStatus {
  const { image, envProcess, envVars, constraints, secrets, limits, requests, readOnlyRootFilesystem } =
    version.deployment;
  const { labels, annotations = {} } = version.deployment;
  return {
    ...ref,
    image,
    ...(envProcess !== undefined && { envProcess }),
    ...(envVars !== undefined && Object.keys(envVars).length > 0 && { envVars }),
    ...(constraints !== undefined && constraints.length > 0 && { constraints }),
    ...(secrets !== undefined && secrets.length > 0 && { secrets }),
    labels: { ...labels, faas_function: ref.name },
    annotations,
    ...(limits !== undefined && { limits }),
    ...(requests !== undefined && { requests }),
    ...(readOnlyRootFilesystem === true && { readOnlyRootFilesystem }),
    replicas: desired,
    availableReplicas: Math.min(available, desired),
    createdAt,
  };
}
