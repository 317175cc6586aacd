import { expect } from 'chai';
import { OpenApiJudge } from '../support/openapi-answers.ts';
import { openPlatform, type Platform, removeFunction, until } from '../support/platform.ts';

const NAME = 'openapi-full';
const ONE_TRY = { 'com.openfaas.retry.attempts': '0' };

/** What the fake cluster of the unit tests cannot show: how a function comes back from a real one. */
describe('the running platform answers as its OpenAPI document says', function () {
  this.timeout(120_000);
  const judge = new OpenApiJudge();
  let platform: Platform;

  before(async () => {
    platform = await openPlatform();
    await removeFunction(platform, NAME);
  });
  after(async () => {
    await removeFunction(platform, NAME);
    await platform.request('/system/secrets', { method: 'DELETE', json: { name: NAME } });
  });

  /** One request, whose answer must be as the document says. */
  const ask = async (status: number, method: string, path: string, json?: unknown): Promise<string> => {
    const response = await platform.request(path, { method, ...(json !== undefined && { json }) });
    expect(response.status, `${method} ${path}`).to.equal(status);
    return judge.check(method, path, response);
  };

  it('is the document of this very gateway', async () => {
    const served = JSON.parse(await ask(200, 'GET', '/system/openapi.json'));
    expect(served.paths).to.deep.equal(JSON.parse(JSON.stringify(judge.document.paths)));
  });

  it('a function with every field, from its deployment to its end', async () => {
    await ask(201, 'POST', '/system/secrets', { name: NAME, value: 'v' });
    const deployment = {
      service: NAME,
      image: await platform.exampleImage(),
      envVars: { exec_timeout: '10s' },
      constraints: ['node.platform.os == linux'],
      secrets: [NAME],
      labels: { 'com.openfaas.scale.max': '2' },
      annotations: { team: 'docs' },
      limits: { memory: '128Mi', cpu: '0.5' },
      requests: { memory: '16Mi' },
      readOnlyRootFilesystem: true,
    };
    await ask(202, 'POST', '/system/functions', deployment);
    await ask(409, 'POST', '/system/functions', deployment);
    await ask(409, 'DELETE', '/system/secrets', { name: NAME });
    await ask(200, 'GET', `/system/function/${NAME}`);
    await until('a replica', async () =>
      (await ask(200, 'GET', `/system/function/${NAME}?usage=1`)).includes('"availableReplicas":1'),
    );
    await ask(202, 'PUT', '/system/functions', deployment);
    await ask(202, 'POST', `/system/scale-function/${NAME}`, { replicas: 0 });
    await ask(200, 'GET', '/system/functions?usage=1');
    await ask(200, 'GET', `/system/logs?name=${NAME}`);
    await ask(202, 'DELETE', '/system/functions', { functionName: NAME });
    await ask(404, 'GET', `/system/function/${NAME}`);
  });

  it('asynchronous calls: one that runs, one that is cancelled, one that dies and is sent again', async () => {
    const deployment = { service: NAME, image: await platform.exampleImage(), annotations: { ...ONE_TRY } };
    await ask(202, 'POST', '/system/functions', deployment);
    const accept = async (headers: Record<string, string> = {}): Promise<string> => {
      const path = `/async-function/${NAME}`;
      const response = await fetch(platform.url + path, { method: 'POST', body: 'hi', headers });
      expect(response.status).to.equal(202);
      await judge.check('POST', path, response);
      return response.headers.get('x-call-id') ?? '';
    };
    const statusOf = async (id: string): Promise<string> =>
      JSON.parse(await ask(200, 'GET', `/system/calls/${id}?wait=50s`)).status;

    const runs = await accept();
    expect(await statusOf(runs)).to.equal('succeeded');
    const result = await platform.request(`/system/calls/${runs}/result`, { method: 'GET' });
    expect(result.headers.get('x-skep-call-status')).to.equal('succeeded');
    expect(await result.text()).to.contain('hi');

    const waits = await accept({ 'X-Skep-Delay': '1h' });
    await ask(409, 'GET', `/system/calls/${waits}/result`);
    await ask(202, 'DELETE', `/async-function/${waits}`);
    await ask(202, 'DELETE', `/async-function/${waits}`);
    await ask(409, 'DELETE', `/async-function/${runs}`);
    await ask(404, 'GET', `/system/calls/${waits}/result`);
    await ask(200, 'GET', `/system/calls?function=${NAME}&limit=1`);

    const dies = await accept({ 'X-Skep-Delay': '3s' });
    await ask(202, 'DELETE', '/system/functions', { functionName: NAME });
    expect(await statusOf(dies)).to.equal('dead');
    await ask(200, 'GET', `/system/dead-letters/${dies}`);
    await ask(200, 'GET', `/system/dead-letters?function=${NAME}`);
    await ask(202, 'POST', '/system/functions', deployment);
    expect(JSON.parse(await ask(202, 'POST', `/system/dead-letters/${dies}/redrive`))).to.deep.equal({
      redriven: 1,
    });
    expect(await statusOf(dies)).to.equal('succeeded');
    await ask(404, 'POST', `/system/dead-letters/${dies}/redrive`);
    await ask(200, 'DELETE', `/system/dead-letters?function=${NAME}`);
    await ask(202, 'DELETE', '/system/functions', { functionName: NAME });
  });

  it('namespaces, secrets, info and health', async () => {
    await ask(200, 'GET', '/system/namespaces');
    await ask(200, 'GET', '/system/namespace/openfaas-fn');
    await ask(200, 'GET', '/system/secrets');
    await ask(200, 'GET', '/system/info');
    const health = JSON.parse(await ask(200, 'GET', '/system/health'));
    expect(health.status, JSON.stringify(health)).to.equal('ok');
    expect(health.checks).to.have.all.keys(
      'engine',
      'swarm',
      'workers',
      'nats',
      'queue_workers',
      'prometheus',
    );
  });

  it('a call of a function, and of one that there is not', async () => {
    const response = await platform.request('/function/no-such-function');
    expect(response.status).to.equal(404);
    await judge.check('GET', '/function/no-such-function', response);
  });
});
