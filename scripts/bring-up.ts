import { homedir } from 'node:os';
import { join } from 'node:path';
import { GRAFANA_IMAGE, REGISTRY_IMAGES } from './base-images/catalog.ts';
import { ensureBaseImages } from './base-images/ensure-base-images.ts';
import { imageIds } from './platform/build-image.ts';
import { withBuildSecrets } from './platform/build-secrets.ts';
import { compile, PROGRAMS } from './platform/compile.ts';
import {
  currentPasswordSecret,
  ensureCredentials,
  passwordFile,
  readPassword,
} from './platform/credentials.ts';
import { checkDisk } from './platform/disk.ts';
import { ensureEngine } from './platform/engine.ts';
import { logIn } from './platform/first-function.ts';
import { ensureFunctionsNetwork, FUNCTIONS_NETWORK } from './platform/functions-network.ts';
import { gatewayUrl, untilGatewayAnswers } from './platform/gateway.ts';
import { ensurePlatformImage, removeOldTags } from './platform/platform-images.ts';
import { checkPorts, type PublishedPort, publishedPorts } from './platform/ports.ts';
import { checkOwnRules, checkScaleUp, readOwnRules, withOwnRules } from './platform/prometheus-rules.ts';
import {
  REGISTRY_IMAGE_IDS,
  REGISTRY_STACK,
  registryEnvironment,
  registryNode,
  registryPort,
  wantsRegistry,
} from './platform/registry.ts';
import {
  deployStack,
  isDeployed,
  removeOldConfigs,
  runningServices,
  untilRemoved,
  untilRunning,
} from './platform/stack.ts';
import {
  checkQueueWorkers,
  IMAGE_IDS,
  PROMETHEUS_IMAGE,
  stackEnvironment,
} from './platform/stack-settings.ts';
import { ensureSwarm } from './platform/swarm.ts';
import { ensureVariants } from './platform/watchdog-variants.ts';
import type { Progress } from './shell/progress.ts';
import { mustRun } from './shell/run-command.ts';

export interface Platform {
  readonly gateway: string;
  readonly ports: readonly PublishedPort[];
  readonly hasGrafana: boolean;
  /** Port of the registry on each node's loopback; absent: there is none. */
  readonly registryPort?: number;
  readonly passwordFile: string;
}

/** Brings the platform up and leaves alone what is up already. @throws {Problem} with what to do */
export async function bringUp(root: string, progress: Progress): Promise<Platform> {
  const { step } = progress;
  const environment = process.env;
  // Where CI is set, skep would keep its login in the folder it runs in; this one is for the user, wherever he works.
  environment['OPENFAAS_CONFIG'] ||= join(homedir(), '.openfaas');
  const ports = publishedPorts(environment);
  const registry = registryPort(environment);
  registryNode(environment);
  checkScaleUp(environment);
  checkQueueWorkers(environment);
  const ownRules = readOwnRules(root);
  const file = passwordFile(environment);
  const [, programs] = await allOrFirstError([
    prepareEngine(progress),
    step(
      'compiling gateway, fwatchdog and skep',
      () => Promise.all(PROGRAMS.map((it) => compile(root, it))),
      (done) => (done.some(({ isNew }) => isNew) ? '' : 'unchanged'),
    ),
  ]);
  const [gatewayProgram, watchdogProgram] = programs;
  if (gatewayProgram === undefined || watchdogProgram === undefined) throw new Error('a program is missing');
  const variants = ensureVariants(root, watchdogProgram.isNew); // while the images below are made; it never rejects
  await step(
    'making a swarm, a network and credentials',
    async () => {
      await ensureSwarm();
      await ensureCredentials(file);
      return await ensureFunctionsNetwork();
    },
    (subnet) => `${FUNCTIONS_NETWORK} is ${subnet}`,
  );
  const hasRegistry = await wantsRegistry(environment);
  if (!(await isDeployed())) await step('looking for remains of an earlier stack', () => untilRemoved());
  if (isLocalEngine()) await checkPorts(await portsToCheck(hasRegistry ? [...ports, registry] : ports));

  const origins = await ensureBaseImages(step);
  if (hasRegistry) await ensureBaseImages(step, REGISTRY_IMAGES);
  const hasGrafana = origins.get(GRAFANA_IMAGE) !== 'absent';
  if (!hasGrafana)
    progress.note(`Grafana is left out: ${GRAFANA_IMAGE} cannot be pulled, and no package holds it.`);

  await checkOwnRules(ownRules, environment['SKEP_PROMETHEUS_IMAGE'] || PROMETHEUS_IMAGE);

  const { compiled, missing } = await variants;
  if (missing !== undefined) progress.note(missing);
  const [gatewayImage] = await step(
    'building skep/gateway and skep/watchdog',
    () =>
      allOrFirstError([
        ensurePlatformImage(root, 'gateway', [gatewayProgram]),
        ensurePlatformImage(root, 'watchdog', [watchdogProgram, ...compiled]),
      ]),
    (images) => (images.some(({ isNew }) => isNew) ? '' : 'unchanged'),
  );

  const gateway = gatewayUrl(environment, ports.find(({ service }) => service === 'gateway')?.port ?? 8080);
  const settings = stackEnvironment({
    root,
    gatewayImage: gatewayImage.image,
    hasGrafana,
    imageIds: await imageIds(Object.values(IMAGE_IDS)),
    dockerSocket: dockerSocket(),
    passwordSecret: await currentPasswordSecret(file),
  });
  const registrySettings = hasRegistry
    ? await registryEnvironment(root, environment, await imageIds(Object.values(REGISTRY_IMAGE_IDS)))
    : {};
  const registryStack = hasRegistry ? [join(root, REGISTRY_STACK)] : [];
  await step('deploying the stack skep', () =>
    withOwnRules(ownRules, (rules) =>
      withBuildSecrets((secrets) =>
        deployStack(root, { ...settings, ...registrySettings }, [...registryStack, ...rules, ...secrets]),
      ),
    ),
  );
  await step('waiting for its services', () => untilRunning());
  await step('waiting for the gateway', () => untilGatewayAnswers(gateway));
  await removeOldConfigs();
  await removeOldTags('gateway');
  await removeOldTags('watchdog');
  await step('logging in', () => logIn({ root, gateway }, readPassword(file), file));
  return {
    gateway,
    ports,
    hasGrafana,
    passwordFile: file,
    ...(hasRegistry && { registryPort: registry.port }),
  };
}

async function prepareEngine(progress: Progress): Promise<void> {
  if (isLocalEngine()) checkDisk('/var/lib/docker');
  await ensureEngine(progress.step);
  const folder = await mustRun(['docker', 'info', '--format', '{{.DockerRootDir}}'], {
    advice: 'Look at `docker info`.',
  });
  if (isLocalEngine()) checkDisk(folder);
}

/** An engine behind a Unix socket is on this machine: its disk and its ports are ours. */
function isLocalEngine(): boolean {
  const host = process.env['DOCKER_HOST'];
  return !host || host.startsWith('unix://');
}

function dockerSocket(): string {
  const host = process.env['DOCKER_HOST'] ?? '';
  return host.startsWith('unix://') ? host.slice('unix://'.length) : join('/var/run', 'docker.sock');
}

/** A port that our own running service holds is in order. */
async function portsToCheck(ports: readonly PublishedPort[]): Promise<PublishedPort[]> {
  const running = await runningServices();
  return ports.filter(({ service }) => !running.includes(service));
}

/** Like `Promise.all`, and lets the other work end before it throws: nothing goes on writing behind an error message. */
async function allOrFirstError<const T extends readonly Promise<unknown>[]>(
  work: T,
): Promise<{ -readonly [K in keyof T]: Awaited<T[K]> }> {
  await Promise.allSettled(work);
  return await Promise.all(work);
}
