import { mkdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { Workplace } from './support/run-skep.ts';
import type { ScriptedGateway } from './support/scripted-gateway.ts';

const STACK = 'provider: {name: openfaas}\nfunctions:\n';

describe('the smaller commands of skep', () => {
  let place: Workplace;
  let gateway: ScriptedGateway;
  beforeEach(async () => {
    place = new Workplace();
    gateway = await place.startGateway();
  });
  afterEach(() => place.remove());
  const fails = async (args: readonly string[], said: string | RegExp, stdin = ''): Promise<void> => {
    const ran = await place.skep(args, stdin);
    if (typeof said === 'string') expect(ran.stdout).to.contain(said);
    else expect(ran.stdout).to.match(said);
    expect(ran.exitCode).to.equal(1);
  };

  describe('diff', () => {
    const deployed = (fields: Readonly<Record<string, unknown>> = {}): void => {
      const status = { name: 'a', image: 'r/a:latest', labels: { faas_function: 'a' }, ...fields };
      gateway.answer = () => ({ status: 200, body: JSON.stringify([status]) });
    };

    it('finds nothing where all is the same; the label that all functions have does not count', async () => {
      place.write('stack.yaml', `${STACK}  a: {image: r/a}\n`);
      deployed({ envProcess: 'from the template', envVars: { OTHER: 'x' } });
      expect(await place.skep(['diff'])).to.deep.equal({
        exitCode: 0,
        stdout: 'YAML matches deployment, no differences found.\n',
        stderr: '',
      });
    });

    it('shows both sides and fails where they differ', async () => {
      place.write(
        'stack.yaml',
        `${STACK}  a: {image: r/a, namespace: dev, environment: {A: "1\\n2"}, labels: {faas_function: mine}}\n`,
      );
      deployed({ envVars: { A: '2' }, labels: { faas_function: 'a', team: 'x' } });
      const ran = await place.skep(['diff']);
      expect(ran.exitCode).to.equal(1);
      expect(gateway.calls).to.deep.equal(['GET /system/functions?namespace=dev']);
      expect(ran.stdout.split('\n').map((line) => line.trimEnd())).to.deep.equal([
        'a.dev',
        '  stack.yaml                               | deployed',
        '  -----------------------------------------+-----------------------------------------',
        '  - env.A:               1\\n2              | + env.A:               2',
        '  - label.faas_function: mine              | + label.faas_function: a',
        '                                           | + label.team:          x',
        '',
        'Differences found',
        '',
      ]);
    });

    it('says what is wrong', async () => {
      await fails(['diff'], 'No stack.yaml or stack.yml here');
      place.write('stack.yaml', `${STACK}  a: {image: r/a}\n`);
      await fails(['diff', '--env', 'some'], 'Unknown env diff mode: some');
      gateway.answer = () => ({ status: 401 });
      await fails(['diff'], 'Unauthorized access');
    });
  });

  describe('generate', () => {
    it('prints a Function for each, with literal values, to readers of YAML 1.1 too', async () => {
      place.write(
        'stack.yaml',
        `${STACK}  a: {image: r/a, environment: {V: 1.10, Y: yes, N: null, T: "a\\nb"}, secrets: [s]}\n  b: {image: b, fprocess: cat}\n`,
      );
      const ran = await place.skep(['generate', '-l', 'x=y']);
      expect(ran.exitCode).to.equal(0);
      expect(ran.stdout).to.contain(
        '---\napiVersion: openfaas.com/v1\nkind: Function\nmetadata:\n  name: a\n  namespace: openfaas-fn\nspec:\n  name: a\n  image: r/a:latest\n  environment:\n    "N": ""\n    T: |-\n      a\n      b\n    V: "1.10"\n    "Y": "yes"\n',
      );
      expect(ran.stdout).to.contain('  labels:\n    x: "y"\n  secrets:\n    - s\n---\n');
      expect(ran.stderr).to.contain('b has fprocess, for which these resources have no place');
    });

    it('takes a function of a store', async () => {
      const store = { functions: [{ name: 'fig', images: { x86_64: 'r/fig:1' }, fprocess: 'fig' }] };
      place.write('store.json', JSON.stringify(store));
      const ran = await place.skep([
        'generate',
        '--from-store',
        'fig',
        '--url',
        'store.json',
        '--name',
        'mine',
      ]);
      expect(ran.stdout).to.contain('  name: mine\n  image: r/fig:1\n');
      await fails(['generate', '--from-store', 'no', '--url', 'store.json'], "Function 'no' not found");
      await fails(
        ['generate', '--from-store', 'fig', '--url', 'store.json', '--name', 'A B'],
        'no function name',
      );
    });

    it('prints nothing when one is wrong', async () => {
      place.write('stack.yaml', `${STACK}  a: {image: r/a}\n  b: {image: R/B}\n`);
      await fails(['generate'], /^(?!---)/);
      await fails(['generate', '--api', 'v9'], '--api must be openfaas.com/v1 or serving.knative.dev/v1');
    });
  });

  describe('registry-login', () => {
    const config = (): unknown => JSON.parse(place.read('credentials/config.json'));

    it('writes what a builder reads, for nobody else to see, beside other registries', async () => {
      const ran = await place.skep(['registry-login', '-u', 'me', '-s', '--server', 'r.example'], 'p:w\n');
      expect(ran).to.deep.equal({
        exitCode: 0,
        stdout: 'Wrote ./credentials/config.json..OK\n',
        stderr: '',
      });
      expect(statSync(join(place.path, 'credentials/config.json')).mode & 0o777).to.equal(0o600);
      const second = await place.skep(['registry-login', '-u', 'you', '--password', 'x']);
      expect(second.stderr).to.contain('Using --password is insecure');
      await place.skep(['registry-login', '--ecr', '--account-id', '12', '--region', 'eu-west-1']);
      expect(config()).to.deep.equal({
        auths: {
          'r.example': { auth: Buffer.from('me:p:w').toString('base64') },
          'https://index.docker.io/v1/': { auth: Buffer.from('you:x').toString('base64') },
        },
        credsStore: 'ecr-login',
        credHelpers: { '12.dkr.ecr.eu-west-1.amazonaws.com': 'ecr-login' },
      });
    });

    it('says what is wrong', async () => {
      await fails(['registry-login'], 'Both --username and (--password-stdin or --password) are required');
      await fails(['registry-login', '-u', 'me', '-s'], 'The password must not be empty', '\n');
      await fails(['registry-login', '-u', 'm:e', '--password', 'x'], 'must not hold a colon');
      await fails(['registry-login', '-u', 'me', '-s', '--password', 'x'], 'not both');
      await fails(['registry-login', '--ecr', '--region', 'x'], 'The --account-id flag is required with ECR');
      place.write('credentials/config.json', '[]');
      await fails(['registry-login', '-u', 'me', '--password', 'x'], 'is damaged: correct or delete it');
    });
  });

  describe('secret apply and generate', () => {
    it('makes every file of .secrets a secret, those that exist too', async () => {
      place.write('.secrets/a', 'one\n');
      place.write('.secrets/b', 'two');
      mkdirSync(join(place.path, '.secrets/folder'));
      gateway.answer = ({ method, body }) => ({
        status: method === 'PUT' ? 200 : body.includes('"b"') ? 409 : 201,
      });
      const ran = await place.skep(['secret', 'apply', '-n', 'dev']);
      expect(ran).to.deep.equal({
        exitCode: 0,
        stdout:
          'Creating secret: a.dev\nCreated: 201 Created\nCreating secret: b.dev\nSecret b already exists, updating...\nUpdated: 200 OK\n',
        stderr: '',
      });
      expect(JSON.parse(gateway.received[0]?.body ?? '')).to.deep.equal({
        name: 'a',
        namespace: 'dev',
        value: 'one',
        rawValue: 'b25lCg==',
      });
    });

    it('sends none where one is wrong, and tells all that the gateway refused', async () => {
      await fails(['secret', 'apply'], 'Secrets directory does not exist');
      mkdirSync(join(place.path, '.secrets'));
      expect((await place.skep(['secret', 'apply'])).stdout).to.equal(
        'No secrets found in .secrets directory\n',
      );
      place.write('.secrets/a', 'x');
      place.write('.secrets/UPPER', 'x');
      await fails(['secret', 'apply'], 'ERROR: invalid secret name UPPER');
      rmSync(join(place.path, '.secrets/UPPER'));
      place.write('.secrets/z', '  \n');
      await fails(['secret', 'apply'], '.secrets/z: must provide a non empty secret');
      expect(gateway.calls).to.deep.equal([]);
    });

    it('goes on after one that the gateway refuses, and fails', async () => {
      place.write('.secrets/a', 'x');
      place.write('.secrets/b', 'x');
      gateway.answer = ({ body }) => ({ status: body.includes('"a"') ? 500 : 201, body: 'full' });
      const ran = await place.skep(['secret', 'apply']);
      expect(ran.stdout).to.contain(
        'Created: 201 Created\n1 of 2 secrets failed:\n- a: server returned unexpected',
      );
      expect(ran.exitCode).to.equal(1);
    });

    it('prints random bytes in base64, or writes them for nobody else to read', async () => {
      const one = (await place.skep(['secret', 'generate'])).stdout;
      const two = (await place.skep(['secret', 'gen', '--length', '64'])).stdout;
      expect([Buffer.from(one, 'base64').length, Buffer.from(two, 'base64').length]).to.deep.equal([32, 64]);
      expect(one).to.match(/^\S+$/);
      const ran = await place.skep(['secret', 'generate', '-o', 'key']);
      expect(ran.stdout).to.equal('Wrote 32-byte secret to key\n');
      expect(statSync(join(place.path, 'key')).mode & 0o777).to.equal(0o600);
      const before = place.read('key');
      await fails(['secret', 'generate', '-o', 'key'], 'Cannot write key: it exists');
      expect(place.read('key')).to.equal(before);
      await fails(['secret', 'generate', '--length', '0'], '--length must be a whole number, 1 or more');
      await fails(['secret', 'generate', '--length', '999999'], '--length must be at most 65536');
    });
  });

  describe('plugins', () => {
    const plugin = (name: string, text: string, mode = 0o755): void =>
      place.write(`.home/.openfaas/plugins/${name}`, text, mode);

    it('are commands: they get the arguments and the input, and their exit code is ours', async () => {
      plugin('greet', '#!/bin/sh\necho "$@"; cat; echo warned >&2; exit 5\n');
      expect(await place.skep(['greet', '--flag', '-x=1', '--help'], 'input')).to.deep.equal({
        exitCode: 5,
        stdout: '--flag -x=1 --help\ninput',
        stderr: 'warned\n',
      });
    });

    it('are in the help', async () => {
      plugin('greet', '#!/bin/sh\n');
      expect((await place.skep([])).stdout).to.match(/\nPlugins:\n {2}greet\n$/);
      expect((await place.skep(['--help'])).stdout).to.match(/\nPlugins:\n {2}greet\n$/);
    });

    it('that cannot be started end with 127 and the reason', async () => {
      plugin('data', '{}', 0o644);
      plugin('other', '\u007fELF nonsense');
      const data = await place.skep(['data']);
      expect(data.stdout).to.contain('Error from plugin: permission denied');
      expect(data.exitCode).to.equal(127);
      expect((await place.skep(['other'])).exitCode).to.equal(127);
    });

    it('do not stand in for our own commands, nor lead out of their folder', async () => {
      plugin('list', '#!/bin/sh\necho plugin\n');
      gateway.answer = () => ({ status: 200, body: '[]' });
      expect((await place.skep(['list'])).stdout).to.contain('Function');
      place.write('.home/.openfaas/evil', '#!/bin/sh\necho evil\n', 0o755);
      await fails(['../evil'], "Unknown command '../evil'");
    });

    it('that a signal ends have its number', async () => {
      plugin('killed', '#!/bin/sh\nkill -9 $$\n');
      expect((await place.skep(['killed'])).exitCode).to.equal(137);
    });
  });

  describe('of old', () => {
    it('lists namespaces, and says what is used today', async () => {
      gateway.answer = () => ({ status: 200, body: '["a","b"]' });
      const ran = await place.skep(['namespaces']);
      expect(ran.stdout).to.equal('Namespaces:\n - a\n - b\n');
      expect(ran.stderr).to.match(/is deprecated/);
    });

    it('writes the script of bash', async () => {
      expect((await place.skep(['bashcompletion', 'skep.bash'])).exitCode).to.equal(0);
      expect(place.read('skep.bash')).to.match(/^# bash completion for skep\n/);
      await fails(['bashcompletion', 'no/such/x'], 'Cannot write no/such/x: no such file or folder');
    });

    it('prints what a token says', async () => {
      const parts = ['{"alg":"none"}', '{"sub":"x"}', 'sig'].map((part) =>
        Buffer.from(part).toString('base64url'),
      );
      place.write('token', `${parts.join('.')}\n`);
      expect(JSON.parse((await place.skep(['print-token', 'token'])).stdout)).to.deep.equal({
        header: { alg: 'none' },
        payload: { sub: 'x' },
      });
      place.write('token', 'a.b');
      await fails(['print-token', 'token'], 'Token should have 3 parts, got 2');
      place.write('token', 'a.b.c');
      await fails(['print-token', 'token'], 'The header of the token is no JSON in base64');
    });

    it('says that charts are of Kubernetes', async () => {
      await fails(['chart', 'export', 'openfaas', '--values', 'x'], 'There is no chart to export');
    });

    it('keeps them out of the help', async () => {
      const { stdout } = await place.skep([]);
      for (const hidden of ['namespaces', 'bashcompletion', 'print-token', 'chart', '__complete'])
        expect(stdout).not.to.contain(`\n  ${hidden}`);
    });
  });
});
