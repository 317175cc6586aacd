import { constants } from 'node:os';
import { CliError } from './errors.ts';
import type { Shell } from './shell.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** A signal ended the command; the exit code is the one that shells know. */
export class Interrupted extends CliError {
  constructor(signal: (typeof SIGNALS)[number]) {
    super('Interrupted', { exitCode: 128 + constants.signals[signal] });
  }
}

/** Signals that end a command, caught so that it ends in order. */
export class EndSignals {
  readonly #controller = new AbortController();
  readonly #handlers: readonly { readonly signal: NodeJS.Signals; readonly handler: () => void }[];

  /** @param patient whether a second one changes nothing; otherwise it ends the process at once */
  constructor({ patient = false } = {}) {
    this.#handlers = SIGNALS.map((signal) => {
      const handler = (): void => this.#controller.abort(new Interrupted(signal));
      if (patient) process.on(signal, handler);
      else process.once(signal, handler);
      return { signal, handler };
    });
  }

  /** Its reason is an `Interrupted`. */
  get stop(): AbortSignal {
    return this.#controller.signal;
  }

  release(): void {
    for (const { signal, handler } of this.#handlers) process.off(signal, handler);
  }
}

/**
 * Work that a signal ends in order: programs that it runs are ended, and what it made for itself is removed.
 * @throws {Interrupted} when one came, whatever became of the work
 */
export async function stoppable<T>(shell: Shell, work: (shell: Shell) => Promise<T>): Promise<T> {
  if (shell.stop !== undefined) return work(shell); // caught further out
  const signals = new EndSignals();
  try {
    const result = await work({ ...shell, stop: signals.stop });
    signals.stop.throwIfAborted();
    return result;
  } catch (error) {
    throw signals.stop.aborted ? signals.stop.reason : error;
  } finally {
    signals.release();
  }
}
