export interface ProgressOutput {
  write(text: string): unknown;
  readonly isTTY?: boolean | undefined;
}

/** Runs one named step and shows it; `describe` gives a few words about its result. */
export type Step = <T>(title: string, work: () => Promise<T>, describe?: (result: T) => string) => Promise<T>;

const FRAMES = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];

/**
 * Shows what a script is doing. On a terminal the running steps share one line with a spinner; elsewhere each step is one
 * plain line when it starts and one when it ends. Steps may overlap.
 */
export class Progress {
  readonly #output: ProgressOutput;
  readonly #colour: boolean;
  readonly #running = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;
  #frame = 0;

  constructor(output: ProgressOutput, environment: Readonly<Record<string, string | undefined>>) {
    this.#output = output;
    this.#colour = output.isTTY === true && !environment['NO_COLOR'];
  }

  readonly step: Step = async (title, work, describe) => {
    const startedMs = performance.now();
    this.#begin(title, startedMs);
    try {
      const result = await work();
      const detail = describe?.(result) ?? '';
      this.#end(title, startedMs, this.#paint('✔', 32), detail === '' ? '' : `: ${detail}`);
      return result;
    } catch (error) {
      this.#end(title, startedMs, this.#paint('✘', 31), ' failed');
      throw error;
    }
  };

  /** One line that stays, between the steps. */
  note(text: string): void {
    this.#line(`  ${text}`);
  }

  #begin(title: string, startedMs: number): void {
    this.#running.set(title, startedMs);
    if (this.#output.isTTY !== true) {
      this.#output.write(`… ${title}\n`);
      return;
    }
    this.#timer ??= setInterval(() => this.#draw(), 100);
    this.#draw();
  }

  #end(title: string, startedMs: number, mark: string, detail: string): void {
    this.#running.delete(title);
    if (this.#running.size === 0) {
      clearInterval(this.#timer);
      this.#timer = undefined;
    }
    const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
    this.#line(`${mark} ${title}${detail} ${this.#paint(`(${seconds} s)`, 90)}`);
  }

  #line(text: string): void {
    this.#output.write(this.#output.isTTY === true ? `\r\x1b[2K${text}\n` : `${text}\n`);
    if (this.#output.isTTY === true && this.#running.size > 0) this.#draw();
  }

  #draw(): void {
    this.#frame = (this.#frame + 1) % FRAMES.length;
    const nowMs = performance.now();
    const steps = [...this.#running].map(
      ([title, since]) => `${title} ${Math.floor((nowMs - since) / 1000)} s`,
    );
    const columns = process.stdout.columns ?? 80;
    const text = `${FRAMES[this.#frame]} ${steps.join(' · ')}`;
    this.#output.write(`\r\x1b[2K${text.length > columns - 1 ? `${text.slice(0, columns - 2)}…` : text}`);
  }

  #paint(text: string, code: number): string {
    return this.#colour ? `\x1b[${code}m${text}\x1b[0m` : text;
  }
}
