import { expect } from 'chai';
import { type FlattenedJWSInput, jwtVerify } from 'jose';
import { KEYS_MAX_AGE_MS, REFRESH_PAUSE_MS, SigningKeys } from '../../watchdog/signing-keys.ts';
import { Authority, makeKey, sign } from './authority.ts';

describe('the keys of an authority', () => {
  let authority: Authority;
  let notes: string[];
  let time: number;

  beforeEach(async () => {
    notes = [];
    time = 1_000_000;
    authority = await new Authority(await makeKey('first')).listen();
  });
  afterEach(() => authority.close());

  const open = (): Promise<SigningKeys> =>
    SigningKeys.open(authority.keysUrl, { note: (text) => notes.push(text), now: () => time });
  const find = (keys: SigningKeys, kid: string): Promise<'found' | string> =>
    Promise.resolve(keys.keyFor({ alg: 'ES256', kid }, {} as FlattenedJWSInput)).then(
      () => 'found',
      (error: Error) => error.message,
    );

  it('are read once for any number of tokens', async () => {
    const keys = await open();
    for (let i = 0; i < 20; i++) expect(await find(keys, 'first')).to.equal('found');
    expect(authority.keyReads).to.equal(1);
  });

  it('are read again when a token names an unknown one', async () => {
    const keys = await open();
    authority.keys.push(await makeKey('second'));
    expect(await find(keys, 'second')).to.equal('found');
    expect(await find(keys, 'first')).to.equal('found');
    expect(authority.keyReads).to.equal(2);
  });

  it('are read once for many calls that meet a new key at the same time', async () => {
    const keys = await open();
    authority.keys = [await makeKey('second')];
    const found = await Promise.all(Array.from({ length: 50 }, () => find(keys, 'second')));
    expect(new Set(found)).to.deep.equal(new Set(['found']));
    expect(authority.keyReads).to.equal(2);
  });

  it('are not read for every made-up key: forgers cannot flood the authority', async () => {
    const keys = await open();
    for (let i = 0; i < 100; i++) expect(await find(keys, `forged-${i}`)).to.contain('no applicable key');
    expect(authority.keyReads).to.equal(2);
    time += REFRESH_PAUSE_MS;
    await find(keys, 'forged-again');
    expect(authority.keyReads).to.equal(3);
  });

  it('are not asked for again and again while the authority is ill, and stay what they were', async () => {
    const keys = await open();
    authority.failsWith = 500;
    for (let i = 0; i < 10; i++) await find(keys, `forged-${i}`);
    expect(authority.keyReads).to.equal(2);
    expect(await find(keys, 'first')).to.equal('found');
    expect(notes).to.have.lengthOf(1);
    expect(notes[0]).to.contain('stay as they are').and.to.contain('status 500');
  });

  it('are read again when they are old, so that a withdrawn one is no longer trusted', async () => {
    const keys = await open();
    authority.keys = [await makeKey('second')];
    expect(await find(keys, 'first')).to.equal('found');
    time += KEYS_MAX_AGE_MS + 1;
    expect(await find(keys, 'first')).to.contain('no applicable key');
  });

  it('serve on when they are old and the authority has gone', async () => {
    const keys = await open();
    await authority.close();
    time += KEYS_MAX_AGE_MS + 1;
    expect(await find(keys, 'first')).to.equal('found');
  });

  it('must be named: a header without kid selects none', async () => {
    const keys = await open();
    const token = await sign(
      authority.issuer,
      authority.keys[0] ?? (await makeKey('x')),
      {},
      { kid: undefined },
    );
    const error = await jwtVerify(token, keys.keyFor).catch((reason: Error) => reason);
    expect((error as Error).message).to.contain('kid');
  });

  for (const [what, keySet, reason] of [
    ['no key', { keys: [] }, 'none of the keys'],
    [
      'a key of another kind',
      { keys: [{ kty: 'OKP', crv: 'Ed25519', x: 'AA', kid: 'a' }] },
      'none of the keys',
    ],
    ['no list', { keys: 7 }, 'malformed'],
    ['a list', [], 'not a JSON object'],
    ['a text', 'keys', 'not a JSON object'],
  ] as const) {
    it(`are refused at the start when the document has ${what}`, async () => {
      authority.keySet = keySet;
      const error = await open().catch((cause: Error) => cause);
      expect((error as Error).message)
        .to.contain(reason)
        .and.to.contain(authority.keysUrl);
      expect(authority.keyReads, 'no attempt would mend it').to.equal(1);
    });
  }
});
