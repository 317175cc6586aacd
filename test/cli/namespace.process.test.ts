import { expect } from 'chai';
import { Workplace } from './support/run-skep.ts';
import type { ScriptedGateway } from './support/scripted-gateway.ts';

describe('skep namespace', () => {
  let place: Workplace;
  let gateway: ScriptedGateway;
  beforeEach(async () => {
    place = new Workplace();
    gateway = await place.startGateway();
  });
  afterEach(() => place.remove());
  const skep = async (...args: string[]) => {
    const { exitCode, stdout } = await place.skep(['namespace', ...args]);
    return [exitCode, stdout];
  };
  const sent = (index = 0): unknown => JSON.parse(gateway.received[index]?.body ?? '');

  it('lists', async () => {
    gateway.answer = () => ({ status: 200, body: '["dev","openfaas-fn"]' });
    expect(await skep('list')).to.deep.equal([0, 'Namespaces:\n - dev\n - openfaas-fn\n']);
    expect(await skep('ls', '--json')).to.deep.equal([0, '[\n  "dev",\n  "openfaas-fn"\n]\n']);
    expect(gateway.calls[0]).to.equal('GET /system/namespaces');
    gateway.answer = () => ({ status: 404 });
    expect(await skep('list')).to.deep.equal([0, 'Namespaces:\n']);
  });

  it('creates, with the mark that functions may live there', async () => {
    gateway.answer = () => ({ status: 201 });
    expect(await skep('create', 'dev', '-l', 'a=b', '--annotation', 'c=d=e', '--label', 'f=')).to.deep.equal([
      0,
      'Creating Namespace: dev\nNamespace Created: dev\n',
    ]);
    expect(gateway.calls).to.deep.equal(['POST /system/namespace/']);
    expect(sent()).to.deep.equal({
      name: 'dev',
      labels: { a: 'b', f: '', openfaas: '1' },
      annotations: { c: 'd=e', openfaas: '1' },
    });
  });

  it('updates and shows', async () => {
    gateway.answer = () => ({ status: 202 });
    expect(await skep('update', 'dev', '--label', 'x=y')).to.deep.equal([
      0,
      'Updating Namespace: dev\nNamespace Updated: dev\n',
    ]);
    const labels = { x: 'y', openfaas: '1' };
    expect(sent()).to.deep.equal({ name: 'dev', labels, annotations: { openfaas: '1' } });
    gateway.answer = () => ({ status: 200, body: JSON.stringify({ name: 'dev', labels, annotations: {} }) });
    expect(await skep('get', 'dev')).to.deep.equal([0, 'Name: dev\nLabels:\n openfaas: 1\n x: y\n']);
    expect(gateway.calls).to.deep.equal(['PUT /system/namespace/dev', 'GET /system/namespace/dev']);
  });

  it('removes, with all that is in it when forced', async () => {
    gateway.answer = () => ({ status: 202 });
    expect(await skep('remove', 'dev')).to.deep.equal([
      0,
      'Deleting Namespace: dev\nNamespace Removed: dev\n',
    ]);
    expect(sent()).to.deep.equal({ name: 'dev', labels: { openfaas: '1' } });
    await skep('rm', 'dev', '--force');
    expect(gateway.calls).to.deep.equal([
      'DELETE /system/namespace/dev',
      'DELETE /system/namespace/dev?force=true',
    ]);
  });

  it('says how to remove one with all that is in it', async () => {
    gateway.answer = () => ({ status: 409, body: 'namespace dev still holds function x' });
    const ran = await place.skep(['namespace', 'remove', 'dev']);
    expect(ran.exitCode).to.equal(1);
    expect(ran.stderr).to.equal('With everything in it: skep namespace remove dev --force\n');
  });

  it('fails with the words of the gateway', async () => {
    gateway.answer = () => ({ status: 404, body: 'x' });
    expect(await skep('get', 'dev')).to.deep.equal([1, 'Namespace dev not found\n']);
    expect(await skep('remove', 'dev')).to.deep.equal([
      1,
      'Deleting Namespace: dev\nNamespace dev not found\n',
    ]);
    gateway.answer = () => ({ status: 409, body: 'namespace dev exists already\n' });
    expect(await skep('create', 'dev')).to.deep.equal([
      1,
      'Creating Namespace: dev\nUnexpected status code: 409, message: "namespace dev exists already\\n"\n',
    ]);
    gateway.answer = () => ({ status: 401 });
    expect((await skep('list'))[1]).to.include('Unauthorized access');
    gateway.answer = () => ({ status: 200, body: '<html>' });
    expect((await skep('list'))[1]).to.include('is this a gateway?');
  });

  it('refuses a missing name or a label without a value before it calls the gateway', async () => {
    for (const command of ['create', 'update', 'get', 'remove']) {
      expect(await skep(command)).to.deep.equal([1, 'Namespace name required\n']);
    }
    expect((await skep('create', 'dev', '--label', 'a'))[1]).to.include(
      '--label "a" is not of the form KEY=VALUE',
    );
    expect((await skep('frobnicate'))[1]).to.include('choose one of list, get, create, update, remove');
    expect(gateway.calls).to.deep.equal([]);
  });
});
