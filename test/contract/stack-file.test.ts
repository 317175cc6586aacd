// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the syntax under test
import { expect } from 'chai';
import { isDockerStack, parseEnvironmentFile, parseStackFile } from '../../contract/stack-file.ts';

const HEAD = 'provider:\n  name: openfaas\n';
const parse = (text: string, env?: Record<string, string>) =>
  parseStackFile(text, { fileName: 'stack.yaml', ...(env ? { env } : {}) });
const fn = (body: string) => {
  const [first] = parse(`${HEAD}functions:\n  a:\n${body.replaceAll(/^/gm, '    ')}\n`).functions;
  if (!first) throw new Error('no function');
  return first;
};

describe('parseStackFile', () => {
  it('reads every key', () => {
    const stack = parse(`version: 1.0
provider:
  name: openfaas
  gateway: http://g:8080
configuration:
  templates:
    - name: node22
      source: https://example.com/t
    - name: other
  copy:
    - ./common
functions:
  b:
    lang: node
    handler: ./b
    image: r.example/b:1
    fprocess: node index.js
    namespace: dev
    environment: {A: 1.10}
    environment_file: [one.yml]
    secrets: [s]
    skip_build: yes
    constraints: ["node.role == worker"]
    labels: {l: "1"}
    annotations: {n: "2"}
    limits: {memory: 128Mi, cpu: 0.5}
    requests: {memory: 64Mi}
    readonly_root_filesystem: true
    build_options: [dev]
    build_args: {K: V}
    build_secrets: {id: ./path}
    platforms: linux/amd64
  a: {}
`);
    expect(stack.gateway).to.equal('http://g:8080');
    expect(stack.templates).to.deep.equal([
      { name: 'node22', source: 'https://example.com/t' },
      { name: 'other' },
    ]);
    expect(stack.copy).to.deep.equal(['./common']);
    expect(stack.warnings).to.deep.equal([]);
    expect(stack.functions.map(({ name }) => name)).to.deep.equal(['b', 'a']);
    expect(stack.functions[0]).to.deep.equal({
      name: 'b',
      lang: 'node',
      handler: './b',
      image: 'r.example/b:1',
      fprocess: 'node index.js',
      namespace: 'dev',
      platforms: 'linux/amd64',
      limits: { memory: '128Mi', cpu: '0.5' },
      requests: { memory: '64Mi' },
      environment: { A: '1.10' },
      environmentFiles: ['one.yml'],
      secrets: ['s'],
      constraints: ['node.role == worker'],
      labels: { l: '1' },
      annotations: { n: '2' },
      readOnlyRootFilesystem: true,
      skipBuild: true,
      buildOptions: ['dev'],
      buildArgs: { K: 'V' },
      buildSecrets: { id: './path' },
    });
  });

  it('keeps the literal text of map values and keys', () => {
    const text = ['1.10', 'true', 'yes', '0x10', '1e3', '010', '2020-01-01', '.5', '1_000', '+1', '0o7'];
    const { environment } = fn(
      `environment:\n${text.map((value, index) => `  k${index}: ${value}`).join('\n')}\n  1: x\n  true: y`,
    );
    expect(Object.values(environment).toSorted()).to.deep.equal([...text, 'x', 'y'].toSorted());
    expect(environment).to.include({ '1': 'x', true: 'y' });
  });

  it('reads null, ~ and nothing as the empty text, quoted null as a word', () => {
    const { environment } = fn('environment:\n  a: null\n  b: ~\n  c:\n  d: "null"\n  e: ""');
    expect(environment).to.deep.equal({ a: '', b: '', c: '', d: 'null', e: '' });
  });

  it('reads anchors and merged maps, own keys first', () => {
    const [a] = parse(
      `${HEAD}x-base: &base {A: 1, B: 2}\nfunctions:\n  a:\n    environment:\n      <<: *base\n      B: 3\n`,
    ).functions;
    expect(a?.environment).to.deep.equal({ A: '1', B: '3' });
  });

  for (const [text, value] of [
    ['true', true],
    ['yes', true],
    ['on', true],
    ['"yes"', true],
    ['false', false],
    ['no', false],
    ['off', false],
    ['', false],
  ] as const) {
    it(`reads skip_build: ${text} as ${value}`, () => {
      expect(fn(`skip_build: ${text}`).skipBuild).to.equal(value);
    });
  }

  it('accepts version 1.0 with and without quotes, and none', () => {
    for (const version of ['version: 1.0\n', 'version: "1.0"\n', '']) parse(`${version}${HEAD}`);
  });

  it('substitutes only when given an environment', () => {
    const text = `${HEAD}functions:\n  a:\n    image: \${P:-x}/a\n`;
    expect(parse(text, {}).functions[0]?.image).to.equal('x/a');
    expect(parse(text, { P: 'y' }).functions[0]?.image).to.equal('y/a');
    expect(parse(text).functions[0]?.image).to.equal('${P:-x}/a');
  });

  it('warns of keys it does not know, with the line, and not of retired ones', () => {
    const { warnings } = parse(`${HEAD}functions:\n  a:\n    enviroment: {}\n    network: old\n`);
    expect(warnings).to.deep.equal([
      'stack.yaml:5:5: functions.a.enviroment: unknown key, ignored; did you mean "environment"?',
    ]);
  });

  const refused: readonly [what: string, text: string, message: RegExp][] = [
    [
      'another provider',
      'provider:\n  name: faas\n',
      /^\['openfaas'\] is the only valid "provider.name" for the OpenFaaS CLI, but you gave: faas$/,
    ],
    ['no provider', 'functions: {}\n', /but you gave: $/],
    [
      'another version',
      `version: 2.0\n${HEAD}`,
      /^\[1.0\] are the only valid versions for the stack file - found: 2.0$/,
    ],
    [
      'a scalar where a list is expected',
      `${HEAD}functions:\n  a:\n    secrets: one\n`,
      /stack.yaml:5:14: functions.a.secrets: expected a list/,
    ],
    [
      'a list in a map of texts',
      `${HEAD}functions:\n  a:\n    labels:\n      x: [1]\n`,
      /functions.a.labels.x: expected text/,
    ],
    [
      'a map where text is expected',
      `${HEAD}functions:\n  a:\n    image: {a: b}\n`,
      /functions.a.image: expected text/,
    ],
    [
      'a quoted "true"',
      `${HEAD}functions:\n  a:\n    skip_build: "true"\n`,
      /skip_build: expected true or false/,
    ],
    [
      'a bool that is none',
      `${HEAD}functions:\n  a:\n    skip_build: maybe\n`,
      /skip_build: expected true or false/,
    ],
    ['a function given twice', `${HEAD}functions:\n  a: {}\n  a: {}\n`, /stack.yaml:5.*unique/],
    ['tabs', `${HEAD}functions:\n\ta: {}\n`, /stack.yaml:4/],
    ['a name that is a path', `${HEAD}functions:\n  ../../etc: {}\n`, /a function name may hold/],
    ['a name with capitals', `${HEAD}functions:\n  Hello: {}\n`, /a function name may hold/],
    ['two documents', `${HEAD}---\n${HEAD}`, /stack.yaml:3.*multiple documents/],
    ['an unknown anchor', `${HEAD}functions: *nowhere\n`, /nowhere/],
    ['text', 'hello', /expected keys with values/],
    ['a list', '- a\n', /expected keys with values/],
    ['a file without end', `#${'x'.repeat(2 ** 20)}`, /larger than 1 MiB/],
  ];
  for (const [what, text, message] of refused) {
    it(`refuses ${what}`, () => {
      expect(() => parse(text)).to.throw(message);
    });
  }

  it('refuses merges that multiply, soon', () => {
    const levels = Array.from({ length: 40 }, (_, n) => `x-${n + 1}: &a${n + 1}\n  <<: [*a${n}, *a${n}]\n`);
    const text = `${HEAD}x-0: &a0 {k: v}\n${levels.join('')}functions:\n  a:\n    labels: *a40\n`;
    expect(() => parse(text)).to.throw('too many merged maps');
  });

  it('ends on an anchor that merges itself', () => {
    expect(() => parse(`${HEAD}functions:\n  a:\n    labels: &l\n      <<: *l\n`)).to.throw(/merged|anchor/i);
  });
});

describe('parseEnvironmentFile', () => {
  it('reads the environment map and nothing else', () => {
    expect(parseEnvironmentFile('environment:\n  A: 01\nother: x\n', 'env.yml')).to.deep.equal({ A: '01' });
    expect(parseEnvironmentFile('', 'env.yml')).to.deep.equal({});
  });
  it('names the file of what it refuses', () => {
    expect(() => parseEnvironmentFile('environment: [a]', 'env.yml')).to.throw(/^env.yml:1:14/);
  });
});

describe('isDockerStack', () => {
  it('tells a Docker stack from functions', () => {
    expect(isDockerStack('version: "3"\nservices:\n  web: {}\n')).to.equal(true);
    expect(isDockerStack(`${HEAD}functions:\n  services: {}\n`)).to.equal(false);
  });
});
