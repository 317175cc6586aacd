import { expect } from 'chai';
import { Workplace } from './support/run-skep.ts';
import type { ScriptedGateway } from './support/scripted-gateway.ts';

describe('skep secret', () => {
  let place: Workplace;
  let gateway: ScriptedGateway;
  beforeEach(async () => {
    place = new Workplace();
    gateway = await place.startGateway();
  });
  afterEach(() => place.remove());
  const skep = (args: string[], stdin: string | Uint8Array = '') => place.skep(['secret', ...args], stdin);
  const sent = (index = 0): unknown => JSON.parse(gateway.received[index]?.body ?? '');

  it('creates from a literal, trimmed unless told otherwise', async () => {
    gateway.answer = () => ({ status: 201 });
    const ran = await skep(['create', 'key', '--from-literal', ' v \n', '-n', 'dev']);
    expect(ran).to.deep.equal({
      exitCode: 0,
      stdout: 'Creating secret: key.dev\nCreated: 201 Created\n',
      stderr: '',
    });
    expect(gateway.calls).to.deep.equal(['POST /system/secrets']);
    expect(sent()).to.deep.equal({ name: 'key', namespace: 'dev', value: 'v' });
    await skep(['create', 'key', '--from-literal= v ', '--trim=false']);
    expect(sent(1)).to.deep.equal({ name: 'key', value: ' v ' });
  });

  it('sends the bytes of a file as they are, beside their text', async () => {
    gateway.answer = () => ({ status: 202 });
    place.write('key.txt', 'v\n');
    expect((await skep(['create', 'key', '--from-file', 'key.txt'])).stdout).to.include(
      'Created: 202 Accepted',
    );
    expect(sent()).to.deep.equal({ name: 'key', value: 'v', rawValue: 'dgo=' });
  });

  it('reads stdin where no flag gives a value, and loses no byte of what is no text', async () => {
    gateway.answer = () => ({ status: 200 });
    await skep(['update', 'key'], 'v\n');
    expect(sent()).to.deep.equal({ name: 'key', value: 'v' });
    await skep(['update', 'key'], Uint8Array.from([0xff, 0]));
    expect(sent(1)).to.include({ rawValue: '/wA=' });
  });

  it('stops reading stdin that is longer than a secret can be', async () => {
    const { exitCode, stdout } = await skep(['create', 'key'], new Uint8Array(64 * 1024 * 1024));
    expect(stdout).to.include('Stdin holds more than 511999 bytes: a secret has at most 500 KB');
    expect(exitCode).to.equal(1);
    expect(gateway.calls).to.deep.equal([]);
  });

  it('updates what exists with --replace, and fails without', async () => {
    gateway.answer = ({ method }) => ({ status: method === 'POST' ? 409 : 200 });
    const replaced = await skep(['create', 'key', '--from-literal', 'v', '--replace']);
    expect(replaced.stdout).to.equal(
      'Creating secret: key.\nSecret key already exists, updating...\nUpdated: 200 OK\n',
    );
    expect(replaced.exitCode).to.equal(0);
    const refused = await skep(['create', 'key', '--from-literal', 'v']);
    expect(refused.stdout).to.equal('Creating secret: key.\nsecret with the name "key" already exists\n');
    expect(refused.exitCode).to.equal(1);
  });

  it('updates', async () => {
    gateway.answer = () => ({ status: 200 });
    const ran = await skep(['u', 'key', '--from-literal', 'v']);
    expect([ran.exitCode, ran.stdout]).to.deep.equal([0, 'Updating secret: key\nUpdated: 200 OK\n']);
    expect(gateway.calls).to.deep.equal(['PUT /system/secrets']);
    gateway.answer = () => ({ status: 404 });
    const missing = await skep(['update', 'key', '--from-literal', 'v']);
    expect([missing.exitCode, missing.stdout]).to.deep.equal([
      1,
      'Updating secret: key\nunable to find secret: key\n',
    ]);
  });

  it('removes', async () => {
    gateway.answer = () => ({ status: 202 });
    expect(await skep(['remove', 'key', '-n', 'dev'])).to.deep.equal({
      exitCode: 0,
      stdout: 'Removed.. OK.\n',
      stderr: '',
    });
    expect(gateway.calls).to.deep.equal(['DELETE /system/secrets']);
    expect(sent()).to.deep.equal({ name: 'key', namespace: 'dev' });
    gateway.answer = () => ({ status: 409, body: 'secret key.dev is used by reader.dev\n' });
    const refused = await skep(['rm', 'key']);
    expect([refused.exitCode, refused.stdout]).to.deep.equal([
      1,
      'Server returned unexpected status code: 409 - secret key.dev is used by reader.dev\n',
    ]);
  });

  it('lists', async () => {
    const secrets = [
      { name: 'a', namespace: 'dev' },
      { name: 'b', namespace: 'dev' },
    ];
    gateway.answer = () => ({ status: 200, body: JSON.stringify(secrets) });
    expect((await skep(['list', '-n', 'dev'])).stdout).to.equal('\nNAME\na\nb\n\n');
    expect(JSON.parse((await skep(['ls', '-j'])).stdout)).to.deep.equal(secrets);
    expect(gateway.calls).to.deep.equal(['GET /system/secrets?namespace=dev', 'GET /system/secrets']);
    gateway.answer = () => ({ status: 200, body: '[]' });
    expect((await skep(['list'])).stdout).to.equal('No secrets found.\n');
  });

  it('takes flags before its own command, as faas-cli does', async () => {
    gateway.answer = () => ({ status: 200, body: '[]' });
    delete place.env['OPENFAAS_URL'];
    for (const args of [
      ['-g', gateway.url, 'secret', 'list'],
      ['secret', '-g', gateway.url, 'list'],
      ['secret', 'list', `-g=${gateway.url}`],
    ]) {
      expect((await place.skep(args)).stdout, args.join(' ')).to.equal('No secrets found.\n');
    }
  });

  for (const [args, said] of [
    [['create'], 'Secret name required\n'],
    [['remove'], 'Secret name required\n'],
    [['create', 'BAD_NAME', '--from-literal', 'v'], 'ERROR: invalid secret name BAD_NAME\n'],
    [['create', 'key', '--from-literal', ' '], 'Must provide a non empty secret via'],
    [['create', 'key'], 'Must provide a non empty secret via'],
    [
      ['create', 'key', '--from-literal', 'v', '--from-file', 'x'],
      'Please provide secret using only one option',
    ],
    [['create', 'key', '--from-file', '/dev/zero'], 'may have at most 511999 bytes'],
    [['create', 'key', '--from-file', 'no-such'], 'Cannot read no-such: no such file'],
    [['crate', 'key', '--from-literal', 'v'], '(Did you mean create?)\n'],
    [['--frobnicate'], 'Unknown option \'--frobnicate\' for "secret", which needs a command'],
    [
      ['frobnicate'],
      'Unknown command "frobnicate" for "secret": choose one of create, update, remove, list, apply',
    ],
  ] as const) {
    it(`refuses "${args.join(' ')}" before it calls the gateway`, async () => {
      const ran = await skep([...args]);
      expect(ran.stdout).to.include(said);
      expect(ran.exitCode).to.equal(1);
      expect(gateway.calls).to.deep.equal([]);
    });
  }

  it('says that a login is needed', async () => {
    gateway.answer = () => ({ status: 401 });
    for (const args of [['list'], ['remove', 'a'], ['create', 'a', '--from-literal', 'v']]) {
      const ran = await skep(args);
      expect(ran.stdout).to.include('Unauthorized access, run "faas-cli login"');
      expect(ran.exitCode).to.equal(1);
    }
  });

  it('shows its commands when none is given', async () => {
    const ran = await skep([]);
    expect(ran.exitCode).to.equal(0);
    expect(ran.stdout).to.include('create').and.to.include('list');
  });
});
