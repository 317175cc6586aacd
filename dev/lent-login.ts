import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigFile, type SavedLogin } from '../cli/config-file.ts';
import { fileError, systemCode } from '../cli/errors.ts';

/** A login that is saved for as long as a gateway runs. */
interface Lent {
  readonly gateway: string;
  readonly token: string;
  /** Absent: there was none before. */
  readonly former?: SavedLogin;
}

export interface LendOptions {
  /** Of the logins. Each that is lent is written down beside them, for every project that has them in common. */
  readonly folder: string;
  /** Whether somebody serves at an address, other than the gateway of now. */
  readonly isServed: (gateway: string) => Promise<boolean>;
}

/** Before the gateway's address, in the name of a note. */
const NOTE = 'lent-';

/**
 * Saves the login of a gateway for as long as it runs; first of all takes back those of gateways that were killed.
 * @returns puts back what was there before, unless somebody has logged in otherwise meanwhile
 * @throws {CliError} when the logins cannot be read or written
 */
export async function lendLogin(
  gateway: string,
  login: SavedLogin,
  { folder, isServed }: LendOptions,
): Promise<() => Promise<void>> {
  const logins = new ConfigFile(folder);
  const notes = await readNotes(folder);
  for (const left of notes) {
    // Whoever serves there has lent the same one, and knows the former.
    if (left.gateway !== gateway && !(await isServed(left.gateway))) await giveBack(folder, left);
  }
  const left = notes.find((note) => note.gateway === gateway);
  const saved = await logins.find(gateway);
  // What a killed one has lent is nobody's former login.
  const former = saved !== undefined && saved.token === left?.token ? left.former : saved;
  const lent: Lent = { gateway, token: login.token, ...(former && { former }) };
  await writeNote(folder, lent);
  await logins.save(gateway, login);
  return () => giveBack(folder, lent);
}

async function giveBack(folder: string, { gateway, token, former }: Lent): Promise<void> {
  const logins = new ConfigFile(folder);
  if ((await logins.find(gateway))?.token === token) {
    if (former === undefined) await logins.remove(gateway);
    else await logins.save(gateway, former);
  }
  await rm(notePath(folder, gateway), { force: true });
}

function notePath(folder: string, gateway: string): string {
  return join(folder, `${NOTE}${encodeURIComponent(gateway)}`);
}

/** Written beside and renamed: one that is killed now leaves the note of the one before, or this one. */
async function writeNote(folder: string, lent: Lent): Promise<void> {
  const path = notePath(folder, lent.gateway);
  const temporary = join(folder, `.${process.pid}.tmp`);
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await writeFile(temporary, JSON.stringify(lent), { mode: 0o600 });
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw fileError('write', path, error);
  }
}

async function readNotes(folder: string): Promise<readonly Lent[]> {
  let names: string[];
  try {
    names = await readdir(folder);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return [];
    throw fileError('read', folder, error);
  }
  const paths = names.filter((name) => name.startsWith(NOTE)).map((name) => join(folder, name));
  return (await Promise.all(paths.map(readNote))).flatMap((note) => note ?? []);
}

async function readNote(path: string): Promise<Lent | undefined> {
  try {
    const value = JSON.parse(await readFile(path, 'utf8')) as Partial<Lent> | null;
    if (typeof value?.gateway !== 'string' || typeof value.token !== 'string') return undefined;
    return { gateway: value.gateway, token: value.token, ...(value.former && { former: value.former }) };
  } catch {
    return undefined; // taken back just now, or damaged: it says nothing
  }
}
