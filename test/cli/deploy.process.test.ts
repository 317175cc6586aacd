// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the syntax of stack files
import { expect } from 'chai';
import { Workplace } from './support/run-skep.ts';
import { type Answer, type Received, ScriptedGateway } from './support/scripted-gateway.ts';

describe('skep deploy', () => {
  let place: Workplace;
  let gateway: ScriptedGateway | undefined;
  const start = async (answer: (request: Received) => Answer): Promise<string> => {
    gateway = await ScriptedGateway.start(answer);
    return gateway.url;
  };
  const stack = (...names: string[]): void =>
    place.write(
      'stack.yaml',
      `provider:\n  name: openfaas\nfunctions:\n${names.map((name) => `  ${name}:\n    image: r.example/${name}:1\n`).join('')}`,
    );
  beforeEach(() => {
    place = new Workplace();
  });
  afterEach(async () => {
    await place.remove();
    await gateway?.stop();
    gateway = undefined;
  });

  it('updates first, creates on 404, and prints what scripts look for', async () => {
    const url = await start(({ method }) => ({ status: method === 'PUT' ? 404 : 202 }));
    stack('hello');
    const ran = await place.skep(['deploy', '-g', url]);
    expect(ran.stdout).to.equal(
      `Deploying: hello.\n\nDeployed. 202 Accepted.\nURL: ${url}/function/hello\n\n`,
    );
    expect(ran.exitCode).to.equal(0);
    expect(gateway?.calls).to.deep.equal(['PUT /system/functions', 'POST /system/functions']);
    expect(JSON.parse(gateway?.received[1]?.body ?? '')).to.deep.equal({
      service: 'hello',
      image: 'r.example/hello:1',
    });
  });

  it('says that a function was there already when the answer is 200', async () => {
    const url = await start(() => ({ status: 200 }));
    stack('hello');
    const ran = await place.skep(['deploy', '-g', url]);
    expect(ran.stdout).to.contain(
      'Function hello already exists, attempting rolling-update.\n\nDeployed. 200 OK.',
    );
    expect(ran.exitCode).to.equal(0);
  });

  it('counts 201 as a failure, after printing it as deployed', async () => {
    const url = await start(() => ({ status: 201 }));
    stack('hello');
    const ran = await place.skep(['deploy', '-g', url]);
    expect(ran.stdout).to.contain('Deployed. 201 Created.');
    expect(ran.stdout).to.contain("Function 'hello' failed to deploy with status code: 201");
    expect(ran.exitCode).to.equal(1);
  });

  it('goes on after a refused function and fails at the end', async () => {
    const url = await start(({ body }) =>
      body.includes('"bad"') ? { status: 400, body: 'no such secret' } : { status: 202 },
    );
    stack('bad', 'good');
    const ran = await place.skep(['deploy', '-g', url]);
    expect(ran.stdout).to.contain('Unexpected status: 400, message: no such secret');
    expect(ran.stdout).to.contain(`URL: ${url}/function/good`);
    expect(ran.stdout.trimEnd()).to.match(/Function 'bad' failed to deploy with status code: 400$/);
    expect(ran.exitCode).to.equal(1);
  });

  it('tells to log in on 401', async () => {
    const url = await start(() => ({ status: 401 }));
    stack('hello');
    const ran = await place.skep(['deploy', '-g', url]);
    expect(ran.stdout).to.contain(
      'unauthorized access, run "faas-cli login" to setup authentication for this server',
    );
    expect(ran.exitCode).to.equal(1);
  });

  it('asks whether the platform is there when nothing answers, once', async () => {
    const url = await start(() => ({ status: 202 }));
    await gateway?.stop();
    gateway = undefined;
    stack('hello', 'world');
    const ran = await place.skep(['deploy', '-g', url]);
    expect(ran.stdout).to.contain('Is OpenFaaS deployed? Do you need to specify the --gateway flag?');
    expect(ran.stdout.match(/Is OpenFaaS/g)).to.have.length(1);
    expect(ran.stdout).to.contain('connection refused');
    expect(ran.exitCode).to.equal(1);
  });

  it('brings flags and stack file together by the precedence of faas-cli', async () => {
    const url = await start(() => ({ status: 202 }));
    place.addTemplate('mine');
    place.write('one.yml', 'environment:\n  A: one\n  B: one\n  C: one\n');
    place.write('two.yml', 'environment:\n  B: two\n');
    place.write(
      'stack.yaml',
      `provider:
  name: openfaas
functions:
  hello:
    lang: mine
    image: r.example/hello
    namespace: in-file
    environment: {A: file, Z: "1.10"}
    environment_file: [one.yml, two.yml]
    labels: {l: file, m: file}
    annotations: {n: file}
    constraints: [node.role == worker]
    secrets: [s1]
    limits: {memory: 64Mi}
    readonly_root_filesystem: true
`,
    );
    const flags = [
      '-e',
      'C=flag',
      '-l',
      'l=flag',
      '--annotation',
      'n=flag',
      '--constraint',
      'x==y',
      '--secret',
      's2',
    ];
    const ran = await place.skep(['deploy', '-g', url, ...flags, '-n', 'flagged']);
    expect(ran.exitCode, ran.stdout).to.equal(0);
    expect(JSON.parse(gateway?.received[0]?.body ?? '')).to.deep.equal({
      service: 'hello',
      image: 'r.example/hello:latest',
      namespace: 'flagged',
      envProcess: './run',
      envVars: { A: 'one', B: 'two', C: 'flag', Z: '1.10' },
      labels: { l: 'flag', m: 'file' },
      annotations: { n: 'flag' },
      constraints: ['node.role == worker'],
      secrets: ['s1', 's2'],
      limits: { memory: '64Mi' },
      readOnlyRootFilesystem: true,
    });
    expect(ran.stdout).to.contain(`URL: ${url}/function/hello.flagged`);
  });

  it('deletes and creates with --update=false --replace', async () => {
    const url = await start(({ method }) => ({ status: method === 'DELETE' ? 404 : 202 }));
    stack('hello');
    const ran = await place.skep(['deploy', '-g', url, '--update=false', '--replace']);
    expect(ran.exitCode).to.equal(0);
    expect(gateway?.calls).to.deep.equal(['DELETE /system/functions', 'POST /system/functions']);
  });

  it('refuses --replace beside --update and sends nothing', async () => {
    const url = await start(() => ({ status: 202 }));
    stack('hello');
    const ran = await place.skep(['deploy', '-g', url, '--replace']);
    expect(ran.stdout).to.match(/^Cannot specify --update and --replace/);
    expect(ran.exitCode).to.equal(1);
    expect(gateway?.calls).to.deep.equal([]);
  });

  it('deploys an image without a stack file, with quantities', async () => {
    const url = await start(() => ({ status: 202 }));
    const ran = await place.skep([
      'deploy',
      '-g',
      url,
      '--image',
      'a/b',
      '--name',
      'hello',
      '--memory-limit',
      '64Mi',
      '--cpu-request',
      '10m',
    ]);
    expect(ran.stdout).to.match(/^\nDeployed\. 202 Accepted\./);
    expect(JSON.parse(gateway?.received[0]?.body ?? '')).to.deep.equal({
      service: 'hello',
      image: 'a/b:latest',
      limits: { memory: '64Mi' },
      requests: { cpu: '10m' },
    });
  });

  it('passes over a Docker stack called stack.yml and says so', async () => {
    place.write('stack.yml', 'services:\n  web:\n    image: ${UNSET:?x}\n');
    const ran = await place.skep(['deploy']);
    expect(ran.stderr).to.contain('stack.yml is a Docker stack');
    expect(ran.stdout).to.match(/^Please provide a --image/);
    expect(ran.exitCode).to.equal(1);
  });

  it('takes stack.yaml before stack.yml, and stack.yml behind a Docker stack.yaml', async () => {
    const url = await start(() => ({ status: 202 }));
    place.write('stack.yml', 'provider: {name: openfaas}\nfunctions: {second: {image: a}}\n');
    stack('first');
    expect((await place.skep(['deploy', '-g', url])).stdout).to.contain('Deploying: first.');
    place.write('stack.yaml', 'services: {}\n');
    expect((await place.skep(['deploy', '-g', url])).stdout).to.contain('Deploying: second.');
  });

  it('reads a stack file from a URL', async () => {
    const url = await start(({ method }) =>
      method === 'GET'
        ? { status: 200, body: 'provider: {name: openfaas}\nfunctions: {far: {image: a}}\n' }
        : { status: 202 },
    );
    const ran = await place.skep(['deploy', '-g', url, '-f', `${url}/stack.yaml`]);
    expect(ran.stdout).to.match(new RegExp(`^Parsed: ${url}/stack.yaml\nDeploying: far.`));
  });

  it('follows where the URL of a stack file leads to, and prints no password of it', async () => {
    const url = await start(({ method, url: path }) => {
      if (method !== 'GET') return { status: 202 };
      if (path === '/raw') return { status: 302, headers: { Location: '/stack.yaml' } };
      return { status: 200, body: 'provider: {name: openfaas}\nfunctions: {far: {image: a, more: b}}\n' };
    });
    const ran = await place.skep(['deploy', '-g', url, '-f', `${url.replace('//', '//me:hidden@')}/raw`]);
    expect(ran.stdout).to.match(new RegExp(`^Parsed: ${url}/raw\nDeploying: far.`));
    expect(ran.stdout + ran.stderr).not.to.contain('hidden');
  });

  it('refuses a stack file from a URL that is longer than any', async () => {
    const url = await start(() => ({ status: 200, body: '#'.repeat(5_000_000) }));
    const ran = await place.skep(['deploy', '-f', `${url}/stack.yaml`]);
    expect(ran.stdout).to.contain('larger than 1 MiB');
    expect(ran.exitCode).to.equal(1);
  });

  it('refuses a stack file URL that is not there', async () => {
    const url = await start(() => ({ status: 404, body: 'nothing' }));
    const ran = await place.skep(['deploy', '-f', `${url}/stack.yaml`]);
    expect(ran.stdout).to.contain('the server answered 404');
    expect(ran.exitCode).to.equal(1);
  });

  it('sends nothing at all when a later function is wrong', async () => {
    const url = await start(() => ({ status: 202 }));
    place.write(
      'stack.yaml',
      'provider: {name: openfaas}\nfunctions:\n  a: {image: a}\n  b: {image: a, lang: no-such}\n',
    );
    const ran = await place.skep(['deploy', '-g', url]);
    expect(ran.stdout).to.match(/^Template directory may be missing or invalid/);
    expect(gateway?.calls).to.deep.equal([]);
  });

  it('sends nothing at all when a later function lacks its namespace or a secret', async () => {
    const lists: Readonly<Record<string, string>> = {
      'GET /system/namespaces': '["openfaas-fn", "dev"]',
      'GET /system/secrets': '[{"name": "key", "namespace": "openfaas-fn"}]',
      'GET /system/secrets?namespace=dev': '[]',
    };
    const url = await start(({ method, url: path }) => {
      const body = lists[`${method} ${path}`];
      return body === undefined ? { status: 202 } : { status: 200, body };
    });
    place.write(
      'stack.yaml',
      'provider: {name: openfaas}\nfunctions:\n  a: {image: a, secrets: [key]}\n' +
        '  b: {image: b, namespace: dev, secrets: [key]}\n  c: {image: c, namespace: prod}\n',
    );
    const ran = await place.skep(['deploy', '-g', url]);
    expect(ran).to.deep.include({
      exitCode: 1,
      stdout:
        'Nothing was deployed:\nc: there is no namespace prod: make it with "skep namespace create prod"\n' +
        'b: there is no secret key: make it with "skep secret create key -n dev"\n',
    });
    expect(gateway?.calls).to.deep.equal(Object.keys(lists));
    // A function that is to be replaced would be gone.
    const replaced = await place.skep(['deploy', '-g', url, '--filter', 'b', '--update=false', '--replace']);
    expect(replaced.stdout).to.match(/^Nothing was deployed:/);
    expect(gateway?.calls.some((call) => !call.startsWith('GET'))).to.equal(false);
  });

  it('deploys by a gateway that lists neither namespaces nor secrets', async () => {
    const url = await start(({ method }) => ({ status: method === 'GET' ? 404 : 202 }));
    place.write(
      'stack.yaml',
      'provider: {name: openfaas}\nfunctions: {a: {image: a, secrets: [key]}, b: {image: b, namespace: dev}}\n',
    );
    expect((await place.skep(['deploy', '-g', url])).exitCode).to.equal(0);
  });

  it('chooses functions by --filter and --regex, not by both', async () => {
    const url = await start(() => ({ status: 202 }));
    stack('api-one', 'api-two', 'other');
    expect(
      (await place.skep(['deploy', '-g', url, '--filter', 'api-*'])).stdout.match(/Deploying/g),
    ).to.have.length(2);
    expect((await place.skep(['deploy', '-g', url, '--regex', '^o'])).stdout).to.contain('Deploying: other.');
    const both = await place.skep(['deploy', '-g', url, '--regex', 'a', '--filter', 'b']);
    expect(both.stdout).to.equal('Pass in a regex or a filter, not both\n');
    const none = await place.skep(['--filter', 'x*', 'deploy', '-g', url]);
    expect(none.stdout).to.equal('No functions matching --filter/--regex were found in the YAML file\n');
    expect(none.exitCode).to.equal(1);
  });
});
