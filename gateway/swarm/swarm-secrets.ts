import type Docker from 'dockerode';
import type { ServiceSpec } from 'dockerode';
import { DEFAULT_NAMESPACE, qualifiedName } from '../../contract/function-ref.ts';
import type { SecretRef } from '../../contract/parse-secret.ts';
import { FaasError } from '../errors.ts';
import { oneAtATime } from '../functions/one-at-a-time.ts';
import type { SecretStore } from '../functions/secret-store.ts';
import { createEngine, type Engine } from './engine.ts';
import { engineSentence, engineStatus, toFaasError } from './errors.ts';
import { toFunctionRef } from './read-back.ts';
import { keptVersion } from './rollout.ts';
import { listVersions, type SecretVersion, toSwarmSecret } from './secrets.ts';

export interface SwarmSecretsOptions {
  readonly docker: Docker;
  /** Where secrets live that name no namespace; default `openfaas-fn`. */
  readonly defaultNamespace?: string;
  /** Longest wait for one answer of the engine; default 20000. */
  readonly callLimitMs?: number;
}

/** How often an update is tried again when another gateway took the next version's number. */
const MOST_ATTEMPTS = 10;

/** Secrets as versioned Swarm secrets, which cannot change: each update makes one more. */
export function createSwarmSecrets(options: SwarmSecretsOptions): SecretStore {
  const engine = createEngine(options.docker, options);
  const defaultNamespace = options.defaultNamespace ?? DEFAULT_NAMESPACE;
  const inTurn = oneAtATime();

  const versionsOf = async (ref: SecretRef): Promise<SecretVersion[]> =>
    (await listVersions(engine, defaultNamespace)).filter(
      (one) => one.ref.name === ref.name && one.ref.namespace === ref.namespace,
    );

  const removeUnused = async (): Promise<void> => {
    const newest = new Set<string>();
    const replaced = (await listVersions(engine, defaultNamespace)).filter((one) => {
      const key = `${one.ref.name} ${one.ref.namespace}`;
      const isNewest = !newest.has(key);
      newest.add(key);
      return !isNewest;
    });
    if (replaced.length === 0) return;
    const used = new Set(
      (await listMounts(engine)).flatMap(({ current, previous }) => [...current, ...previous]),
    );
    for (const { id } of replaced) {
      if (!used.has(id)) await removeSwarmSecret(engine, id);
    }
  };

  return {
    list: async (namespace) => {
      const all = await listVersions(engine, defaultNamespace);
      const names = all.filter(({ ref }) => ref.namespace === namespace).map(({ ref }) => ref.name);
      return [...new Set(names)].sort().map((name) => ({ name, namespace }));
    },

    create: (ref, value) =>
      inTurn(qualifiedName(ref), async () => {
        if ((await versionsOf(ref)).length > 0) throw exists(ref);
        if (!(await add(engine, ref, 1, value))) throw exists(ref);
      }),

    update: (ref, value) =>
      inTurn(qualifiedName(ref), async () => {
        for (let attempt = 1; ; attempt++) {
          const [newest] = await versionsOf(ref);
          if (newest === undefined) throw notFound(ref);
          if (await add(engine, ref, newest.version + attempt, value)) break;
          if (attempt === MOST_ATTEMPTS) {
            throw new FaasError(
              'provider_unavailable',
              `secret ${qualifiedName(ref)} is written by too many at once`,
            );
          }
        }
        await quietly(removeUnused());
      }),

    remove: (ref) =>
      inTurn(qualifiedName(ref), async () => {
        const versions = await versionsOf(ref);
        if (versions.length === 0) throw notFound(ref);
        const ids = new Set(versions.map(({ id }) => id));
        const users = (await listMounts(engine)).filter(({ current }) => current.some((id) => ids.has(id)));
        if (users.length > 0) {
          const names = users.map(({ service }) => {
            const user = toFunctionRef(service, defaultNamespace);
            return user === undefined ? `service ${service.Spec?.Name}` : qualifiedName(user);
          });
          throw inUse(
            ref,
            `used by ${names.sort().join(', ')}: remove or update ${names.length > 1 ? 'them' : 'it'} first`,
          );
        }
        // The newest goes last: until then the secret is whole for a function that comes between.
        for (const { id } of versions.reverse()) {
          if (!(await removeSwarmSecret(engine, id)))
            throw inUse(ref, 'used by a function that was deployed just now');
        }
      }),

    removeUnused,
  };
}

/** Adds a version; false when its name is taken. */
async function add(engine: Engine, ref: SecretRef, version: number, value: Uint8Array): Promise<boolean> {
  try {
    await engine.call('create secret', (docker, abortSignal) =>
      docker.createSecret({
        ...toSwarmSecret(ref, version),
        Data: Buffer.from(value).toString('base64'),
        abortSignal,
      }),
    );
    return true;
  } catch (error) {
    if (engineStatus(error) === 409) return false;
    throw toFaasError(error, 'create secret');
  }
}

/** False when a service uses it. */
async function removeSwarmSecret(engine: Engine, id: string): Promise<boolean> {
  try {
    await engine.call('remove secret', (docker, abortSignal) => docker.getSecret(id).remove({ abortSignal }));
    return true;
  } catch (error) {
    if (engineStatus(error) === 404) return true;
    if (/in use/i.test(engineSentence(error))) return false;
    throw toFaasError(error, 'remove secret');
  }
}

interface Mounts {
  readonly service: Docker.Service;
  /** Ids of Swarm secrets. */
  readonly current: readonly string[];
  /** What Swarm or the gateway would bring back. The engine does not guard these. */
  readonly previous: readonly string[];
}

/** Of every service, functions or not, the Swarm secrets that it mounts. */
async function listMounts(engine: Engine): Promise<Mounts[]> {
  const services = await engine.ask('list services', (docker, abortSignal) =>
    docker.listServices({ abortSignal }),
  );
  return services.map((service) => ({
    service,
    current: secretIds(service.Spec),
    previous: [
      ...secretIds((service as { readonly PreviousSpec?: ServiceSpec }).PreviousSpec),
      ...secretIds(keptVersion(service)),
    ],
  }));
}

function secretIds(spec: Pick<ServiceSpec, 'TaskTemplate'> | undefined): string[] {
  const template = spec?.TaskTemplate;
  if (template === undefined || !('ContainerSpec' in template)) return [];
  return (template.ContainerSpec?.Secrets ?? []).flatMap(({ SecretID }) => SecretID ?? []);
}

/** The new version stands; what is left over is tried again with the next change. */
async function quietly(cleaning: Promise<void>): Promise<void> {
  await cleaning.catch(() => {});
}

function exists(ref: SecretRef): FaasError {
  return new FaasError('secret_exists', `secret ${qualifiedName(ref)} exists already: update it with PUT`);
}

function notFound(ref: SecretRef): FaasError {
  return new FaasError('secret_not_found', `secret ${qualifiedName(ref)} not found`);
}

function inUse(ref: SecretRef, why: string): FaasError {
  return new FaasError('secret_in_use', `secret ${qualifiedName(ref)} is ${why}`);
}
