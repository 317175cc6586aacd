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
      const lineEnd = bytes.indexOf(LF, from);
      const room = this.#lineBytes - this.#keptBytes;
      const to = lineEnd === -1 ? bytes.length : lineEnd;
      if (to - from > room) {
        this.#addLine(bytes.subarray(from, from + room));
        from += room;
      } else if (lineEnd === -1) {
        this.#keep(bytes.subarray(from));
        break;
      } else {
        this.#addLine(withoutCarriageReturn(bytes.subarray(from, lineEnd)));
        from = lineEnd + 1;
      }
    }
    return this.#send();
  }

  /** The process has ended: what it left of a last line is logged. */
  end(): void {
    if (this.#keptBytes === 0) return;
    this.#addLine(new Uint8Array());
    void this.#send();
  }

  #addLine(last: Uint8Array): void {
    if (this.#hasPrefix) this.#out.push(Buffer.from(`${goTimestampNow()} ${this.#stream}: `));
    if (this.#keptBytes > 0) this.#out.push(this.#kept.subarray(0, this.#keptBytes));
    this.#out.push(last, LINE_END);
    this.#kept = Buffer.alloc(0);
    this.#keptBytes = 0;
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
    const text = Buffer.concat(this.#out);
    this.#out = [];
    if (this.#stream === 'stdout') return containerStdout.write(text);
    flushLog(); // what was said before stays before
    return containerStderr.write(text);
  }
}

function withoutCarriageReturn(line: Uint8Array): Uint8Array {
  return line[line.length - 1] === CR ? line.subarray(0, -1) : line;
}
