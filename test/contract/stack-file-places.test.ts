// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the syntax under test
import { expect } from 'chai';
import { readStackFile } from '../../contract/stack-file.ts';
import { problemText, StackFileError } from '../../contract/stack-file-problem.ts';

const HEAD = 'provider:\n  name: openfaas\nfunctions:\n';

function told(text: string, env: Record<string, string> = {}): string[] {
  try {
    return readStackFile(text, { fileName: 's.yaml', env }).problems.map(problemText);
  } catch (error) {
    if (error instanceof StackFileError) return error.problems.map(problemText);
    throw error;
  }
}

describe('what is wrong with a stack file', () => {
  it('is told in one go, from top to bottom', () => {
    const body = '  a:\n    secrets: one\n    skip_build: maybe\n    labels: {x: [1]}\n  B: {}\n';
    expect(told(`version: 2\nx-own: 1\nfuncs: {}\n${HEAD}${body}`)).to.deep.equal([
      's.yaml:1:10: version: [1.0] are the only valid versions for the stack file - found: 2; write "version: 1.0", or leave it out',
      's.yaml:3:1: funcs: unknown key, ignored',
      's.yaml:8:14: functions.a.secrets: expected a list; write one "- value" per line',
      's.yaml:9:17: functions.a.skip_build: expected true or false; write it without quotes',
      's.yaml:10:17: functions.a.labels.x: expected text, not a list or a map; put it into quotes if it is meant as text',
      's.yaml:11:3: functions.B: this is no name of a function; a function name may hold a-z, 0-9 and dashes, none first or last, at most 63 characters',
    ]);
  });

  it('is pointed at in the file as it was written, before variables were replaced', () => {
    const text = `${HEAD}  a: {image: "\${LONG}", secrets: \${LIST}, skip_build: 'x$$'}\n`;
    expect(told(text, { LONG: 'x'.repeat(500), LIST: 'one two' })).to.deep.equal([
      's.yaml:4:34: functions.a.secrets: expected a list; write one "- value" per line',
      's.yaml:4:55: functions.a.skip_build: expected true or false; write it without quotes',
    ]);
  });

  it('is the place of a variable that cannot be read', () => {
    expect(told(`${HEAD}  a: {image: "\${U-x}"}\n`)).to.deep.equal([
      's.yaml:4:18: missing closing brace in a ${…} substitution; write $$ for a dollar sign, or use --envsubst=false',
    ]);
  });

  for (const [what, body, problem] of [
    ['a tab', '\ta: {}\n', 's.yaml:4:1: a tab indents this line; YAML takes spaces only'],
    [
      'a key that stands twice',
      '  a: {}\n  b: {}\n  a: {}\n',
      's.yaml:6:3: the key "a" stands here a second time, after line 4: keys must be unique; remove one of the two',
    ],
    [
      'a key that stands twice in a function',
      '  a:\n    image: x\n    image: y\n',
      's.yaml:6:5: the key "image" stands here a second time, after line 5: keys must be unique; remove one of the two',
    ],
    [
      'an anchor that is not there',
      '  a: *x\n',
      's.yaml:4:6: functions.a: unknown anchor "x"; define it above: &x',
    ],
    [
      'a key without colon',
      '  a:\n    image x\n    lang: y\n',
      's.yaml:5:5: this is no "key: value"; put a colon and a space after the key',
    ],
    [
      'a colon inside a value',
      '  a:\n    image: x: y\n',
      's.yaml:5:12: there is another "key: value" inside this value; put the value into quotes, or begin its line where the others begin',
    ],
    [
      'a list for a function',
      '  a: []\n',
      's.yaml:4:6: functions.a: expected keys with values; write one "key: value" per line',
    ],
  ] as const) {
    it(`says where ${what} is, and what to do`, () => {
      expect(told(HEAD + body)).to.deep.equal([problem]);
    });
  }

  it('suggests the key that was most likely meant', () => {
    const keys = ['enviroment', 'readOnlyRootFilesystem', 'build-args', 'imgae', 'colour'];
    expect(
      told(`${HEAD}  a:\n${keys.map((key) => `    ${key}: {}\n`).join('')}`).map(
        (text) => /mean "(.*)"/.exec(text)?.[1],
      ),
    ).to.deep.equal(['environment', 'readonly_root_filesystem', 'build_args', 'image', undefined]);
  });

  const hostile: readonly [what: string, text: string, problem: RegExp][] = [
    [
      'aliases that multiply',
      `${HEAD}  a: &a {labels: &l {${Array.from({ length: 2000 }, (_, n) => `k${n}: 1`).join(', ')}}}\n${Array.from({ length: 500 }, (_, n) => `  f${n}: {labels: *l}\n`).join('')}`,
      /too many values, with all aliases followed; write out/,
    ],
    [
      'values that are too many',
      `${HEAD}  a: {secrets: [${'1,'.repeat(110_000)}]}\n`,
      /too many values; make several/,
    ],
    ['a hundred thousand aliases', `x-a: &a [1]\nx-b:\n${'- *a\n'.repeat(100_000)}`, /provider.name/],
    [
      'a hundred thousand keys',
      `x-b:\n${Array.from({ length: 100_000 }, (_, n) => `  ${n}:\n`).join('')}`,
      /provider.name/,
    ],
    ['brackets without end', `x-a: ${'['.repeat(200_000)}`, /nested too deep/],
    [
      'maps without end',
      Array.from({ length: 1400 }, (_, n) => `${' '.repeat(n)}x:\n`).join(''),
      /nested too deep/,
    ],
    ['dashes without end', `x:\n  ${'- '.repeat(100_000)}`, /nested too deep/],
    ['colons without end', 'a: '.repeat(100_000), /nested too deep/],
    ['a thousand lines with tabs', `${HEAD}${'\ta: {}\n'.repeat(1000)}`, /a tab/],
    ['bytes that are no text', '\u0000\u0001\u0002', /./],
  ];
  for (const [what, text, problem] of hostile) {
    it(`is told soon of ${what}`, function () {
      this.timeout(10_000);
      const found = told(text);
      expect(found.join('\n')).to.match(problem);
      expect(found.length).to.be.below(30);
    });
  }
});
