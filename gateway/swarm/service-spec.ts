import type { ResourceRequirements, ServiceSpec } from 'dockerode';
import type { FunctionRef } from '../../contract/function-ref.ts';
import type { FunctionDeployment } from '../../contract/function-types.ts';
import { FaasError } from '../errors.ts';
import { functionEnv } from '../functions/function-env.ts';
import { stopGraceMs } from '../functions/stop-grace.ts';
import { DEPLOYMENT_LABEL, IMAGE_ID_LABEL, toSwarmLabels } from './function-labels.ts';
import { toHealthCheck } from './health-check.ts';
import { toSwarmResources } from './resources.ts';
import { checkSpecSize } from './spec-size.ts';

/** What the cluster had to be asked for before a deployment could be written as a service. */
export interface SpecContext {
  readonly ref: FunctionRef;
  readonly serviceName: string;
  readonly networkId: string;
  /** Of the network that the deployment names. */
  readonly furtherNetworkId?: string | undefined;
  /** Of each secret that the deployment names, the Swarm secret to mount. */
  readonly secrets: ReadonlyMap<string, { readonly id: string; readonly swarmName: string }>;
  /** The image to run: as deployed, or with the digest that its registry told. */
  readonly image: string;
  /** The id of the local image, when no digest could be pinned. */
  readonly localImageId?: string | undefined;
  /** The image's own environment, as far as it is known here. */
  readonly imageEnv: Readonly<Record<string, string>>;
  readonly replicas: number;
  /** What tells this deployment from others. */
  readonly rolloutLabels: Readonly<Record<string, string>>;
  /** The service that is updated: what a deployment does not say of it stays. */
  readonly before?: ServiceSpec | undefined;
}

/** Where functions run that name no constraint of their own. */
export const DEFAULT_CONSTRAINT = 'node.platform.os==linux';
const RESTART_DELAY_NANOS = 1e9;
const NANOS_PER_MS = 1e6;
/** Swarm's own part in a roll-out: it sees replicas that end, and the gateway those that never answer. */
export const UPDATE = { Parallelism: 1, Order: 'start-first', FailureAction: 'rollback' };
const ROLLBACK = { Parallelism: 1, Order: 'start-first', FailureAction: 'pause' };
const LOGS = { Name: 'json-file', Options: { 'max-size': '10m', 'max-file': '2' } };

/**
 * A deployment as a Swarm service. Pure: what must be looked up comes in as `context`.
 * @throws {FaasError} `invalid_request` that names the field
 */
export function toServiceSpec(deployment: FunctionDeployment, context: SpecContext): ServiceSpec {
  const labels = toSwarmLabels(context.ref, deployment);
  const env = functionEnv(deployment, context.ref);
  const spec: ServiceSpec = {
    Name: context.serviceName,
    Labels: {
      ...dockerLabels(context.before),
      ...labels,
      [DEPLOYMENT_LABEL]: toStored(deployment),
      ...context.rolloutLabels,
    },
    TaskTemplate: {
      ContainerSpec: {
        Image: context.image,
        Labels: {
          ...labels,
          ...(context.localImageId !== undefined && { [IMAGE_ID_LABEL]: context.localImageId }),
        },
        Env: [...env].map(([key, value]) => `${key}=${value}`),
        Secrets: toSecretMounts(deployment, context),
        StopGracePeriod: Math.round(
          stopGraceMs({ ...context.imageEnv, ...Object.fromEntries(env) }) * NANOS_PER_MS,
        ),
        HealthCheck: toHealthCheck(deployment.annotations ?? {}),
        CapabilityDrop: ['ALL'],
        // Reaps the grandchildren that a function's processes leave behind.
        Init: true,
        ...(deployment.readOnlyRootFilesystem === true && {
          ReadOnly: true,
          Mounts: [
            {
              Type: 'tmpfs' as const,
              Source: '',
              Target: '/tmp',
              TmpfsOptions: { SizeBytes: 0, Mode: 0o1777 },
            },
          ],
        }),
      },
      // dockerode's types have neither readonly lists nor the right name of a device's field.
      Resources: toSwarmResources(deployment) as unknown as ResourceRequirements,
      RestartPolicy: { Condition: 'any', Delay: RESTART_DELAY_NANOS },
      Placement: {
        Constraints:
          deployment.constraints === undefined || deployment.constraints.length === 0
            ? [DEFAULT_CONSTRAINT]
            : [...deployment.constraints],
      },
      Networks: [...new Set([context.networkId, context.furtherNetworkId ?? context.networkId])].map(
        (Target) => ({
          Target,
        }),
      ),
      LogDriver: LOGS,
      // A lower count than the last would roll the service for nothing.
      ForceUpdate: context.before?.TaskTemplate?.ForceUpdate ?? 0,
    },
    Mode: { Replicated: { Replicas: context.replicas } },
    UpdateConfig: UPDATE,
    RollbackConfig: ROLLBACK,
    EndpointSpec: context.before?.EndpointSpec ?? { Mode: 'dnsrr' },
  };
  return checkSpecSize(spec, context.rolloutLabels);
}

/** What ties a service to the stack file that declared it. */
function dockerLabels(before: ServiceSpec | undefined): Record<string, string> {
  const kept = Object.entries(before?.Labels ?? {}).filter(([key]) => key.startsWith('com.docker.'));
  return Object.fromEntries(kept);
}

function toStored(deployment: FunctionDeployment): string {
  const { registryAuth: _, ...kept } = deployment;
  return JSON.stringify(kept);
}

function toSecretMounts(deployment: FunctionDeployment, context: SpecContext) {
  return (deployment.secrets ?? []).map((name) => {
    const secret = context.secrets.get(name);
    if (secret === undefined) throw new FaasError('invalid_request', `secret not found: ${name}`);
    return {
      SecretID: secret.id,
      SecretName: secret.swarmName,
      File: { Name: `/var/openfaas/secrets/${name}`, UID: '0', GID: '0', Mode: 0o444 },
    };
  });
}
