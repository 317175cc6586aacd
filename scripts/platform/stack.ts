import { join } from 'node:path';
import { Problem } from '../shell/problem.ts';
import { lastLines, mustRun, runCommand } from '../shell/run-command.ts';

export const STACK = 'skep';
const OF_STACK = `label=com.docker.stack.namespace=${STACK}`;
const ADVICE = `Look at \`docker stack ps ${STACK} --no-trunc\`.`;

/** Whether any service of the stack exists. */
export async function isDeployed(): Promise<boolean> {
  return (await list('service')).length > 0;
}

/** Names of the stack's services that have a running container on this engine. */
export async function runningServices(): Promise<string[]> {
  const names = await mustRun(
    ['docker', 'ps', '--filter', OF_STACK, '--format', '{{.Label "com.docker.swarm.service.name"}}'],
    { advice: ADVICE },
  );
  return names.split('\n').map((name) => name.replace(`${STACK}_`, ''));
}

/**
 * Deploys `stack.yml`; what is the same already is left alone.
 * @param further compose files that add to it
 */
export async function deployStack(
  root: string,
  environment: Readonly<Record<string, string>>,
  further: readonly string[] = [],
): Promise<void> {
  const files = [join(root, 'stack.yml'), ...further].flatMap((file) => ['--compose-file', file]);
  await mustRun(['docker', 'stack', 'deploy', '--resolve-image', 'never', '--prune', ...files, STACK], {
    env: { ...environment },
    advice: ADVICE,
  });
}

/** Removes configs of earlier deployments; the engine keeps those that are in use. */
export async function removeOldConfigs(): Promise<void> {
  const ids = await list('config');
  if (ids.length > 0) await runCommand(['docker', 'config', 'rm', ...ids]);
}

/** Removes the stack and waits until its containers and networks are gone. */
export async function removeStack(): Promise<void> {
  // The client says so and succeeds when there is none. It fails where a network is in use, after all else was removed.
  const removed = await runCommand(['docker', 'stack', 'rm', STACK]);
  if (removed.exitCode !== 0 && (await isDeployed())) {
    throw new Problem(`\`docker stack rm ${STACK}\` failed: ${lastLines(removed.stderr, 3)}`, ADVICE);
  }
  await untilRemoved();
}

/**
 * Waits until nothing is left of a stack that was removed: a new one would meet its networks and ports.
 * @param limitMs longer than a gateway may take to finish its calls
 * @throws {Problem} after that, or when somebody else's service holds one of the networks
 */
export async function untilRemoved(limitMs = 360_000): Promise<void> {
  const deadlineMs = performance.now() + limitMs;
  while (performance.now() < deadlineMs) {
    const networks = await list('network');
    const left = [...(await list('service')), ...(await list('container'))];
    if (left.length + networks.length === 0) return;
    if (left.length === 0) await removeNetworks(networks);
    await Bun.sleep(300);
  }
  throw new Problem(
    `the stack ${STACK} is still being removed after ${Math.round(limitMs / 1000)} s`,
    `\`docker ps --filter ${OF_STACK}\` shows what holds it up; \`docker rm -f\` ends it.`,
  );
}

/** `docker stack rm` gives up on a network that is in use, and nobody tries again. */
async function removeNetworks(ids: readonly string[]): Promise<void> {
  const { exitCode } = await runCommand(['docker', 'network', 'rm', ...ids]);
  if (exitCode === 0) return;
  const holders = await servicesOn(ids);
  if (holders.length === 0) return; // Their last containers are still ending.
  throw new Problem(
    `a network of the removed stack ${STACK} is used by ${holders.join(', ')}`,
    `Remove what you do not need, \`docker service rm ${holders.join(' ')}\`, and run this again.`,
  );
}

/** Names of the services that are attached to one of the networks. */
async function servicesOn(networkIds: readonly string[]): Promise<string[]> {
  const ids = (await mustRun(['docker', 'service', 'ls', '--quiet'], { advice: ADVICE })).split('\n');
  const known = ids.filter((id) => id !== '');
  if (known.length === 0) return [];
  const text = await mustRun(['docker', 'service', 'inspect', ...known], { advice: ADVICE });
  const services = JSON.parse(text) as readonly AttachedService[];
  return services
    .filter(({ Spec }) =>
      (Spec.TaskTemplate.Networks ?? []).some(({ Target }) => networkIds.some((id) => Target.startsWith(id))),
    )
    .map(({ Spec }) => Spec.Name);
}

interface AttachedService {
  readonly Spec: {
    readonly Name: string;
    readonly TaskTemplate: { readonly Networks?: readonly { readonly Target: string }[] };
  };
}

async function list(kind: 'service' | 'network' | 'config' | 'container' | 'volume'): Promise<string[]> {
  const all = kind === 'container' ? ['--all'] : [];
  const ids = await mustRun(['docker', kind, 'ls', ...all, '--quiet', '--filter', OF_STACK], {
    advice: ADVICE,
  });
  return ids.split('\n').filter((id) => id !== '');
}

/** One service as the engine describes it: as much as says whether it runs what it should. */
interface ServiceFacts {
  readonly ID: string;
  readonly Spec: {
    readonly Name: string;
    readonly Mode: { readonly Replicated?: { readonly Replicas?: number }; readonly Global?: object };
    readonly TaskTemplate: { readonly ContainerSpec: unknown };
  };
}
interface TaskFacts {
  readonly ServiceID: string;
  readonly DesiredState: string;
  readonly Status: { readonly State: string; readonly Err?: string };
  readonly Spec: { readonly ContainerSpec: unknown };
}

/**
 * Waits until every service of the stack runs all its replicas from its present definition.
 * @throws {Problem} with the tasks' own errors
 */
export async function untilRunning(limitMs = 120_000): Promise<void> {
  const deadlineMs = performance.now() + limitMs;
  let lacking: string[] = [];
  do {
    lacking = await lackingServices();
    if (lacking.length === 0) return;
    await Bun.sleep(300);
  } while (performance.now() < deadlineMs);
  const errors = await runCommand([
    'docker',
    'stack',
    'ps',
    STACK,
    '--no-trunc',
    '--format',
    '{{.Name}} on {{.Node}}: {{.CurrentState}} {{.Error}}',
  ]);
  const log = await runCommand(['docker', 'service', 'logs', '--raw', '--tail', '5', lacking[0] ?? '']);
  const telling = errors.stdout.split('\n').filter((line) => lacking.some((name) => line.startsWith(name)));
  throw new Problem(
    `not running after ${Math.round(limitMs / 1000)} s: ${lacking.join(', ')}\n${lastLines(telling.slice(0, 6).join('\n'), 6)}\nThe last words of ${lacking[0]}:\n${lastLines(`${log.stdout}\n${log.stderr}`, 5)}`,
    adviceFor(lacking, telling.join('\n')),
  );
}

function adviceFor(lacking: readonly string[], errors: string): string {
  if (lacking.includes(`${STACK}_registry`) && errors.includes('no suitable node'))
    return "The node with the registry's images is away. Bring it back, or name another with SKEP_REGISTRY_NODE (docs/operations.md tells how images move), and run this again.";
  if (errors.includes('No such image: '))
    return 'A node that cannot pull an image takes it from this one: `docker save IMAGE | ssh NODE docker load`. Then run this again.';
  return `\`docker service logs ${lacking[0]}\` tells more. Run this again when it is mended.`;
}

async function lackingServices(): Promise<string[]> {
  const ids = await list('service');
  const services = (await inspect(['service', ...ids])) as readonly ServiceFacts[];
  const tasks = (await inspect(['task', ...(await taskIds())])) as readonly TaskFacts[];
  const nodes = await nodesThatRun();
  return services
    .filter(({ ID, Spec }) => {
      const definition = canonical(Spec.TaskTemplate.ContainerSpec);
      const running = tasks.filter(
        (task) =>
          task.ServiceID === ID &&
          task.Status.State === 'running' &&
          canonical(task.Spec.ContainerSpec) === definition,
      );
      return (
        running.length !== (Spec.Mode.Global === undefined ? (Spec.Mode.Replicated?.Replicas ?? 1) : nodes)
      );
    })
    .map(({ Spec }) => Spec.Name);
}

/** How many nodes a service on all of them is on. */
async function nodesThatRun(): Promise<number> {
  const listed = await mustRun(['docker', 'node', 'ls', '--format', '{{.Status}} {{.Availability}}'], {
    advice: ADVICE,
  });
  return listed.split('\n').filter((line) => line.trim() === 'Ready Active').length;
}

/** Ids of the tasks that are meant to run. For a moment after `stack deploy` there are none yet, which the client calls an error. */
async function taskIds(): Promise<string[]> {
  const command = ['docker', 'stack', 'ps', '--quiet', '--filter', 'desired-state=running', STACK];
  const { exitCode, stdout, stderr } = await runCommand(command);
  if (exitCode !== 0 && !stderr.includes('nothing found in stack')) {
    throw new Problem(
      `\`${command.slice(0, 3).join(' ')}\` ended with ${exitCode}:\n${lastLines(stderr, 5)}`,
      ADVICE,
    );
  }
  return stdout.split('\n').filter((id) => id !== '');
}

/** A definition as text; the engine writes empty parts in one place and leaves them out in another. */
function canonical(definition: unknown): string {
  const isEmpty = (value: unknown) =>
    value === null || (typeof value === 'object' && Object.keys(value).length === 0);
  return JSON.stringify(definition, (_key, value: unknown) => (isEmpty(value) ? undefined : value));
}

/** What the engine prints of objects that may vanish meanwhile; those are passed over. */
async function inspect([kind = '', ...ids]: readonly string[]): Promise<unknown[]> {
  if (ids.length === 0) return [];
  const { stdout } = await runCommand(['docker', 'inspect', '--type', kind, ...ids]);
  const parsed: unknown = JSON.parse(stdout || '[]');
  return Array.isArray(parsed) ? parsed : [];
}
