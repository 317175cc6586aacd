import { execFileSync } from 'node:child_process';
import {
  closeSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { compile } from '../../scripts/platform/compile.ts';
import { WATCHDOG_VARIANTS } from '../../scripts/platform/watchdog-variants.ts';
import { CannotBeHad, debianPackage, muslGccLibraries } from '../support/foreign-packages.ts';
import { startWatchdog, stopWatchdogs, until } from './start-watchdog.ts';

const ROOT = join(import.meta.dirname, '../..');
const IMAGE = 'skep-test/musl';
/** ELF's numbers for processors. */
const MACHINES = { x64: 62, arm64: 183 } as const;

/** Compiles a variant, or skips the test where its runtime cannot be fetched. */
async function variant(context: Mocha.Context, name: string): Promise<string> {
  const program = WATCHDOG_VARIANTS.find((it) => it.name === name);
  if (program === undefined) return context.skip();
  try {
    return (await compile(ROOT, program)).file;
  } catch (error) {
    if (!/download/i.test((error as Error).message)) throw error;
    console.log(`      (not run: ${(error as Error).message})`);
    return context.skip();
  }
}

/** What is fetched for a test, or the test's end as skipped, with the reason. */
async function fetched<T>(context: Mocha.Context, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof CannotBeHad)) throw error;
    console.log(`      (not run: ${error.message})`);
    return context.skip();
  }
}

function machineOf(file: string): number {
  const head = Buffer.alloc(20);
  const fd = openSync(file, 'r');
  readSync(fd, head);
  closeSync(fd);
  expect(head.subarray(0, 4).toString('latin1')).to.equal('\x7fELF');
  return head.readUInt16LE(18);
}

describe('the watchdog for musl', function () {
  this.timeout(120_000);
  let folder: string;
  const containers: string[] = [];
  const docker = (...args: string[]): string =>
    execFileSync('docker', args, { encoding: 'utf8', stdio: 'pipe' }).trim();

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'skep-musl-'));
  });
  afterEach(() => {
    for (const id of containers.splice(0)) docker('rm', '--force', id);
    rmSync(folder, { recursive: true });
  });
  after(() => {
    if (docker('images', '--quiet', IMAGE) !== '') docker('image', 'rm', '--force', IMAGE);
  });

  /** An image of nothing but musl, the libraries given, a function and the watchdog. */
  async function build(context: Mocha.Context, libraries: string | undefined): Promise<void> {
    const watchdog = await variant(context, 'fwatchdog-musl');
    const musl = await fetched(context, () => debianPackage('musl'));
    for (const path of ['lib', 'usr/lib', 'tmp']) mkdirSync(join(folder, 'root', path), { recursive: true });
    const loader = process.arch === 'arm64' ? 'ld-musl-aarch64.so.1' : 'ld-musl-x86_64.so.1';
    const library = `${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-musl`;
    copyFileSync(join(musl, 'usr/lib', library, 'libc.so'), join(folder, 'root/lib', loader));
    for (const name of libraries === undefined ? [] : readdirSync(libraries)) {
      copyFileSync(join(libraries ?? '', name), join(folder, 'root/usr/lib', name));
    }
    copyFileSync(watchdog, join(folder, 'root/fwatchdog'));
    writeFileSync(
      join(folder, 'root/function.ts'),
      "const body: string = await Bun.stdin.text();\nconsole.log(process.env['Http_Method'], body);\n",
    );
    const start = 'ENV fprocess="bun /function.ts"\nCMD ["/fwatchdog"]\n';
    writeFileSync(join(folder, 'Dockerfile'), `FROM scratch\nCOPY root/ /\n${start}`);
    execFileSync('docker', ['build', '--quiet', '--tag', IMAGE, folder], {
      env: { ...process.env, DOCKER_BUILDKIT: '0' },
      stdio: 'pipe',
    });
  }

  it('serves, and runs TypeScript, in a root with nothing but musl and the libraries of GCC', async function () {
    await build(this, await fetched(this, muslGccLibraries));
    const id = docker('run', '--detach', '--publish', '127.0.0.1:0:8080', IMAGE);
    containers.push(id);
    const url = `http://${docker('port', id, '8080/tcp').split('\n')[0]}`;
    await until(() => answers(`${url}/_/health`), 'the watchdog for musl answers');
    const response = await fetch(url, { method: 'POST', body: 'hello' });
    expect(await response.text()).to.equal('POST hello\n');
    expect(response.status).to.equal(200);
  });

  it('names the library that an image lacks', async function () {
    await build(this, undefined);
    const id = docker('create', IMAGE);
    containers.push(id);
    docker('start', id);
    expect(docker('wait', id)).to.equal('127');
    const said = execFileSync('docker', ['logs', id], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    expect(said || dockerErrors(id)).to.contain('Error loading shared library libstdc++.so.6');
  });

  function dockerErrors(id: string): string {
    return Bun.spawnSync(['docker', 'logs', id]).stderr.toString();
  }

  const answers = (url: string): Promise<boolean> =>
    fetch(url).then(
      ({ status }) => status === 200,
      () => false, // not yet
    );
});

describe('the watchdog for the other processor', function () {
  this.timeout(120_000);
  afterEach(stopWatchdogs);

  for (const name of ['fwatchdog-arm64', 'fwatchdog-amd64'] as const) {
    const other = name.endsWith('arm64') ? 'arm64' : 'x64';
    if (process.arch === other) continue;
    it(`${name} is an executable for it`, async function () {
      expect(machineOf(await variant(this, name))).to.equal(MACHINES[other]);
    });

    it(`${name} serves under emulation`, async function () {
      if (other !== 'arm64') return this.skip();
      const file = await variant(this, name);
      const emulator = await fetched(this, () => debianPackage('qemu-user'));
      const libraries = await fetched(this, () => debianPackage('libc6-arm64-cross'));
      const command = [
        join(emulator, 'usr/bin/qemu-aarch64'),
        '-L',
        join(libraries, 'usr/aarch64-linux-gnu'),
        file,
      ];
      const watchdog = await startWatchdog({ fprocess: 'cat' }, { program: { command, isPeer: false } });
      const response = await fetch(watchdog.url, { method: 'POST', body: 'hello' });
      expect(await response.text()).to.equal('hello');
      expect(response.headers.get('x-duration-seconds')).to.match(/^\d/);
    });
  }
});
