import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { Workplace } from './support/run-skep.ts';
import type { Answer, ScriptedGateway } from './support/scripted-gateway.ts';

const BASIC = `Basic ${Buffer.from('admin:secret').toString('base64')}`;
const FUNCTIONS = [
  {
    name: 'beta',
    image: 'i/beta:1',
    replicas: 2,
    invocationCount: 5,
    availableReplicas: 0,
    createdAt: '2026-01-02T00:00:00Z',
    namespace: 'x',
    labels: {},
    annotations: {},
  },
  {
    name: 'alpha',
    image: 'i/alpha:1',
    replicas: 1,
    invocationCount: 7,
    availableReplicas: 1,
    createdAt: '2026-01-01T00:00:00.500Z',
    namespace: 'x',
    labels: { k: 'v', a: 'b' },
    constraints: ['node.role==manager'],
    limits: { memory: '64Mi' },
    annotations: {},
    extra: true,
  },
];

describe('skep against a gateway', () => {
  let place: Workplace;
  let gateway: ScriptedGateway;
  beforeEach(async () => {
    place = new Workplace();
    gateway = await place.startGateway();
  });
  afterEach(() => place.remove());
  const skep = (args: string[], stdin: string | Uint8Array = '') => place.skep(args, stdin);

  describe('list', () => {
    beforeEach(() => {
      gateway.answer = () => ({ status: 200, body: JSON.stringify(FUNCTIONS) });
    });
    it('warns of plain http to another machine where no program reads it', async () => {
      // An address of this machine that is not known for one.
      const url = gateway.url.replace('127.0.0.1', '0.0.0.0');
      const ran = await skep(['list', '--json', '-g', url]);
      expect(JSON.parse(ran.stdout)).to.have.length(2);
      expect(ran.stderr).to.match(/^WARNING! You are not using an encrypted connection/);
      expect((await skep(['list', '-q', '-g', url])).stdout).to.equal('alpha\nbeta\n');
    });
    it('prints the columns that scripts cut', async () => {
      const ran = await skep(['list']);
      expect(ran.stdout).to.equal(
        [
          `${'Function'.padEnd(30)}\t${'Invocations'.padEnd(15)}\tReplicas`,
          `${'alpha'.padEnd(30)}\t${'7'.padEnd(15)}\t1    `,
          `${'beta'.padEnd(30)}\t${'5'.padEnd(15)}\t2    `,
          '',
        ].join('\n'),
      );
      expect(ran.exitCode).to.equal(0);
    });
    it('prints names only with -q, sorted as asked', async () => {
      expect((await skep(['ls', '-q'])).stdout).to.equal('alpha\nbeta\n');
      expect((await skep(['ls', '-q', '--sort', 'invocations'])).stdout).to.equal('alpha\nbeta\n');
      expect((await skep(['ls', '-q', '--sort=creation'])).stdout).to.equal('alpha\nbeta\n');
    });
    it('prints image and date with -v', async () => {
      const [, first] = (await skep(['list', '-v'])).stdout.split('\n');
      expect(first).to.equal(
        `${'alpha'.padEnd(30)}\t${'i/alpha:1'.padEnd(40)}\t${'7'.padEnd(15)}\t1    \t\t2026-01-01 00:00:00.5 +0000 UTC`,
      );
    });
    it('passes on all fields as JSON', async () => {
      const ran = await skep(['list', '--json', '-n', 'x']);
      expect(JSON.parse(ran.stdout)).to.deep.equal([FUNCTIONS[1], FUNCTIONS[0]]);
      expect(gateway.calls).to.deep.equal(['GET /system/functions?namespace=x']);
    });
    it('says nothing of a stack file that it takes nothing from but an address', async () => {
      place.write('stack.yml', 'services: {}\n');
      expect((await skep(['list'])).stderr).to.equal('');
      place.write('stack.yaml', 'provider: {name: openfaas, odd: 1}\nfunctions: {}\n');
      expect((await skep(['list'])).stderr).to.equal('');
    });
    it('prints no colour codes into a pipe', async () => {
      expect((await skep(['list'])).stdout).not.to.contain('\u001b');
    });
    it('refuses an unknown order before it asks', async () => {
      const ran = await skep(['list', '--sort', 'size']);
      expect(ran.stdout).to.contain('name, invocations, creation');
      expect(gateway.calls).to.deep.equal([]);
    });
    for (const [what, reply] of [
      ['HTML', { status: 200, body: '<html>' }],
      ['another JSON', { status: 200, body: '{"a":1}' }],
      ['a list of something else', { status: 200, body: '[1]' }],
      ['a redirect', { status: 302, headers: { Location: 'http://127.0.0.1:1/' } }],
      ['an error', { status: 503, body: 'no quorum' }],
    ] as [string, Answer][]) {
      it(`fails on ${what}`, async () => {
        gateway.answer = () => reply;
        const ran = await skep(['list']);
        expect(ran.exitCode).to.equal(1);
        expect(ran.stdout).to.contain(
          reply.status === 200 ? 'answered something' : `unexpected status code: ${reply.status}`,
        );
      });
    }
  });

  describe('describe', () => {
    beforeEach(() => {
      gateway.answer = ({ url }) =>
        url.startsWith('/system/functions')
          ? { status: 200, body: JSON.stringify(FUNCTIONS) }
          : url.startsWith('/system/function/alpha')
            ? { status: 200, body: JSON.stringify({ ...FUNCTIONS[1], invocationCount: undefined }) }
            : { status: 404 };
    });
    it('prints aligned labels, the call count taken from the list', async () => {
      const ran = await skep(['describe', 'alpha']);
      expect(ran.stdout.split('\n').map((line) => line.trimEnd())).to.deep.equal([
        'Name:               alpha',
        'Status:             Ready',
        'Replicas:           1',
        'Available Replicas: 1',
        'Invocations:        7',
        'Image:              i/alpha:1',
        'Function Process:   <default>',
        `URL:                ${gateway.url}/function/alpha`,
        `Async URL:          ${gateway.url}/async-function/alpha`,
        'Labels:',
        ' a: b',
        ' k: v',
        'Constraints:',
        ' - node.role==manager',
        'Limits:',
        ' CPU:',
        ' Memory: 64Mi',
        '',
      ]);
      expect(gateway.calls[0]).to.equal('GET /system/function/alpha?namespace=&usage=1');
    });
    it('shows what is empty with -v', async () => {
      expect((await skep(['describe', 'alpha', '-v'])).stdout).to.contain(
        ' - node.role==manager\nEnvironment:  <none>\nSecrets:      <none>\nRequests:     <none>\nLimits:\n',
      );
    });
    it('shows what the function uses where the gateway has measured it, with the spaces of faas-cli', async () => {
      const usage = { cpu: 2.861, totalMemoryBytes: 21_528_576 };
      gateway.answer = ({ url }) => ({
        status: 200,
        body: JSON.stringify(url.startsWith('/system/functions') ? [] : { name: 'alpha', usage }),
      });
      expect((await skep(['describe', 'alpha'])).stdout).to.contain(
        '\nUsage:\n  RAM:  20.53 MB\n  CPU:  3 Mi\n',
      );
    });
    it('tells of a roll-out that is not done, and of devices', async () => {
      const rollout = { state: 'failed', error: 'no replica answered' };
      const limits = { 'nvidia.com/gpu': '1' };
      gateway.answer = ({ url }) => ({
        status: 200,
        body: JSON.stringify(url.startsWith('/system/functions') ? [] : { name: 'alpha', rollout, limits }),
      });
      const { stdout } = await skep(['describe', 'alpha']);
      expect(stdout).to.match(/^Rollout: +failed: no replica answered$/m);
      expect(stdout).to.contain('\nLimits:\n nvidia.com/gpu: 1\n');
      gateway.answer = ({ url }) => ({
        status: 200,
        body: JSON.stringify(
          url.startsWith('/system/functions') ? [] : { name: 'alpha', rollout: { state: 'done' } },
        ),
      });
      expect((await skep(['describe', 'alpha'])).stdout).to.not.contain('Rollout');
    });
    it('adds its own keys to the JSON', async () => {
      const json = JSON.parse((await skep(['describe', 'alpha', '-j', '-n', 'dev'])).stdout);
      expect(json).to.include({
        Status: 'Ready',
        InvocationCount: 7,
        URL: `${gateway.url}/function/alpha.dev`,
        extra: true,
      });
    });
    it('fails for an unknown function', async () => {
      const ran = await skep(['describe', 'gamma']);
      expect(ran.stdout).to.equal('No such function: gamma\n');
      expect(ran.exitCode).to.equal(1);
    });
  });

  describe('remove', () => {
    it('deletes by name', async () => {
      gateway.answer = () => ({ status: 202 });
      const ran = await skep(['rm', 'hello']);
      expect(ran.stdout).to.equal('Deleting: hello.\nRemoving old function.\n');
      expect(ran.exitCode).to.equal(0);
      expect(JSON.parse(gateway.received[0]?.body ?? '')).to.deep.equal({ functionName: 'hello' });
    });
    it('fails for a function that is not there', async () => {
      gateway.answer = () => ({ status: 404 });
      const ran = await skep(['remove', 'hello', '-n', 'dev']);
      expect(ran.stdout).to.equal('Deleting: hello.dev\nNo existing function to remove\n');
      expect(ran.exitCode).to.equal(1);
    });
    it('tries all of a stack file and fails when one failed', async () => {
      gateway.answer = ({ body }) => ({ status: body.includes('"a"') ? 500 : 202, body: 'broken' });
      place.write('stack.yaml', 'provider: {name: openfaas}\nfunctions: {a: {image: a}, b: {image: b}}\n');
      const ran = await skep(['remove', '-f', 'stack.yaml']);
      expect(ran.stdout).to.contain('Deleting: b.\nRemoving old function.\n');
      expect(ran.stdout).to.contain('Server returned unexpected status code 500 broken');
      expect(ran.exitCode).to.equal(1);
    });
  });

  describe('invoke', () => {
    it('sends stdin and prints the answer byte for byte', async () => {
      gateway.answer = ({ body }) => ({ status: 200, body: `<${body}>` });
      const ran = await skep(['invoke', 'hello', '--query', 'a=1 2', '-H', 'X-Test: yes'], 'hi\n');
      expect(ran.stdout).to.equal('<hi\n>');
      expect(gateway.calls).to.deep.equal(['POST /function/hello.openfaas-fn?a=1+2']);
      expect(gateway.received[0]?.headers).to.include({ 'content-type': 'text/plain', 'x-test': 'yes' });
      expect(gateway.received[0]?.headers).not.to.have.property('authorization');
    });
    it('says how a header is written', async () => {
      const ran = await skep(['invoke', 'hello', '-H', 'X-Test']);
      expect(ran.stdout).to.equal('--header "X-Test" is not of the form "Name: value"\n');
      expect(gateway.calls).to.deep.equal([]);
    });
    it('takes the namespace from the stack file, the flag over it', async () => {
      gateway.answer = () => ({ status: 200 });
      place.write(
        'stack.yaml',
        'provider: {name: openfaas}\nfunctions: {hello: {image: a, namespace: dev}}\n',
      );
      await skep(['invoke', 'hello']);
      await skep(['invoke', 'hello', '-n', 'prod']);
      expect(gateway.calls).to.deep.equal(['POST /function/hello.dev', 'POST /function/hello.prod']);
    });
    it('queues with --async and says so on stderr', async () => {
      gateway.answer = () => ({ status: 202, body: '' });
      const ran = await skep(['invoke', 'hello', '-a'], 'x');
      expect(ran).to.deep.equal({ exitCode: 0, stdout: '', stderr: 'Function submitted asynchronously.\n' });
      expect(gateway.calls).to.deep.equal(['POST /async-function/hello.openfaas-fn']);
    });
    it('signs the input', async () => {
      gateway.answer = () => ({ status: 200 });
      await skep(['invoke', 'hello', '--sign', 'X-Hub-Signature', '--key', 'k'], 'body');
      expect(gateway.received[0]?.headers['x-hub-signature']).to.equal(
        `sha256=${new Bun.CryptoHasher('sha256', 'k').update('body').digest('hex')}`,
      );
    });
    it('fails with status and body of any other answer', async () => {
      gateway.answer = () => ({ status: 503, body: 'no replica' });
      const ran = await skep(['invoke', 'hello']);
      expect(ran.stdout).to.equal('Server returned unexpected status code: 503 - no replica\n');
      expect(ran.exitCode).to.equal(1);
    });
    it('refuses an unknown method', async () => {
      const ran = await skep(['invoke', 'hello', '-m', 'BREW']);
      expect(ran.stdout).to.contain('GET, POST, PUT, PATCH, DELETE');
      expect(ran.exitCode).to.equal(1);
    });
    it('passes binary input through', async () => {
      const bytes = Uint8Array.from({ length: 256 }, (_, n) => n);
      let length = '';
      gateway.answer = ({ headers }) => {
        length = String(headers['content-length']);
        return { status: 200 };
      };
      await skep(['invoke', 'hello'], bytes);
      expect(length).to.equal('256');
    });
  });

  describe('login', () => {
    beforeEach(() => {
      gateway.answer = ({ headers }) => ({
        status: headers['authorization'] === BASIC ? 200 : 401,
        body: '[]',
      });
    });
    const config = () => join(place.home, '.openfaas', 'config.yml');

    it('saves credentials that work, for the owner only, and uses them', async () => {
      const ran = await skep(['login', '-s'], 'secret\n');
      expect(ran.stdout).to.equal(
        `Calling the OpenFaaS server to validate the credentials...\ncredentials saved for admin ${gateway.url}\n`,
      );
      expect(statSync(config()).mode & 0o777).to.equal(0o600);
      expect(statSync(join(place.home, '.openfaas')).mode & 0o777).to.equal(0o700);
      expect((await skep(['list', '-q'])).exitCode).to.equal(0);
    });
    it('saves nothing that does not work', async () => {
      const ran = await skep(['login', '-s'], 'wrong');
      expect(ran.stdout).to.contain('Unable to login, either username or password is incorrect');
      expect(ran.exitCode).to.equal(1);
      expect(existsSync(config())).to.equal(false);
    });
    it('uses the password that the platform left on this machine', async () => {
      mkdirSync(join(place.home, '.skep'));
      writeFileSync(join(place.home, '.skep', 'admin-password'), 'secret');
      const ran = await skep(['login']);
      expect(ran.stdout).to.contain(`Using the password in ${join(place.home, '.skep', 'admin-password')}`);
      expect(ran.stdout).not.to.contain('secret');
      expect(ran.exitCode).to.equal(0);
    });
    it('looks for it in SKEP_HOME', async () => {
      place.write('elsewhere/admin-password', 'secret\n');
      place.env['SKEP_HOME'] = join(place.path, 'elsewhere');
      expect((await skep(['login'])).exitCode).to.equal(0);
    });
    it('does not send it to another machine', async () => {
      place.write('.home/.skep/admin-password', 'secret');
      const ran = await skep(['login', '-g', 'http://192.0.2.1:8080']);
      expect(ran.stdout).to.contain('--password-stdin');
      expect(ran.exitCode).to.equal(1);
    });
    it('says how to give a password when there is nobody to ask', async () => {
      const ran = await skep(['login']);
      expect(ran.stdout).to.contain('--password-stdin');
      expect(ran.exitCode).to.equal(1);
    });
    it('warns of -p', async () => {
      expect((await skep(['login', '-p', 'secret'])).stdout).to.match(
        /^WARNING! Using --password is insecure/,
      );
    });
    it('tells that nothing answers', async () => {
      const ran = await place.skep(['login', '-p', 'x', '-g', 'http://127.0.0.1:1']);
      expect(ran.stdout).to.contain('Cannot connect to OpenFaaS on URL: http://127.0.0.1:1');
      expect(ran.exitCode).to.equal(1);
    });
    it('forgets with logout, once', async () => {
      await skep(['login', '-s'], 'secret');
      expect((await skep(['logout'])).stdout).to.equal(`credentials removed for ${gateway.url}\n`);
      expect((await skep(['logout'])).exitCode).to.equal(1);
      expect((await skep(['list'])).stdout).to.match(/^Unauthorized access, run "faas-cli login"/);
    });
  });

  it('scales', async () => {
    gateway.answer = () => ({ status: 202 });
    const ran = await skep(['scale', 'hello', '--replicas', '3']);
    expect(ran.exitCode).to.equal(0);
    expect(gateway.calls).to.deep.equal(['POST /system/scale-function/hello']);
    expect(JSON.parse(gateway.received[0]?.body ?? '')).to.deep.equal({ serviceName: 'hello', replicas: 3 });
    expect((await skep(['scale', 'hello', '--replicas', '-1'])).exitCode).to.equal(1);
    gateway.answer = () => ({ status: 404 });
    expect((await skep(['scale', 'hello', '--replicas', '1'])).stdout).to.equal('No such function: hello\n');
  });

  it('waits until the gateway is ready', async () => {
    let calls = 0;
    gateway.answer = () => {
      calls += 1;
      return { status: calls < 3 ? 503 : 200 };
    };
    const ran = await skep(['ready', '--attempts', '5', '--interval', '1ms']);
    expect(ran.stdout).to.equal(
      '[1/5] Waiting for gateway\n[2/5] Waiting for gateway\n[3/5] Waiting for gateway\nOpenFaaS gateway is ready\n',
    );
  });

  it('gives up waiting for a function, with the reason', async () => {
    gateway.answer = () => ({ status: 200, body: JSON.stringify(FUNCTIONS[0]) });
    const ran = await skep(['ready', 'beta', '--attempts', '2', '--interval', '1ms']);
    expect(ran.stderr).to.equal('Not yet: no replica is available\n'); // once, not at every try
    expect(ran.stdout).to.contain('[2/2] Waiting for function beta');
    expect(ran.stdout).to.contain('no replica is available');
    expect(ran.exitCode).to.equal(1);
  });

  it('prints the versions of CLI and gateway', async () => {
    const version = { sha: 'abc', release: '1.2' };
    gateway.answer = () => ({
      status: 200,
      body: JSON.stringify({
        provider: { provider: 'faas-swarm', orchestration: 'swarm', version },
        version,
        arch: 'x86_64',
      }),
    });
    const ran = await skep(['version']);
    expect(ran.stdout).to.contain(`Gateway\n uri:     ${gateway.url}\n version: 1.2\n sha:     abc\n`);
    expect(ran.stdout).to.contain(' orchestration: swarm\n version:       1.2 \n');
    expect(JSON.parse((await skep(['version', '--json'])).stdout).provider.name).to.equal('faas-swarm');
  });

  it('prints its own version without a gateway', async () => {
    expect((await skep(['version', '--short-version'])).stdout).to.match(/^\d+\.\d+\.\d+\n$/);
    expect((await skep(['version', '-g', 'http://127.0.0.1:1'])).exitCode).to.equal(0);
  });
});
