import { statSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { parse } from 'yaml';
import { parsePrivateKey } from '../../contract/sealed-secrets.ts';
import { Workplace } from './support/run-skep.ts';

describe('skep secret keygen, seal and unseal', () => {
  let place: Workplace;
  beforeEach(() => {
    place = new Workplace();
  });
  afterEach(() => place.remove());
  const modeOf = (path: string): number => statSync(join(place.path, path)).mode & 0o777;

  it('make a pair of keys, the private one for its owner alone', async () => {
    const ran = await place.skep(['secret', 'keygen', '-o', 'keys/builder']);
    const pair = parsePrivateKey(place.read('keys/builder'));
    expect(place.read('keys/builder.pub')).to.equal(pair.publicKey);
    expect(ran.stdout).to.equal(
      `Wrote private key: keys/builder\nWrote public key:  keys/builder.pub\nKey ID:            ${pair.publicKey.slice(0, 8)}\n`,
    );
    expect([ran.exitCode, modeOf('keys/builder'), modeOf('keys/builder.pub')]).to.deep.equal([
      0, 0o600, 0o644,
    ]);
  });

  it('never write over a private key', async () => {
    await place.skep(['secret', 'keygen']);
    const before = place.read('key');
    const ran = await place.skep(['secret', 'keygen']);
    expect(ran.stdout).to.contain('exists');
    expect([ran.exitCode, place.read('key')]).to.deep.equal([1, before]);
  });

  it('seal values that only the private key opens, byte by byte', async () => {
    await place.skep(['secret', 'keygen']);
    place.write('file', 'two\nlines\n');
    const sealed = await place.skep([
      ...['secret', 'seal', 'key.pub'],
      ...['--from-literal', 'token=a=b', '--from-file', 'cert=file'],
    ]);
    const { key_id: id } = parse(place.read('com.openfaas.secrets')) as { key_id: string };
    expect(sealed.stdout).to.equal(`Sealed 2 secret(s) to com.openfaas.secrets (key ID: ${id})\n`);
    expect(modeOf('com.openfaas.secrets')).to.equal(0o600);
    expect((await place.skep(['secret', 'unseal', 'key', '--key', 'cert'])).stdout).to.equal('two\nlines\n');
    expect((await place.skep(['secret', 'unseal', 'key'])).stdout).to.equal('token=a=b\ncert=two\nlines\n\n');
    expect(JSON.parse((await place.skep(['secret', 'unseal', 'key', '--json'])).stdout)).to.deep.equal({
      token: 'a=b',
      cert: 'two\nlines\n',
    });
  });

  const refused: readonly (readonly [args: readonly string[], message: string])[] = [
    [['seal'], 'public key'],
    [['seal', 'key.pub'], 'at least one secret'],
    [['seal', 'none.pub', '--from-literal', 'a=1'], 'Cannot read none.pub: no such file'],
    [['seal', 'notes', '--from-literal', 'a=1'], 'notes: the public key: expected 32 bytes'],
    [['seal', 'key.pub', '--from-literal', 'a'], 'KEY=VALUE'],
    [['seal', 'key.pub', '--from-literal', 'a b=1'], 'name of a build secret'],
    [['seal', 'key.pub', '--from-file', 'a=none'], 'Cannot read none'],
    [['seal', 'key.pub', '--from-literal', 'a=1', '--from-file', 'a=notes'], 'given twice'],
    [['unseal'], 'private key'],
    [['unseal', 'key'], 'Cannot read com.openfaas.secrets'],
    [['unseal', 'key', '--in', 'notes'], 'notes: '],
  ];
  for (const [args, message] of refused) {
    it(`refuse ${args.join(' ')}`, async () => {
      await place.skep(['secret', 'keygen']);
      place.write('notes', 'hello');
      const ran = await place.skep(['secret', ...args]);
      expect(ran.stdout).to.contain(message);
      expect(ran.exitCode).to.equal(1);
    });
  }

  it('say for which key a file was sealed that another one is to open', async () => {
    await place.skep(['secret', 'keygen']);
    await place.skep(['secret', 'keygen', '-o', 'other']);
    await place.skep(['secret', 'seal', 'key.pub', '--from-literal', 'a=1']);
    const ran = await place.skep(['secret', 'unseal', 'other']);
    expect(ran.stdout).to.contain(`sealed for the key "${place.read('key.pub').slice(0, 8)}"`);
    expect(ran.exitCode).to.equal(1);
    const unknown = await place.skep(['secret', 'unseal', 'key', '--key', 'b']);
    expect([unknown.stdout, unknown.exitCode]).to.deep.equal(['Key "b" not found in sealed envelope\n', 1]);
  });
});
