import { randomUUID } from 'node:crypto';
import type Docker from 'dockerode';
import type { AuthConfig, ServiceSpec } from 'dockerode';
import {
  DEFAULT_NAMESPACE,
  deployedRef,
  type FunctionRef,
  qualifiedName,
} from '../../contract/function-ref.ts';
import type { FunctionDeployment, VersionInfo } from '../../contract/function-types.ts';
import { parseScaleLabels } from '../../contract/parse-scale-labels.ts';
import { FaasError } from '../errors.ts';
import { byContract } from '../functions/by-contract.ts';
import { checkFunctionRef } from '../functions/check-function-ref.ts';
import { oneAtATime } from '../functions/one-at-a-time.ts';
import type { Provider } from '../functions/provider.ts';
import { createEngine, type Engine } from './engine.ts';
import { engineStatus, isOutOfSequence, toFaasError } from './errors.ts';
import { findService, notFound } from './find-service.ts';
import { findFunctionsNetwork, findFurtherNetwork } from './functions-network.ts';
import { pingEngine, pingSwarm } from './ping.ts';
import { desiredReplicas, type ListedService, toFunctionRef, toFunctionStatus } from './read-back.ts';
import { toAuthConfig } from './registry-auth.ts';
import { resolveImage } from './resolve-image.ts';
import {
  goodVersion,
  readRollout,
  recentDeployment,
  rolloutFailure,
  rolloutLabel,
  unprovenVersion,
  withRolloutLabels,
} from './rollout.ts';
import { findSecrets } from './secrets.ts';
import { ServiceList } from './service-list.ts';
import { toServiceName } from './service-name.ts';
import { type SpecContext, toServiceSpec, UPDATE } from './service-spec.ts';
import { listFunctionServices, snapshotOf, takeSnapshot } from './snapshot.ts';
import { TaskEndings } from './task-endings.ts';
import { isRunning, LIVE, listTasks } from './tasks.ts';
import { watchFunctions } from './watch.ts';

export interface SwarmProviderOptions {
  readonly docker: Docker;
  /** Name of the overlay network that functions are attached to and called on. */
  readonly functionsNetwork: string;
  /** Where functions live that name no namespace; default `openfaas-fn`. */
  readonly defaultNamespace?: string;
  readonly version: VersionInfo;
  /** Longest wait for one answer of the engine; default 20000. */
  readonly callLimitMs?: number;
}

/** For a write after which Swarm would take a version that has not answered for the one to go back to. */
const WITHOUT_ROLLBACK = { ...UPDATE, FailureAction: 'pause' };

/** How often an update is tried again when another writer was faster. */
const MOST_ATTEMPTS = 10;

/** Functions as Swarm services: the services' specs and labels are all the state there is. */
export function createSwarmProvider(options: SwarmProviderOptions): Provider {
  const engine = createEngine(options.docker, {
    ...(options.callLimitMs && { callLimitMs: options.callLimitMs }),
  });
  const defaultNamespace = options.defaultNamespace ?? DEFAULT_NAMESPACE;
  const inTurn = oneAtATime();
  const serviceList = new ServiceList(engine, defaultNamespace);
  const endings = new TaskEndings(engine);
  /** One writer of a function at a time; what it leaves behind is read anew. */
  const writing = (ref: FunctionRef, job: () => Promise<void>): Promise<void> =>
    inTurn(qualifiedName(ref), () => job().finally(() => serviceList.changed()));
  const nameOf = (ref: FunctionRef): string => toServiceName(ref, defaultNamespace);
  const refOf = (deployment: FunctionDeployment): FunctionRef => deployedRef(deployment, defaultNamespace);

  const find = (ref: FunctionRef): Promise<ListedService> => findService(engine, ref, defaultNamespace);

  const findIfAny = (ref: FunctionRef): Promise<ListedService | undefined> =>
    find(ref).catch((error: unknown) => {
      if (error instanceof FaasError && error.code === 'function_not_found') return undefined;
      throw error;
    });

  /** Asks what a deployment needs to know, and gives what writes it as a service. */
  const prepare = async (
    deployment: FunctionDeployment,
    ref: FunctionRef,
  ): Promise<(goal: Goal) => Change> => {
    const auth = toAuthConfig(deployment.image, deployment.registryAuth);
    const [network, furtherNetworkId, image] = await Promise.all([
      findFunctionsNetwork(engine, options.functionsNetwork),
      findFurtherNetwork(engine, deployment.network),
      resolveImage(engine, deployment.image, auth),
    ]);
    // Last, and not beside a registry that is slow: a version that is replaced meanwhile may be gone.
    const within = { namespace: ref.namespace, defaultNamespace };
    const secrets = await findSecrets(engine, deployment.secrets ?? [], within);
    const context = { ...image, ref, networkId: network.id, furtherNetworkId, secrets };
    return (goal) => ({ spec: toServiceSpec(deployment, { ...context, ...goal }), auth });
  };

  /** Reads, changes and writes a service, again when another writer came between. */
  const change = (
    ref: FunctionRef,
    toNext: (service: ListedService) => Promise<Change | undefined>,
  ): Promise<void> =>
    writing(ref, async () => {
      for (let attempt = 1; ; attempt++) {
        const service = await find(ref);
        const next = await toNext(service);
        if (next === undefined) return;
        try {
          await updateService(engine, service, next);
          return;
        } catch (error) {
          if (engineStatus(error) === 404) throw notFound(ref, error);
          if (!isOutOfSequence(error) || attempt === MOST_ATTEMPTS)
            throw toFaasError(error, `update ${nameOf(ref)}`);
        }
      }
    });

  return {
    list: async (namespace) => {
      const services = await listFunctionServices(engine, defaultNamespace);
      return services.flatMap((service) => {
        const ref = toFunctionRef(service, defaultNamespace);
        if (ref === undefined || (namespace !== undefined && ref.namespace !== namespace)) return [];
        return [toFunctionStatus(service, ref)];
      });
    },

    read: async (ref) => {
      const service = await find(ref);
      try {
        const live = await listTasks(engine, { service: [service.ID], 'desired-state': LIVE });
        const ServiceStatus = { RunningTasks: live.filter(isRunning).length, DesiredTasks: live.length };
        const counted = { ...service, ServiceStatus };
        const rollout = await readRollout(engine, counted, live);
        return { ...toFunctionStatus(counted, ref), rollout };
      } catch (error) {
        const isGone = error instanceof FaasError && engineStatus(error.cause) === 404; // since a moment ago
        throw isGone ? notFound(ref, error) : error;
      }
    },

    create: (deployment, known) => {
      const ref = refOf(deployment);
      return writing(ref, async () => {
        checkFunctionRef(ref, defaultNamespace);
        const { min } = scaleBounds(deployment);
        const rolloutLabels = newRollout();
        // One whose service has a name of somebody else's choice would not be met by creating.
        if (known?.isThere !== false && (await findIfAny(ref)) !== undefined) throw alreadyExists(ref);
        const prepared = await prepare(deployment, ref);
        const { spec, auth } = prepared({ replicas: min, serviceName: nameOf(ref), rolloutLabels });
        try {
          await engine.call('create service', (docker, abortSignal) =>
            // With one argument dockerode would send the whole spec as the registry's credentials.
            docker.createService(auth ?? {}, { ...spec, abortSignal } as ServiceSpec),
          );
        } catch (error) {
          if (engineStatus(error) !== 409) throw toFaasError(error, 'create service');
          await find(ref); // Tells when the name is taken by a service that is no function.
          throw alreadyExists(ref, error);
        }
      });
    },

    update: (deployment, known) => {
      const ref = refOf(deployment);
      const rolloutLabels = newRollout();
      // Kept for another attempt: a registry that is slow to answer would let every other writer come between again.
      let prepared: ((goal: Goal) => Change) | undefined;
      return change(ref, async (service) => {
        const { min, max } = scaleBounds(deployment);
        const replicas = Math.min(max, Math.max(min, desiredReplicas(service)));
        prepared ??= await prepare(deployment, ref);
        const unproven = unprovenVersion(service, known);
        const { spec, auth } = prepared({
          replicas,
          serviceName: service.Spec?.Name ?? nameOf(ref),
          rolloutLabels: withRolloutLabels(rolloutLabels, { ...unproven }),
          before: service.Spec,
        });
        const { Mode } = service.Spec ?? {};
        return {
          spec: {
            ...spec,
            ...(unproven !== undefined && { UpdateConfig: WITHOUT_ROLLBACK }),
            // Swarm changes no service of one on every node into a counted one.
            ...(Mode?.Replicated === undefined && { Mode }),
          },
          auth,
        };
      });
    },

    remove: (ref) =>
      writing(ref, async () => {
        const service = await find(ref);
        try {
          await engine.call('remove service', (docker, abortSignal) =>
            docker.getService(service.ID).remove({ abortSignal }),
          );
        } catch (error) {
          throw engineStatus(error) === 404 ? notFound(ref, error) : toFaasError(error, 'remove service');
        }
      }),

    scale: (ref, desired, known) => {
      if (!Number.isSafeInteger(desired) || desired < 0) {
        throw new FaasError('invalid_request', `replicas: expected a whole number from 0, not ${desired}`);
      }
      return change(ref, async (service) => {
        const { Spec } = service;
        if (Spec?.Mode?.Replicated === undefined) {
          throw new FaasError(
            'invalid_request',
            `${qualifiedName(ref)} runs once on every node: it has no replica count`,
          );
        }
        if (Spec.Mode.Replicated.Replicas === desired) return undefined;
        const unproven = unprovenVersion(service, known);
        // A pause of Swarm's is no outcome where there is a version to go back to: its roll-out is still watched.
        const error = unproven === undefined ? await rolloutFailure(engine, service) : undefined;
        return {
          spec: {
            ...Spec,
            Labels: withRolloutLabels(Spec.Labels ?? {}, { ...unproven, error }),
            Mode: { Replicated: { Replicas: desired } },
            ...(unproven !== undefined && { UpdateConfig: WITHOUT_ROLLBACK }),
          },
          auth: undefined,
        };
      });
    },

    revert: async (ref, { deployedId, error }) => {
      let isReverted = false;
      await change(ref, async (service) => {
        const { Spec } = service;
        const back = goodVersion(service);
        isReverted = back !== undefined && recentDeployment(service, Date.now())?.id === deployedId;
        if (!isReverted) return undefined;
        const swarmsReason = await rolloutFailure(engine, service);
        const reason = swarmsReason === undefined ? error : `${swarmsReason}: the version before it is back`;
        return {
          spec: {
            ...Spec,
            Labels: withRolloutLabels(back?.Labels ?? {}, { error: reason }),
            TaskTemplate: back?.TaskTemplate,
            // Were the old version to fail now, going on to the new one again would help nobody.
            UpdateConfig: WITHOUT_ROLLBACK,
          },
          auth: undefined,
        };
      });
      return isReverted;
    },

    snapshot: () =>
      takeSnapshot(
        engine,
        { list: serviceList, endings },
        { functionsNetwork: options.functionsNetwork, defaultNamespace },
      ),

    look: async (ref) => {
      const service = await findIfAny(ref);
      if (service === undefined) return undefined;
      return snapshotOf(engine, service, { functionsNetwork: options.functionsNetwork, defaultNamespace });
    },

    watch: (onChange) =>
      watchFunctions(engine, {
        onFollowed: (isFollowed) => {
          serviceList.followed(isFollowed);
          onChange();
        },
        onService: () => {
          serviceList.changed();
          onChange();
        },
        onContainer: onChange,
      }),

    info: async () => ({ provider: 'skep-swarm', orchestration: 'swarm', version: options.version }),

    kind: 'swarm',
    pingEngine: () => pingEngine(engine, options),

    ping: () => pingSwarm(engine, options),
  };
}

type Goal = Pick<SpecContext, 'replicas' | 'serviceName' | 'rolloutLabels' | 'before'>;

interface Change {
  readonly spec: ServiceSpec;
  readonly auth: AuthConfig | undefined;
}

function alreadyExists(ref: FunctionRef, cause?: unknown): FaasError {
  return new FaasError(
    'function_exists',
    `function ${qualifiedName(ref)} exists already: update it with PUT`,
    { cause },
  );
}

function newRollout(): Record<string, string> {
  return rolloutLabel(randomUUID(), new Date());
}

function scaleBounds(deployment: FunctionDeployment): { readonly min: number; readonly max: number } {
  return byContract(() => parseScaleLabels(deployment.labels ?? {}));
}

async function updateService(engine: Engine, service: ListedService, { spec, auth }: Change): Promise<void> {
  await engine.call('update service', (docker, abortSignal) =>
    docker.getService(service.ID).update({
      authconfig: auth,
      abortSignal,
      _query: { version: service.Version?.Index },
      _body: spec,
    }),
  );
}
