import { FaasError } from '../errors.ts';

/** How soon another try makes sense: builds take seconds to minutes. */
const RETRY_AFTER_SECONDS = 10;

/** How many builds may run at a time; more are refused, not queued: who asks knows how long it is worth to wait. */
export class BuildSlots {
  readonly #most: number;
  #taken = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /** @throws {FaasError} `builder_busy` when all are taken */
  check(): void {
    if (this.#taken < this.#most) return;
    throw new FaasError('builder_busy', `${this.#taken} builds run already: try again when one is over`, {
      retryAfterSeconds: RETRY_AFTER_SECONDS,
    });
  }

  /** Takes one; to be given back once. @throws {FaasError} `builder_busy` */
  take(): () => void {
    this.check();
    this.#taken++;
    let isOver = false;
    return () => {
      if (!isOver) this.#taken--;
      isOver = true;
    };
  }
}
