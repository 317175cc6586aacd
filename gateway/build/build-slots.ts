import { FaasError } from '../errors.ts';

/** How soon another try makes sense: builds take seconds to minutes. */
const RETRY_AFTER_SECONDS = 10;

/** How much may go on at a time; more is refused, not queued: who asks knows how long it is worth to wait. */
export class Slots {
  readonly #most: number;
  readonly #what: string;
  #taken = 0;

  /** @param what for the message: `builds run` */
  constructor(most: number, what: string) {
    this.#most = most;
    this.#what = what;
  }

  /** @throws {FaasError} `builder_busy` when all are taken */
  check(): void {
    if (this.#taken < this.#most) return;
    throw new FaasError('builder_busy', `${this.#taken} ${this.#what} already: try again when one is over`, {
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
