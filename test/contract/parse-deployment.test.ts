import { expect } from 'chai';
import { ContractError } from '../../contract/contract-error.ts';
import { parseDeployment } from '../../contract/parse-deployment.ts';
import { parseJson } from '../../contract/parse-json.ts';

const least = { service: 'echo', image: 'alpine:3.20' };

describe('parseDeployment', () => {
  it('gives back every field of the contract as it came', () => {
    const whole = {
      ...least,
      namespace: 'dev',
      envProcess: 'cat',
      envVars: { A: '1', empty: '' },
      constraints: ['node.platform.os == linux', 'node.labels.gpu!=none'],
      secrets: ['one', 'two.three'],
      labels: { 'com.openfaas.scale.max': '5' },
      annotations: { topic: 'a\nb' },
      limits: { memory: '5Mi', cpu: '100m' },
      requests: { memory: '1g' },
      readOnlyRootFilesystem: true,
      registryAuth: 'dXNlcjpwYXNz',
    };
    expect(parseDeployment(whole)).to.deep.equal(whole);
  });

  it('takes null and empty optional fields as absent, as Go clients send them', () => {
    const sent = {
      ...least,
      namespace: '',
      envProcess: '',
      labels: null,
      annotations: null,
      envVars: null,
      secrets: null,
      constraints: null,
      limits: null,
      requests: { memory: '', cpu: '' },
      registryAuth: '',
      readOnlyRootFilesystem: null,
    };
    expect(parseDeployment(sent)).to.deep.equal(least);
  });

  it('ignores fields that it does not know, since clients may be newer', () => {
    expect(parseDeployment({ ...least, future: { deep: [1] } })).to.deep.equal(least);
  });

  const refused: readonly [string, unknown, RegExp][] = [
    ['null', null, /^the body: expected an object, not null/],
    ['a list', [], /^the body: .*a list/],
    ['a missing name', { image: 'a' }, /^service: is required/],
    ['a name that is no string', { ...least, service: 7 }, /^service: expected a string, not a number/],
    ['an upper-case name', { ...least, service: 'Echo' }, /^service: "Echo" is not a valid name/],
    ['a name of 64 characters', { ...least, service: 'a'.repeat(64) }, /^service: /],
    ['a name with a dot', { ...least, service: 'a.b' }, /^service: /],
    ['a name that leaves its folder', { ...least, service: '../x' }, /^service: /],
    ['a missing image', { service: 'echo' }, /^image: is required/],
    ['an empty image', { ...least, image: '' }, /^image: is required/],
    ['an image with a blank', { ...least, image: 'al pine' }, /^image: "al pine" is not an image name/],
    ['an image in upper case', { ...least, image: 'team/Echo' }, /^image: /],
    ['an image with an empty tag', { ...least, image: 'alpine:' }, /^image: .* tag/],
    ['an image with a short digest', { ...least, image: 'alpine@sha256:12' }, /^image: .* digest/],
    ['an endless image', { ...least, image: 'a'.repeat(1000) }, /^image: .* longer than 512/],
    ['a namespace that is no name', { ...least, namespace: 'Dev!' }, /^namespace: /],
    [
      'a variable that is a number',
      { ...least, envVars: { N: 1 } },
      /^envVars\.N: expected a string, not a number/,
    ],
    ['variables as a list', { ...least, envVars: ['A=1'] }, /^envVars: expected an object, not a list/],
    ['a variable with = in its name', { ...least, envVars: { 'A=B': '' } }, /^envVars: "A=B"/],
    ['a variable without a name', { ...least, envVars: { '': 'x' } }, /^envVars: .* without a name/],
    ['a NUL in a value', { ...least, envVars: { A: 'x\0y' } }, /^envVars\.A: .* NUL/],
    ['a secret listed twice', { ...least, secrets: ['a', 'b', 'a'] }, /^secrets\[2\]: a is listed twice/],
    ['a secret that leaves its folder', { ...least, secrets: ['../../etc/x'] }, /^secrets\[0\]: /],
    ['secrets as a string', { ...least, secrets: 'a' }, /^secrets: expected a list of strings, not a string/],
    ['a secret that is an object', { ...least, secrets: [{}] }, /^secrets\[0\]: expected a string/],
    ['a constraint without an operator', { ...least, constraints: ['linux'] }, /^constraints\[0\]: /],
    [
      'a label that is a boolean',
      { ...least, labels: { a: true } },
      /^labels\.a: expected a string, not a boolean/,
    ],
    ['memory as a number', { ...least, limits: { memory: 5 } }, /^limits\.memory: expected a string/],
    ['limits as a string', { ...least, limits: '5Mi' }, /^limits: expected an object/],
    [
      'a flag as a string',
      { ...least, readOnlyRootFilesystem: 'true' },
      /^readOnlyRootFilesystem: expected true or/,
    ],
    [
      'a bad minimum',
      { ...least, labels: { 'com.openfaas.scale.min': 'two' } },
      /label com\.openfaas\.scale\.min/,
    ],
  ];
  for (const [what, value, message] of refused) {
    it(`refuses ${what}, naming the field`, () => {
      expect(() => parseDeployment(value)).to.throw(ContractError, message);
    });
  }

  it('does not repeat a registry password in its refusal', () => {
    const registryAuth = Buffer.from('hunter2').toString('base64');
    expect(() => parseDeployment({ ...least, registryAuth })).to.throw(
      ContractError,
      /^registryAuth: expected the base64 of user:password$/,
    );
  });

  it('keeps a __proto__ key a plain key', () => {
    const body = parseJson(
      '{"service":"echo","image":"a","__proto__":{"image":5},"labels":{"__proto__":"x"}}',
    );
    const { labels } = parseDeployment(body);
    expect(Object.entries(labels ?? {})).to.deep.equal([['__proto__', 'x']]);
    expect(({} as Record<string, unknown>)['image']).to.equal(undefined);
  });

  it('does not read fields from a prototype', () => {
    const body = parseJson('{"__proto__":{"service":"echo","image":"alpine"}}');
    expect(() => parseDeployment(body)).to.throw(ContractError, /service: is required/);
  });

  for (const image of [
    'alpine',
    'team/echo:1.2.3',
    'registry.local:5000/team/echo:latest',
    'localhost/echo',
    'docker.io/functions/alpine:latest',
    `ghcr.io/a/b__c-d.e@sha256:${'0a'.repeat(32)}`,
  ]) {
    it(`takes the image ${image}`, () => {
      expect(parseDeployment({ ...least, image }).image).to.equal(image);
    });
  }
});

describe('parseJson', () => {
  it('refuses what is not JSON', () => {
    expect(() => parseJson('{"a":')).to.throw(ContractError, /not valid JSON/);
  });

  it('survives a million brackets', () => {
    const deep = '['.repeat(500_000) + ']'.repeat(500_000);
    expect(() => parseDeployment(parseJson(deep))).to.throw(ContractError);
  });
});
