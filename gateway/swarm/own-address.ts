import { hostname } from 'node:os';
import type Docker from 'dockerode';
import { FaasError } from '../errors.ts';
import { createEngine } from './engine.ts';

/**
 * The address of this very container on a network, so that a port can be opened to that network alone.
 * @throws {FaasError} `provider_unavailable` when this process is no container of the engine's, or not on the network
 */
export async function ownAddress(docker: Docker, network: string): Promise<string> {
  // Docker names a container's host after the container.
  const id = hostname();
  const container = await createEngine(docker).ask('inspect the own container', (engine, abortSignal) =>
    engine.getContainer(id).inspect({ abortSignal }),
  );
  const address = container.NetworkSettings.Networks[network]?.IPAddress;
  if (!address) {
    throw new FaasError('provider_unavailable', `this container (${id}) is not on the network ${network}`);
  }
  return address;
}
