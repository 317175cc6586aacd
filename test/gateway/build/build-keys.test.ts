import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { generateKeyPair } from '../../../contract/sealed-secrets.ts';
import { loadBuildKeys } from '../../../gateway/build/build-keys.ts';
import { parseRegistryLogins } from '../../../gateway/build/registry-logins.ts';

describe('the keys of builds', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'skep-keys-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));
  const write = (name: string, text: string): void => writeFileSync(join(folder, name), text);

  it('may all be missing', async () => {
    const keys = await loadBuildKeys(folder);
    expect(keys).not.to.have.any.keys('payloadSecret', 'keyPair');
    expect(keys.logins.of('reg.example/fn')).to.equal(undefined);
  });

  it('are read as files have them, with a newline at the end', async () => {
    const pair = generateKeyPair();
    write('payload-secret', 'pay\n');
    write('builder-key', `${pair.privateKey}\n`);
    const keys = await loadBuildKeys(folder);
    expect([keys.payloadSecret, keys.keyPair]).to.deep.equal(['pay', pair]);
  });

  for (const [name, text] of [
    ['payload-secret', ' \n'],
    ['builder-key', 'no key'],
    ['config.json', '{"auths": '],
  ] as const) {
    it(`stop the gateway where ${name} is there and no good, naming it and not its content`, async () => {
      write(name, text);
      const error = await loadBuildKeys(folder).catch((cause: Error) => cause);
      expect(error).to.be.instanceOf(Error);
      expect((error as Error).message)
        .to.contain(join(folder, name))
        .and.not.to.contain('no key');
    });
  }
});

describe('credentials for registries', () => {
  const auth = (text: string): string => Buffer.from(text).toString('base64');
  const parse = (config: unknown) => parseRegistryLogins(JSON.stringify(config));

  it('are found by the registry that an image names, however the file writes it', () => {
    const logins = parse({
      auths: {
        'https://index.docker.io/v1/': { auth: auth('hub:1') },
        'https://reg.example/v2/': { auth: auth('a:b:c') },
        'reg.local:5000': { username: 'u', password: 'p' },
      },
    });
    expect(logins.of('team/fn')).to.deep.equal({ username: 'hub', password: '1' });
    expect(logins.of('docker.io/team/fn')).to.deep.equal({ username: 'hub', password: '1' });
    expect(logins.at('registry-1.docker.io')).to.deep.equal({ username: 'hub', password: '1' });
    expect(logins.of('reg.example/fn:1')).to.deep.equal({ username: 'a', password: 'b:c' });
    expect(logins.of('reg.local:5000/fn')).to.deep.equal({ username: 'u', password: 'p' });
    expect(logins.of('reg.local/fn')).to.equal(undefined);
    expect(Object.keys(logins.byServer())).to.deep.equal([
      'https://index.docker.io/v1/',
      'reg.example',
      'reg.local:5000',
    ]);
  });

  for (const [what, config, reason] of [
    ['credential helpers', { credsStore: 'desktop' }, 'credsStore'],
    ['helpers for one registry', { credHelpers: { 'x.example': 'ecr-login' } }, 'credHelpers'],
    ['no password', { auths: { 'x.example': { auth: auth('me') } } }, 'x.example'],
    ['nothing for a registry', { auths: { 'x.example': {} } }, 'x.example'],
    ['a list', [], 'config.json'],
  ] as const) {
    it(`refuse ${what}, naming it`, () => {
      expect(() => parse(config)).to.throw(reason);
    });
  }
});
