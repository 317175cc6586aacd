import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const FILES = join(import.meta.dirname, 'mac');
/** Those that templates and steps call, in which GNU's and others differ most. */
const PROGRAMS =
  'sh sed cp mv rm mkdir cmp cat ls ln find xargs stat date readlink mktemp tar grep sort head tail env'.split(
    ' ',
  );

/**
 * As near to a Mac as Linux comes: our program is told that it is on one, finds neither /proc nor /dev/shm, calls a `libSystem.B.dylib`
 * that takes macOS's numbers, and has programs without GNU's options first on its PATH.
 */
export class SimulatedMac {
  readonly #folder = mkdtempSync(join(tmpdir(), 'skep-mac-'));

  /** Why there can be none here; undefined: it was made. */
  make(): string | undefined {
    if (process.platform !== 'linux') return 'it stands for a Mac on Linux';
    const [cc, busybox] = [Bun.which('cc'), Bun.which('busybox')];
    if (cc === null || busybox === null) return 'cc and busybox are not both on this machine';
    const library = join(this.#folder, 'libSystem.B.dylib');
    const made = spawnSync(cc, ['-shared', '-fPIC', '-o', library, join(FILES, 'libSystem.c')], {
      encoding: 'utf8',
    });
    if (made.status !== 0) throw new Error(made.stderr);
    mkdirSync(join(this.#folder, 'bin'));
    for (const name of PROGRAMS) symlinkSync(busybox, join(this.#folder, 'bin', name));
    const run = `exec '${process.execPath}'`;
    writeFileSync(
      this.program,
      `#!/bin/sh
case "$1" in
*.ts) MAC_BUN="$0" LD_LIBRARY_PATH='${this.#folder}' ${run} --preload '${join(FILES, 'preload.cjs')}' "$@" ;;
*) ${run} "$@" ;;
esac
`,
    );
    chmodSync(this.program, 0o755);
    return undefined;
  }

  /** To be run in place of this process's own. */
  get program(): string {
    return join(this.#folder, 'bun');
  }

  /** For its processes. */
  get env(): Readonly<Record<string, string>> {
    // As long as no socket's path may be on a Mac.
    const temporary = join(this.#folder, 'T'.repeat(100));
    mkdirSync(temporary, { recursive: true });
    return { PATH: `${join(this.#folder, 'bin')}:${process.env['PATH'] ?? ''}`, TMPDIR: temporary };
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
