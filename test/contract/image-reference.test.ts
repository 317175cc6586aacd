import { expect } from 'chai';
import { ContractError } from '../../contract/contract-error.ts';
import { parseImageReference, registryOf } from '../../contract/image-reference.ts';

describe('an image reference', () => {
  const digest = `sha256:${'a'.repeat(64)}`;
  for (const [text, parts] of [
    ['alpine', { repository: 'alpine' }],
    ['team/fn_a-b.c:V1.2', { repository: 'team/fn_a-b.c', tag: 'V1.2' }],
    ['reg.local/fn', { repository: 'reg.local/fn', registry: 'reg.local' }],
    ['localhost/fn', { repository: 'localhost/fn', registry: 'localhost' }],
    ['REG:5000/a/b:1', { repository: 'REG:5000/a/b', tag: '1', registry: 'REG:5000' }],
    ['[::1]:5000/a', { repository: '[::1]:5000/a', registry: '[::1]:5000' }],
    [`fn:1@${digest}`, { repository: 'fn', tag: '1', digest }],
    // No registry: there is no first part.
    ['reg.local:5000', { repository: 'reg.local', tag: '5000' }],
  ] as const) {
    it(`reads ${text.slice(0, 30)}`, () => expect(parseImageReference(text)).to.deep.equal(parts));
  }

  for (const text of [
    '',
    '/',
    'a/',
    '/a',
    'a//b',
    'a:',
    'a:b:c',
    'a@b',
    `a@${digest}@${digest}`,
    'A',
    'Team/fn',
    'team/Fn',
    'a b',
    'a\n',
    '-a',
    'a..b',
    'reg_.local/a',
    'reg.local:99999999/a',
    'http://reg.local/a',
    'a'.repeat(256),
    `a:${'t'.repeat(129)}`,
  ]) {
    it(`refuses ${JSON.stringify(text.slice(0, 30))}, naming the field`, () => {
      expect(() => parseImageReference(text, 'from')).to.throw(ContractError, /^from: /);
    });
  }

  it('tells a registry from a user by Docker’s rule', () => {
    for (const image of ['r.io/a', 'r:5000/a', 'localhost/a']) expect(registryOf(image)).to.be.a('string');
    for (const image of ['a', 'a.b', 'a:1', 'user/a.b:1', '']) expect(registryOf(image)).to.equal(undefined);
  });
});
