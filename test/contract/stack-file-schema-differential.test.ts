// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of stack files
import { Ajv, type ValidateFunction } from 'ajv';
import { expect } from 'chai';
import { parse } from 'yaml';
import { checkStackFile } from '../../contract/check-stack-file.ts';
import { readStackFile } from '../../contract/stack-file.ts';
import { STACK_FILE_KEYS } from '../../contract/stack-file-keys.ts';
import type { StackProblem } from '../../contract/stack-file-problem.ts';
import { STACK_FILE_SCHEMA } from '../../contract/stack-file-schema.ts';

/** What somebody may write behind a key: each kind of YAML, and what is right for one key or another. */
const VALUES = [
  ...[
    '',
    'null',
    '~',
    '""',
    '0',
    '1',
    '1.0',
    '0.5',
    '-1',
    '64',
    'true',
    'True',
    'yes',
    'y',
    '"true"',
    '"yes"',
  ],
  ...[
    'text',
    'Text',
    '"two words"',
    '2020-01-01',
    '!!str a',
    'openfaas',
    'http://h:1',
    'h:1',
    '128Mi',
    '100m',
  ],
  ...['[]', '[a]', '[1]', '[null]', '[[a]]', '[{a: b}]', '[{name: a, source: b}]', '[{name: a, more: b}]'],
  ...[
    '{}',
    '{a: b}',
    '{1: 2}',
    '{a: 1}',
    '{a: null}',
    '{a: [1]}',
    '{a: {b: c}}',
    '{x-own: 1}',
    '{<<: {a: b}}',
  ],
  ...[
    '{memory: 128Mi, cpu: 1}',
    '{memory: lots}',
    '{disk: 1}',
    '{cpu: }',
    '{nvidia.com/gpu: 1}',
    '{image: a}',
  ],
  ...[
    '${EMPTY}',
    '${EMPTY:-a}',
    '${EMPTY:-openfaas}',
    '${EMPTY:-1.0}',
    '${EMPTY:-[a]}',
    '${MAP}',
    'a-${EMPTY:-b}',
  ],
];
const ENV = { MAP: '{a: b}' };
const HEAD = 'provider:\n  name: openfaas\n';
const FUNCTIONS = 'functions:\n  a:\n    image: a\n';

/** A stack file with a value at one place, by the place. */
const PLACES: readonly [keys: readonly string[], text: (key: string, value: string) => string][] = [
  [
    [...STACK_FILE_KEYS.function, ...STACK_FILE_KEYS.retired],
    (key, value) => `${HEAD}${key === 'image' ? 'functions:\n  a:\n' : FUNCTIONS}    ${key}: ${value}\n`,
  ],
  [
    STACK_FILE_KEYS.top,
    (key, value) =>
      `${key === 'provider' ? '' : HEAD}${key === 'functions' ? '' : FUNCTIONS}${key}: ${value}\n`,
  ],
  [
    STACK_FILE_KEYS.provider,
    (key, value) =>
      `provider:\n${key === 'name' ? '' : '  name: openfaas\n'}  ${key}: ${value}\n${FUNCTIONS}`,
  ],
  [STACK_FILE_KEYS.configuration, (key, value) => `${HEAD}configuration:\n  ${key}: ${value}\n${FUNCTIONS}`],
  [
    STACK_FILE_KEYS.template,
    (key, value) =>
      `${HEAD}configuration:\n  templates:\n    - ${key === 'name' ? 'source: b' : 'name: b'}\n      ${key}: ${value}\n${FUNCTIONS}`,
  ],
  [STACK_FILE_KEYS.resources, (key, value) => `${HEAD}${FUNCTIONS}    limits:\n      ${key}: ${value}\n`],
  [['a', 'a-b', 'A', 'a-', '${EMPTY:-b}'], (key, value) => `${HEAD}functions:\n  ${key}: ${value}\n`],
];
const SOMETIMES = ['x-own', 'unknown'];
/** The parser takes every word for a name; where one is to stand, `true` is one that only the schema doubts. */
const NAMES = ['lang', 'handler', 'image', 'platforms', 'namespace', 'gateway', 'name', 'source'];

/** What is wrong with a file's form, of which no schema needs to know the variables or the parsers of values. */
const OF_FORM = /^(?:expected (?:text|a list|keys|true or false)|unknown key|this is no name of a function)/;

describe('the JSON schema of stack.yaml beside skep validate', () => {
  let isValid: ValidateFunction;
  before(() => {
    const ajv = new Ajv({ allowUnionTypes: true, strict: false });
    isValid = ajv.compile(STACK_FILE_SCHEMA as object);
  });

  for (const [keys, textOf] of PLACES) {
    for (const key of [...keys, ...SOMETIMES]) {
      it(`agree about ${textOf(key, '…').trim().replaceAll(/\s+/g, ' ')}`, () => {
        const different = VALUES.flatMap((value) => {
          const text = textOf(key, value);
          const isTaken = isValid(parse(text, { merge: true }));
          const found = problemsOf(text);
          if (NAMES.includes(key) && /^true$/i.test(value)) return [];
          if (!isTaken && found.length === 0) return [`${value}: only the schema refuses it`];
          const ofForm = found.find(({ what }) => OF_FORM.test(what));
          const isVariable = text.includes('${');
          return isTaken && ofForm !== undefined && !isVariable
            ? [`${value}: only validate refuses it: ${ofForm.field}: ${ofForm.what}`]
            : [];
        });
        expect(different).to.deep.equal([]);
      });
    }
  }
});

function problemsOf(text: string): readonly StackProblem[] {
  const reading = readStackFile(text, { fileName: 's.yaml', env: ENV });
  return [...reading.problems, ...checkStackFile(reading, reading.stack.functions)];
}
