import { createHash } from 'node:crypto';
import { access, constants, readFile, rm, stat } from 'node:fs/promises';
import { arch, platform } from 'node:os';
import { join } from 'node:path';
import { deployedRef, type FunctionRef, qualifiedName } from '../../contract/function-ref.ts';
import type { FunctionDeployment, FunctionStatus } from '../../contract/function-types.ts';
import { parseScaleLabels } from '../../contract/parse-scale-labels.ts';
import { VERSION } from '../../contract/version.ts';
import { FaasError } from '../errors.ts';
import { byContract } from '../functions/by-contract.ts';
import { checkFunctionRef } from '../functions/check-function-ref.ts';
import { checkLabels, platformLabels } from '../functions/labels.ts';
import { oneAtATime } from '../functions/one-at-a-time.ts';
import type { FunctionSnapshot, Provider } from '../functions/provider.ts';
import { parseResources } from '../functions/resources.ts';
import { FunctionLog } from './function-log.ts';
import { FunctionProcesses } from './function-processes.ts';
import { inheritedEnvironment } from './inherited-environment.ts';
import { OwnPorts } from './own-upstream.ts';
import type { ProcessClusterOptions } from './process-cluster-types.ts';
import type { ProcessSecrets } from './process-secrets.ts';
import { toStatus } from './read-back.ts';
import { toVersion, type Version } from './version.ts';

export interface ProcessProviderOptions extends ProcessClusterOptions {
  readonly secrets: Pick<ProcessSecrets, 'copyTo'>;
  /** For copies of secrets; of this run alone. */
  readonly runFolder: string;
}

/** The provider port, and what else the cluster needs of it. */
export interface ProcessProvider {
  readonly provider: Provider;
  /** Undefined: there is no such function. */
  logOf(ref: FunctionRef): FunctionLog | undefined;
  usersOf(secret: FunctionRef): FunctionRef[];
  stop(graceMs: number): Promise<void>;
  /** Of sources that replicas run in, or may be started in without another deployment. */
  foldersInUse(): ReadonlySet<string>;
  /** Of the watchdogs of a function. */
  pidsOf(ref: FunctionRef): number[];
}

interface Entry {
  readonly processes: FunctionProcesses;
  readonly log: FunctionLog;
}

/** More would bring down whoever works at this machine, and no limit of memory keeps them apart. */
const MOST_REPLICAS = 100;

/**
 * Functions as watchdog processes. What Swarm would refuse is refused here, too; what only an engine can do (limits, constraints, a
 * read-only file system, a further network) is kept to be read back, and not done.
 */
export function createProcessProvider(options: ProcessProviderOptions): ProcessProvider {
  const { sources, defaultNamespace, logger } = options;
  const inherited = inheritedEnvironment(options.environment);
  const entries = new Map<string, Entry>();
  /** Removed ones whose last replicas still end. */
  const leaving = new Set<Promise<void>>();
  const leavingProcesses = new Set<FunctionProcesses>();
  const listeners = new Set<() => void>();
  const inTurn = oneAtATime();
  const ports = new OwnPorts();
  let versions = 0;
  let isStopped = false;

  const refOf = (deployment: FunctionDeployment): FunctionRef => deployedRef(deployment, defaultNamespace);
  const changed = (): void => {
    for (const listener of listeners) listener();
  };
  const find = (ref: FunctionRef): Entry => {
    const entry = entries.get(qualifiedName(ref));
    if (entry === undefined)
      throw new FaasError('function_not_found', `function ${qualifiedName(ref)} not found`);
    return entry;
  };
  const refuseWhenStopped = (): void => {
    if (isStopped) throw new FaasError('provider_unavailable', 'functions are being stopped here');
  };
  const writing = <T>(ref: FunctionRef, job: () => Promise<T>): Promise<T> =>
    inTurn(qualifiedName(ref), async () => {
      refuseWhenStopped();
      return job();
    });

  const forget = ({ secretsFolder }: Version): void => {
    if (secretsFolder === undefined) return;
    rm(secretsFolder, { recursive: true, force: true }).catch((error: Error) => {
      logger.warn('copies of secrets are still there', { folder: secretsFolder, reason: error.message });
    });
  };

  /** All that a deployment needs. Nothing is changed when it fails. */
  const prepare = async (deployment: FunctionDeployment, ref: FunctionRef): Promise<Version> => {
    const runnable = await sources.find(deployment.image);
    await checkFolder(runnable.folder);
    const names = deployment.secrets ?? [];
    const folder = join(options.runFolder, `secrets-${++versions}`);
    if (names.length > 0) await options.secrets.copyTo(folder, names, ref.namespace);
    try {
      const secrets = names.length === 0 ? undefined : { folder, digest: await digestOf(folder, names) };
      refuseWhenStopped(); // that may have been meanwhile
      return toVersion({ ref, deployment, runnable, inherited, secrets });
    } catch (error) {
      await rm(folder, { recursive: true, force: true });
      throw error;
    }
  };

  const begin = (ref: FunctionRef, version: Version, desired: number): Entry => {
    const log = new FunctionLog(ref);
    const onLine = (instance: string, text: string): void => {
      const line = log.add(instance, text);
      options.onLine?.(line);
    };
    const processes = new FunctionProcesses(
      {
        ref,
        command: options.watchdogCommand,
        ports,
        onLine,
        onChange: changed,
        onVersionUnused: forget,
      },
      { version, desired },
    );
    return { processes, log };
  };

  const toSnapshot = ({ processes }: Entry): FunctionSnapshot => {
    const { ref, version, desired, replicas, createdAt, deployed } = processes;
    const { annotations = {}, envVars = {} } = version.deployment;
    return {
      ref,
      labels: { ...version.deployment.labels, faas_function: ref.name },
      annotations,
      envVars,
      desired,
      replicas,
      createdAt,
      ...(deployed !== undefined && { deployed }),
    };
  };

  const provider: Provider = {
    list: async (namespace) =>
      [...entries.values()]
        .filter(({ processes }) => namespace === undefined || processes.ref.namespace === namespace)
        .map(({ processes }) => toStatus(processes)),

    read: async (ref): Promise<FunctionStatus> => {
      const { processes } = find(ref);
      return { ...toStatus(processes), rollout: processes.rollout };
    },

    create: (deployment) => {
      const ref = refOf(deployment);
      return writing(ref, async () => {
        const key = qualifiedName(ref);
        const { min } = check(deployment, ref, defaultNamespace);
        if (entries.has(key)) {
          throw new FaasError('function_exists', `function ${key} exists already: update it with PUT`);
        }
        entries.set(key, begin(ref, await prepare(deployment, ref), min));
        changed();
      });
    },

    update: (deployment, known) => {
      const ref = refOf(deployment);
      return writing(ref, async () => {
        const { processes } = find(ref);
        const { min, max } = check(deployment, ref, defaultNamespace);
        const version = await prepare(deployment, ref);
        processes.deploy({ version, desired: Math.min(max, Math.max(min, processes.desired)) }, known);
      });
    },

    remove: (ref) =>
      writing(ref, async () => {
        const { processes, log } = find(ref);
        entries.delete(qualifiedName(ref));
        log.close();
        const gone = processes.remove();
        leavingProcesses.add(processes);
        leaving.add(gone);
        void gone.finally(() => {
          leavingProcesses.delete(processes);
          leaving.delete(gone);
        });
        changed();
      }),

    scale: (ref, desired) =>
      writing(ref, async () => {
        if (!Number.isSafeInteger(desired) || desired < 0) {
          throw new FaasError('invalid_request', `replicas: expected a whole number from 0, not ${desired}`);
        }
        const { processes } = find(ref);
        if (desired > MOST_REPLICAS) throw tooMany(`replicas: ${desired}`);
        processes.scale(desired);
      }),

    revert: (ref, why) => writing(ref, async () => find(ref).processes.revert(why)),

    snapshot: async () =>
      [...entries.values()].map((entry) => {
        const ended = entry.processes.takeEnded();
        return { ...toSnapshot(entry), ...(ended > 0 && { ended }) };
      }),

    look: async (ref) => {
      const entry = entries.get(qualifiedName(ref));
      return entry && toSnapshot(entry);
    },

    watch: (onChange) => {
      listeners.add(onChange);
      return () => void listeners.delete(onChange);
    },

    info: async () => ({ provider: 'skep-processes', orchestration: 'processes', version: VERSION }),
    kind: 'processes',
    ping: async () => MACHINE,
  };

  return {
    provider,
    logOf: (ref) => entries.get(qualifiedName(ref))?.log,
    pidsOf: (ref) => entries.get(qualifiedName(ref))?.processes.pids ?? [],
    foldersInUse: () =>
      new Set(
        [...[...entries.values()].map(({ processes }) => processes), ...leavingProcesses].flatMap(
          ({ folders }) => folders,
        ),
      ),
    usersOf: ({ name, namespace }) =>
      [...entries.values()]
        .map(({ processes }) => processes)
        .filter(
          ({ ref, version }) => ref.namespace === namespace && version.deployment.secrets?.includes(name),
        )
        .map(({ ref }) => ref),
    stop: async (graceMs) => {
      isStopped = true;
      const all = [...[...entries.values()].map(({ processes }) => processes), ...leavingProcesses];
      await Promise.all([...leaving, ...all.map((processes) => processes.remove(graceMs))]);
      for (const { log } of entries.values()) log.close();
      entries.clear();
    },
  };
}

const MACHINE = `on this machine (${platform()} ${arch()})`;

function check(
  deployment: FunctionDeployment,
  ref: FunctionRef,
  defaultNamespace: string,
): { readonly min: number; readonly max: number } {
  checkFunctionRef(ref, defaultNamespace);
  checkLabels(deployment, platformLabels(ref));
  parseResources(deployment);
  const bounds = byContract(() => parseScaleLabels(deployment.labels ?? {}));
  if (bounds.min > MOST_REPLICAS) throw tooMany(`labels: a minimum of ${bounds.min}`);
  return bounds;
}

function tooMany(what: string): FaasError {
  return new FaasError(
    'invalid_request',
    `${what} is more than the ${MOST_REPLICAS} processes that a function may have on one machine`,
  );
}

async function checkFolder(folder: string): Promise<void> {
  try {
    const found = await stat(folder);
    if (!found.isDirectory()) throw new Error(`${folder} is no folder`);
    await access(folder, constants.X_OK);
  } catch (error) {
    throw new FaasError('invalid_request', `the function cannot run: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

/** Of the values alone, whatever folder they are in. */
async function digestOf(folder: string, names: readonly string[]): Promise<string> {
  const hash = createHash('sha256');
  for (const name of names.toSorted()) {
    const value = await readFile(join(folder, name));
    hash.update(`${name}\0${value.length}\0`).update(value);
  }
  return hash.digest('hex');
}
