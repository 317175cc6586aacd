import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readHostTrust } from '../../scripts/base-images/host-trust.ts';
import { runCommand } from '../../scripts/shell/run-command.ts';

/** Kept between runs: none of it depends on our sources. */
const CACHE = join(import.meta.dirname, '../../node_modules/.cache/skep-foreign');
/** The oldest Debian whose musl (1.2.5) loads libraries as today's Alpine builds them (DT_RELR). */
const SUITE = 'trixie';
const KEY = '/usr/share/keyrings/debian-archive-keyring.gpg';

/** Why something cannot be had on this machine: a test that needs it is skipped, and says this. */
export class CannotBeHad extends Error {}

/**
 * Files of a Debian package without installing it: it may be of another release or for another processor than this system.
 * @returns the folder that stands for `/`
 * @throws {CannotBeHad}
 */
export function debianPackage(name: string): Promise<string> {
  return cached(`${SUITE}-${name}`, async (folder) => {
    if (Bun.which('apt-get') === null || !existsSync(KEY)) throw new CannotBeHad('no Debian with apt');
    const settings = await aptSettings();
    const download = join(folder, 'download');
    mkdirSync(download);
    await must(['apt-get', ...settings, 'download', name], download);
    const [file = ''] = readdirSync(download);
    await must(['dpkg-deb', '-x', join(download, file), folder]);
    rmSync(download, { recursive: true });
  });
}

/**
 * Shared libraries of GCC for musl. No Debian package has them; wheels made for musl carry those that they were built with.
 * @returns a folder with `libstdc++.so.6`, and libgcc under the name by which that asks for it
 * @throws {CannotBeHad}
 */
export function muslGccLibraries(): Promise<string> {
  return cached('musl-gcc-libraries', async (folder) => {
    const wheel = ['greenlet==3.5.6', '--platform', 'musllinux_1_2_x86_64', '--python-version', '3.12'];
    const pip = ['python3', '-m', 'pip', 'download', '--quiet', '--no-deps', '--only-binary', ':all:'];
    await must([...pip, '--dest', folder, ...wheel], folder);
    const [file = ''] = readdirSync(folder);
    await must(['python3', '-m', 'zipfile', '-e', file, '.'], folder);
    const libraries = join(folder, 'greenlet.libs');
    for (const name of readdirSync(libraries)) {
      const isStandard = name.startsWith('libstdc++');
      renameSync(join(libraries, name), join(folder, isStandard ? 'libstdc++.so.6' : name));
    }
    for (const name of readdirSync(folder)) {
      if (!/\.so/.test(name)) rmSync(join(folder, name), { recursive: true });
    }
  });
}

async function cached(name: string, fill: (folder: string) => Promise<void>): Promise<string> {
  const folder = join(CACHE, name);
  if (existsSync(folder)) return folder;
  const fresh = `${folder}.${process.pid}`;
  mkdirSync(fresh, { recursive: true });
  try {
    await fill(fresh);
    renameSync(fresh, folder);
  } catch (error) {
    rmSync(fresh, { recursive: true, force: true });
    throw error;
  }
  return folder;
}

/** An apt of our own, which knows one suite and leaves the system's alone. */
async function aptSettings(): Promise<string[]> {
  const { mirror } = await readHostTrust('bookworm');
  if (mirror === '') throw new CannotBeHad('apt on this machine knows no mirror of Debian');
  const folder = join(CACHE, `apt-${SUITE}`);
  const lists = join(folder, 'lists');
  mkdirSync(join(lists, 'partial'), { recursive: true });
  mkdirSync(join(folder, 'cache', 'archives', 'partial'), { recursive: true });
  const sources = join(folder, 'sources.list');
  writeFileSync(sources, `deb [signed-by=${KEY}] ${mirror} ${SUITE} main\n`);
  const settings = [
    `Dir::State::lists=${lists}`,
    `Dir::Cache=${folder}/cache`,
    `Dir::Etc::sourcelist=${sources}`,
    'Dir::Etc::sourceparts=/dev/null',
    'Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false',
    'APT::Sandbox::User=root',
  ].flatMap((setting) => ['-o', setting]);
  if (!readdirSync(lists).some((file) => file.includes('_Packages'))) {
    await must(['apt-get', ...settings, 'update']);
  }
  return settings;
}

async function must(command: readonly string[], cwd?: string): Promise<void> {
  const result = await runCommand(command, { timeoutMs: 60_000, ...(cwd === undefined ? {} : { cwd }) });
  if (result.exitCode === 0) return;
  throw new CannotBeHad(`${command.slice(0, 3).join(' ')} …: ${(result.stderr || result.stdout).trim()}`);
}
