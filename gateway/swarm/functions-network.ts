import { FaasError } from '../errors.ts';
import type { Engine } from './engine.ts';

const LABEL = 'openfaas=true';

/**
 * Id of the overlay network that functions are attached to: the one of this name, or else the only one labelled `openfaas=true`.
 * @throws {FaasError} `provider_unavailable` with the command that makes it
 */
export async function findFunctionsNetwork(
  engine: Engine,
  name: string,
): Promise<{ id: string; name: string }> {
  const list = (filters: Record<string, string[]>) =>
    engine.ask('list networks', (docker, abortSignal) =>
      docker.listNetworks({ filters: JSON.stringify({ ...filters, scope: ['swarm'] }), abortSignal }),
    );
  // The engine's name filter also finds names that merely contain this one.
  const named = (await list({ name: [name] })).find((network) => network.Name === name);
  if (named !== undefined) return { id: named.Id, name };
  const [labelled, another] = await list({ label: [LABEL] });
  if (labelled === undefined || another !== undefined) {
    throw new FaasError(
      'provider_unavailable',
      `the functions' network ${name} does not exist: create it with \`docker network create --driver overlay --attachable --subnet 10.62.0.0/16 --label ${LABEL} ${name}\``,
    );
  }
  return { id: labelled.Id, name: labelled.Name };
}
