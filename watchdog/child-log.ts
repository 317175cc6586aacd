import type { WatchdogConfig } from './config.ts';
import { goTimestamp, log, logBare, writeStdout } from './log.ts';

const LF = 0x0a;
/** Without a limit on lines (`log_buffer_size=-1`) this much is kept of one that does not end. */
const MOST_KEPT_BYTES = 16_777_216;

/**
 * One stream of a function's process on its way to the container's log, line by line: stderr to stderr, stdout to stdout,
 * with time and stream in front unless `prefix_logs` is false. A line longer than `log_buffer_size` comes in pieces.
 */
export class ChildLog {
  readonly #stream: 'stdout' | 'stderr';
  readonly #hasPrefix: boolean;
  readonly #lineBytes: number;
  #pieces: Uint8Array[] = [];
  #length = 0;

  constructor(
    stream: 'stdout' | 'stderr',
    { prefixLogs, logLineBytes }: Pick<WatchdogConfig, 'prefixLogs' | 'logLineBytes'>,
  ) {
    this.#stream = stream;
    this.#hasPrefix = prefixLogs;
    this.#lineBytes = Math.min(logLineBytes, MOST_KEPT_BYTES);
    log(`Started logging: ${stream} from function.`);
  }

  /** Takes output as it comes; whole lines are logged at once. The bytes are not kept. */
  write(bytes: Uint8Array): void {
    let from = 0;
    while (from < bytes.length) {
      const lineEnd = bytes.indexOf(LF, from);
      const room = this.#lineBytes - this.#length;
      const to = lineEnd === -1 ? bytes.length : lineEnd;
      if (to - from > room) {
        this.#keep(bytes, from, from + room);
        this.#flush();
        from += room;
        continue;
      }
      this.#keep(bytes, from, to);
      if (lineEnd === -1) return;
      this.#flush();
      from = lineEnd + 1;
    }
  }

  /** The process has ended: what it left of a last line is logged. */
  end(): void {
    if (this.#length > 0) this.#flush();
  }

  #keep(bytes: Uint8Array, from: number, to: number): void {
    if (from === to) return;
    this.#pieces.push(bytes.slice(from, to));
    this.#length += to - from;
  }

  #flush(): void {
    const [first = new Uint8Array(), ...rest] = this.#pieces;
    const line = Buffer.from(rest.length === 0 ? first : Buffer.concat(this.#pieces)).toString('utf8');
    this.#pieces = [];
    this.#length = 0;
    const text = line.endsWith('\r') ? line.slice(0, -1) : line;
    if (this.#stream === 'stderr') {
      if (this.#hasPrefix) log(`stderr: ${text}`);
      else logBare(text);
      return;
    }
    const prefix = this.#hasPrefix ? `${goTimestamp(new Date())} stdout: ` : '';
    writeStdout(Buffer.from(`${prefix}${text}\n`));
  }
}
