import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

const GATEWAY = process.env['OPENFAAS_URL'] ?? 'http://127.0.0.1:8080';

/** The running platform (`npm run up`), seen as an administrator. */
export interface Platform {
  readonly url: string;
  /** Value of the `Authorization` header. */
  readonly authorization: string;
  /** @param path e.g. `/system/functions` */
  request(path: string, init?: { method?: string; json?: unknown }): Promise<Response>;
  /** Image of a function that `up` deployed: it is on this node. */
  exampleImage(): Promise<string>;
}

/** @throws {Error} when no platform runs here */
export async function openPlatform(): Promise<Platform> {
  const home = process.env['SKEP_HOME'] ?? join(homedir(), '.skep');
  const password = readFileSync(join(home, 'admin-password'), 'utf8').trim();
  const authorization = `Basic ${Buffer.from(`admin:${password}`).toString('base64')}`;
  const request: Platform['request'] = (path, { method = 'GET', json } = {}) =>
    fetch(`${GATEWAY}${path}`, {
      method,
      headers: { authorization, 'content-type': 'application/json' },
      ...(json === undefined ? {} : { body: JSON.stringify(json) }),
      signal: AbortSignal.timeout(60_000),
    });
  const health = await fetch(`${GATEWAY}/healthz`).catch(() => undefined);
  if (health?.status !== 200) throw new Error(`no platform answers on ${GATEWAY}: npm run up`);
  return {
    url: GATEWAY,
    authorization,
    request,
    exampleImage: async () => {
      const functions = (await (await request('/system/functions')).json()) as {
        name: string;
        image: string;
      }[];
      const example = functions.find(({ name }) => name === 'hello-ts');
      if (example === undefined) throw new Error('the example function hello-ts is not deployed: npm run up');
      return example.image;
    },
  };
}

/** Repeats `check` until it is true. @throws {Error} after `withinMs` */
export async function until(what: string, check: () => Promise<boolean>, withinMs = 60_000): Promise<void> {
  const deadline = Date.now() + withinMs;
  while (!(await check())) {
    if (Date.now() > deadline) throw new Error(`${what}: not within ${withinMs / 1000} s`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Deploys the example's image with these fields, as a new function. @throws {Error} what the gateway says */
export async function deployExample(platform: Platform, service: string, fields: object = {}): Promise<void> {
  const json = { service, image: await platform.exampleImage(), ...fields };
  const answer = await platform.request('/system/functions', { method: 'POST', json });
  if (answer.status !== 202) throw new Error(`deploying ${service}: ${answer.status} ${await answer.text()}`);
}

/** Resolves when there is no such function, whether or not there was one. */
export async function removeFunction(platform: Pick<Platform, 'request'>, name: string): Promise<void> {
  const json = { functionName: name };
  const answer = await platform.request('/system/functions', { method: 'DELETE', json });
  if (answer.status !== 202 && answer.status !== 404)
    throw new Error(`removing ${name}: ${answer.status} ${await answer.text()}`);
  const path = `/system/function/${name}`;
  await until(`the end of ${name}`, async () => (await platform.request(path)).status === 404);
}
