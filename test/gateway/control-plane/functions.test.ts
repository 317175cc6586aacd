import { expect } from 'chai';
import {
  basic,
  CREDENTIALS,
  type RunningControlPlane,
  startControlPlane,
} from '../../support/control-plane.ts';

const echo = { service: 'echo', image: 'docker.io/functions/alpine:latest' };

describe('/system/functions', () => {
  let control: RunningControlPlane;

  beforeEach(async () => {
    control = await startControlPlane();
  });

  afterEach(() => control.close());

  const refusal = async (response: Response): Promise<[number, string | null, string]> => [
    response.status,
    response.headers.get('x-skep-error'),
    await response.text(),
  ];

  it('deploys, reads, scales, updates and removes a function', async () => {
    const sent = { ...echo, envProcess: 'cat', labels: null, envVars: { A: '1' }, secrets: ['key'] };
    expect((await control.call('POST', '/system/functions', sent)).status).to.equal(202);
    const read = (await (await control.call('GET', '/system/function/echo')).json()) as Record<
      string,
      unknown
    >;
    expect(read).to.include({
      name: 'echo',
      namespace: 'openfaas-fn',
      image: echo.image,
      envProcess: 'cat',
      replicas: 1,
    });
    expect(read['envVars']).to.deep.equal({ A: '1' });
    expect(read['labels']).to.deep.equal({ faas_function: 'echo' });
    expect(read['annotations']).to.deep.equal({});

    expect((await control.call('POST', '/system/scale-function/echo', { replicas: 3 })).status).to.equal(202);
    const update = { ...echo, image: 'next:2' };
    expect((await control.call('PUT', '/system/functions', update)).status).to.equal(202);
    const list = (await (await control.call('GET', '/system/functions')).json()) as Record<string, unknown>[];
    expect(list.map(({ name, image, replicas }) => [name, image, replicas])).to.deep.equal([
      ['echo', 'next:2', 3],
    ]);

    expect((await control.call('DELETE', '/system/functions', { functionName: 'echo' })).status).to.equal(
      202,
    );
    expect((await control.call('GET', '/system/function/echo')).status).to.equal(404);
    expect(await (await control.call('GET', '/system/functions')).json()).to.deep.equal([]);
  });

  it('accepts with an empty body', async () => {
    const response = await control.call('POST', '/system/functions', echo);
    expect(await response.text()).to.equal('');
  });

  it('keeps namespaces apart, however they are named', async () => {
    await control.call('POST', '/system/namespace/', { name: 'dev' });
    await control.call('POST', '/system/functions', { ...echo, namespace: 'dev' });
    for (const path of ['/system/function/echo.dev', '/system/function/echo?namespace=dev']) {
      expect((await control.call('GET', path)).status, path).to.equal(200);
    }
    expect((await control.call('GET', '/system/function/echo')).status).to.equal(404);
    expect(await (await control.call('GET', '/system/functions')).json()).to.deep.equal([]);
    expect(await (await control.call('GET', '/system/functions?namespace=dev')).json()).to.have.length(1);
    expect(await (await control.call('GET', '/system/namespaces')).json()).to.deep.equal([
      'dev',
      'openfaas-fn',
    ]);
    const scale = { serviceName: 'echo', namespace: 'dev', replicas: 0 };
    expect((await control.call('POST', '/system/scale-function/echo', scale)).status).to.equal(202);
    const remove = { functionName: 'echo', namespace: 'dev' };
    expect((await control.call('DELETE', '/system/functions', remove)).status).to.equal(202);
  });

  it('refuses two namespaces in one request', async () => {
    const response = await control.call('GET', '/system/function/echo.dev?namespace=prod');
    expect(await refusal(response)).to.deep.equal([
      400,
      'invalid_request',
      'namespace: dev and prod are both named: which one is meant?\n',
    ]);
  });

  const bad: readonly [string, string, string, unknown, number, string][] = [
    ['broken JSON', 'POST', '/system/functions', '{"service":', 400, 'invalid_request'],
    ['an empty body', 'POST', '/system/functions', '', 400, 'invalid_request'],
    ['a list', 'PUT', '/system/functions', [], 400, 'invalid_request'],
    ['an invalid name', 'POST', '/system/functions', { ...echo, service: 'No_Name' }, 400, 'invalid_request'],
    ['a missing image', 'POST', '/system/functions', { service: 'echo' }, 400, 'invalid_request'],
    [
      'an unknown secret',
      'POST',
      '/system/functions',
      { ...echo, secrets: ['nope'] },
      400,
      'invalid_request',
    ],
    ['an update of what is not there', 'PUT', '/system/functions', echo, 404, 'function_not_found'],
    [
      'a removal of what is not there',
      'DELETE',
      '/system/functions',
      { functionName: 'x' },
      404,
      'function_not_found',
    ],
    ['a removal of nothing', 'DELETE', '/system/functions', {}, 400, 'invalid_request'],
    ['a removal without a body', 'DELETE', '/system/functions', undefined, 400, 'invalid_request'],
    [
      'scaling what is not there',
      'POST',
      '/system/scale-function/x',
      { replicas: 1 },
      404,
      'function_not_found',
    ],
    ['scaling to nonsense', 'POST', '/system/scale-function/x', { replicas: 'all' }, 400, 'invalid_request'],
    ['scaling to nothing in particular', 'POST', '/system/scale-function/x', {}, 400, 'invalid_request'],
    ['an unknown function', 'GET', '/system/function/x', undefined, 404, 'function_not_found'],
    ['a name that cannot be', 'GET', '/system/function/%2e%2e%2fetc', undefined, 404, 'function_not_found'],
    ['a broken escape', 'GET', '/system/function/%zz', undefined, 404, 'function_not_found'],
    [
      'a namespace that cannot be',
      'GET',
      '/system/functions?namespace=A%20B',
      undefined,
      400,
      'invalid_request',
    ],
    ['an unknown route', 'GET', '/system/nothing', undefined, 404, 'route_not_found'],
    ['a path with a slash too many', 'GET', '/system/functions/', undefined, 404, 'route_not_found'],
    ['a wrong verb', 'PATCH', '/system/functions', echo, 405, 'method_not_allowed'],
  ];
  for (const [what, method, path, body, status, code] of bad) {
    it(`answers ${what} with ${status} ${code} and a sentence`, async () => {
      const response = await control.call(method, path, body);
      expect(response.headers.get('content-type')).to.equal('text/plain; charset=utf-8');
      const [gotStatus, gotCode, text] = await refusal(response);
      expect([gotStatus, gotCode]).to.deep.equal([status, code]);
      expect(text).to.have.length.greaterThan(10);
    });
  }

  it('tells a wrong verb the right ones', async () => {
    const { headers } = await control.call('PATCH', '/system/functions', echo);
    expect(headers.get('allow')).to.equal('HEAD, GET, POST, PUT, DELETE');
  });

  it('answers 409 to a second POST and says what to do', async () => {
    await control.call('POST', '/system/functions', echo);
    const [status, code, text] = await refusal(await control.call('POST', '/system/functions', echo));
    expect([status, code]).to.deep.equal([409, 'function_exists']);
    expect(text).to.contain('PUT');
  });

  it('answers a body over 1 MiB with 413, announced or not', async () => {
    const body = JSON.stringify({ ...echo, envVars: { A: 'x'.repeat(1024 * 1024) } });
    expect((await control.call('POST', '/system/functions', body)).status).to.equal(413);
    const stream = new ReadableStream({
      start(controller) {
        for (let sent = 0; sent < 20; sent++) controller.enqueue(new Uint8Array(64 * 1024).fill(32));
        controller.close();
      },
    });
    const streamed = await fetch(`${control.url}/system/functions`, {
      method: 'POST',
      headers: { authorization: basic(CREDENTIALS.username, CREDENTIALS.password) },
      body: stream,
    });
    expect(streamed.status).to.equal(413);
    expect((await control.call('GET', '/system/functions')).status).to.equal(200);
  });

  it('survives deep JSON', async () => {
    const deep = `${'{"service":'.repeat(60_000)}1${'}'.repeat(60_000)}`;
    expect((await control.call('POST', '/system/functions', deep)).status).to.equal(400);
  });

  it('says that the cluster is down, keeps its state, and works again after', async () => {
    await control.call('POST', '/system/functions', echo);
    control.provider.cluster.goDown('the engine does not answer');
    for (const [method, path, body] of [
      ['GET', '/system/functions', undefined],
      ['GET', '/system/function/echo', undefined],
      ['GET', '/system/info', undefined],
      ['GET', '/system/namespaces', undefined],
      ['POST', '/system/functions', echo],
      ['PUT', '/system/functions', echo],
      ['DELETE', '/system/functions', { functionName: 'echo' }],
      ['POST', '/system/scale-function/echo', { replicas: 2 }],
    ] as const) {
      expect(await refusal(await control.call(method, path, body)), `${method} ${path}`).to.deep.equal([
        503,
        'provider_unavailable',
        'the engine does not answer\n',
      ]);
    }
    expect((await fetch(`${control.url}/healthz`)).status).to.equal(200);
    control.provider.cluster.comeBack();
    expect((await control.call('GET', '/system/function/echo')).status).to.equal(200);
  });

  it('keeps what it did not expect to itself and to the log', async () => {
    control.provider.cluster.beforeCall = () => {
      throw new Error('secret internals');
    };
    const response = await control.call('POST', '/system/functions', echo, { 'x-call-id': 'call-7' });
    const [status, code, text] = await refusal(response);
    expect([status, code]).to.deep.equal([500, 'internal_error']);
    expect(text).to.contain('call-7').and.not.contain('internals');
    expect(control.lines.join('')).to.contain('secret internals').and.contain('call-7');
  });

  it('writes neither passwords nor bodies to the log', async () => {
    control.provider.cluster.goDown();
    const registryAuth = Buffer.from('user:hunter2').toString('base64');
    await control.call('POST', '/system/functions', { ...echo, registryAuth, envVars: { TOKEN: 'sesame' } });
    expect(control.lines.join(''))
      .to.not.match(/hunter2|sesame|Authorization|wörd/i)
      .and.not.contain(registryAuth);
  });

  it('gives every answer a call id, the given one where it is sane', async () => {
    const given = await control.call('GET', '/system/info', undefined, { 'x-call-id': 'abc' });
    expect(given.headers.get('x-call-id')).to.equal('abc');
    const strange = await control.call('GET', '/system/nothing', undefined, { 'x-call-id': 'x'.repeat(500) });
    expect(strange.headers.get('x-call-id')).to.match(/^[0-9a-f-]{36}$/);
  });

  it('reports its requests by route, not by path', async () => {
    await control.call('GET', '/system/function/one');
    await control.call('GET', '/made/up/path');
    expect(control.requests.map(({ path, status }) => [path, status])).to.deep.equal([
      ['/system/function/:name', 404],
      ['other', 404],
    ]);
  });
});

describe('invocation counts in the list', () => {
  let control: RunningControlPlane;

  afterEach(() => control.close());

  it('are merged by name and namespace, and left out at zero', async () => {
    const counts = new Map([
      ['echo.openfaas-fn', 7],
      ['echo', 99],
      ['quiet.openfaas-fn', 0],
    ]);
    control = await startControlPlane({ counts: { read: async () => counts } });
    await control.call('POST', '/system/functions', echo);
    await control.call('POST', '/system/functions', { ...echo, service: 'quiet' });
    const list = (await (await control.call('GET', '/system/functions')).json()) as Record<string, unknown>[];
    expect(list.map(({ name, invocationCount }) => [name, invocationCount])).to.deep.equal([
      ['echo', 7],
      ['quiet', undefined],
    ]);
  });

  it('do not keep the list back when they can not be read', async () => {
    control = await startControlPlane({ counts: { read: () => Promise.reject(new Error('refused')) } });
    await control.call('POST', '/system/functions', echo);
    const response = await control.call('GET', '/system/functions');
    expect([response.status, ((await response.json()) as unknown[]).length]).to.deep.equal([200, 1]);
    expect(control.lines.join('')).to.contain('refused');
  });
});
