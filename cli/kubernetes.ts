import { stringify } from 'yaml';
import type { FunctionDeployment, FunctionResources } from '../contract/function-types.ts';

export const FUNCTION_API = 'openfaas.com/v1';
export const KNATIVE_API = 'serving.knative.dev/v1';

/** A deployment as a resource of Kubernetes, in YAML: a Function of OpenFaaS, or a Service of Knative. */
export function toKubernetes(
  api: typeof FUNCTION_API | typeof KNATIVE_API,
  namespace: string,
  deployment: FunctionDeployment,
): string {
  const resource =
    api === FUNCTION_API ? toFunction(namespace, deployment) : toKnative(namespace, deployment);
  // Kubernetes reads YAML 1.1, to which a bare `on` is no text.
  return stringify(resource, { lineWidth: 0, version: '1.1' });
}

function toFunction(namespace: string, deployment: FunctionDeployment): unknown {
  const { service: name, image, limits, requests, constraints, secrets } = deployment;
  return {
    apiVersion: FUNCTION_API,
    kind: 'Function',
    metadata: { name, namespace },
    spec: {
      name,
      image,
      ...present('environment', sorted(deployment.envVars)),
      ...present('labels', sorted(deployment.labels)),
      ...present('annotations', sorted(deployment.annotations)),
      ...present('limits', amounts(limits)),
      ...present('requests', amounts(requests)),
      ...present('constraints', constraints),
      ...present('secrets', secrets),
      ...present('readOnlyRootFilesystem', deployment.readOnlyRootFilesystem),
    },
  };
}

function toKnative(namespace: string, deployment: FunctionDeployment): unknown {
  const { service: name, image, secrets = [] } = deployment;
  const env = Object.entries(sorted(deployment.envVars) ?? {}).map(([key, value]) => ({ name: key, value }));
  const mounts = secrets.map((secret) => ({
    name: secret,
    mountPath: `/var/openfaas/secrets/${secret}`,
    readOnly: true,
  }));
  const container = {
    image,
    ...(env.length > 0 && { env }),
    ...(mounts.length > 0 && { volumeMounts: mounts }),
  };
  return {
    apiVersion: KNATIVE_API,
    kind: 'Service',
    metadata: { name, namespace, ...present('annotations', sorted(deployment.annotations)) },
    spec: {
      template: {
        spec: {
          containers: [container],
          ...(secrets.length > 0 && {
            volumes: secrets.map((secret) => ({ name: secret, secret: { secretName: secret } })),
          }),
        },
      },
    },
  };
}

/** Both, as the resource's schema has them. */
function amounts(resources: FunctionResources | undefined): Record<string, string> | undefined {
  if (resources === undefined) return undefined;
  return { memory: resources.memory ?? '', cpu: resources.cpu ?? '' };
}

function sorted(map: Readonly<Record<string, string>> | undefined): Record<string, string> | undefined {
  if (map === undefined) return undefined;
  return Object.fromEntries(Object.entries(map).sort(([left], [right]) => (left < right ? -1 : 1)));
}

function present<T>(key: string, value: T | undefined): Record<string, T> {
  return value === undefined ? {} : { [key]: value };
}
