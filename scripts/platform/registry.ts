import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { checkConstraints } from '../../contract/parse-deployment.ts';
import { Problem } from '../shell/problem.ts';
import { mustRun, runCommand } from '../shell/run-command.ts';
import type { PublishedPort } from './ports.ts';
import { STACK } from './stack.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** The stack file of the registry, deployed together with `stack.yml`. */
export const REGISTRY_STACK = 'registry.yml';
/** Its services, as the stack calls them. */
export const REGISTRY_SERVICE = 'registry';
export const REGISTRY_FORWARDER = 'registry-host';
/** Its volumes. */
export const REGISTRY_VOLUMES = ['skep-registry', 'skep-registry-socket'] as const;

/** Its configuration files by the variable that puts their hash into the config's name. */
export const REGISTRY_CONFIG_FILES: Readonly<Record<string, string>> = {
  SKEP_HASH_REGISTRY: 'registry/config.yml',
  SKEP_HASH_REGISTRY_HOST: 'registry/host.cfg',
  SKEP_HASH_REGISTRY_OVERLAY: 'registry/overlay.cfg',
};

/** Its images by the variable that takes their id. */
export const REGISTRY_IMAGE_IDS: Readonly<Record<string, string>> = {
  SKEP_ID_REGISTRY: 'registry:2.8.2',
  SKEP_ID_HAPROXY: 'haproxy:2.6.12',
};

/**
 * Whether there is to be a registry: `SKEP_REGISTRY=1` asks for one, `0` for none; without it what there is stays.
 * @throws {Problem} for another value
 */
export async function wantsRegistry({ SKEP_REGISTRY: wish = '' }: Environment): Promise<boolean> {
  if (wish === '1' || wish === 'true') return true;
  if (wish === '0' || wish === 'false') return false;
  if (wish !== '') {
    throw new Problem(
      `SKEP_REGISTRY=${wish} is neither 1 nor 0`,
      'Set it to 1 for a registry, to 0 for none.',
    );
  }
  return (await registryConstraints()) !== undefined;
}

/** On this machine's loopback. @throws {Problem} for what is no port */
export function registryPort({ SKEP_REGISTRY_PORT: text = '' }: Environment): PublishedPort {
  const port = Number(text || '5000');
  if (!/^\d*$/.test(text) || port < 1024 || port > 65_535) {
    throw new Problem(
      `SKEP_REGISTRY_PORT=${text} is no port for the registry`,
      'Set it to a number from 1024 to 65535 (what listens is not root), or unset it.',
    );
  }
  return { service: REGISTRY_FORWARDER, port, variable: 'SKEP_REGISTRY_PORT' };
}

/** The environment with which `registry.yml` describes exactly this state of the sources. */
export async function registryEnvironment(
  root: string,
  environment: Environment,
  imageIds: ReadonlyMap<string, string>,
): Promise<Record<string, string>> {
  const hashes = Object.entries(REGISTRY_CONFIG_FILES).map(([variable, file]) => [
    variable,
    createHash('sha256')
      .update(readFileSync(join(root, file)))
      .digest('hex')
      .slice(0, 12),
  ]);
  const ids = Object.entries(REGISTRY_IMAGE_IDS).map(([variable, image]) => [
    variable,
    imageIds.get(image) ?? '',
  ]);
  return {
    ...Object.fromEntries(hashes),
    ...Object.fromEntries(ids),
    SKEP_REGISTRY_PORT: String(registryPort(environment).port),
    SKEP_REGISTRY_NODE: registryNode(environment) ?? (await nodeWithImages()),
  };
}

/** The constraint that whoever moves the registry gives. @throws {Problem} for what is none */
export function registryNode({ SKEP_REGISTRY_NODE: wish = '' }: Environment): string | undefined {
  if (wish === '') return undefined;
  try {
    checkConstraints([wish]);
    return wish;
  } catch {
    throw new Problem(
      `SKEP_REGISTRY_NODE=${wish} names no node for the registry`,
      "Write it as a placement constraint, such as SKEP_REGISTRY_NODE='node.hostname == NAME', or unset it.",
    );
  }
}

/** Where the registry is already, else this node. As a constraint. */
async function nodeWithImages(): Promise<string> {
  const present = (await registryConstraints())?.find(
    (constraint) => !constraint.startsWith('node.platform'),
  );
  if (present !== undefined) return present;
  const id = await mustRun(['docker', 'info', '--format', '{{.Swarm.NodeID}}'], {
    advice: 'Look at `docker info`.',
  });
  return `node.id == ${id.trim()}`;
}

/** Undefined where there is no registry. */
async function registryConstraints(): Promise<readonly string[] | undefined> {
  const format = '{{json .Spec.TaskTemplate.Placement.Constraints}}';
  const service = `${STACK}_${REGISTRY_SERVICE}`;
  const { exitCode, stdout } = await runCommand([
    'docker',
    'service',
    'inspect',
    '--format',
    format,
    service,
  ]);
  if (exitCode !== 0) return undefined;
  const constraints: unknown = JSON.parse(stdout);
  return Array.isArray(constraints) ? constraints.map(String) : [];
}
