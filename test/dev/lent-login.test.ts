import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { ConfigFile, type SavedLogin } from '../../cli/config-file.ts';
import { lendLogin } from '../../dev/lent-login.ts';

const [HERE, THERE] = ['http://127.0.0.1:8080', 'http://127.0.0.1:8081'];
const ADMIN: SavedLogin = { kind: 'basic', token: 'YWRtaW46YQ==' };
const FORMER: SavedLogin = { kind: 'oauth2', token: 'former' };
const OTHER: SavedLogin = { kind: 'basic', token: 'other' };

describe('a login that is lent', () => {
  let folder: string;
  let logins: ConfigFile;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'skep-lent-'));
    logins = new ConfigFile(folder);
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  /** A gateway that starts while others serve at these addresses. One that is not ended was killed. */
  const start = (gateway: string, served: readonly string[] = []): Promise<() => Promise<void>> =>
    lendLogin(gateway, ADMIN, { folder, isServed: async (address) => served.includes(address) });

  it('is taken back at the end, and what was there before is put back', async () => {
    await logins.save(HERE, FORMER);
    const [endHere, endThere] = [await start(HERE), await start(THERE, [HERE])];
    expect([await logins.find(HERE), await logins.find(THERE)]).to.deep.equal([ADMIN, ADMIN]);
    for (const name of readdirSync(folder)) expect(statSync(join(folder, name)).mode & 0o077).to.equal(0);
    await endHere();
    await endThere();
    expect([await logins.find(HERE), await logins.find(THERE)]).to.deep.equal([FORMER, undefined]);
    expect(readdirSync(folder)).to.deep.equal(['config.yml']);
  });

  it('stays where somebody has logged in otherwise meanwhile, also after a kill', async () => {
    const end = await start(HERE);
    await logins.save(HERE, OTHER);
    await end();
    expect(await logins.find(HERE)).to.deep.equal(OTHER);
    await start(HERE);
    await logins.save(HERE, FORMER);
    await (await start(THERE))();
    expect(await logins.find(HERE)).to.deep.equal(FORMER);
    await start(HERE);
    await logins.save(HERE, OTHER);
    await (await start(HERE))();
    expect(await logins.find(HERE)).to.deep.equal(OTHER);
  });

  it('is nobody’s former login: what was there before a kill is put back by whoever served there last', async () => {
    await logins.save(HERE, FORMER);
    await start(HERE);
    const endOther = await start(HERE);
    const endAgain = await start(THERE, [HERE]);
    expect(await logins.find(HERE)).to.deep.equal(ADMIN);
    await endAgain();
    await endOther();
    expect(await logins.find(HERE)).to.deep.equal(FORMER);
  });

  it('stays while another serves at its address, and is taken back when nobody does any more', async () => {
    await logins.save(HERE, FORMER);
    await start(HERE);
    await (await start(THERE, [HERE]))();
    await start(THERE, [HERE]);
    expect(await logins.find(HERE)).to.deep.equal(ADMIN);
    await (await start('http://127.0.0.1:8082'))();
    expect([await logins.find(HERE), await logins.find(THERE)]).to.deep.equal([FORMER, undefined]);
  });

  it('leaves the same login of a platform that was there before', async () => {
    await logins.save(HERE, ADMIN);
    await (await start(HERE))();
    expect(await logins.find(HERE)).to.deep.equal(ADMIN);
    await start(HERE);
    await (await start(THERE))();
    expect(await logins.find(HERE)).to.deep.equal(ADMIN);
  });

  it('is lent also where a note of before is damaged', async () => {
    writeFileSync(join(folder, `lent-${encodeURIComponent(HERE)}`), '{"gateway":');
    await logins.save(HERE, FORMER);
    await (await start(HERE))();
    expect(await logins.find(HERE)).to.deep.equal(FORMER);
  });
});
