import { stripVTControlCharacters } from 'node:util';
import type { Backlog } from './counted-output.ts';

/** For `readStdin`. */
export const A_PASSWORD = [64 * 1024, 'a password is one line'] as const;

/** Everything a command sees of the world it runs in: `main.ts` makes the real one, tests make others. */
export interface Shell {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly home: string;
  /** Whether a person watches: colours and questions only then. */
  readonly isTerminal: boolean;
  readonly stdinIsTerminal: boolean;
  readonly paint: Paint;
  /** The command is to end: programs that it runs are ended, and nothing new is begun. Absent: a signal ends the process as it does. */
  readonly stop?: AbortSignal;
  /** One line to stdout. */
  out(line: string): void;
  /** What `out` has written and stdout has not taken: whoever prints without end waits or leaves out. Absent: it takes all at once. */
  readonly backlog?: Backlog;
  /** On a terminal, one line of what goes on now, with a spinner, replaced by whatever is written next; nothing elsewhere. Empty: none any more. */
  status(line: string): void;
  /**
   * On a terminal, lines that stand in place of those of before; undefined: they stay, and what is written next comes below.
   * Nothing elsewhere.
   */
  live(lines: readonly string[] | undefined): void;
  /** Bytes to stdout as they are; resolves when they are taken. */
  write(bytes: Uint8Array): Promise<void>;
  /** One line to stderr. */
  note(line: string): void;
  /**
   * The whole of stdin.
   * @param advice what to do with more than `atMost` bytes
   * @throws {CliError} when that many have come and it goes on
   */
  readStdin(atMost: number, advice: string): Promise<Uint8Array>;
  /** Asks on the terminal without showing what is typed. */
  askSecret(question: string): Promise<string>;
}

/** Colours, or the text as it is where nobody wants them. */
export interface Paint {
  bold(text: string): string;
  green(text: string): string;
  red(text: string): string;
  yellow(text: string): string;
  /** One of a few colours, by number: the same number is always the same one. */
  label(text: string, index: number): string;
  /** A line of another program: of what steers a terminal its colours alone are left, and those only where ours are. */
  foreign(line: string): string;
}

const LABELS = [36, 35, 34, 33, 32];
const RESET = '\u001b[0m';
// biome-ignore lint/suspicious/noControlCharactersInRegex: it is what these sequences begin with
const COLOUR = /(\u001b\[[\d;:]*m)/;

/** `NO_COLOR` (any value but the empty one) and dumb terminals get plain text. */
export function paintFor(isTerminal: boolean, env: Shell['env']): Paint {
  const coloured = isTerminal && !env['NO_COLOR'] && env['TERM'] !== 'dumb';
  const style = (code: number) => (text: string) => (coloured ? `\u001b[${code}m${text}${RESET}` : text);
  return {
    bold: style(1),
    green: style(32),
    red: style(31),
    yellow: style(33),
    label: (text, index) => style(LABELS[index % LABELS.length] ?? 0)(text),
    foreign: (line) => (coloured ? withColoursAlone(line) : plainText(line)),
  };
}

/** Without colours and all else that steers a terminal. */
export function plainText(line: string): string {
  return stripVTControlCharacters(line).replace(/[^\P{Cc}\t]/gu, '');
}

/** A colour that goes on beyond its line would be that of our own lines, too. */
function withColoursAlone(line: string): string {
  const parts = line.split(COLOUR);
  const kept = parts.map((part, index) => (index % 2 === 1 ? part : plainText(part))).join('');
  return parts.length > 1 ? kept + RESET : kept;
}
