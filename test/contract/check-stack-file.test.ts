import { expect } from 'chai';
import { checkStackFile } from '../../contract/check-stack-file.ts';
import { readStackFile } from '../../contract/stack-file.ts';
import { problemText } from '../../contract/stack-file-problem.ts';

const HEAD = 'provider:\n  name: openfaas\nfunctions:\n';

/** Of a file with these functions, indented by two already. */
function problems(functions: string, head = HEAD): string[] {
  const reading = readStackFile(head + functions, { fileName: 's.yaml', env: {} });
  expect(reading.problems.map(problemText)).to.deep.equal([]);
  return checkStackFile(reading, reading.stack.functions).map(problemText);
}
const of = (body: string): string[] => problems(`  a:\n    image: a\n${body.replaceAll(/^/gm, '    ')}\n`);

describe('checkStackFile', () => {
  it('has nothing against what is right', () => {
    const body = [
      'labels: {com.openfaas.scale.min: 2, com.openfaas.scale.max: 4, own: x, com.skep.limit.rate: 5}',
      'annotations: {topic: cron-function, schedule: "*/5 * * * *", com.skep.timeout: 30s}',
      'limits: {memory: 128Mi, cpu: 0.5, nvidia.com/gpu: 1}',
      'requests: {memory: 64m, cpu: 100m}',
      'secrets: [one, two]',
      'constraints: [node.role == worker]',
      'environment: {A: 1}',
      'namespace: dev',
      'build_args: {K: V}',
    ];
    expect(of(body.join('\n'))).to.deep.equal([]);
  });

  const rows: readonly [what: string, body: string, problem: RegExp][] = [
    [
      'a label',
      'labels:\n  com.openfaas.scale.min: many',
      /^s.yaml:7:31: functions.a.labels.com.openfaas.scale.min: expected a whole number/,
    ],
    [
      'labels that contradict each other',
      'labels:\n  com.openfaas.scale.min: 9\n  com.openfaas.scale.max: 5',
      /^s.yaml:7:31: .*\(9\) is more than/,
    ],
    [
      'a limit of calls',
      'labels: {com.skep.limit.concurrency: 0}',
      /com.skep.limit.concurrency: expected a whole number from 1/,
    ],
    [
      'a schedule',
      'annotations: {topic: cron-function, schedule: "61 * * * *"}',
      /annotations.schedule: expected five cron fields/,
    ],
    [
      'a topic without a schedule',
      'annotations: {topic: cron-function}',
      /^s.yaml:6:\d+: functions.a.annotations\S*: missing, and the topic/,
    ],
    [
      'a duration',
      'annotations: {com.skep.timeout: soon}',
      /annotations.com.skep.timeout: expected a duration/,
    ],
    [
      'a rollout timeout',
      'annotations: {com.skep.rollout.timeout: "0"}',
      /com.skep.rollout.timeout: expected a duration/,
    ],
    ['retries', 'annotations: {com.openfaas.retry.attempts: -1}', /com.openfaas.retry.attempts: expected/],
    [
      'memory',
      'limits: {memory: much}',
      /^s.yaml:6:22: functions.a.limits.memory: "much" is not a size: write it as 128Mi/,
    ],
    ['too little memory', 'requests: {memory: 1Mi}', /less than 4Mi/],
    ['CPUs', 'requests: {cpu: lots}', /functions.a.requests.cpu: "lots" is not a number of CPUs/],
    ['devices', 'limits: {nvidia.com/gpu: half}', /"half" is not a number of devices; write a whole number/],
    [
      'a request over the limit',
      'limits: {memory: 64Mi}\nrequests: {memory: 1g}',
      /^s.yaml:7:\d+: functions.a.requests.memory: is more than limits.memory/,
    ],
    [
      'a secret',
      'secrets: [ok, ../x]',
      /^s.yaml:6:19: functions.a.secrets\[1\]: "..\/x" is not a secret's name/,
    ],
    ['a secret given twice', 'secrets: [ok, ok]', /functions.a.secrets\[1\]: ok is listed twice/],
    [
      'a constraint',
      'constraints:\n  - anywhere',
      /^s.yaml:7:9: functions.a.constraints\[0\]: expected a placement/,
    ],
    [
      'a variable',
      'environment: {"A B": x}',
      /functions.a.environment.A B: "A B" is not the name of a variable/,
    ],
    ['a namespace', 'namespace: Dev', /functions.a.namespace: "Dev" is no name of a namespace/],
    ['an empty build argument', 'build_args: {K: }', /functions.a.build_args.K: a build argument needs/],
  ];
  for (const [what, body, problem] of rows) {
    it(`finds ${what} that cannot be, and where`, () => {
      const found = of(body);
      expect(found).to.have.length(1);
      expect(found[0]).to.match(problem);
    });
  }

  it('finds all that is wrong with the labels and annotations of one function', () => {
    const found = of(
      'labels: {com.openfaas.scale.min: x, com.openfaas.scale.max: y, com.skep.limit.rate: z, com.skep.limit.burst: 0}\n' +
        'annotations: {topic: cron-function, schedule: never, com.skep.schedule.on-missed: maybe, com.skep.timeout: x}',
    );
    const fields = found.map((text) => /(?:labels|annotations)\.(\S+):/.exec(text)?.[1]);
    expect(fields).to.have.members([
      'com.openfaas.scale.min',
      'com.openfaas.scale.max',
      'com.skep.limit.rate',
      'com.skep.limit.burst',
      'schedule',
      'com.skep.schedule.on-missed',
      'com.skep.timeout',
    ]);
  });

  it('says nothing of a label that is only wrong because another one is', () => {
    expect(of('labels: {com.openfaas.scale.max: x, com.openfaas.scale.min: 30}')).to.have.length(1);
  });

  const images: readonly [image: string, problem: RegExp][] = [
    ['Hello/World:1', /has capitals; use lower case only$/],
    ['a b', /is not an image name/],
    ['--flag', /is not an image name/],
    ['"a:"', /has a tag that is not one/],
    ['a@sha256:1', /has a digest/],
    ['""', /the function has no image; give it "image:"/],
  ];
  for (const [image, problem] of images) {
    it(`refuses the image ${image}`, () => {
      const found = problems(`  a:\n    image: ${image}\n`);
      expect(found).to.have.length(1);
      expect(found[0]).to.match(/^s.yaml:5:12: functions.a.image: /);
      expect(found[0]).to.match(problem);
    });
  }

  it('takes a tag with capitals', () => {
    expect(problems('  a:\n    image: a:V1-RC\n')).to.deep.equal([]);
  });

  it('refuses a name of the platform, in the default namespace', () => {
    expect(problems('  nats: {image: a}\n')).to.deep.equal([
      's.yaml:4:9: functions.nats: nats is the name of a service of the platform; choose another name for the function',
    ]);
    expect(problems('  nats: {image: a, namespace: dev}\n')).to.deep.equal([]);
  });

  it('refuses a label of the platform', () => {
    expect(of('labels: {com.docker.stack.namespace: x}')).to.match(
      /functions.a.labels.com.docker.stack.namespace: this label is reserved for the platform; choose/,
    );
  });

  it('points at the function where the image is missing altogether', () => {
    expect(problems('  a:\n    lang: node\n')).to.match(
      /^s.yaml:4:3: functions.a.image: the function has no image/,
    );
  });

  it('refuses two sources under one image, and takes two functions of one', () => {
    const shared = (second: string) =>
      problems(`  a: {lang: node, handler: ./a, image: x}\n  b: {${second}, image: "x:latest"}\n`);
    expect(shared('lang: node, handler: ./b')[0]).to.match(
      /^s.yaml:5:\d+: functions.b.image: a and b are built/,
    );
    expect(shared('lang: node, handler: a/')).to.deep.equal([]);
    expect(shared('skip_build: true')).to.deep.equal([]);
  });

  for (const [one, other] of [
    ['x/a', 'docker.io/x/a:latest'],
    ['a:1', 'index.docker.io/library/a:1'],
    ['localhost:5000/a:1', '127.0.0.1:5000/a:1'],
  ]) {
    it(`takes ${one} and ${other} for one image`, () => {
      const found = problems(
        `  a: {lang: node, handler: ./a, image: "${one}"}\n  b: {lang: node, handler: ./b, image: "${other}"}\n`,
      );
      expect(found[0]).to.match(/^s.yaml:5:\d+: functions.b.image: a and b are built/);
    });
  }

  it('refuses keys that no label has', () => {
    expect(of('labels: {"": x, b: y}\nannotations: {"": z}')).to.deep.equal([
      's.yaml:6:18: functions.a.labels.: "" is not a key; give it a name, or remove it',
      's.yaml:7:23: functions.a.annotations.: "" is not a key; give it a name, or remove it',
    ]);
  });

  for (const [gateway, isOk] of [
    ['http://127.0.0.1:8080', true],
    ['gateway.example', true],
    ['https://gateway.example/base', true],
    ['ftp://gateway.example', false],
    ['http://a b', false],
    ['http://:8080', false],
  ] as const) {
    it(`${isOk ? 'takes' : 'refuses'} the gateway ${gateway}`, () => {
      const head = `provider:\n  name: openfaas\n  gateway: ${gateway}\nfunctions:\n`;
      const found = problems('  a: {image: a}\n', head);
      expect(found).to.have.length(isOk ? 0 : 1);
      if (!isOk)
        expect(found[0]).to.match(/^s.yaml:3:12: provider.gateway: .*write it as http:\/\/HOST:PORT/);
    });
  }
});
