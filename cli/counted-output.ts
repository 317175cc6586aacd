/** What was written to a stream and is not taken yet: a terminal that was stopped, or a reader that is slow. */
export interface Backlog {
  readonly bytes: number;
  /** Resolves when all that was written until then is taken. */
  emptied(): Promise<void>;
}

export interface CountedStream {
  write(text: string, onTaken: () => void): unknown;
}

/** Writes to a stream and knows what of it waits: streams themselves keep all, and tell of no number that is to be relied on. */
export class CountedOutput implements Backlog {
  readonly #stream: CountedStream;
  #bytes = 0;
  #emptied: PromiseWithResolvers<void> | undefined;

  constructor(stream: CountedStream) {
    this.#stream = stream;
  }

  get bytes(): number {
    return this.#bytes;
  }

  write(text: string): void {
    const bytes = Buffer.byteLength(text);
    this.#bytes += bytes;
    // Called for an error, too: what cannot be written does not wait.
    this.#stream.write(text, () => {
      this.#bytes -= bytes;
      if (this.#bytes > 0) return;
      this.#emptied?.resolve();
      this.#emptied = undefined;
    });
  }

  emptied(): Promise<void> {
    if (this.#bytes === 0) return Promise.resolve();
    this.#emptied ??= Promise.withResolvers();
    return this.#emptied.promise;
  }
}
