import { FaasError } from '../errors.ts';
import type { Engine } from './engine.ts';
import { findFunctionsNetwork } from './functions-network.ts';

/** Somebody waits for the answer, and nothing hangs on it: shorter than other calls. */
const LIMIT_MS = 1900;

export interface PingOptions {
  /** Longest wait for one answer of the engine where that is shorter than usual. */
  readonly callLimitMs?: number;
}

function limitOf({ callLimitMs = LIMIT_MS }: PingOptions): number {
  return Math.min(LIMIT_MS, callLimitMs);
}

/** The engine alone, in whatever state its swarm is: `Docker 20.10.24, API 1.41`. */
export async function pingEngine(engine: Engine, options: PingOptions): Promise<string> {
  const { Version, ApiVersion } = await engine.ask(
    'read the version',
    // Not in the types, but taken: dockerode's own calls have it so.
    (docker, abortSignal) =>
      (docker.version as (options: object) => ReturnType<typeof docker.version>).call(docker, {
        abortSignal,
      }),
    limitOf(options),
  );
  return `Docker ${Version}, API ${ApiVersion}`;
}

/**
 * The swarm as something to deploy to: this node manages it, it has a leader, and the functions' network is there.
 * @returns e.g. `manager, leader node-1, 3 of 3 managers reachable, network skep-functions`
 * @throws {FaasError} `provider_unavailable` with the reason
 */
export async function pingSwarm(
  engine: Engine,
  options: PingOptions & { readonly functionsNetwork: string },
): Promise<string> {
  const nodes: readonly ManagerNode[] = await engine.ask(
    'list the managers',
    (docker, abortSignal) =>
      docker.listNodes({ filters: JSON.stringify({ role: ['manager'] }), abortSignal } as object),
    limitOf(options),
  );
  const managers = nodes.filter((node) => node.ManagerStatus !== undefined);
  const leader = managers.find((node) => node.ManagerStatus?.Leader === true);
  if (leader === undefined) {
    throw new FaasError(
      'provider_unavailable',
      'the swarm has no leader at the moment: more than half of its managers must be up',
    );
  }
  const network = await findFunctionsNetwork(engine, options.functionsNetwork);
  const reachable = managers.filter((node) => node.ManagerStatus?.Reachability === 'reachable').length;
  return [
    'manager',
    `leader ${leader.Description?.Hostname ?? leader.ID}`,
    `${reachable} of ${managers.length} managers reachable`,
    `network ${network.name}`,
  ].join(', ');
}

interface ManagerNode {
  readonly ID: string;
  readonly Description?: { readonly Hostname?: string };
  readonly ManagerStatus?: { readonly Leader?: boolean; readonly Reachability?: string };
}
