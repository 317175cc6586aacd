import { setTimeout as sleep } from 'node:timers/promises';
import { secretVersion, unversionedName } from '../../contract/password-secret.ts';
import { CliError, messageOf } from '../errors.ts';
import type { Shell } from '../shell.ts';
import { docker, dockerObjects, linesOf } from './docker.ts';

/** One secret as a service mounts it. */
interface SecretMount {
  readonly SecretName: string;
  readonly File: { readonly Name: string; readonly UID: string; readonly GID: string; readonly Mode: number };
}

/** As much of a service as the rotation needs. */
interface Service {
  readonly ID: string;
  readonly Spec: {
    readonly Name: string;
    readonly Mode: { readonly Replicated?: { readonly Replicas?: number } };
    readonly TaskTemplate: {
      readonly ContainerSpec: { readonly Secrets?: readonly SecretMount[]; readonly Env?: readonly string[] };
    };
  };
  readonly UpdateStatus?: { readonly State?: string; readonly Message?: string };
}

interface Task {
  readonly DesiredState: string;
  readonly Status: { readonly State: string; readonly Err?: string };
  readonly Spec: { readonly ContainerSpec: { readonly Secrets?: readonly SecretMount[] } };
}

/** A service of the stack that mounts the password. */
export interface PasswordService {
  readonly name: string;
  /** The version that it is defined with. */
  readonly mounts: readonly SecretMount[];
  /** Grafana takes the password on its very first start alone. */
  readonly keepsFirstPassword: boolean;
}

export interface PasswordServices {
  readonly gateway: PasswordService;
  /** All others. */
  readonly others: readonly PasswordService[];
  /** The secret's name without a version: `basic-auth-password`. */
  readonly unversioned: string;
}

const POLL_MS = 300;
/** How often an update is tried again when another writer was faster. */
const MOST_ATTEMPTS = 5;

/**
 * The services of a stack that mount the admin's password, in whatever version.
 * @param file the secret's file in the gateway
 * @throws {CliError} when there is no such stack, or its gateway has no such file
 */
export async function findPasswordServices(
  shell: Shell,
  { stack, file }: { readonly stack: string; readonly file: string },
): Promise<PasswordServices> {
  const filter = `label=com.docker.stack.namespace=${stack}`;
  const ids = linesOf(await docker(shell, ['service', 'ls', '--quiet', '--filter', filter]));
  const services =
    ids.length === 0 ? [] : await dockerObjects<Service>(shell, ['service', 'inspect', ...ids]);
  const gateway = services.find(({ Spec }) => Spec.Name === `${stack}_gateway`);
  if (gateway === undefined) {
    throw new CliError(`there is no service ${stack}_gateway: is the stack called otherwise (--stack)?`);
  }
  const mounted = mountsOf(gateway).find(({ File }) => File.Name === file);
  if (mounted === undefined) {
    throw new CliError(
      `${stack}_gateway mounts no secret as ${file}: it asks for no password, or has it from elsewhere`,
    );
  }
  const unversioned = unversionedName(mounted.SecretName);
  const found = services
    .map((service) => ({
      name: service.Spec.Name,
      mounts: mountsOf(service).filter(
        ({ SecretName }) => secretVersion(SecretName, unversioned) !== undefined,
      ),
      keepsFirstPassword:
        (service.Spec.Mode.Replicated?.Replicas ?? 1) > 0 &&
        (service.Spec.TaskTemplate.ContainerSpec.Env ?? []).some((variable) =>
          variable.startsWith('GF_SECURITY_ADMIN_PASSWORD'),
        ),
    }))
    .filter(({ mounts }) => mounts.length > 0);
  const others = found.filter(({ name }) => name !== gateway.Spec.Name);
  const [own] = found.filter(({ name }) => name === gateway.Spec.Name);
  if (own === undefined) throw new CliError(`${gateway.Spec.Name} cannot be read`);
  return { gateway: own, others, unversioned };
}

function mountsOf({ Spec }: Service): readonly SecretMount[] {
  return Spec.TaskTemplate.ContainerSpec.Secrets ?? [];
}

/** Makes a service mount another version at the same place. Does nothing where it does already. */
export async function mountVersion(shell: Shell, service: PasswordService, secret: string): Promise<void> {
  const stale = service.mounts.filter(({ SecretName }) => SecretName !== secret);
  if (stale.length === 0) return;
  const changes = stale.flatMap(({ SecretName, File }) => [
    '--secret-rm',
    SecretName,
    '--secret-add',
    `source=${secret},target=${File.Name},uid=${File.UID},gid=${File.GID},mode=0${File.Mode.toString(8)}`,
  ]);
  for (let attempt = 1; ; attempt++) {
    try {
      await docker(shell, ['service', 'update', '--detach', '--quiet', ...changes, service.name]);
      return;
    } catch (error) {
      if (attempt === MOST_ATTEMPTS || !messageOf(error).includes('out of sequence')) throw error;
      await sleep(POLL_MS);
    }
  }
}

/**
 * Waits until every replica of a service runs with this version.
 * @throws {CliError} when Swarm gave the update up, or not within `timeoutMs`
 */
export async function untilMounted(
  shell: Shell,
  { name, secret, timeoutMs }: { readonly name: string; readonly secret: string; readonly timeoutMs: number },
): Promise<void> {
  const deadlineMs = performance.now() + timeoutMs;
  const hasIt = (mounts: readonly SecretMount[] | undefined): boolean =>
    mounts?.some(({ SecretName }) => SecretName === secret) ?? false;
  for (;;) {
    const [service] = await dockerObjects<Service>(shell, ['service', 'inspect', name]);
    if (service === undefined) throw new CliError(`${name} was removed meanwhile`);
    const tasks = await tasksOf(shell, name);
    const meant = tasks.filter(({ DesiredState }) => DesiredState === 'running');
    const isDefined = hasIt(mountsOf(service));
    const { State: state = '', Message: message = '' } = service.UpdateStatus ?? {};
    const reason = tasks.find((task) => task.Status.Err && hasIt(task.Spec.ContainerSpec.Secrets))?.Status
      .Err;
    if (!isDefined || /^(paused|rollback)/.test(state)) {
      throw new CliError(
        `Swarm gave up the update of ${name}${isDefined ? '' : ' and put the former version back'}: ${reason ?? (message || state)}`,
      );
    }
    const running = meant.filter(
      ({ Status, Spec }) => Status.State === 'running' && hasIt(Spec.ContainerSpec.Secrets),
    );
    const wanted = service.Spec.Mode.Replicated?.Replicas ?? Math.max(1, meant.length);
    if (running.length === wanted && meant.length === wanted && state !== 'updating') return;
    if (performance.now() > deadlineMs) {
      throw new CliError(
        `${name} does not run with the new version after ${Math.round(timeoutMs / 1000)} s: ${reason ?? 'Swarm still works at it'}`,
      );
    }
    await sleep(POLL_MS);
  }
}

async function tasksOf(shell: Shell, service: string): Promise<Task[]> {
  const ids = linesOf(await docker(shell, ['service', 'ps', '--quiet', '--no-trunc', service]));
  if (ids.length === 0) return [];
  try {
    return await dockerObjects<Task>(shell, ['inspect', '--type', 'task', ...ids]);
  } catch {
    return []; // one of them has gone meanwhile: they are listed again
  }
}
