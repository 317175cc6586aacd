import { expect } from 'chai';
import { type RunningControlPlane, startControlPlane } from '../../support/control-plane.ts';

const alertFor = (function_name: string, status = 'firing') => ({ status, labels: { function_name } });

describe('POST /system/alert', () => {
  let control: RunningControlPlane;

  beforeEach(async () => {
    control = await startControlPlane();
    await control.provider.create({ service: 'echo', image: 'a' });
  });

  afterEach(() => control.close());

  const send = async (body: unknown): Promise<[number, string]> => {
    const response = await control.call('POST', '/system/alert', body);
    return [response.status, await response.text()];
  };

  it('scales by each alert, and answers 200', async () => {
    expect(await send({ alerts: [alertFor('echo.openfaas-fn'), alertFor('unknown')] })).to.deep.equal([
      200,
      '',
    ]);
    expect((await control.provider.read({ name: 'echo', namespace: 'openfaas-fn' })).replicas).to.equal(5);
  });

  it('answers 400 for what is not an alert, having applied the rest', async () => {
    expect((await send('nonsense'))[0]).to.equal(400);
    expect((await send({}))[0]).to.equal(400);
    const [status, text] = await send({ alerts: [alertFor('echo'), { status: 'firing' }] });
    expect([status, text]).to.deep.equal([400, 'alerts[1].labels: expected an object, not nothing\n']);
    expect((await control.provider.read({ name: 'echo', namespace: 'openfaas-fn' })).replicas).to.equal(5);
  });

  it('answers 500 with the reasons when the cluster fails, so that it is sent again', async () => {
    control.provider.cluster.goDown('no quorum');
    expect(await send({ alerts: [alertFor('echo'), alertFor('other')] })).to.deep.equal([
      500,
      'echo: no quorum\nother: no quorum\n',
    ]);
  });

  it('takes ten thousand alerts of more than a megabyte at once', async () => {
    const alerts = Array.from({ length: 10_000 }, (_, index) => ({
      ...alertFor(index % 2 === 0 ? 'echo.openfaas-fn' : 'echo', index % 3 === 0 ? 'resolved' : 'firing'),
      annotations: { description: 'High invocation total on echo.openfaas-fn, and on others beside it' },
    }));
    expect(JSON.stringify({ alerts }).length).to.be.above(1024 * 1024);
    expect(await send({ alerts })).to.deep.equal([200, '']);
    expect((await control.provider.read({ name: 'echo', namespace: 'openfaas-fn' })).replicas).to.equal(5);
  });

  it('refuses a body beyond any notification', async () => {
    const [status] = await send({ alerts: [], filler: 'x'.repeat(9 * 1024 * 1024) });
    expect(status).to.equal(413);
  });

  it('says of thousands that failed what is wrong with the first of them', async () => {
    const [status, text] = await send({ alerts: Array.from({ length: 2000 }, () => ({})) });
    const lines = text.trimEnd().split('\n');
    expect([status, lines.length, lines.at(-1)]).to.deep.equal([400, 21, 'and 1980 more']);
  });
});

describe('what the gateway tells of itself', () => {
  let control: RunningControlPlane;

  afterEach(() => control.close());

  it('has every field that clients read from /system/info', async () => {
    control = await startControlPlane();
    const info = (await (await control.call('GET', '/system/info')).json()) as Record<string, unknown>;
    expect(info['provider']).to.deep.include({ provider: 'fake', orchestration: 'memory' });
    expect(info['version']).to.deep.equal({ release: '0.1.0', sha: 'abc' });
    expect(info['arch']).to.be.oneOf(['x86_64', 'arm64']);
  });

  it('always has the default namespace', async () => {
    control = await startControlPlane();
    expect(await (await control.call('GET', '/system/namespaces')).json()).to.deep.equal(['openfaas-fn']);
  });

  it('answers /healthz without credentials', async () => {
    control = await startControlPlane();
    const response = await fetch(`${control.url}/healthz`);
    expect([response.status, await response.text()]).to.deep.equal([200, 'OK']);
  });

  it('answers /healthz with 503 while it stops', async () => {
    control = await startControlPlane({ isHealthy: () => false });
    expect((await fetch(`${control.url}/healthz`)).status).to.equal(503);
  });

  it('says at / what it is', async () => {
    control = await startControlPlane();
    expect(await (await fetch(`${control.url}/`)).text()).to.contain('Skep 0.1.0');
  });
});

describe('GET /system/metrics', () => {
  it('answers the page of the metrics, to who has a login', async () => {
    const control = await startControlPlane();
    try {
      const response = await control.call('GET', '/system/metrics');
      expect(response.status).to.equal(200);
      expect(response.headers.get('content-type')).to.equal('text/plain; version=0.0.4; charset=utf-8');
      expect(await response.text()).to.equal('# what it counts\n');
    } finally {
      await control.close();
    }
  });
});
