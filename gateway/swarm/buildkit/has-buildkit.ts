import type { IncomingMessage } from 'node:http';
import type Docker from 'dockerode';
import type { Engine } from '../engine.ts';

const cache = new WeakMap<Engine, Promise<boolean>>();

/** Whether the engine builds with BuildKit, as it tells in its answer to a ping. @throws {FaasError} `provider_unavailable` */
export function hasBuildKit(engine: Engine): Promise<boolean> {
  const known = cache.get(engine);
  if (known !== undefined) return known;
  const asked = engine.ask('ping', async (docker) => (await ping(docker)).headers['builder-version'] === '2');
  cache.set(engine, asked);
  asked.catch(() => cache.delete(engine));
  return asked;
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
