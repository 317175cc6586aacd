/** What may wait for the reader of a stream before writers are asked to wait too. */
const QUEUED_BYTES = 262_144;

/**
 * One of the watchdog's own output streams. Writes are in order and whole, and a reader that is slow or gone holds up
 * only who waits for the returned promise, never the event loop.
 */
class ContainerOutput {
  readonly #fd: number;
  #sink: Bun.FileSink | undefined;
  #isClosed = false;
  #queuedBytes = 0;
  #written: Promise<void> = Promise.resolve();

  constructor(fd: number) {
    this.#fd = fd;
  }

  /** Bytes that nobody has read yet. */
  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /** Undefined: go on. A promise: much is waiting, write on when it is settled. The bytes are copied where they must wait. */
  write(bytes: Uint8Array | string): Promise<void> | undefined {
    if (this.#isClosed || bytes.length === 0) return undefined;
    try {
      this.#sink ??= Bun.file(this.#fd).writer();
      const taken: unknown = this.#sink.write(bytes);
      const flushed: unknown = this.#sink.flush();
      if (!(taken instanceof Promise) && !(flushed instanceof Promise)) return undefined;
      const { length } = bytes;
      this.#queuedBytes += length;
      const settle = (): void => {
        this.#queuedBytes -= length;
      };
      this.#written = Promise.all([taken, flushed]).then(settle, () => {
        settle();
        this.#isClosed = true; // the reader has gone: there is nowhere left to tell it
      });
      return this.#queuedBytes > QUEUED_BYTES ? this.#written : undefined;
    } catch {
      this.#isClosed = true;
      return undefined;
    }
  }

  /** Settled when all that was written is out, or after `withinMs`. */
  async flushed(withinMs: number): Promise<void> {
    if (this.#queuedBytes === 0) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, withinMs);
    });
    await Promise.race([this.#written, late]);
    clearTimeout(timer);
  }
}

export const containerStdout = new ContainerOutput(1);
export const containerStderr = new ContainerOutput(2);
