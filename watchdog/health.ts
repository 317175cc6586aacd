import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { log } from './log.ts';

/** Whether this watchdog takes requests: a flag, and a lock file that an image's HEALTHCHECK looks for. */
export class Health {
  readonly #lockPath: string | undefined;
  #isAccepting = false;
  #isServing = (): boolean => true;

  /** @param lockPath undefined: no lock file is written and only the flag counts */
  constructor(lockPath: string | undefined) {
    this.#lockPath = lockPath;
  }

  /** @throws {Error} when the lock file cannot be written */
  markReady(): void {
    if (this.#lockPath !== undefined) {
      try {
        writeFileSync(this.#lockPath, '', { mode: 0o660 });
      } catch (cause) {
        const reason = (cause as Error).message;
        throw new Error(
          `cannot write ${this.#lockPath}. To disable lock-file set env suppress_lock=true (${reason})`,
          { cause },
        );
      }
    }
    this.#isAccepting = true;
  }

  /** What else health depends on; the lock file, which an image's HEALTHCHECK looks for, is there before. */
  dependOn(isServing: () => boolean): void {
    this.#isServing = isServing;
  }

  markUnhealthy(): void {
    this.#isAccepting = false;
    if (this.#lockPath === undefined) return;
    try {
      rmSync(this.#lockPath, { force: true });
    } catch (error) {
      // It would be no reason not to finish what is in flight.
      log(`cannot remove ${this.#lockPath}: ${(error as Error).message}`);
    }
  }

  get isHealthy(): boolean {
    return (
      this.#isAccepting && this.#isServing() && (this.#lockPath === undefined || existsSync(this.#lockPath))
    );
  }
}

/** `/tmp/.lock`, or `.lock` below TMPDIR. */
export function lockPathIn(temporaryDirectory: string | undefined): string {
  return join(temporaryDirectory || '/tmp', '.lock');
}
