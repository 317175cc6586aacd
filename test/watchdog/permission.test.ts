import { expect } from 'chai';
import { matchesAny, parseFunctionClaim, permits } from '../../watchdog/permission.ts';

describe('permissions of a token', () => {
  const CASES: readonly (readonly [pattern: string, reference: string, matches: boolean])[] = [
    ['*', 'dev:env', true],
    ['dev:env', 'dev:env', true],
    ['dev:env', 'dev:env-2', false],
    ['dev:env', 'my-dev:env', false],
    ['dev:env', 'dev:en', false],
    ['dev:*', 'dev:env', true],
    ['dev:*', 'dev:', true],
    ['dev:*', 'prod:env', false],
    ['dev:*', 'my-dev:env', false],
    ['*:env', 'dev:env', true],
    ['*:env', 'dev:env-2', false],
    ['d*v:e*', 'dev:env', true],
    ['d*v:e*', 'dv:e', true],
    ['*e*v*', 'dev:env', true],
    ['**', 'dev:env', true],
    ['*a*a*a*b', 'dev:aaaa', false],
    ['dev:e.v', 'dev:env', false],
    ['dev:.*', 'dev:env', false],
    ['dev:[a-z]+', 'dev:env', false],
    ['dev:env|prod:env', 'prod:env', false],
    ['DEV:env', 'dev:env', false],
    ['dev', 'dev:env', false],
    ['', 'dev:env', false],
    [' *', 'dev:env', false],
  ];
  for (const [pattern, reference, matches] of CASES) {
    it(`"${pattern}" ${matches ? 'allows' : 'does not allow'} ${reference}`, () => {
      expect(matchesAny([pattern], reference)).to.equal(matches);
    });
  }

  it('a pattern made to be slow is decided at once', () => {
    expect(matchesAny([`${'*a'.repeat(2000)}b`], 'a'.repeat(4000))).to.equal(false);
  });

  it('one matching pattern of several is enough, and none is none', () => {
    expect(matchesAny(['prod:*', 'dev:env'], 'dev:env')).to.equal(true);
    expect(matchesAny([], 'dev:env')).to.equal(false);
  });

  it('a missing or empty audience leaves it to the permissions; another function as audience does not', () => {
    expect(permits({ permissions: ['*'], audience: [] }, 'dev:env')).to.equal(true);
    expect(permits({ permissions: ['*'], audience: ['dev:*'] }, 'dev:env')).to.equal(true);
    expect(permits({ permissions: ['*'], audience: ['dev:other'] }, 'dev:env')).to.equal(false);
    expect(permits({ permissions: ['dev:other'], audience: ['*'] }, 'dev:env')).to.equal(false);
  });

  it('no claim permits nothing', () => {
    for (const claim of [undefined, null, {}, { permissions: null }, { permissions: [] }]) {
      expect(permits(parseFunctionClaim(claim), 'dev:env'), JSON.stringify(claim)).to.equal(false);
    }
  });

  for (const claim of [
    '*',
    ['*'],
    7,
    { permissions: '*' },
    { permissions: [7] },
    { permissions: ['*'], audience: 'dev:env' },
    { permissions: { 0: '*' } },
  ]) {
    it(`refuses ${JSON.stringify(claim)}`, () => {
      expect(() => parseFunctionClaim(claim)).to.throw('claim function');
    });
  }
});
