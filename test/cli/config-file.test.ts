import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { ConfigFile, configFolder } from '../../cli/config-file.ts';

describe('ConfigFile', () => {
  let folder: string;
  let path: string;
  beforeEach(() => {
    folder = join(mkdtempSync(join(tmpdir(), 'skep-config-')), '.openfaas');
    path = join(folder, 'config.yml');
  });
  afterEach(() => rmSync(join(folder, '..'), { recursive: true, force: true }));
  const failure = (work: Promise<unknown>): Promise<string> =>
    work.then(
      () => 'no failure',
      (error: Error) => error.message,
    );

  it('writes what faas-cli reads, for the owner only', async () => {
    await new ConfigFile(folder).save('http://127.0.0.1:8080', { kind: 'basic', token: 'YTpi' });
    expect(readFileSync(path, 'utf8')).to.equal(
      'auths:\n- gateway: http://127.0.0.1:8080\n  auth: basic\n  token: YTpi\n',
    );
    expect(statSync(path).mode & 0o777).to.equal(0o600);
    expect(statSync(folder).mode & 0o777).to.equal(0o700);
    expect(readdirSync(folder)).to.deep.equal(['config.yml']);
  });

  it('closes a file that was open to others', async () => {
    mkdirSync(folder, { mode: 0o755 });
    writeFileSync(path, 'auths: []\n');
    chmodSync(path, 0o644);
    await new ConfigFile(folder).save('http://a', { kind: 'basic', token: 'x' });
    expect(statSync(path).mode & 0o777).to.equal(0o600);
    expect(statSync(folder).mode & 0o777).to.equal(0o700);
  });

  it('keeps other entries and what it does not know', async () => {
    mkdirSync(folder);
    writeFileSync(
      path,
      'telemetry: no\nauths:\n- gateway: http://other\n  auth: oauth2\n  token: jwt\n  options:\n  - name: k\n    value: v\n',
    );
    const file = new ConfigFile(folder);
    await file.save('http://a', { kind: 'basic', token: 'one' });
    await file.save('http://a', { kind: 'basic', token: 'two' });
    expect(await file.find('http://a')).to.deep.equal({ kind: 'basic', token: 'two' });
    expect(await file.find('http://other')).to.deep.equal({ kind: 'oauth2', token: 'jwt' });
    expect(readFileSync(path, 'utf8')).to.contain('telemetry: no').and.to.contain('name: k');
    expect(await file.remove('http://a')).to.equal(true);
    expect(await file.find('http://a')).to.equal(undefined);
    expect(await file.find('http://other')).to.deep.equal({ kind: 'oauth2', token: 'jwt' });
  });

  it('finds by exact address only, and nothing without a file', async () => {
    const file = new ConfigFile(folder);
    expect(await file.find('http://a')).to.equal(undefined);
    expect(await file.remove('http://a')).to.equal(false);
    await file.save('http://a:8080', { kind: 'basic', token: 'x' });
    expect(await file.find('http://a')).to.equal(undefined);
    expect(existsSync(path)).to.equal(true);
  });

  it('reads a token that looks like a number as it stands', async () => {
    mkdirSync(folder);
    writeFileSync(path, 'auths:\n- gateway: http://a\n  auth: basic\n  token: 0123\n');
    expect(await new ConfigFile(folder).find('http://a')).to.deep.equal({ kind: 'basic', token: '0123' });
  });

  for (const text of ['auths: {', '- a\n', 'auths: text\n', '\tx']) {
    it(`names the file when it is damaged: ${JSON.stringify(text)}`, async () => {
      mkdirSync(folder);
      writeFileSync(path, text);
      const file = new ConfigFile(folder);
      expect(await failure(file.find('http://a'))).to.contain(`${path} is damaged`);
      expect(await failure(file.save('http://a', { kind: 'basic', token: 'x' }))).to.contain('is damaged');
      expect(readFileSync(path, 'utf8')).to.equal(text);
    });
  }

  it('passes over entries that are none', async () => {
    mkdirSync(folder);
    writeFileSync(path, 'auths: [1, {gateway: http://a}, null]\n');
    expect(await new ConfigFile(folder).find('http://a')).to.equal(undefined);
  });
});

describe('configFolder', () => {
  const base = { cwd: '/work', home: '/home/me' };
  it('is in the home, in the project in CI, or where OPENFAAS_CONFIG says', () => {
    expect(configFolder({ ...base, env: {} })).to.equal('/home/me/.openfaas');
    expect(configFolder({ ...base, env: { CI: 'true' } })).to.equal('/work/.openfaas');
    expect(configFolder({ ...base, env: { CI: '1' } })).to.equal('/work/.openfaas');
    expect(configFolder({ ...base, env: { CI: 'false' } })).to.equal('/home/me/.openfaas');
    expect(configFolder({ ...base, env: { CI: '1', OPENFAAS_CONFIG: '~/x' } })).to.equal('/home/me/x');
    expect(configFolder({ ...base, env: { OPENFAAS_CONFIG: 'rel' } })).to.equal('/work/rel');
  });
});
