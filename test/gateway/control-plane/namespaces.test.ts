import { expect } from 'chai';
import { type RunningControlPlane, startControlPlane } from '../../support/control-plane.ts';

describe('/system/namespaces', () => {
  let control: RunningControlPlane;
  beforeEach(async () => {
    control = await startControlPlane();
  });
  afterEach(() => control.close());

  const send = async (method: string, path: string, body?: unknown) => {
    const response = await control.call(method, path, body);
    return {
      status: response.status,
      code: response.headers.get('x-skep-error'),
      text: await response.text(),
    };
  };
  const names = async () => JSON.parse((await send('GET', '/system/namespaces')).text) as unknown;
  const read = async (name: string) =>
    JSON.parse((await send('GET', `/system/namespace/${name}`)).text) as unknown;
  const deploy = (changes: object = {}) =>
    send('POST', '/system/functions', { service: 'echo', image: 'i', namespace: 'dev', ...changes });

  it('always has the default one, with the mark that says functions may live there', async () => {
    expect(await names()).to.deep.equal(['openfaas-fn']);
    expect(await read('openfaas-fn')).to.deep.equal({
      name: 'openfaas-fn',
      labels: {},
      annotations: { openfaas: '1' },
    });
  });

  it('creates, lists, reads, updates and deletes one', async () => {
    const dev = {
      name: 'dev',
      labels: { team: 'a', openfaas: '1' },
      annotations: { openfaas: '1', text: 'x\ny' },
    };
    expect(await send('POST', '/system/namespace/', dev)).to.deep.equal({
      status: 201,
      code: null,
      text: '',
    });
    expect(await names()).to.deep.equal(['dev', 'openfaas-fn']);
    expect(await read('dev')).to.deep.equal(dev);
    const next = { name: 'dev', labels: { tier: '2' }, annotations: { openfaas: '1' } };
    expect((await send('PUT', '/system/namespace/dev', next)).status).to.equal(202);
    expect(await read('dev')).to.deep.equal(next);
    const sent = { name: 'dev', labels: { openfaas: '1' } };
    expect(await send('DELETE', '/system/namespace/dev', sent)).to.deep.equal({
      status: 202,
      code: null,
      text: '',
    });
    expect(await names()).to.deep.equal(['openfaas-fn']);
    expect((await send('GET', '/system/namespace/dev')).code).to.equal('namespace_not_found');
  });

  it('takes the name from the path alone, with no body at all', async () => {
    expect((await send('POST', '/system/namespace/dev')).status).to.equal(201);
    expect(await read('dev')).to.deep.equal({ name: 'dev', labels: {}, annotations: { openfaas: '1' } });
    expect((await send('DELETE', '/system/namespace/dev')).status).to.equal(202);
  });

  it('adds the mark where neither labels nor annotations have it', async () => {
    await send('POST', '/system/namespace/', { name: 'dev', annotations: null });
    expect(await read('dev')).to.deep.include({ annotations: { openfaas: '1' } });
    await send('PUT', '/system/namespace/dev', { labels: { openfaas: '1' } });
    expect(await read('dev')).to.deep.equal({ name: 'dev', labels: { openfaas: '1' }, annotations: {} });
  });

  it('answers 409 to a second one of one name, the default one included', async () => {
    await send('POST', '/system/namespace/', { name: 'dev' });
    for (const name of ['dev', 'openfaas-fn']) {
      const { status, code } = await send('POST', '/system/namespace/', { name });
      expect([status, code]).to.deep.equal([409, 'namespace_exists']);
    }
  });

  it('answers 404 to reading, updating or deleting what is not there', async () => {
    for (const method of ['GET', 'PUT', 'DELETE']) {
      const { status, code } = await send(
        method,
        '/system/namespace/nope',
        method === 'PUT' ? {} : undefined,
      );
      expect([status, code], method).to.deep.equal([404, 'namespace_not_found']);
    }
  });

  it('updates the default one, and one that exists by its functions alone', async () => {
    await control.provider.create({ service: 'old', image: 'i', namespace: 'legacy' });
    expect(await names()).to.deep.equal(['legacy', 'openfaas-fn']);
    for (const name of ['legacy', 'openfaas-fn']) {
      expect((await send('PUT', `/system/namespace/${name}`, { labels: { a: 'b' } })).status).to.equal(202);
      expect(await read(name)).to.deep.equal({ name, labels: { a: 'b' }, annotations: { openfaas: '1' } });
    }
    await control.provider.remove({ name: 'old', namespace: 'legacy' });
    expect(await names()).to.deep.equal(['legacy', 'openfaas-fn']);
  });

  for (const [what, path, body, field] of [
    ['no name', '', {}, 'name'],
    ['an upper-case name', '', { name: 'Dev' }, 'name'],
    ['a name with a dot', '', { name: 'a.b' }, 'name'],
    ['a name of 64 characters', '', { name: 'a'.repeat(64) }, 'name'],
    ['a name that is no text', '', { name: 7 }, 'name'],
    ['a reserved name', '', { name: 'kube-system' }, 'reserved'],
    ['the name of the platform', '', { name: 'skep' }, 'reserved'],
    ['another name in the path', 'a', { name: 'b' }, 'path'],
    ['labels that are no map', '', { name: 'a', labels: ['x'] }, 'labels'],
    ['a label that is no text', '', { name: 'a', labels: { x: 1 } }, 'labels.x'],
    [
      'a label of the platform',
      '',
      { name: 'a', labels: { 'skep.namespace': 'b' } },
      'labels: skep.namespace',
    ],
    [
      'the mark with another value',
      '',
      { name: 'a', annotations: { openfaas: '0' } },
      'annotations.openfaas',
    ],
    ['a megabyte of labels', '', { name: 'a', labels: { x: 'x'.repeat(300_000) } }, 'labels'],
    ['a list', '', [], 'body'],
    ['broken JSON', '', '{', 'JSON'],
  ] as const) {
    it(`refuses ${what}`, async () => {
      const { status, code, text } = await send('POST', `/system/namespace/${path}`, body);
      expect([status, code], text).to.deep.equal([400, 'invalid_request']);
      expect(text).to.include(field);
      expect(await names()).to.deep.equal(['openfaas-fn']);
    });
  }

  it('deploys only into a namespace that exists, and says how to make it', async () => {
    const { status, text } = await deploy();
    expect(status).to.equal(400);
    expect(text).to.include('dev does not exist').and.to.include('namespace create dev');
    expect(control.provider.cluster.calls).to.deep.equal([]);
    await send('POST', '/system/namespace/', { name: 'dev' });
    expect((await deploy()).status).to.equal(202);
    await control.provider.create({ service: 'old', image: 'i', namespace: 'legacy' });
    expect((await deploy({ namespace: 'legacy' })).status).to.equal(202);
  });

  it('does not update into one that does not exist, either', async () => {
    expect(
      (await send('PUT', '/system/functions', { service: 'echo', image: 'i', namespace: 'dev' })).status,
    ).to.equal(404);
  });

  it('deletes one that still holds something only when asked to, with all that is in it', async () => {
    await send('POST', '/system/namespace/', { name: 'dev' });
    await send('POST', '/system/secrets', { name: 'key', namespace: 'dev', value: 'x' });
    await deploy({ secrets: ['key'] });
    await send('POST', '/system/functions', { service: 'echo', image: 'i' });
    for (const query of ['', '?force=false']) {
      const { status, code, text } = await send('DELETE', `/system/namespace/dev${query}`);
      expect([status, code]).to.deep.equal([409, 'namespace_not_empty']);
      expect(text).to.include('function echo, secret key').and.to.include('force=true');
    }
    expect((await send('DELETE', '/system/namespace/dev?force=maybe')).status).to.equal(400);
    expect((await send('DELETE', '/system/namespace/dev?force=true')).status).to.equal(202);
    expect(await names()).to.deep.equal(['openfaas-fn']);
    expect((await control.provider.list()).map((fn) => fn.namespace)).to.deep.equal(['openfaas-fn']);
    expect(await control.secrets.list('dev')).to.deep.equal([]);
  });

  it('never deletes the default one', async () => {
    const { status, text } = await send('DELETE', '/system/namespace/openfaas-fn?force=true');
    expect([status, text]).to.deep.equal([
      400,
      'openfaas-fn is the default namespace: it cannot be deleted\n',
    ]);
  });
});
