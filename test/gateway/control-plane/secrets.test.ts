import { expect } from 'chai';
import { type RunningControlPlane, startControlPlane } from '../../support/control-plane.ts';

const SECRETS = '/system/secrets';
const ref = { name: 'db.password', namespace: 'openfaas-fn' };

describe('/system/secrets', () => {
  let control: RunningControlPlane;
  beforeEach(async () => {
    control = await startControlPlane();
  });
  afterEach(() => control.close());

  const send = async (method: string, body?: unknown, query = '') => {
    const response = await control.call(method, SECRETS + query, body);
    return {
      status: response.status,
      code: response.headers.get('x-skep-error'),
      text: await response.text(),
    };
  };
  const list = async (query = '') => JSON.parse((await send('GET', undefined, query)).text) as unknown;

  it('creates, lists, updates and deletes a secret, and never tells its value', async () => {
    expect(await list()).to.deep.equal([]);
    const created = await send('POST', { name: ref.name, value: 'hush-1' });
    expect(created).to.deep.equal({ status: 201, code: null, text: '' });
    expect(await list()).to.deep.equal([ref]);
    expect(await send('PUT', { ...ref, value: 'hush-2' })).to.deep.equal({
      status: 200,
      code: null,
      text: '',
    });
    expect(control.secrets.valueOf(ref)).to.equal('hush-2');
    expect(await list()).to.deep.equal([ref]);
    expect(await send('DELETE', { name: ref.name })).to.deep.equal({ status: 202, code: null, text: '' });
    expect(await list()).to.deep.equal([]);
    expect(control.lines.join()).not.to.include('hush');
  });

  it('takes bytes in rawValue, which comes before value', async () => {
    const rawValue = Buffer.from('raw\n').toString('base64');
    expect((await send('POST', { ...ref, value: 'text', rawValue })).status).to.equal(201);
    expect(control.secrets.valueOf(ref)).to.equal('raw\n');
    expect((await send('PUT', { ...ref, rawValue })).status).to.equal(200);
  });

  it('takes null for absent, as Go clients write it, and ignores what it does not know', async () => {
    expect(
      (await send('POST', { name: 'a', namespace: '', value: 'x', rawValue: null, more: 1 })).status,
    ).to.equal(201);
    expect(await list()).to.deep.equal([{ name: 'a', namespace: 'openfaas-fn' }]);
  });

  it('keeps a NUL and blanks of a value', async () => {
    await send('POST', { ...ref, value: ' a\0b\n' });
    expect(control.secrets.valueOf(ref)).to.equal(' a\0b\n');
  });

  it('answers 409 to a second secret of one name, and says how to change the first', async () => {
    await send('POST', { ...ref, value: 'x' });
    const again = await send('POST', { ...ref, value: 'y' });
    expect([again.status, again.code]).to.deep.equal([409, 'secret_exists']);
    expect(again.text).to.include('PUT');
    expect(control.secrets.valueOf(ref)).to.equal('x');
  });

  it('answers 404 to an update or deletion of what is not there', async () => {
    for (const method of ['PUT', 'DELETE']) {
      const { status, code, text } = await send(method, { ...ref, value: 'x' });
      expect([status, code], method).to.deep.equal([404, 'secret_not_found']);
      expect(text).to.include('db.password');
    }
  });

  it('refuses to delete a secret in use, and names the functions', async () => {
    await send('POST', { ...ref, value: 'x' });
    await control.call('POST', '/system/functions', { service: 'reader', image: 'i', secrets: [ref.name] });
    const refused = await send('DELETE', ref);
    expect([refused.status, refused.code]).to.deep.equal([409, 'secret_in_use']);
    expect(refused.text).to.include('reader.openfaas-fn');
    await control.call('DELETE', '/system/functions', { functionName: 'reader' });
    expect((await send('DELETE', ref)).status).to.equal(202);
  });

  it('keeps the secrets of namespaces apart', async () => {
    await control.call('POST', '/system/namespace/', { name: 'dev' });
    expect((await send('POST', { ...ref, namespace: 'dev', value: 'x' })).status).to.equal(201);
    expect(await list()).to.deep.equal([]);
    expect(await list('?namespace=dev')).to.deep.equal([{ ...ref, namespace: 'dev' }]);
    expect((await send('DELETE', ref)).status).to.equal(404);
    const deploy = { service: 'reader', image: 'i', secrets: [ref.name] };
    expect((await control.call('POST', '/system/functions', deploy)).status).to.equal(400);
    expect(
      (await control.call('POST', '/system/functions', { ...deploy, namespace: 'dev' })).status,
    ).to.equal(202);
  });

  it('manages no secrets in a namespace that does not exist', async () => {
    for (const [method, body, query] of [
      ['GET', undefined, '?namespace=nope'],
      ['POST', { name: 'a', namespace: 'nope', value: 'x' }, ''],
      ['PUT', { name: 'a', namespace: 'nope', value: 'x' }, ''],
      ['DELETE', { name: 'a', namespace: 'nope' }, ''],
    ] as const) {
      const { status, text } = await send(method, body, query);
      expect(status, method).to.equal(400);
      expect(text).to.include('unable to manage secrets within the nope namespace');
      expect(text).to.include('namespace create nope');
    }
  });

  describe('refuses with 400, naming the field and never the value,', () => {
    const cases: readonly (readonly [string, unknown, string])[] = [
      ['no name', { value: 'hush' }, 'name'],
      ['an upper-case name', { name: 'Key', value: 'hush' }, 'name'],
      ['a name with an underscore', { name: 'a_b', value: 'hush' }, 'name'],
      ['a name that leads out of a folder', { name: '../a', value: 'hush' }, 'name'],
      ['a name that ends in a dot', { name: 'a.', value: 'hush' }, 'name'],
      ['a name with an empty part', { name: 'a..b', value: 'hush' }, 'name'],
      ['a name of 254 characters', { name: 'a'.repeat(254), value: 'hush' }, 'name'],
      ['a name that is no text', { name: ['hush'], value: 'hush' }, 'name'],
      ['a bad namespace', { name: 'a', namespace: 'A B', value: 'hush' }, 'namespace'],
      ['no value', { name: 'a' }, 'value'],
      ['an empty value', { name: 'a', value: '' }, 'value'],
      ['a value that is no text', { name: 'a', value: { hush: 1 } }, 'value'],
      ['a rawValue that is not base64', { name: 'a', rawValue: 'hush!' }, 'rawValue'],
      ['a rawValue without padding', { name: 'a', rawValue: 'aHVzaA' }, 'rawValue'],
      ['a list', [{ name: 'a', value: 'hush' }], 'body'],
      ['broken JSON', '{"name":"a","value":hush', 'body'],
      ['an empty body', '', 'body'],
    ];
    for (const [what, body, field] of cases) {
      it(what, async () => {
        for (const method of ['POST', 'PUT']) {
          const { status, code, text } = await send(method, body);
          expect([status, code], text).to.deep.equal([400, 'invalid_request']);
          expect(text).to.include(field);
          expect(text).not.to.include('hush');
        }
        expect(control.lines.join()).not.to.include('hush');
      });
    }

    it('a value over the limit of Swarm', async () => {
      const most = 500 * 1024 - 1;
      expect((await send('POST', { ...ref, value: 'x'.repeat(most) })).status).to.equal(201);
      for (const body of [
        { value: 'x'.repeat(most + 1) },
        { value: 'ä'.repeat(most / 2 + 1) },
        { rawValue: Buffer.alloc(most + 1).toString('base64') },
      ]) {
        const { status, text } = await send('PUT', { ...ref, ...body });
        expect(status).to.equal(400);
        expect(text).to.include('511999 (500 KB)');
      }
    });
  });

  it('reads what faas-cli sends of a file of the largest size: the bytes, and their text once more', async () => {
    const bytes = Buffer.alloc(500 * 1024 - 1, 1);
    const body = { ...ref, value: bytes.toString('utf8'), rawValue: bytes.toString('base64') };
    expect(JSON.stringify(body).length).to.be.greaterThan(3_000_000);
    expect((await send('POST', body)).status).to.equal(201);
    expect((await send('PUT', 'x'.repeat(5_000_000))).status).to.equal(413);
  });

  it('refuses two namespaces in one request', async () => {
    const { status } = await send('POST', { ...ref, value: 'x' }, '?namespace=dev');
    expect(status).to.equal(400);
  });

  it('answers 503 with the reason while the cluster is away, and works again after', async () => {
    control.provider.cluster.goDown('the engine is away');
    const { status, text } = await send('POST', { ...ref, value: 'hush' });
    expect([status, text]).to.deep.equal([503, 'the engine is away\n']);
    control.provider.cluster.comeBack();
    expect((await send('POST', { ...ref, value: 'hush' })).status).to.equal(201);
    expect(control.lines.join()).not.to.include('hush');
  });
});
