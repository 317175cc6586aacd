import { ALL_IMAGES } from '../base-images/catalog.ts';
import { STAND_IN_LABEL } from '../base-images/ensure-base-images.ts';
import { Problem } from '../shell/problem.ts';
import { mustRun, runCommand } from '../shell/run-command.ts';
import { imageLabel } from './build-image.ts';

const FUNCTION_LABEL = 'com.openfaas.function';
const ADVICE = 'Look at `docker service ls` and `docker ps -a`, then run this again.';

const lines = (text: string): string[] => text.split('\n').filter((line) => line !== '');

async function functionServices(): Promise<string[]> {
  return lines(
    await mustRun(['docker', 'service', 'ls', '--quiet', '--filter', `label=${FUNCTION_LABEL}`], {
      advice: ADVICE,
    }),
  );
}

/** Images of the functions that run and were built here: no registry knows them. None without a swarm. */
export async function functionImages(): Promise<string[]> {
  const services = await runCommand([
    'docker',
    'service',
    'ls',
    '--quiet',
    '--filter',
    `label=${FUNCTION_LABEL}`,
  ]);
  const ids = lines(services.stdout);
  if (services.exitCode !== 0 || ids.length === 0) return [];
  const images = await mustRun(
    ['docker', 'service', 'inspect', '--format', '{{.Spec.TaskTemplate.ContainerSpec.Image}}', ...ids],
    { advice: ADVICE },
  );
  const names = [...new Set(lines(images))].filter((name) => !name.includes('@'));
  const built: string[] = [];
  for (const name of names) {
    // An image that only this engine has runs by its id; one with several tags goes tag by tag.
    const facts = await runCommand([
      'docker',
      'image',
      'inspect',
      '--format',
      '{{json .RepoDigests}} {{json .RepoTags}}',
      name,
    ]);
    const [digests = '', tags = ''] = facts.stdout.trim().split(' ');
    if (facts.exitCode !== 0 || digests !== '[]') continue;
    const tagged: unknown = JSON.parse(tags);
    built.push(...(Array.isArray(tagged) && tagged.length > 0 ? tagged.map(String) : [name]));
  }
  return built;
}

/** Removes every function and waits until its containers are gone. @returns how many functions there were */
export async function removeFunctions(limitMs = 360_000): Promise<number> {
  const ids = await functionServices();
  if (ids.length > 0) await mustRun(['docker', 'service', 'rm', ...ids], { advice: ADVICE });
  const deadlineMs = performance.now() + limitMs;
  for (;;) {
    const containers = lines(
      await mustRun(['docker', 'ps', '--all', '--quiet', '--filter', `label=${FUNCTION_LABEL}`], {
        advice: ADVICE,
      }),
    );
    if (containers.length === 0 && (await functionServices()).length === 0) return ids.length;
    if (performance.now() > deadlineMs) {
      throw new Problem(
        `${containers.length} containers of functions are still there after ${Math.round(limitMs / 1000)} s`,
        `\`docker ps --filter label=${FUNCTION_LABEL}\` shows them; \`docker rm -f\` ends them.`,
      );
    }
    await Bun.sleep(300);
  }
}

/** Removes objects that may not exist. @throws {Problem} for one that exists and stays */
export async function removeNamed(kind: 'volume' | 'secret', names: readonly string[]): Promise<void> {
  for (const name of names) {
    const inspected = await runCommand(['docker', kind, 'inspect', name]);
    if (inspected.exitCode !== 0) continue;
    await mustRun(['docker', kind, 'rm', name], {
      advice: `Something still uses the ${kind} ${name}: ${ADVICE}`,
    });
  }
}

/** Secrets and namespaces that were made over the gateway's API. */
export async function removeFunctionObjects(): Promise<void> {
  const owned = [
    ['secret', 'com.openfaas.owner=openfaas'],
    ['config', 'skep.namespace'],
  ] as const;
  for (const [kind, label] of owned) {
    const list = ['docker', kind, 'ls', '--quiet', '--filter', `label=${label}`];
    const ids = lines(await mustRun(list, { advice: ADVICE }));
    if (ids.length > 0) await mustRun(['docker', kind, 'rm', ...ids], { advice: ADVICE });
  }
}

/** Removes a network, once those that left it have let go. */
export async function removeNetwork(name: string, limitMs = 30_000): Promise<void> {
  const deadlineMs = performance.now() + limitMs;
  for (;;) {
    const inspected = await runCommand(['docker', 'network', 'inspect', name]);
    if (inspected.exitCode !== 0) return;
    const removed = await runCommand(['docker', 'network', 'rm', name]);
    if (removed.exitCode !== 0 && performance.now() > deadlineMs) {
      throw new Problem(
        `the network ${name} stays: ${removed.stderr.trim()}`,
        `\`docker network inspect ${name}\` shows who is on it.`,
      );
    }
    await Bun.sleep(300);
  }
}

/** The platform's images, and the stand-ins among the base images: by name, since what is built on them inherits their labels. */
export async function ownImages(): Promise<string[]> {
  const all = lines(
    await mustRun(['docker', 'images', '--format', '{{.Repository}}:{{.Tag}}'], { advice: ADVICE }),
  );
  const own: string[] = [];
  for (const name of all) {
    const isBase = ALL_IMAGES.some((base) => base.name === name);
    if (isBase ? await imageLabel(name, STAND_IN_LABEL) : /^skep\/(gateway|watchdog):/.test(name))
      own.push(name);
  }
  return own;
}

/**
 * Removes images by name.
 * @returns how many are gone
 * @throws {Problem} that names those which something still uses
 */
export async function removeImages(names: readonly string[]): Promise<number> {
  const failures: string[] = [];
  let removed = 0;
  for (const name of names) {
    const result = await runCommand(['docker', 'image', 'rm', name]);
    if (result.exitCode === 0) removed += 1;
    else if (!/no such image/i.test(result.stderr)) failures.push(result.stderr.trim());
  }
  if (failures.length > 0) {
    throw new Problem(
      failures.join('\n'),
      'Stop what uses these images (`docker ps -a`), then run this again.',
    );
  }
  return removed;
}
