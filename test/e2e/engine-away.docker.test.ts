import { dirname } from 'node:path';
import { expect } from 'chai';
import type Docker from 'dockerode';
import { connectEngine } from '../../gateway/swarm/connect-engine.ts';
import { type EngineProxy, openEngineProxy } from '../support/engine-proxy.ts';
import { freePort } from '../support/free-port.ts';
import { openPlatform, type Platform, until } from '../support/platform.ts';

const GATEWAY = 'e2e-away-gateway';
const FUNCTION = 'e2e-away-fn';
/** Of a change: 20 s until its turn comes, 20 s for the engine's answer. */
const LONGEST_MS = 45_000;

/** A gateway of its own in the swarm, which reaches the engine by way of a socket that fails when it is told to. */
describe('a gateway whose engine goes away', function () {
  this.timeout(120_000);
  const docker: Docker = connectEngine();
  let platform: Platform;
  let proxy: EngineProxy;
  let url: string;

  before(async () => {
    platform = await openPlatform();
    proxy = await openEngineProxy();
    const port = freePort();
    url = `http://127.0.0.1:${port}`;
    await docker.createService(
      {},
      {
        Name: GATEWAY,
        TaskTemplate: {
          ContainerSpec: {
            Image: await gatewayImage(),
            Env: [
              'basic_auth=false',
              'functions_network=skep-functions',
              // The platform's own gateway scales what is in the swarm.
              'autoscaler=false',
              'DOCKER_HOST=unix:///engine/docker.sock',
            ],
            // The folder, not the socket in it, which is made anew.
            Mounts: [{ Type: 'bind', Source: dirname(proxy.socketPath), Target: '/engine' }],
          },
          Networks: [{ Target: 'skep-functions' }],
        },
        EndpointSpec: {
          Mode: 'dnsrr',
          Ports: [{ Protocol: 'tcp', TargetPort: 8080, PublishedPort: port, PublishMode: 'host' }],
        },
      },
    );
    await until('the gateway', async () => (await statusOf(fetch(`${url}/healthz`))) === 200);
  });
  after(async () => {
    await docker.getService(GATEWAY).remove();
    await proxy?.close();
  });
  beforeEach(async () => {
    expect((await api('POST', '/system/functions', await deployment())).status).to.equal(202);
    expect(await call()).to.equal(200);
  });
  afterEach(async () => {
    await proxy.mend();
    await api('DELETE', '/system/functions', { functionName: FUNCTION });
  });

  const gatewayImage = async (): Promise<string> => {
    const given = process.env['SKEP_GATEWAY_IMAGE'];
    if (given !== undefined) return given;
    const { Spec } = await docker.getService('skep_gateway').inspect();
    return Spec.TaskTemplate.ContainerSpec.Image;
  };
  const deployment = async (envVars = {}) => ({
    service: FUNCTION,
    image: await platform.exampleImage(),
    envVars,
  });
  const statusOf = (answer: Promise<Response>): Promise<number | undefined> =>
    answer.then(
      ({ status }) => status,
      () => undefined,
    );
  const call = (name = FUNCTION): Promise<number | undefined> =>
    statusOf(fetch(`${url}/function/${name}`, { method: 'POST', body: 'hi' }));
  const api = async (method: string, path: string, json?: unknown) => {
    const answer = await fetch(url + path, {
      method,
      ...(json !== undefined && { body: JSON.stringify(json) }),
    });
    return {
      status: answer.status,
      code: answer.headers.get('x-skep-error'),
      text: await answer.text(),
    };
  };
  const requests = async (): Promise<[string, string, unknown?][]> => [
    ['GET', '/system/functions'],
    ['GET', `/system/function/${FUNCTION}`],
    ['POST', '/system/functions', { ...(await deployment()), service: `${FUNCTION}-2` }],
    ['PUT', '/system/functions', await deployment({ a: '1' })],
    ['POST', `/system/scale-function/${FUNCTION}`, { replicas: 2 }],
    ['DELETE', '/system/functions', { functionName: FUNCTION }],
    ['GET', '/system/secrets'],
    ['POST', '/system/secrets', { name: 'e2e-away', value: 'x' }],
    ['PUT', '/system/secrets', { name: 'e2e-away', value: 'x' }],
    ['DELETE', '/system/secrets', { name: 'e2e-away' }],
    ['GET', '/system/namespaces'],
    ['POST', '/system/namespace/', { name: 'e2e-away' }],
    ['PUT', '/system/namespace/e2e-away', {}],
    ['DELETE', '/system/namespace/e2e-away'],
    ['GET', `/system/logs?name=${FUNCTION}`],
  ];
  const versionOf = async (): Promise<number> => (await docker.getService(FUNCTION).inspect()).Version.Index;

  /** Every request of the API is answered 503 with the reason, and nothing has happened. */
  const refusesAll = async (): Promise<void> => {
    const before = await versionOf();
    const answers = await Promise.all(
      (await requests()).map(async (request) => ({ request, ...(await api(...request)) })),
    );
    for (const { request, status, code, text } of answers) {
      const [method, path] = request;
      expect([status, code], `${method} ${path}: ${text}`).to.deep.equal([503, 'provider_unavailable']);
      expect(text, `${method} ${path}`).to.match(/^(?:the Docker engine|another change of) [^\n]{10,600}\n$/);
    }
    expect(await versionOf()).to.equal(before);
  };
  /** Calls go where the last known table says, and health is the gateway's own. */
  const servesCalls = async (): Promise<void> => {
    for (let count = 0; count < 20; count++) expect(await call()).to.equal(200);
    expect(await call('e2e-away-unknown')).to.equal(404);
    expect(await statusOf(fetch(`${url}/healthz`))).to.equal(200);
  };
  const worksAgain = async (): Promise<void> => {
    await proxy.mend();
    const read = await api('GET', `/system/function/${FUNCTION}`);
    expect([read.status, JSON.parse(read.text).name]).to.deep.equal([200, FUNCTION]);
    expect((await api('PUT', '/system/functions', await deployment({ a: '2' }))).status).to.equal(202);
    expect(await call()).to.equal(200);
  };

  it('answers 503 with the reason while nobody listens, serves calls on, and works again without a restart', async () => {
    proxy.refuse();
    await refusesAll();
    await servesCalls();
    await worksAgain();
  });

  it('does so while something else answers in the engine’s place', async () => {
    for (const mishap of ['garbage_200', 'garbage_500', 'hung_up', 'no_http'] as const) {
      proxy.befall(mishap);
      await refusesAll();
      await servesCalls();
    }
    await worksAgain();
  });

  it('does so while the engine takes requests and never answers, within the limit of a call', async () => {
    proxy.befall('silent');
    const refused = refusesAll();
    await servesCalls();
    await Promise.race([
      refused,
      new Promise((_, reject) =>
        setTimeout(() => reject(new Error('some request has no answer yet')), LONGEST_MS).unref(),
      ),
    ]);
    await servesCalls();
    await worksAgain();
  });

  it('tells the truth of a create whose answer was lost', async () => {
    await api('DELETE', '/system/functions', { functionName: FUNCTION });
    proxy.befall('answer_lost', ({ method }) => method === 'POST');
    const lost = await api('POST', '/system/functions', await deployment());
    expect([lost.status, lost.code]).to.deep.equal([503, 'provider_unavailable']);
    expect(lost.text).to.include('may have been done');
    await proxy.mend();
    const again = await api('POST', '/system/functions', await deployment());
    expect([again.status, again.code]).to.deep.equal([409, 'function_exists']);
    await until('the function to be known', async () => (await call()) === 200);
  });

  it('is the same gateway after all that', async () => {
    const filters = JSON.stringify({ service: [GATEWAY] });
    expect((await docker.listTasks({ filters })).length).to.equal(1);
  });
});
