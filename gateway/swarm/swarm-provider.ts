import type Docker from 'dockerode';
import type { AuthConfig, ServiceSpec } from 'dockerode';
import {
  DEFAULT_NAMESPACE,
  type FunctionRef,
  isFunctionName,
  qualifiedName,
} from '../../contract/function-ref.ts';
import type { FunctionDeployment, VersionInfo } from '../../contract/function-types.ts';
import { parseScaleLabels } from '../../contract/parse-scale-labels.ts';
import { FaasError } from '../errors.ts';
import type { Provider } from '../functions/provider.ts';
import { createEngine, type Engine } from './engine.ts';
import { byContract, engineStatus, isOutOfSequence, toFaasError } from './errors.ts';
import { findFunctionsNetwork } from './functions-network.ts';
import { oneAtATime } from './one-at-a-time.ts';
import { pingEngine, pingSwarm } from './ping.ts';
import { desiredReplicas, type ListedService, toFunctionRef, toFunctionStatus } from './read-back.ts';
import { toAuthConfig } from './registry-auth.ts';
import { resolveImage } from './resolve-image.ts';
import { findSecrets } from './secrets.ts';
import { checkFunctionRef, toServiceName } from './service-name.ts';
import { type SpecContext, toServiceSpec } from './service-spec.ts';
import { listFunctionServices, takeSnapshot } from './snapshot.ts';
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

/** How often an update is tried again when another writer was faster. */
const MOST_ATTEMPTS = 10;

/** Functions as Swarm services: the services' specs and labels are all the state there is. */
export function createSwarmProvider(options: SwarmProviderOptions): Provider {
  const engine = createEngine(options.docker, {
    ...(options.callLimitMs && { callLimitMs: options.callLimitMs }),
  });
  const defaultNamespace = options.defaultNamespace ?? DEFAULT_NAMESPACE;
  const inTurn = oneAtATime();
  const nameOf = (ref: FunctionRef): string => toServiceName(ref, defaultNamespace);
  const refOf = (deployment: FunctionDeployment): FunctionRef => ({
    name: deployment.service,
    namespace: deployment.namespace || defaultNamespace,
  });

  /** The function's service; @throws {FaasError} `function_not_found`, `invalid_request` when another thing has its name */
  const find = async (ref: FunctionRef): Promise<ListedService> => {
    const service =
      isFunctionName(ref.name) && isFunctionName(ref.namespace)
        ? await inspectByName(engine, nameOf(ref))
        : undefined;
    if (service === undefined) throw notFound(ref);
    const owner = toFunctionRef(service, defaultNamespace);
    if (owner === undefined) {
      throw new FaasError(
        'invalid_request',
        `Not a function: ${nameOf(ref)} is a Swarm service of somebody else's`,
      );
    }
    if (qualifiedName(owner) !== qualifiedName(ref)) throw notFound(ref);
    return service;
  };

  /** Asks what a deployment needs to know, and gives what writes it as a service. */
  const prepare = async (
    deployment: FunctionDeployment,
    ref: FunctionRef,
  ): Promise<(goal: Goal) => Change> => {
    const auth = toAuthConfig(deployment.image, deployment.registryAuth);
    const [network, image] = await Promise.all([
      findFunctionsNetwork(engine, options.functionsNetwork),
      resolveImage(engine, deployment.image, auth),
    ]);
    // Last, and not beside a registry that is slow: a version that is replaced meanwhile may be gone.
    const within = { namespace: ref.namespace, defaultNamespace };
    const secrets = await findSecrets(engine, deployment.secrets ?? [], within);
    const context = { ...image, ref, serviceName: nameOf(ref), networkId: network.id, secrets };
    return (goal) => ({ spec: toServiceSpec(deployment, { ...context, ...goal }), auth });
  };

  /** Reads, changes and writes a service, again when another writer came between. */
  const change = (
    ref: FunctionRef,
    toNext: (service: ListedService) => Promise<Change | undefined>,
  ): Promise<void> =>
    inTurn(nameOf(ref), async () => {
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
      return toFunctionStatus(service, ref, await countRunning(engine, service));
    },

    create: (deployment) => {
      const ref = refOf(deployment);
      return inTurn(nameOf(ref), async () => {
        checkFunctionRef(ref, defaultNamespace);
        const { min } = scaleBounds(deployment);
        const { spec, auth } = (await prepare(deployment, ref))({ replicas: min });
        try {
          await engine.call('create service', (docker, abortSignal) =>
            // With one argument dockerode would send the whole spec as the registry's credentials.
            docker.createService(auth ?? {}, { ...spec, abortSignal } as ServiceSpec),
          );
        } catch (error) {
          if (engineStatus(error) !== 409) throw toFaasError(error, 'create service');
          await find(ref); // Tells when the name is taken by a service that is no function.
          throw new FaasError(
            'function_exists',
            `function ${qualifiedName(ref)} exists already: update it with PUT`,
            { cause: error },
          );
        }
      });
    },

    update: (deployment) => {
      const ref = refOf(deployment);
      // Kept for another attempt: a registry that is slow to answer would let every other writer come between again.
      let prepared: ((goal: Goal) => Change) | undefined;
      return change(ref, async (service) => {
        const { min, max } = scaleBounds(deployment);
        const replicas = Math.min(max, Math.max(min, desiredReplicas(service)));
        prepared ??= await prepare(deployment, ref);
        return prepared({ replicas, forceUpdate: service.Spec?.TaskTemplate?.ForceUpdate });
      });
    },

    remove: (ref) =>
      inTurn(nameOf(ref), async () => {
        const service = await find(ref);
        try {
          await engine.call('remove service', (docker, abortSignal) =>
            docker.getService(service.ID).remove({ abortSignal }),
          );
        } catch (error) {
          throw engineStatus(error) === 404 ? notFound(ref, error) : toFaasError(error, 'remove service');
        }
      }),

    scale: (ref, desired) => {
      if (!Number.isSafeInteger(desired) || desired < 0) {
        throw new FaasError('invalid_request', `replicas: expected a whole number from 0, not ${desired}`);
      }
      return change(ref, async ({ Spec }) => {
        if (Spec?.Mode?.Replicated === undefined) {
          throw new FaasError(
            'invalid_request',
            `${qualifiedName(ref)} runs once on every node: it has no replica count`,
          );
        }
        if (Spec.Mode.Replicated.Replicas === desired) return undefined;
        return { spec: { ...Spec, Mode: { Replicated: { Replicas: desired } } }, auth: undefined };
      });
    },

    snapshot: () => takeSnapshot(engine, { functionsNetwork: options.functionsNetwork, defaultNamespace }),

    watch: (onChange) => watchFunctions(engine, onChange),

    info: async () => ({ provider: 'skep-swarm', orchestration: 'swarm', version: options.version }),

    pingEngine: () => pingEngine(engine, options),

    ping: () => pingSwarm(engine, options),
  };
}

type Goal = Pick<SpecContext, 'replicas' | 'forceUpdate'>;

interface Change {
  readonly spec: ServiceSpec;
  readonly auth: AuthConfig | undefined;
}

function notFound(ref: FunctionRef, cause?: unknown): FaasError {
  return new FaasError('function_not_found', `function ${qualifiedName(ref)} not found`, { cause });
}

function scaleBounds(deployment: FunctionDeployment): { readonly min: number; readonly max: number } {
  return byContract(() => parseScaleLabels(deployment.labels ?? {}));
}

/** The service of exactly this name: the engine also answers to ids, and to beginnings of ids. */
async function inspectByName(engine: Engine, name: string): Promise<ListedService | undefined> {
  return engine.ask('inspect service', async (docker, abortSignal) => {
    try {
      const service: ListedService = await docker.getService(name).inspect({ abortSignal });
      return service.Spec?.Name === name ? service : undefined;
    } catch (error) {
      if (engineStatus(error) === 404) return undefined;
      throw error;
    }
  });
}

async function countRunning(engine: Engine, service: ListedService): Promise<number> {
  const filters = { service: [service.ID], 'desired-state': ['running'] };
  const tasks: { readonly Status?: { readonly State?: string } }[] = await engine.ask(
    'list tasks',
    (docker, abortSignal) => docker.listTasks({ filters: JSON.stringify(filters), abortSignal }),
  );
  return tasks.filter((task) => task.Status?.State === 'running').length;
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
