import type { NetworkInspectInfo } from 'dockerode';
import { FaasError } from '../errors.ts';
import type { Engine } from './engine.ts';

const LABEL = 'openfaas=true';
/** The platform's own stack: NATS and Prometheus on its network trust whoever reaches them. */
const PLATFORM_STACK = 'skep';
const STACK_LABEL = 'com.docker.stack.namespace';

/**
 * Id of the overlay network that functions are attached to: the one of this name, or else the only one labelled `openfaas=true`.
 * @throws {FaasError} `provider_unavailable` with the command that makes it
 */
export async function findFunctionsNetwork(
  engine: Engine,
  name: string,
): Promise<{ id: string; name: string }> {
  const named = await findByName(engine, name);
  if (named !== undefined) return { id: named.Id, name };
  const [labelled, another] = await listNetworks(engine, { label: [LABEL] });
  if (labelled === undefined || another !== undefined) {
    throw new FaasError(
      'provider_unavailable',
      `the functions' network ${name} does not exist: create it with \`docker network create --driver overlay --attachable --subnet 10.62.0.0/16 --label ${LABEL} ${name}\``,
    );
  }
  return { id: labelled.Id, name: labelled.Name };
}

/**
 * Id of the network that a deployment wants its function on beside that of the functions: a database's, say.
 * @throws {FaasError} `invalid_request` for one that does not exist in the whole swarm, or is the platform's own
 */
export async function findFurtherNetwork(
  engine: Engine,
  name: string | undefined,
): Promise<string | undefined> {
  if (name === undefined) return undefined;
  const network = await findByName(engine, name);
  if (network === undefined || network.Ingress) {
    throw new FaasError(
      'invalid_request',
      `network: there is no overlay network ${JSON.stringify(name)} in the swarm: create it with \`docker network create --driver overlay\`, or leave the field out`,
    );
  }
  if (network.Labels?.[STACK_LABEL] === PLATFORM_STACK)
    throw new FaasError('invalid_request', `network: ${name} is the platform's own: functions stay off it`);
  return network.Id;
}

async function findByName(engine: Engine, name: string): Promise<NetworkInspectInfo | undefined> {
  // The engine's name filter also finds names that merely contain this one.
  return (await listNetworks(engine, { name: [name] })).find((network) => network.Name === name);
}

function listNetworks(engine: Engine, filters: Record<string, string[]>): Promise<NetworkInspectInfo[]> {
  return engine.ask('list networks', (docker, abortSignal) =>
    docker.listNetworks({ filters: JSON.stringify({ ...filters, scope: ['swarm'] }), abortSignal }),
  );
}
