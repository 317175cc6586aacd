import { DEFAULT_NAMESPACE, type FunctionRef, qualifiedName } from '../../contract/function-ref.ts';
import type { FunctionDeployment, FunctionStatus, Rollout } from '../../contract/function-types.ts';
import { parseScaleLabels } from '../../contract/parse-scale-labels.ts';
import { FaasError } from '../../gateway/errors.ts';
import { checkFunctionRef } from '../../gateway/functions/check-function-ref.ts';
import { checkLabels, platformLabels } from '../../gateway/functions/labels.ts';
import type { FunctionSnapshot, Provider, Replica } from '../../gateway/functions/provider.ts';
import { parseResources } from '../../gateway/functions/resources.ts';

export interface FakeProviderOptions {
  /** Names of the secrets that exist. */
  readonly secrets?: readonly string[];
  /** `soon`: a replica runs a turn of the event loop after it was asked for; `by_hand`: when a test says so. */
  readonly replicasRun?: 'soon' | 'by_hand';
  /** Address of the replica with this index; default `127.0.0.1`. */
  readonly addressOf?: (ref: FunctionRef, index: number) => string;
  /** When functions were deployed first, RFC 3339; default the time. */
  readonly createdAt?: string | undefined;
}

/** A change that somebody asked of the provider. */
export type ProviderCall =
  | { readonly kind: 'create' | 'update'; readonly ref: FunctionRef; readonly deployment: FunctionDeployment }
  | { readonly kind: 'remove'; readonly ref: FunctionRef }
  | { readonly kind: 'scale'; readonly ref: FunctionRef; readonly desired: number }
  | { readonly kind: 'revert'; readonly ref: FunctionRef; readonly error: string };

/** What tests do to the cluster behind the provider. */
export interface FakeCluster {
  /** Every change asked for, in order, refused ones included. */
  readonly calls: readonly ProviderCall[];
  /** `name` for every namespace, `name.namespace` for one. */
  addSecret(name: string): void;
  removeSecret(name: string): void;
  /** Lets the first `count` desired replicas run, and no other. */
  run(ref: FunctionRef, count: number): void;
  /** Replicas that do not run tell this as their error. */
  fail(ref: FunctionRef, error: string): void;
  /** Every method fails with `provider_unavailable` until `comeBack`. */
  goDown(reason?: string): void;
  comeBack(): void;
  /** Called before each change; a promise delays it, an exception is what the caller gets. */
  beforeCall: ((call: ProviderCall) => Promise<void> | void) | undefined;
}

export type FakeProvider = Provider & { readonly cluster: FakeCluster };

interface Entry {
  readonly id: number;
  readonly ref: FunctionRef;
  deployment: FunctionDeployment;
  /** What a revert brings back. */
  before: FunctionDeployment | undefined;
  deployedId: string;
  deployedAt: string;
  failure: string | undefined;
  desired: number;
  running: number;
  error: string | undefined;
  /** Replicas that ended by themselves and were not told of. */
  ended: number;
  readonly createdAt: string;
}

/** The provider port in memory: what Swarm does, without a swarm. What a deployment may say is checked by Swarm's own rules. */
export function createFakeProvider(options: FakeProviderOptions = {}): FakeProvider {
  const entries = new Map<string, Entry>();
  const secrets = new Set(options.secrets ?? []);
  const listeners = new Set<() => void>();
  const calls: ProviderCall[] = [];
  let downBecause: string | undefined;
  let created = 0;
  let deployments = 0;

  const changed = (): void => {
    for (const listener of listeners) listener();
  };

  const assertUp = (): void => {
    if (downBecause !== undefined) throw new FaasError('provider_unavailable', downBecause);
  };

  const find = (ref: FunctionRef): Entry => {
    const entry = entries.get(qualifiedName(ref));
    if (entry === undefined) {
      throw new FaasError('function_not_found', `function ${qualifiedName(ref)} not found`);
    }
    return entry;
  };

  const setDesired = (entry: Entry, desired: number): void => {
    entry.desired = desired;
    entry.running = Math.min(entry.running, desired);
    changed();
    if ((options.replicasRun ?? 'soon') === 'by_hand') return;
    setImmediate(() => {
      if (entries.get(qualifiedName(entry.ref)) !== entry || entry.error !== undefined) return;
      entry.running = entry.desired;
      changed();
    });
  };

  const begin = async (call: ProviderCall): Promise<void> => {
    calls.push(call);
    await cluster.beforeCall?.(call);
    assertUp();
  };

  const check = (deployment: FunctionDeployment): { min: number; max: number } => {
    const ref = refOf(deployment);
    checkFunctionRef(ref);
    checkLabels(deployment, platformLabels(ref));
    parseResources(deployment);
    const missing = (deployment.secrets ?? []).filter(
      (name) => !secrets.has(name) && !secrets.has(`${name}.${ref.namespace}`),
    );
    if (missing.length > 0) throw new FaasError('invalid_request', `secret not found: ${missing.join(', ')}`);
    try {
      return parseScaleLabels(deployment.labels ?? {});
    } catch (cause) {
      throw new FaasError('invalid_request', (cause as Error).message, { cause });
    }
  };

  const cluster: FakeCluster = {
    calls,
    beforeCall: undefined,
    addSecret: (name) => void secrets.add(name),
    removeSecret: (name) => void secrets.delete(name),
    run: (ref, count) => {
      const entry = find(ref);
      entry.running = Math.min(count, entry.desired);
      entry.error = undefined;
      changed();
    },
    fail: (ref, error) => {
      const entry = find(ref);
      entry.ended += Math.max(1, entry.running);
      entry.running = 0;
      entry.error = error;
      changed();
    },
    goDown: (reason = 'the cluster does not answer') => {
      downBecause = reason;
    },
    comeBack: () => {
      downBecause = undefined;
    },
  };

  return {
    cluster,
    list: async (namespace) => {
      assertUp();
      return [...entries.values()]
        .filter((entry) => namespace === undefined || entry.ref.namespace === namespace)
        .map(toStatus);
    },
    read: async (ref) => {
      assertUp();
      const entry = find(ref);
      return { ...toStatus(entry), rollout: rolloutOf(entry) };
    },
    create: async (sent) => {
      const deployment = toStored(sent);
      const ref = refOf(deployment);
      await begin({ kind: 'create', ref, deployment: sent });
      const { min } = check(deployment);
      if (entries.has(qualifiedName(ref))) {
        throw new FaasError(
          'function_exists',
          `function ${qualifiedName(ref)} exists already: update it with PUT`,
        );
      }
      const entry: Entry = {
        id: created++,
        ref,
        deployment,
        before: undefined,
        deployedId: `d${deployments++}`,
        deployedAt: new Date().toISOString(),
        failure: undefined,
        desired: 0,
        running: 0,
        error: undefined,
        ended: 0,
        createdAt: options.createdAt ?? new Date().toISOString(),
      };
      entries.set(qualifiedName(ref), entry);
      setDesired(entry, min);
    },
    update: async (sent, known) => {
      const deployment = toStored(sent);
      const ref = refOf(deployment);
      await begin({ kind: 'update', ref, deployment: sent });
      const entry = find(ref);
      const { min, max } = check(deployment);
      if (known?.provenId === undefined || known.provenId === entry.deployedId)
        entry.before = entry.deployment;
      entry.deployment = deployment;
      entry.deployedId = `d${deployments++}`;
      entry.deployedAt = new Date().toISOString();
      entry.failure = undefined;
      entry.error = undefined;
      setDesired(entry, Math.min(max, Math.max(min, entry.desired)));
    },
    remove: async (ref) => {
      await begin({ kind: 'remove', ref });
      find(ref);
      entries.delete(qualifiedName(ref));
      changed();
    },
    scale: async (ref, desired) => {
      await begin({ kind: 'scale', ref, desired });
      if (!Number.isSafeInteger(desired) || desired < 0) {
        throw new FaasError('invalid_request', `replicas: expected a whole number from 0, not ${desired}`);
      }
      setDesired(find(ref), desired);
    },
    revert: async (ref, { deployedId, error }) => {
      await begin({ kind: 'revert', ref, error });
      const entry = find(ref);
      if (entry.deployedId !== deployedId || entry.failure !== undefined || entry.before === undefined)
        return false;
      entry.deployment = entry.before;
      entry.before = undefined;
      entry.failure = error;
      setDesired(entry, entry.desired);
      return true;
    },
    snapshot: async () => {
      assertUp();
      return [...entries.values()].map((entry) => {
        const { ended } = entry;
        entry.ended = 0;
        const snapshot = toSnapshot(entry, options.addressOf ?? (() => '127.0.0.1'));
        return ended === 0 ? snapshot : { ...snapshot, ended };
      });
    },
    look: async (ref) => {
      assertUp();
      const entry = entries.get(qualifiedName(ref));
      return entry && toSnapshot(entry, options.addressOf ?? (() => '127.0.0.1'));
    },
    watch: (onChange) => {
      listeners.add(onChange);
      return () => void listeners.delete(onChange);
    },
    info: async () => {
      assertUp();
      return { provider: 'fake', orchestration: 'memory', version: { release: '0.0.0', sha: 'none' } };
    },
    kind: 'swarm',
    ping: async () => {
      assertUp();
      return 'a fake cluster';
    },
  };
}

function rolloutOf({ failure, running, desired, error }: Entry): Rollout {
  if (failure !== undefined) return { state: 'failed', error: failure };
  if (running > 0 || desired === 0) return { state: 'done' };
  return { state: 'running', ...(error !== undefined && { error }) };
}

function refOf(deployment: FunctionDeployment): FunctionRef {
  return { name: deployment.service, namespace: deployment.namespace ?? DEFAULT_NAMESPACE };
}

/** What is kept of a deployment: a copy, without the registry's password. */
function toStored(deployment: FunctionDeployment): FunctionDeployment {
  const { registryAuth: _, ...kept } = structuredClone(deployment);
  return kept;
}

function labelsOf({ ref, deployment }: Entry): Record<string, string> {
  return { ...deployment.labels, faas_function: ref.name };
}

function toStatus(entry: Entry): FunctionStatus {
  const { ref, deployment } = entry;
  const { envProcess, envVars, constraints, secrets, limits, requests, readOnlyRootFilesystem } = deployment;
  return {
    name: ref.name,
    namespace: ref.namespace,
    image: deployment.image,
    ...(envProcess !== undefined && { envProcess }),
    ...(envVars !== undefined && Object.keys(envVars).length > 0 && { envVars }),
    ...(constraints !== undefined && constraints.length > 0 && { constraints }),
    ...(secrets !== undefined && secrets.length > 0 && { secrets }),
    labels: labelsOf(entry),
    annotations: deployment.annotations ?? {},
    ...(limits !== undefined && { limits }),
    ...(requests !== undefined && { requests }),
    ...(readOnlyRootFilesystem === true && { readOnlyRootFilesystem }),
    replicas: entry.desired,
    availableReplicas: entry.running,
    createdAt: entry.createdAt,
  };
}

function toSnapshot(entry: Entry, addressOf: (ref: FunctionRef, index: number) => string): FunctionSnapshot {
  const { ref, deployment } = entry;
  return {
    ref,
    labels: labelsOf(entry),
    annotations: deployment.annotations ?? {},
    envVars: deployment.envVars ?? {},
    desired: entry.desired,
    replicas: Array.from({ length: entry.desired }, (_, index): Replica => {
      const isRunning = index < entry.running;
      return {
        id: `${entry.id}-${index}`,
        address: isRunning ? addressOf(ref, index) : undefined,
        isRunning,
        ...(!isRunning && entry.error !== undefined && { error: entry.error }),
      };
    }),
    createdAt: entry.createdAt,
    ...(entry.failure === undefined && {
      deployed: {
        id: entry.deployedId,
        at: entry.deployedAt,
        isRevertible: entry.before !== undefined,
      },
    }),
  };
}
