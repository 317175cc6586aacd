const LF = 0x0a;
/** A longer line is told in pieces, each a line. The watchdog's own limit is lower, unless the function has changed it. */
const MOST_LINE_BYTES = 256 * 1024;

/** Turns the bytes of one stream into lines, without their ends. */
export class LineReader {
  readonly #onLine: (text: string) => void;
  #kept: Uint8Array[] = [];
  #keptBytes = 0;

  constructor(onLine: (text: string) => void) {
    this.#onLine = onLine;
  }

  push(bytes: Uint8Array): void {
    let from = 0;
    while (from < bytes.length) {
      const end = bytes.indexOf(LF, from);
      const to = Math.min(end === -1 ? bytes.length : end, from + MOST_LINE_BYTES - this.#keptBytes);
      this.#keep(bytes.subarray(from, to));
      from = to;
      if (to === end) {
        this.#tell();
        from++;
      } else if (this.#keptBytes >= MOST_LINE_BYTES) this.#tell();
    }
  }

  /** The stream has ended: what it left of a last line is told. */
  end(): void {
    if (this.#keptBytes > 0) this.#tell();
  }

  #keep(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#kept.push(bytes.slice()); // the stream may use its memory again
    this.#keptBytes += bytes.length;
  }

  #tell(): void {
    const text = Buffer.concat(this.#kept).toString('utf8');
    this.#kept = [];
    this.#keptBytes = 0;
    this.#onLine(text.endsWith('\r') ? text.slice(0, -1) : text);
  }
}
