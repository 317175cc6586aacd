import type { IncomingMessage } from 'node:http';
import type Docker from 'dockerode';
import type { Engine } from '../engine.ts';

/** What to do about it. */
export const NO_BUILDKIT =
  'The engine of this gateway builds with its classic builder: {"features": {"buildkit": true}} in its daemon.json, reloaded, switches BuildKit on (from Docker 23 on it is)';

/** Whether the engine builds with BuildKit now, as it tells in its answer to a ping. @throws {FaasError} `provider_unavailable` */
export function hasBuildKit(engine: Engine): Promise<boolean> {
  return engine.ask('ping', async (docker) => (await ping(docker)).headers['builder-version'] === '2');
}

/** dockerode's own ping gives the body, and the answer is in the head. */
function ping(docker: Docker): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const options = { path: '/_ping', method: 'GET', isStream: true, statusCodes: { 200: true } };
    docker.modem.dial(options, (error: unknown, answer: unknown) => {
      if (error) {
        reject(error as Error);
        return;
      }
      const response = answer as IncomingMessage;
      response.resume();
      resolve(response);
    });
  });
}
