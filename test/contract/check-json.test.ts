import { expect } from 'chai';
import { checkJson } from '../../contract/check-json.ts';
import { ContractError } from '../../contract/contract-error.ts';
import { parseJson } from '../../contract/parse-json.ts';

describe('JSON that nobody can have meant', () => {
  const refused: readonly [string, string, string][] = [
    ['a key twice', '{"a":1,"a":1}', 'a: stands twice'],
    ['a key twice, once in escapes', String.raw`{"a":1,"\u0061":2}`, 'a: stands twice'],
    ['a key twice, blanks between', '{ "a" : 1 ,\n"b":2,\t"a"\r: 2 }', 'a: stands twice'],
    ['a key twice in an object in a list', '[{"x":[{"a":{},"b":0,"a":[]}]}]', 'a: stands twice'],
    ['a key twice that ends in a backslash', String.raw`{"a\\":1,"a\\":2}`, 'a\\: stands twice'],
    ['__proto__ twice', '{"__proto__":1,"__proto__":2}', '__proto__: stands twice'],
    ['the empty key twice', '{"":1,"":2}', ': stands twice'],
    ['101 lists in each other', `${'['.repeat(101)}${']'.repeat(101)}`, 'more than 100 levels'],
    [
      '10,000 objects in each other',
      `${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}`,
      'more than 100 levels',
    ],
  ];
  for (const [what, text, reason] of refused) {
    it(`is refused: ${what}`, () => {
      expect(() => checkJson(text)).to.throw(ContractError, reason);
    });
  }

  const taken: readonly [string, string][] = [
    ['one key in several objects', '[{"a":1},{"a":1,"b":{"a":1}}]'],
    ['strings that look like keys', String.raw`{"a":"b\":1,\"a\":2","b":["a","a","c:","}{"]}`],
    ['a string that ends in backslashes', String.raw`{"a":"\\\\","b":"\\\""}`],
    ['100 lists in each other', `${'['.repeat(100)}${']'.repeat(100)}`],
    ['no object at all', '"a"'],
    ['many brackets side by side', `[${'[],'.repeat(1000)}{}]`],
  ];
  for (const [what, text] of taken) {
    it(`is taken: ${what}`, () => {
      expect(parseJson(text)).to.deep.equal(JSON.parse(text));
    });
  }

  it('is looked for in 4 MB without a stack or a second', () => {
    const quotes = JSON.stringify({ value: '"\\'.repeat(1_000_000) });
    expect(() => checkJson(quotes)).to.not.throw();
    const keys = JSON.stringify(Object.fromEntries(Array.from({ length: 100_000 }, (_, i) => [`k${i}`, i])));
    expect(() => checkJson(keys)).to.not.throw();
  });
});
