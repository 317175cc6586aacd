import type { WatchdogConfig } from './config.ts';
import { containerStderr, containerStdout } from './container-output.ts';
import { flushLog, goTimestampNow, log } from './log.ts';

const LF = 0x0a;
const CR = 0x0d;
const LINE_END = Buffer.from('\n');
/** Without a limit on lines (`log_buffer_size=-1`) this much is kept of one that does not end. */
const MOST_KEPT_BYTES = 16_777_216;

/**
 * One stream of a function's process on its way to the container's log, line by line and byte for byte: stderr to stderr, stdout to
 * stdout, with time and stream in front unless `prefix_logs` is false. A line longer than `log_buffer_size` comes in pieces, each a line.
 */
export class ChildLog {
  readonly #stream: 'stdout' | 'stderr';
  readonly #hasPrefix: boolean;
  readonly #lineBytes: number;
  /** The beginning of a line whose end has not come yet. */
  #kept = Buffer.alloc(0);
  #keptBytes = 0;
  #out: Uint8Array[] = [];

  constructor(
    stream: 'stdout' | 'stderr',
    { prefixLogs, logLineBytes }: Pick<WatchdogConfig, 'prefixLogs' | 'logLineBytes'>,
  ) {
    this.#stream = stream;
    this.#hasPrefix = prefixLogs;
    this.#lineBytes = Math.min(logLineBytes, MOST_KEPT_BYTES);
    log(`Started logging: ${stream} from function.`);
  }

  /** Takes output as it comes; whole lines are logged at once. A promise: whoever reads our log is slow, write on when it is settled. */
  write(bytes: Uint8Array): Promise<void> | undefined {
    let from = 0;
    while (from < bytes.length) {
      if (this.#keptBytes === 0) from += this.#addLines(bytes.subarray(from, from + this.#lineBytes));
      if (from < bytes.length) from += this.#addLineOf(bytes.subarray(from));
    }
    return this.#send();
  }

  /**
   * Takes whole lines from the front of what is no longer than one may be, all in one go: a process that prints much must
   * not take our time from its callers. Returns how many bytes it took.
   */
  #addLines(bytes: Uint8Array): number {
    const end = bytes.lastIndexOf(LF);
    if (end === -1 || bytes.includes(CR)) return 0;
    if (!this.#hasPrefix) this.#out.push(bytes.subarray(0, end + 1));
    else {
      const prefix = this.#prefix();
      const text = Buffer.from(bytes.buffer, bytes.byteOffset, end).toString('latin1');
      this.#out.push(Buffer.from(`${prefix}${text.replaceAll('\n', `\n${prefix}`)}\n`, 'latin1'));
    }
    return end + 1;
  }

  /** Takes one line, or as much of it as is here or may be in one line. Returns how many bytes it took. */
  #addLineOf(bytes: Uint8Array): number {
    const end = bytes.indexOf(LF);
    const length = end === -1 ? bytes.length : end;
    const room = this.#lineBytes - this.#keptBytes;
    if (length > room) {
      this.#addLine(bytes.subarray(0, room));
      return room;
    }
    if (end === -1) {
      this.#keep(bytes);
      return length;
    }
    if (end === 0 && this.#kept[this.#keptBytes - 1] === CR) this.#keptBytes--;
    this.#addLine(withoutCarriageReturn(bytes.subarray(0, end)));
    return end + 1;
  }

  /** The process has ended: what it left of a last line is logged. */
  end(): void {
    if (this.#keptBytes === 0) return;
    this.#addLine(new Uint8Array());
    void this.#send();
  }

  #addLine(last: Uint8Array): void {
    if (this.#hasPrefix) this.#out.push(Buffer.from(this.#prefix()));
    if (this.#keptBytes > 0) this.#out.push(this.#kept.subarray(0, this.#keptBytes));
    this.#out.push(last, LINE_END);
    this.#kept = Buffer.alloc(0);
    this.#keptBytes = 0;
  }

  #prefix(): string {
    return `${goTimestampNow()} ${this.#stream}: `;
  }

  #keep(bytes: Uint8Array): void {
    const wanted = this.#keptBytes + bytes.length;
    if (wanted > this.#kept.length) {
      const larger = Buffer.alloc(Math.max(wanted, 2 * this.#kept.length));
      this.#kept.copy(larger, 0, 0, this.#keptBytes);
      this.#kept = larger;
    }
    this.#kept.set(bytes, this.#keptBytes);
    this.#keptBytes = wanted;
  }

  #send(): Promise<void> | undefined {
    if (this.#out.length === 0) return undefined;
    const [first = new Uint8Array()] = this.#out;
    const text = this.#out.length === 1 ? first : Buffer.concat(this.#out);
    this.#out = [];
    if (this.#stream === 'stdout') return containerStdout.write(text);
    flushLog(); // what was said before stays before
    return containerStderr.write(text);
  }
}

function withoutCarriageReturn(line: Uint8Array): Uint8Array {
  return line[line.length - 1] === CR ? line.subarray(0, -1) : line;
}
