import type { Shell } from './shell.ts';

const TICK_MS = 1000;
/** Of several at once, how much of what each is at is shown. */
const SHOWN_OF_MANY = 30;

interface Work {
  readonly since: number;
  readonly detail: () => string;
}

/** What runs now, and for how long, on the one line that a terminal has for it. */
export class RunningWork {
  readonly #shell: Pick<Shell, 'status'>;
  readonly #running = new Map<string, Work>();
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(shell: Pick<Shell, 'status'>) {
    this.#shell = shell;
  }

  /** Shows `name` while `work` goes on. @param detail what it is at, asked whenever the line is drawn */
  async during<T>(name: string, detail: () => string, work: () => Promise<T>): Promise<T> {
    this.#running.set(name, { since: performance.now(), detail });
    this.#timer ??= setInterval(() => this.show(), TICK_MS);
    this.show();
    try {
      return await work();
    } finally {
      this.#running.delete(name);
      if (this.#running.size === 0) {
        clearInterval(this.#timer);
        this.#timer = undefined;
        this.#shell.status('');
      }
    }
  }

  /** Draws the line anew: what is written takes it away. */
  show(): void {
    const isAlone = this.#running.size === 1;
    const parts = [...this.#running].map(([name, { since, detail }]) => {
      const elapsed = Math.floor((performance.now() - since) / 1000);
      const at = detail();
      return `${name}, ${elapsed} s: ${isAlone ? at : at.slice(0, SHOWN_OF_MANY)}`;
    });
    if (parts.length > 0) this.#shell.status(parts.join(' · '));
  }
}
