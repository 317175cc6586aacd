// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the syntax under test
import { expect } from 'chai';
import { substituteEnvironment } from '../../contract/stack-file-substitution.ts';

const env = { A: 'hello', E: '' };
const run = (text: string): string => substituteEnvironment(text, env);

describe('substituteEnvironment', () => {
  const rows: readonly [input: string, output: string][] = [
    ['$A', '$A'],
    ['a $ b', 'a $ b'],
    ['cost: $5', 'cost: $5'],
    ['${A}', 'hello'],
    ['${U}', ''],
    ['${U:-def}', 'def'],
    ['${U:=def}', 'def'],
    ['${U=def}', 'def'],
    ['${E:-def}', 'def'],
    ['${E=def}', 'def'],
    ['${A:-def}', 'hello'],
    ['${U:?x}', 'x'],
    ['${U:+x}', 'x'],
    ['${A:+x}', 'hello'],
    ['${U:-http://h:8080/${A}/y}', 'http://h:8080/hello/y'],
    ['${A^}', 'Hello'],
    ['${A^^}', 'HELLO'],
    ['${A,}', 'hello'],
    ['${A,,}', 'hello'],
    ['${#A}', '5'],
    ['${A:1:2}', 'el'],
    ['${A:2}', 'llo'],
    ['${A/l/L}', 'heLlo'],
    ['${A//l/L}', 'heLLo'],
    ['${A/#h/H}', 'Hello'],
    ['${A/%o/O}', 'hellO'],
    ['${A#h}', 'ello'],
    ['${A##h}', 'ello'],
    ['${A##*l}', 'o'],
    ['${A#*l}', 'lo'],
    ['${A%lo}', 'hel'],
    ['${A%%lo}', 'hel'],
    ['${A%%l*}', 'he'],
    ['$$A', '$A'],
    ['$${A}', '${A}'],
    ['\\${A}', '\\hello'],
    ['# a comment with ${A}', '# a comment with hello'],
    ['', ''],
  ];
  for (const [input, output] of rows) {
    it(`turns ${JSON.stringify(input)} into ${JSON.stringify(output)}`, () => {
      expect(run(input)).to.equal(output);
    });
  }

  for (const input of ['${U-def}', '${A.b}', '${A', '${A:-x', '${A:}', '${A/x', '${#A']) {
    it(`refuses ${input}`, () => {
      expect(() => run(input)).to.throw('missing closing brace');
    });
  }

  for (const input of ['${}', '${', '${#}']) {
    it(`refuses ${input}, which names nothing`, () => {
      expect(() => run(input)).to.throw('unable to parse variable name');
    });
  }

  it('names the line of what it refuses', () => {
    expect(() => run('one\ntwo ${A\n')).to.throw(/^line \d/);
    expect(() => run('one\ntwo ${A.b}')).to.throw(/^line 2: missing closing brace/);
  });

  it('refuses nesting without end instead of exhausting the stack', () => {
    expect(() => run('${U:-'.repeat(100_000))).to.throw('nested more than');
  });

  it('reads no inherited property as a variable', () => {
    expect(run('${constructor}${__proto__}')).to.equal('');
  });
});
