import { setTimeout as sleep } from 'node:timers/promises';
import type { FunctionDeployment, FunctionStatus } from '../../contract/function-types.ts';
import { CliError, messageOf } from '../errors.ts';
import type { GatewayClient } from '../gateway-client.ts';
import { NoSuchFunctionError, readFunction } from '../read-function.ts';
import { seconds } from '../seconds.ts';
import type { Shell } from '../shell.ts';

const POLL_MS = 500;

type Outcome =
  | { readonly kind: 'done'; readonly available: number; readonly desired: number }
  | { readonly kind: 'failed'; readonly reason: string }
  /** `reason`: what holds it up, where that is known. */
  | { readonly kind: 'running'; readonly reason: string };

/**
 * Waits until what was deployed runs, all at once.
 * @param timeoutMs for all of them
 * @throws {CliError} naming each that failed or was not ready in time, with the cluster's own reason
 */
export async function waitForRollouts(
  shell: Shell,
  gateway: GatewayClient,
  deployments: readonly FunctionDeployment[],
  { timeoutMs }: { readonly timeoutMs: number },
): Promise<void> {
  const began = performance.now();
  const waiting = new Map(deployments.map((deployment) => [deployment, '']));
  const failures: string[] = [];
  shell.out(`Waiting for: ${deployments.map(nameOf).join(', ')}`);
  while (waiting.size > 0) {
    const isLate = performance.now() - began >= timeoutMs;
    for (const [deployment, told] of [...waiting]) {
      const name = nameOf(deployment);
      const outcome = await look(gateway, deployment);
      if (outcome.kind === 'running' && !isLate) {
        if (outcome.reason !== '' && outcome.reason !== told) shell.note(`${name}: ${outcome.reason}`);
        waiting.set(deployment, outcome.reason);
        continue;
      }
      waiting.delete(deployment);
      if (outcome.kind === 'done') {
        const { available, desired } = outcome;
        shell.out(shell.paint.green(`Ready: ${name} (${available}/${desired} replicas, ${seconds(began)})`));
      } else if (outcome.kind === 'failed') {
        failures.push(`- ${name}: ${outcome.reason}`);
      } else {
        failures.push(
          `- ${name}: not ready after ${seconds(began)}${outcome.reason && `: ${outcome.reason}`}`,
        );
      }
    }
    if (waiting.size === 0) break;
    const elapsed = Math.floor((performance.now() - began) / 1000);
    shell.status(`Waiting for ${[...waiting.keys()].map(nameOf).join(', ')}, ${elapsed} s`);
    shell.stop?.throwIfAborted();
    await sleep(POLL_MS);
  }
  if (failures.length > 0)
    throw new CliError(
      `Deployed, but not running:\n${failures.join('\n')}\nSee: skep describe NAME, skep logs NAME`,
    );
}

async function look(
  gateway: GatewayClient,
  { service, namespace = '' }: FunctionDeployment,
): Promise<Outcome> {
  let fn: Partial<FunctionStatus>;
  try {
    fn = await readFunction(gateway, service, namespace);
  } catch (error) {
    if (error instanceof NoSuchFunctionError) return { kind: 'failed', reason: 'it was removed meanwhile' };
    // A gateway that restarts may come back.
    return { kind: 'running', reason: messageOf(error).replaceAll('\n', ' ') };
  }
  const { rollout, availableReplicas: available = 0, replicas: desired = 0 } = fn;
  if (rollout?.state === 'failed') return { kind: 'failed', reason: rollout.error ?? 'no reason was given' };
  // Gateways other than ours do not tell how a roll-out fares.
  const isDone = rollout === undefined ? available > 0 || desired === 0 : rollout.state === 'done';
  return isDone ? { kind: 'done', available, desired } : { kind: 'running', reason: rollout?.error ?? '' };
}

function nameOf({ service, namespace }: FunctionDeployment): string {
  return namespace === undefined ? service : `${service}.${namespace}`;
}
