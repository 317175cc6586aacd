import { spawn } from 'node:child_process';
import { stripVTControlCharacters } from 'node:util';
import { expect } from 'chai';
import { type Ran, Workplace } from './support/run-skep.ts';
import type { Answer, ScriptedGateway } from './support/scripted-gateway.ts';

const FAAS_CLI = process.env['FAAS_CLI'];

const STACK = `version: 1.0
provider:
  name: openfaas
  gateway: http://127.0.0.1:8080
functions:
  alpha:
    lang: dockerfile
    handler: ./alpha
    image: r.example/alpha:1.0
    environment:
      A: one
      Z: 1.10
    labels: {l: v}
    annotations: {topic: x}
    secrets: [s1]
    limits: {memory: 64Mi, cpu: 100m}
    requests: {memory: 32Mi, cpu: 10m}
    constraints: ["node.role == worker"]
    readonly_root_filesystem: true
`;
const DEPLOYED = {
  name: 'alpha',
  image: 'r.example/alpha:1.1',
  namespace: 'openfaas-fn',
  envProcess: 'node x',
  envVars: { A: 'two', B: 'x' },
  labels: { l: 'v', m: 'n' },
  annotations: {},
  secrets: ['s2'],
  limits: { memory: '128Mi' },
  constraints: [],
  replicas: 1,
  availableReplicas: 1,
  invocationCount: 3,
  createdAt: '2026-01-02T03:04:05Z',
};

/** The order of a query means nothing. */
function sorted(url: string): string {
  const { pathname, searchParams } = new URL(url, 'http://gateway');
  searchParams.sort();
  return `${pathname}?${searchParams}`;
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return body; // what a function is sent
  }
}

const LOG: Answer = {
  status: 200,
  body: `${JSON.stringify({ name: 'alpha', namespace: 'openfaas-fn', instance: 'i1', timestamp: '2026-01-02T03:04:05.678Z', text: 'a line' })}\n`,
};

/** What scripts see must not depend on which of the two they call. */
describe('skep beside faas-cli', function () {
  if (!FAAS_CLI) {
    it.skip('needs FAAS_CLI, the path of a faas-cli');
    return;
  }
  this.timeout(20_000);
  let place: Workplace;
  let gateway: ScriptedGateway;
  beforeEach(async () => {
    place = new Workplace();
    gateway = await place.startGateway(() => ({ status: 200, body: JSON.stringify([DEPLOYED]) }));
    place.write('stack.yaml', STACK);
    place.write('alpha/Dockerfile', 'FROM scratch\n');
    place.write('.secrets/s1', 'value');
    place.write('template/dockerfile/template.yml', 'language: dockerfile\n');
    place.write('template/dockerfile/function/Dockerfile', 'FROM scratch\n');
    // No builder for several platforms is there yet.
    place.addDocker('[ "$1 $2" = "buildx inspect" ] && exit 1; exit 0');
    // faas-cli says for itself where no login is saved.
    const login = `auths:\n- gateway: ${gateway.url}\n  auth: basic\n  token: YWRtaW46eA==\n`;
    place.write('.home/.openfaas/config.yml', login, 0o600);
  });
  afterEach(() => place.remove());

  const faasCli = (args: readonly string[], stdin: string): Promise<Ran> =>
    new Promise((resolve, reject) => {
      const child = spawn(FAAS_CLI, [...args], { cwd: place.path, env: place.env });
      let stdout = '';
      let stderr = '';
      child.stdout.on('data', (chunk: Buffer) => {
        stdout += chunk.toString('utf8');
      });
      child.stderr.on('data', (chunk: Buffer) => {
        stderr += chunk.toString('utf8');
      });
      child.on('error', reject);
      child.on('close', (code) => resolve({ exitCode: code ?? -1, stdout, stderr }));
      child.stdin.on('error', () => {});
      child.stdin.end(stdin);
    });
  /** Without colours, times, blank lines and blanks at the ends, which nobody compares. */
  const plain = ({ exitCode, stdout }: Ran) => ({
    exitCode,
    stdout: stripVTControlCharacters(stdout)
      .replaceAll(/\d+\.\d\ds/g, '0.00s')
      .replaceAll(/ +$/gm, '')
      // The one line of ours that theirs has not: which login to use.
      .replaceAll(/^With Skep: .*$/gm, '')
      .replaceAll(/\n{2,}/g, '\n')
      .trim(),
  });
  const requests = () =>
    gateway.received
      .splice(0)
      .map(({ method, url, body }) => ({ method, url: sorted(url), body: parsed(body) }));

  const same: readonly (readonly [string, string[], Answer?, string?])[] = [
    ['generate', ['generate']],
    ['generate for Knative', ['generate', '--api', 'serving.knative.dev/v1', '-n', 'x']],
    ['generate with a tag', ['generate', '--tag', 'digest']],
    ['diff', ['diff']],
    ['diff of all variables', ['diff', '--env', 'all']],
    ['diff of what is deployed', ['diff', '--env', 'remote']],
    ['diff of what is not', ['diff'], { status: 200, body: '[]' }],
    ['diff of nothing', ['diff', '--filter', 'x']],
    ['list', ['list']],
    ['list -v', ['list', '-v']],
    ['list -q', ['list', '-q']],
    ['list of none', ['list'], { status: 200, body: '[]' }],
    ['deploy of one that is there', ['deploy'], { status: 200 }],
    ['deploy that is refused', ['deploy'], { status: 400, body: 'no' }],
    ['remove', ['remove', 'alpha'], { status: 202 }],
    ['remove of what is not there', ['remove', 'alpha'], { status: 404 }],
    ['secret create', ['secret', 'create', 'x', '--from-literal', 'v'], { status: 201 }],
    ['secret create without a value', ['secret', 'create', 'x', '--from-literal', '']],
    ['secret update', ['secret', 'update', 'x', '--from-literal', 'v'], { status: 200 }],
    ['secret remove', ['secret', 'remove', 'x'], { status: 202 }],
    ['secret list', ['secret', 'list'], { status: 200, body: '[{"name":"a","namespace":"x"}]' }],
    ['secret list of none', ['secret', 'list'], { status: 200, body: '[]' }],
    ['namespace list', ['namespace', 'list'], { status: 200, body: '["a","b"]' }],
    ['namespace create', ['namespace', 'create', 'dev', '--label', 'a=b'], { status: 201 }],
    ['namespace update', ['namespace', 'update', 'dev'], { status: 202 }],
    ['namespace remove', ['namespace', 'remove', 'dev'], { status: 202 }],
    ['namespaces', ['namespaces'], { status: 200, body: '["a","b"]' }],
    ['invoke', ['invoke', 'alpha'], { status: 200, body: 'said\n' }, 'hi'],
    ['invoke that fails', ['invoke', 'alpha'], { status: 500, body: 'broken' }, 'hi'],
    ['registry-login without a password', ['registry-login', '-u', 'me']],
    ['registry-login', ['registry-login', '-u', 'me', '--password', 'x', '--server', 'r.example']],
    ['registry-login of ECR without a region', ['registry-login', '--ecr', '--account-id', '1']],
    ['build', ['build', '--build-arg', 'A=b', '--tag', 'digest']],
    ['build of what is not there', ['build', '--filter', 'x*']],
    ['both --regex and --filter', ['build', '--regex', 'a', '--filter', 'a']],
    ['push', ['push']],
    ['publish', ['publish', '--platforms', 'linux/arm64', '--extra-tag', 'v2', '--build-label', 'a=b']],
    ['list --sort', ['list', '--sort', 'invocations']],
    ['list of another namespace', ['list', '-n', 'dev']],
    ['list that fails', ['list'], { status: 500, body: 'broken' }],
    ['list without a login', ['list'], { status: 401 }],
    ['ready', ['ready'], { status: 200 }],
    ['logs', ['logs', 'alpha', '--tail=false', '--lines', '5'], LOG],
    ['logs in pairs', ['logs', 'alpha', '--tail=false', '--name', '--instance', '-o', 'keyvalue'], LOG],
    ['logs without times', ['logs', 'alpha', '-t=false', '--time-format='], LOG],
    ['invoke --async', ['invoke', 'alpha', '--async'], { status: 202 }, 'hi'],
    [
      'invoke with headers and a query',
      ['invoke', 'alpha', '-H', 'X-A: b', '--query', 'a=b', '-n', 'dev'],
      { status: 200, body: 'x' },
      'hi',
    ],
    ['invoke of what is not there', ['invoke', 'alpha'], { status: 404, body: 'no' }, 'hi'],
    ['new of a name that is none', ['new', 'A_B', '--lang', 'dockerfile', '-f', 'new.yaml']],
    ['new over a folder that is there', ['new', 'alpha', '--lang', 'dockerfile', '-f', 'new.yaml']],
    ['build --shrinkwrap', ['build', '--shrinkwrap']],
    ['up', ['up', '--skip-push'], { status: 202 }],
    ['secret create of a name that is none', ['secret', 'create', 'A_B', '--from-literal', 'v']],
    ['a plugin', ['plug', 'a', '--flag', '-x']],
    ['print-token', ['print-token', 'token']],
    ['print-token of what is none', ['print-token', 'stack.yaml']],
  ];
  for (const [what, args, reply, stdin = ''] of same) {
    it(`says and sends the same: ${what}`, async () => {
      if (reply !== undefined) gateway.answer = () => reply;
      place.write('.home/.openfaas/plugins/plug', '#!/bin/sh\necho "plug $@"; exit 5\n', 0o755);
      const token = ['{"alg":"none"}', '{"aud":["a"],"sub":"x"}', 'sig'];
      place.write('token', token.map((part) => Buffer.from(part).toString('base64url')).join('.'));
      const theirs = await faasCli(args, stdin);
      const sent = requests();
      const ours = await place.skep(args, stdin);
      expect(plain(ours)).to.deep.equal(plain(theirs));
      expect(requests()).to.deep.equal(sent);
    });
  }
});
