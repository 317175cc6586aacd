import type { BodyReader } from './body-reader.ts';

/** Stored at a time: each holds a piece or two of its body, which are counted nowhere. */
const MOST = 16;
const PATIENCE_MS = 10_000;
const LEAST_BYTES_PER_MS = 64;

/**
 * Whose turn it is to have a long body stored; the others are not read on meanwhile, and come in their order. While some wait, who sends
 * less than 64 kB a second loses its turn after a while, so that nobody can hold all of them.
 */
export class LongBodies {
  readonly #patienceMs: number;
  /** With when their turn began, and what had come by then. */
  readonly #storing = new Map<BodyReader, { readonly sinceMs: number; readonly bytes: number }>();
  readonly #waiting: (() => void)[] = [];
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(patienceMs: number = PATIENCE_MS) {
    this.#patienceMs = patienceMs;
  }

  async store<T>(reader: BodyReader, work: () => Promise<T>): Promise<T> {
    if (this.#storing.size >= MOST) await this.#turn();
    this.#storing.set(reader, { sinceMs: performance.now(), bytes: reader.receivedBytes });
    try {
      // Its client has left meanwhile, or it was given up.
      if (reader.failure !== undefined) throw reader.failure;
      return await work();
    } finally {
      this.#storing.delete(reader);
      this.#waiting.shift()?.();
    }
  }

  async #turn(): Promise<void> {
    this.#timer ??= setInterval(() => this.#look(), this.#patienceMs / 10);
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
    if (this.#waiting.length > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #look(): void {
    const now = performance.now();
    for (const [reader, { sinceMs, bytes }] of this.#storing) {
      const tookMs = now - sinceMs;
      const isSlow = reader.receivedBytes - bytes < tookMs * LEAST_BYTES_PER_MS;
      if (tookMs > this.#patienceMs && isSlow) reader.giveUp();
    }
  }
}
