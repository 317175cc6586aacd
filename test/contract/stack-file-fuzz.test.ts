import { expect } from 'chai';
import fc from 'fast-check';
import { checkStackFile } from '../../contract/check-stack-file.ts';
import { readStackFile } from '../../contract/stack-file.ts';
import { problemText, StackFileError } from '../../contract/stack-file-problem.ts';

const WHOLE = `# a stack
version: 1.0
provider: {name: openfaas, gateway: "http://g:8080"}
configuration:
  templates: [{name: t, source: s}]
x-base: &base {A: \${A:-1}}
functions:
  a: &a
    lang: node
    image: "r.example/a:1"
    environment: {<<: *base, B: |
        text
      }
    labels: {com.openfaas.scale.min: "1"}
    secrets: [one, two]
    limits:
      memory: 128Mi
  b: *a
`;
/** What YAML and our variables are made of. */
const SIGNS = [
  '\t',
  '\n',
  ' ',
  '  ',
  ':',
  ': ',
  '-',
  '- ',
  '{',
  '}',
  '[',
  ']',
  '&a',
  '*a',
  '<<',
  '"',
  "'",
  '|',
  '>',
  '#',
  '?',
  '!',
  '%',
  '@',
  '`',
  ',',
  '$',
  '${',
  '${A',
  '$$',
  '}',
  '\0',
  '\uD800',
  '\uFEFF',
  '---',
  '...',
  '~',
  'null',
  '__proto__',
  'constructor',
];

describe('a stack file of any text', function () {
  this.timeout(60_000);

  it('is read or refused, with a place that is in the file', () => {
    const edits = fc.array(
      fc.record({
        at: fc.nat(WHOLE.length),
        drop: fc.nat(12),
        put: fc.oneof(fc.constantFrom(...SIGNS), fc.string({ maxLength: 6 })),
      }),
      { minLength: 1, maxLength: 6 },
    );
    fc.assert(
      fc.property(edits, (all) => {
        let text = WHOLE;
        for (const { at, drop, put } of all) text = text.slice(0, at) + put + text.slice(at + drop);
        const lines = text.split('\n');
        const told = problemsOf(text);
        for (const problem of told) {
          const { line, column } = problem;
          expect(problem.what).to.not.equal('');
          expect(problemText(problem)).to.match(/^s\.yaml(?::\d+:\d+)?: /);
          if (line === undefined) continue;
          expect(line).to.be.within(1, lines.length);
          expect(column).to.be.within(1, (lines[line - 1] ?? '').length + 1);
        }
      }),
      { numRuns: 1000 },
    );
  });
});

function problemsOf(text: string) {
  try {
    const reading = readStackFile(text, { fileName: 's.yaml', env: { A: 'two\nlines' } });
    return [...reading.problems, ...checkStackFile(reading, reading.stack.functions)];
  } catch (error) {
    if (error instanceof StackFileError) return error.problems;
    throw error;
  }
}
