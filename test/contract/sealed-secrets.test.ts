import { expect } from 'chai';
import { parse, stringify } from 'yaml';
import { ContractError } from '../../contract/contract-error.ts';
import {
  generateKeyPair,
  keyId,
  parsePrivateKey,
  parsePublicKey,
  sealSecrets,
  unsealSecrets,
} from '../../contract/sealed-secrets.ts';

describe('sealed build secrets', () => {
  const keys = generateKeyPair();
  const values = {
    token: Buffer.from('hush'),
    'npmrc.file': Buffer.from([0, 255, 10]),
    empty: Buffer.alloc(0),
  };

  it('are opened by the key they were sealed for, byte by byte', () => {
    const opened = unsealSecrets(sealSecrets(keys.publicKey, values), keys.privateKey);
    expect(Object.keys(opened)).to.deep.equal(Object.keys(values));
    for (const [name, value] of Object.entries(values)) {
      expect(Buffer.from(opened[name] ?? []).equals(value), name).to.equal(true);
    }
  });

  it('say for whom they are, and nothing of what they hold', () => {
    const text = sealSecrets(keys.publicKey, { token: Buffer.from('hush-hush-hush') });
    expect(parse(text)).to.include({ version: 'v1', algorithm: 'nacl/box', key_id: keyId(keys.publicKey) });
    expect(text).not.to.contain('hush').and.not.to.contain(Buffer.from('hush-hush').toString('base64'));
    expect(sealSecrets(keys.publicKey, values)).not.to.equal(sealSecrets(keys.publicKey, values));
  });

  it('are refused by another key, and when a bit of them was changed', () => {
    const text = sealSecrets(keys.publicKey, { token: Buffer.from('hush') });
    expect(() => unsealSecrets(text, generateKeyPair().privateKey)).to.throw(ContractError, 'sealed for');
    const envelope = parse(text);
    const bytes = Buffer.from(envelope.secrets.token, 'base64');
    for (const at of [0, 30, bytes.length - 1]) {
      const changed = Buffer.from(bytes);
      changed[at] = (changed[at] ?? 0) ^ 1;
      const forged = stringify({ ...envelope, secrets: { token: changed.toString('base64') } });
      expect(() => unsealSecrets(forged, keys.privateKey)).to.throw(ContractError, 'secrets.token');
    }
    const cut = stringify({ ...envelope, secrets: { token: bytes.subarray(0, 20).toString('base64') } });
    expect(() => unsealSecrets(cut, keys.privateKey)).to.throw(ContractError, 'secrets.token');
  });

  const good = parse(sealSecrets(keys.publicKey, { token: Buffer.from('hush') }));
  for (const [what, text] of [
    ['nothing', ''],
    ['text', 'hello'],
    ['a tab for a space', 'version:\n\t- v1'],
    ['aliases', 'a: &a [1]\nb: [*a, *a]'],
    ['another version', stringify({ ...good, version: 'v2' })],
    ['another algorithm', stringify({ ...good, algorithm: 'rot13' })],
    ['no sender', stringify({ ...good, public_key: undefined })],
    ['a sender that is no key', stringify({ ...good, public_key: 'aGVsbG8=' })],
    ['no secrets', stringify({ ...good, secrets: undefined })],
    ['secrets in a list', stringify({ ...good, secrets: ['x'] })],
    ['a value that is none', stringify({ ...good, secrets: { a: 3 } })],
    ['a name with a slash', stringify({ ...good, secrets: { '../a': 'aGVsbG8=' } })],
  ] as const) {
    it(`that are none are refused: ${what}`, () => {
      expect(() => unsealSecrets(text, keys.privateKey)).to.throw(ContractError);
    });
  }

  it('are not made of nothing, of wrong names or for wrong keys', () => {
    expect(() => sealSecrets(keys.publicKey, {})).to.throw(ContractError, 'no secret');
    expect(() => sealSecrets(keys.publicKey, { 'a,src=/etc/passwd': Buffer.from('x') })).to.throw('name');
    expect(() => sealSecrets('c2hvcnQ=', values)).to.throw(ContractError, '32 bytes');
  });

  it('take a public key as base64 or as the builder tells it', () => {
    expect(parsePublicKey(`${keys.publicKey}\n`)).to.equal(keys.publicKey);
    const told = JSON.stringify({ key_id: 'x', algorithm: 'nacl/box', public_key: keys.publicKey });
    expect(parsePublicKey(told)).to.equal(keys.publicKey);
    for (const wrong of ['', 'hello', '{}', '{"public_key": "x"}']) {
      expect(() => parsePublicKey(wrong), wrong).to.throw(ContractError);
    }
    expect(parsePrivateKey(` ${keys.privateKey}\n`)).to.deep.equal(keys);
    expect(() => parsePrivateKey('')).to.throw(ContractError, 'private key');
  });

  describe('from somebody who means to keep the builder busy', () => {
    const head = stringify({ version: 'v1', algorithm: 'nacl/box', key_id: 'x', public_key: 'y' });
    for (const [what, text, reason] of [
      [
        'many keys',
        `secrets:\n${Array.from({ length: 40_000 }, (_, i) => `  k${i}: a\n`).join('')}`,
        'longer than',
      ],
      ['many short lines', '#\n'.repeat(2000), 'longer than'],
      ['many levels', `secrets: ${'['.repeat(100_000)}`, 'nested too deep'],
      ['many levels in a line', `secrets: ${'- '.repeat(100_000)}`, 'nested too deep'],
      ['the same key twice', 'secrets: {a: x, a: y}', 'twice'],
      ['the same key twice at the top', 'version: v1', 'twice'],
      ['a key that is a list', 'secrets: {[a]: x}', 'no name'],
      ['aliases', 'a: &a [x]\nsecrets: {x: *a}', 'no YAML'],
      ['two documents', '---\na: b', 'no YAML'],
    ] as const) {
      it(`are refused: ${what}`, () => {
        expect(() => unsealSecrets(head + text, keys.privateKey)).to.throw(ContractError, reason);
      });
    }

    it('are never made longer than they may be', () => {
      expect(() => sealSecrets(keys.publicKey, { file: Buffer.alloc(300_000) })).to.throw(
        ContractError,
        'longer than',
      );
    });
  });
});
