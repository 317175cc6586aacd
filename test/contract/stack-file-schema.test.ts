// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of stack files
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv, type ValidateFunction } from 'ajv';
import { expect } from 'chai';
import { parse } from 'yaml';
import { checkStackFile } from '../../contract/check-stack-file.ts';
import { KNOWN_ANNOTATIONS, KNOWN_LABELS } from '../../contract/known-labels.ts';
import { readStackFile } from '../../contract/stack-file.ts';
import { FUNCTION_KEYS } from '../../contract/stack-file-keys.ts';
import { STACK_FILE_SCHEMA } from '../../contract/stack-file-schema.ts';
import { SCHEMA_FILE, schemaText } from '../../scripts/write-schema.ts';

const HEAD = 'provider:\n  name: openfaas\nfunctions:\n';
const fn = (body: string): string => `${HEAD}  a:\n    image: a\n${body.replaceAll(/^/gm, '    ')}\n`;

describe('the JSON schema of stack.yaml', () => {
  let isValid: ValidateFunction;
  before(() => {
    // Every keyword must be known, so that none is misspelled; editors know one more.
    const ajv = new Ajv({
      strict: true,
      allowUnionTypes: true,
      strictTypes: false,
      keywords: ['patternErrorMessage'],
    });
    isValid = ajv.compile(STACK_FILE_SCHEMA as object);
  });

  it('is what docs/stack.schema.json has: npm run schema', () => {
    expect(readFileSync(SCHEMA_FILE, 'utf8')).to.equal(schemaText());
  });

  it('says of every key what it is for', () => {
    const silent: string[] = [];
    const look = (way: string, schema: unknown): void => {
      const { properties = {}, additionalProperties } = schema as {
        properties?: Record<string, { description?: string }>;
        additionalProperties?: unknown;
      };
      for (const [key, value] of Object.entries(properties)) {
        if (!value.description) silent.push(`${way}.${key}`);
        look(`${way}.${key}`, value);
      }
      if (typeof additionalProperties === 'object') look(`${way}.*`, additionalProperties);
    };
    look('', STACK_FILE_SCHEMA);
    expect(silent).to.deep.equal([]);
  });

  it('gives every template of ours as an example', () => {
    const folder = new URL('../../templates', import.meta.url).pathname;
    const own = readdirSync(folder).filter((name) => existsSync(join(folder, name, 'template.yml')));
    expect(FUNCTION_KEYS['lang']?.examples).to.have.members(own);
  });

  it('knows the labels and annotations that docs/ tells of', () => {
    const pages = ['scaling', 'functions-on-swarm', 'async'].map((page) =>
      readFileSync(new URL(`../../docs/${page}.md`, import.meta.url), 'utf8'),
    );
    const told = pages
      .join('\n')
      .match(/com\.(?:openfaas|skep)\.(?:scale|limit|schedule|rollout|timeout|then|queue|retry)[\w.-]*\w/g);
    const known = [...Object.keys(KNOWN_LABELS), ...Object.keys(KNOWN_ANNOTATIONS)];
    const isKnown = (name: string): boolean =>
      known.some((each) => each === name || each.startsWith(`${name}.`));
    expect((told ?? []).filter((name) => !isKnown(name))).to.deep.equal([]);
  });

  it('takes the stack files of the examples', () => {
    const text = readFileSync(new URL('../../examples/stack.yaml', import.meta.url), 'utf8');
    expect(isValid(parse(text)), JSON.stringify(isValid.errors)).to.equal(true);
  });

  const taken: readonly [what: string, text: string][] = [
    [
      'numbers and words for texts',
      fn('environment: {A: 1.10, B: yes, C: }\nlabels: {com.openfaas.scale.min: 2}'),
    ],
    ['flags in all their spellings', fn('skip_build: yes\nreadonly_root_filesystem: true')],
    [
      'variables',
      fn('image: ${REGISTRY}/X\nskip_build: ${SKIP:-no}\nnamespace: ${NS}').replace('    image: a\n', ''),
    ],
    ['an empty part', `version: 1.0\n${fn('environment:\nsecrets:')}configuration:\n`],
    ['keys of older files, and own ones', fn('network: x\nx-own: 1')],
    ['quantities', fn('limits: {memory: 128Mi, cpu: 0.5, nvidia.com/gpu: 1}')],
    ['a tag with capitals', fn('').replace('image: a', 'image: r.example:5000/a/b:V1')],
    ['a digest', fn('').replace('image: a', `image: a@sha256:${'0'.repeat(64)}`)],
    ['templates', `configuration:\n  templates:\n    - name: x\n      source: y\n  copy: [./a]\n${fn('')}`],
  ];
  for (const [what, text] of taken) {
    it(`takes ${what}, as the parser does`, () => {
      expect(isValid(parse(text)), JSON.stringify(isValid.errors)).to.equal(true);
      const env = { REGISTRY: 'r.example', NS: 'dev' };
      const reading = readStackFile(text.replace('}/X', '}/x'), { fileName: 's.yaml', env });
      expect(reading.problems).to.deep.equal([]);
      expect(checkStackFile(reading, reading.stack.functions)).to.deep.equal([]);
    });
  }

  const refused: readonly [what: string, text: string][] = [
    ['a mistyped key', fn('enviroment: {}')],
    ['a mistyped key at the top', `funktions: {}\n${fn('')}`],
    ['a scalar for a list', fn('secrets: one')],
    ['a list for a text', fn('handler: [a]')],
    ['a flag that is none', fn('skip_build: maybe')],
    ['a map in a map', fn('labels: {a: {b: c}}')],
    ['an unknown resource', fn('limits: {disk: 1g}')],
    ['an image with capitals', fn('').replace('image: a', 'image: Hello')],
    ['another provider', fn('').replace('openfaas', 'faas')],
    ['another version', `version: 2.0\n${fn('')}`],
    ['a function with capitals', fn('').replace('  a:', '  A:')],
    ['a namespace with capitals', fn('namespace: Dev')],
    ['no provider', 'functions: {}\n'],
    ['text', 'hello\n'],
  ];
  for (const [what, text] of refused) {
    it(`refuses ${what}, as the parser refuses it or warns of it`, () => {
      expect(isValid(parse(text))).to.equal(false);
      const reading = readStackFile(text, { fileName: 's.yaml', env: {} });
      const found = [...reading.problems, ...checkStackFile(reading, reading.stack.functions)];
      expect(found.length).to.be.greaterThan(0);
    });
  }
});
