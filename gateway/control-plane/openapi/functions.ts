import { DEVICES } from '../../../contract/function-types.ts';
import { MOST_REPLICAS } from '../../../contract/parse-requests.ts';
import { failures } from './errors.ts';
import { FUNCTION_PATH_NAME, NAMESPACE_QUERY, USAGE_QUERY } from './parameters.ts';
import {
  answer,
  empty,
  FUNCTION_NAME,
  flag,
  jsonBody,
  listOf,
  object,
  orNull,
  ref,
  stringMap,
  text,
} from './schema.ts';
import type { Paths, Schema } from './types.ts';

const resources: Schema = {
  ...object({
    'memory?': text('Bytes, or with a unit of Kubernetes or Docker: `128Mi`, `1Gi`, `128m`. At least 4 MiB.'),
    'cpu?': text('Cores (`0.5`) or thousandths of one (`500m`).'),
    ...Object.fromEntries(DEVICES.map((device) => [`${device}?`, text('How many of these devices.')])),
  }),
  description: 'Amounts of memory and processor time; what is absent has no limit, or nothing reserved.',
};

const deployment = object(
  {
    service: { ...FUNCTION_NAME, description: 'Name of the function.' },
    image: text('The image, as Docker writes it.', { minLength: 1, maxLength: 512 }),
    'namespace?': text('Namespace; without it the default one.'),
    'envProcess?': text(
      "The program that the watchdog runs: the function's environment variable `fprocess`.",
    ),
    'envVars?': orNull(stringMap('Environment variables.')),
    'constraints?': orNull(
      listOf({ type: 'string' }, 'Placement constraints of Swarm: `node.labels.gpu == true`.'),
    ),
    'secrets?': orNull(
      listOf({ type: 'string' }, 'Names of secrets; each is the file `/var/openfaas/secrets/NAME`.'),
    ),
    'labels?': orNull(
      stringMap('Labels. `com.openfaas.scale.min`, `.max`, `.factor` and `.zero` rule the replica count.'),
    ),
    'annotations?': orNull(stringMap('Annotations: kept, and given back.')),
    'limits?': ref('FunctionResources'),
    'requests?': ref('FunctionResources'),
    'readOnlyRootFilesystem?': orNull(flag('The root file system cannot be written; `/tmp` can.')),
    'network?': text('A further overlay network to be attached to, beside that of all functions.'),
    'registryAuth?': text('Base64 of `user:password`, for this one pull: it is not kept.'),
  },
  'A function as it is to be. Unknown fields are ignored; null and empty optional fields count as absent.',
);

const status = object(
  {
    name: { ...FUNCTION_NAME, description: 'Name of the function.' },
    namespace: { ...FUNCTION_NAME, description: 'Its namespace.' },
    image: text('As it was deployed.'),
    'envProcess?': text('As it was deployed.'),
    'envVars?': stringMap('As they were deployed.'),
    'constraints?': listOf({ type: 'string' }, 'As they were deployed.'),
    'secrets?': listOf({ type: 'string' }, 'As they were deployed.'),
    labels: stringMap('As they were deployed.'),
    annotations: stringMap('As they were deployed.'),
    'limits?': ref('FunctionResources'),
    'requests?': ref('FunctionResources'),
    'readOnlyRootFilesystem?': flag('Left out when false.'),
    'invocationCount?': {
      type: 'number',
      minimum: 0,
      description: 'Completed calls, from Prometheus; in the list alone, left out when 0 or not known.',
    },
    replicas: { type: 'integer', minimum: 0, description: 'Replicas wanted.' },
    availableReplicas: { type: 'integer', minimum: 0, description: 'Replicas that run.' },
    'usage?': ref('FunctionUsage'),
    'rollout?': ref('Rollout'),
    createdAt: text('When the function was first deployed.', { format: 'date-time' }),
  },
  'A function as it is.',
);

const usage = object(
  {
    cpu: { type: 'number', minimum: 0, description: 'Thousandths of a core.' },
    totalMemoryBytes: { type: 'number', minimum: 0, description: 'Bytes of memory.' },
  },
  'What all replicas of a function use together.',
);

const rollout = object(
  {
    state: text('How far the last deployment is.', { enum: ['running', 'done', 'failed'] }),
    'error?': text('Why it failed, or what holds it up.'),
  },
  'The outcome of the last deployment; where one function is read. Ours, beyond OpenFaaS.',
);

const deletion = object({
  functionName: text('The function as `NAME` or `NAME.NAMESPACE`.'),
  'namespace?': text('Its namespace.'),
});

const scaling = object({
  'serviceName?': text('Clients send the name once more; the one in the path counts.'),
  'namespace?': text('Its namespace.'),
  replicas: { type: 'integer', minimum: 0, maximum: MOST_REPLICAS, description: 'Replicas wanted.' },
});

export const FUNCTION_SCHEMAS: Readonly<Record<string, Schema>> = {
  FunctionDeployment: deployment,
  FunctionStatus: status,
  FunctionResources: resources,
  FunctionUsage: usage,
  Rollout: rollout,
  DeleteFunctionRequest: deletion,
  ScaleRequest: scaling,
};

const EXAMPLE = {
  service: 'resize',
  image: 'registry.example.com/team/resize:1.4.0',
  namespace: 'media',
  envVars: { exec_timeout: '30s' },
  labels: { 'com.openfaas.scale.min': '2', 'com.openfaas.scale.max': '10' },
  annotations: { team: 'media' },
  secrets: ['bucket-key'],
  constraints: ['node.platform.os == linux'],
  limits: { memory: '128Mi', cpu: '500m' },
  requests: { memory: '32Mi' },
  readOnlyRootFilesystem: true,
};

export const FUNCTION_PATHS: Paths = {
  '/system/functions': {
    get: {
      operationId: 'listFunctions',
      tags: ['functions'],
      summary: 'The functions of one namespace',
      parameters: [NAMESPACE_QUERY, USAGE_QUERY],
      responses: {
        '200': answer('The functions.', listOf(ref('FunctionStatus'))),
        ...failures('invalid_request', 'provider_unavailable'),
      },
    },
    post: {
      operationId: 'createFunction',
      tags: ['functions'],
      summary: 'Deploy a new function',
      requestBody: jsonBody(ref('FunctionDeployment'), EXAMPLE),
      responses: {
        '202': empty('The cluster accepted it; its replicas are on their way.'),
        ...failures('invalid_request', 'function_exists', 'body_too_large', 'provider_unavailable'),
      },
    },
    put: {
      operationId: 'updateFunction',
      tags: ['functions'],
      summary: 'Deploy a new version of a function',
      description: 'The replica count stays where it is inside the new minimum and maximum.',
      requestBody: jsonBody(ref('FunctionDeployment'), EXAMPLE),
      responses: {
        '202': empty('The cluster accepted it and replaces the replicas one after the other.'),
        ...failures('invalid_request', 'function_not_found', 'body_too_large', 'provider_unavailable'),
      },
    },
    delete: {
      operationId: 'deleteFunction',
      tags: ['functions'],
      summary: 'Remove a function',
      parameters: [NAMESPACE_QUERY],
      requestBody: jsonBody(ref('DeleteFunctionRequest'), { functionName: 'resize', namespace: 'media' }),
      responses: {
        '202': empty('It is being removed.'),
        ...failures('invalid_request', 'function_not_found', 'body_too_large', 'provider_unavailable'),
      },
    },
  },
  '/system/function/{name}': {
    get: {
      operationId: 'readFunction',
      tags: ['functions'],
      summary: 'One function, with the outcome of its last deployment',
      parameters: [FUNCTION_PATH_NAME, NAMESPACE_QUERY, USAGE_QUERY],
      responses: {
        '200': answer('The function.', ref('FunctionStatus')),
        ...failures('invalid_request', 'function_not_found', 'provider_unavailable'),
      },
    },
  },
  '/system/scale-function/{name}': {
    post: {
      operationId: 'scaleFunction',
      tags: ['functions'],
      summary: 'Set the number of replicas',
      parameters: [FUNCTION_PATH_NAME, NAMESPACE_QUERY],
      requestBody: jsonBody(ref('ScaleRequest'), { serviceName: 'resize', replicas: 3 }),
      responses: {
        '202': empty('The cluster accepted the count.'),
        ...failures('invalid_request', 'function_not_found', 'body_too_large', 'provider_unavailable'),
      },
    },
  },
};
