import { ContractError } from './contract-error.ts';
import { shortestAndLongest } from './stack-file-glob.ts';

type Env = Readonly<Record<string, string | undefined>>;

/** Deeper nesting is a mistake or an attack; a stack of this depth is safe to recurse. */
const MAX_DEPTH = 32;

/**
 * Replaces `${NAME}` and its relatives in the raw text of a stack file, by faas-cli's rules: bare `$NAME` stays,
 * an empty variable counts as unset, an unset one without default becomes empty, `$$` is one dollar.
 * @throws {ContractError} naming the line: `missing closing brace`, `unable to parse variable name`
 */
export function substituteEnvironment(text: string, env: Env): string {
  return substituteWithPlaces(text, env).text;
}

export interface SubstitutedText {
  readonly text: string;
  /** Where in the raw text a place of `text` comes from; for what a variable stood for, the variable's place. */
  toSource(offset: number): number;
}

/** The same, for who must point into the raw text. @throws {SubstitutionError} */
export function substituteWithPlaces(text: string, env: Env): SubstitutedText {
  return new Substitution(text, env).run();
}

/** A `${…}` that cannot be read. */
export class SubstitutionError extends ContractError {
  /** In the raw text. */
  readonly offset: number;
  readonly what: string;
  readonly advice: string;

  constructor({ what, offset, line }: { what: string; offset: number; line: number }) {
    const advice = 'write $$ for a dollar sign, or use --envsubst=false';
    super(`line ${line}: ${what}; ${advice}`);
    this.offset = offset;
    this.what = what;
    this.advice = advice;
  }
}

/** From `out` on, the result is the raw text from `source` on. */
interface Mark {
  readonly out: number;
  readonly source: number;
  /** All of it stands for the one variable at `source`. */
  readonly isVariable: boolean;
}

class Substitution {
  private readonly text: string;
  private readonly env: Env;
  private position = 0;

  constructor(text: string, env: Env) {
    this.text = text;
    this.env = env;
  }

  run(): SubstitutedText {
    let out = '';
    const marks: Mark[] = [];
    while (this.position < this.text.length) {
      const start = this.position;
      const dollar = this.text.indexOf('$', start);
      const end = dollar === -1 ? this.text.length : dollar;
      marks.push({ out: out.length, source: start, isVariable: false });
      out += this.text.slice(start, end);
      this.position = end;
      marks.push({ out: out.length, source: end, isVariable: true });
      if (this.text.startsWith('$$', end)) {
        out += '$';
        this.position += 2;
      } else if (this.text.startsWith('${', end)) {
        out += this.readVariable(1);
      } else if (dollar !== -1) {
        out += '$';
        this.position += 1;
      }
    }
    return { text: out, toSource: (offset) => sourceOf(marks, offset) };
  }

  /** Text with its variables replaced, up to one of the characters in `stops` (not consumed). */
  private readUntil(stops: string, depth: number): string {
    let out = '';
    while (this.position < this.text.length) {
      const char = this.text.charAt(this.position);
      if (stops.includes(char)) return out;
      if (this.text.startsWith('$$', this.position)) {
        out += '$';
        this.position += 2;
        // `$${A}` is the text `${A}`: the brace after an escaped dollar opens nothing.
        if (this.text.startsWith('{', this.position)) out += this.readEscapedBraces();
      } else if (this.text.startsWith('${', this.position)) {
        out += this.readVariable(depth + 1);
      } else {
        out += char;
        this.position += 1;
      }
    }
    throw this.problem('missing closing brace');
  }

  /** `{…}` taken as it stands, so that an escaped variable inside a default does not end the default. */
  private readEscapedBraces(): string {
    const end = this.text.indexOf('}', this.position);
    if (end === -1) throw this.problem('missing closing brace');
    const braces = this.text.slice(this.position, end + 1);
    this.position = end + 1;
    return braces;
  }

  private readVariable(depth: number): string {
    if (depth > MAX_DEPTH) throw this.problem(`variables are nested more than ${MAX_DEPTH} deep`);
    this.position += 2;
    if (this.take('#')) {
      const value = this.valueOf(this.readName());
      this.close();
      return String([...value].length);
    }
    const value = this.valueOf(this.readName());
    const result = this.readOperation(value, depth);
    this.close();
    return result;
  }

  private readOperation(value: string, depth: number): string {
    if (this.peek() === '}') return value;
    if (this.take(':=') || this.take(':-') || this.take(':?') || this.take(':+') || this.take('=')) {
      const fallback = this.readUntil('}', depth);
      return value === '' ? fallback : value;
    }
    if (this.take(':')) return this.readSlice(value);
    if (this.take('^^')) return value.toUpperCase();
    if (this.take('^')) return value.charAt(0).toUpperCase() + value.slice(1);
    if (this.take(',,')) return value.toLowerCase();
    if (this.take(',')) return value.charAt(0).toLowerCase() + value.slice(1);
    if (this.take('##')) return value.slice(this.matchLengths(value, depth, 'start').longest);
    if (this.take('#')) return value.slice(this.matchLengths(value, depth, 'start').shortest);
    if (this.take('%%')) return value.slice(0, value.length - this.matchLengths(value, depth, 'end').longest);
    if (this.take('%')) return value.slice(0, value.length - this.matchLengths(value, depth, 'end').shortest);
    if (this.take('/')) return this.readReplacement(value, depth);
    throw this.problem('missing closing brace');
  }

  private readSlice(value: string): string {
    const [, start, length] =
      /^(\d{1,9})(?::(\d{1,9}))?/.exec(this.text.slice(this.position, this.position + 20)) ?? [];
    if (start === undefined) throw this.problem('missing closing brace');
    this.position += start.length + (length === undefined ? 0 : length.length + 1);
    const from = Number(start);
    return value.slice(from, length === undefined ? undefined : from + Number(length));
  }

  private readReplacement(value: string, depth: number): string {
    const where = this.take('/') ? 'all' : this.take('#') ? 'prefix' : this.take('%') ? 'suffix' : 'first';
    const old = this.readUntil('/}', depth);
    const replacement = this.take('/') ? this.readUntil('}', depth) : '';
    if (old === '') return value;
    if (where === 'all') return value.split(old).join(replacement);
    if (where === 'prefix') return value.startsWith(old) ? replacement + value.slice(old.length) : value;
    if (where === 'suffix') return value.endsWith(old) ? value.slice(0, -old.length) + replacement : value;
    return value.replace(old, () => replacement);
  }

  private matchLengths(value: string, depth: number, at: 'start' | 'end') {
    return shortestAndLongest(value, this.readUntil('}', depth), at);
  }

  private readName(): string {
    const start = this.position;
    while (/\w/.test(this.peek())) this.position += 1;
    if (this.position === start) throw this.problem('unable to parse variable name');
    return this.text.slice(start, this.position);
  }

  private valueOf(name: string): string {
    return Object.hasOwn(this.env, name) ? (this.env[name] ?? '') : '';
  }

  private peek(): string {
    return this.text.charAt(this.position);
  }

  private take(token: string): boolean {
    if (!this.text.startsWith(token, this.position)) return false;
    this.position += token.length;
    return true;
  }

  private close(): void {
    if (!this.take('}')) throw this.problem('missing closing brace');
  }

  private problem(message: string): SubstitutionError {
    const offset = Math.min(this.position, this.text.length);
    const line = this.text.slice(0, offset).split('\n').length;
    return new SubstitutionError({ what: `${message} in a \${…} substitution`, offset, line });
  }
}

function sourceOf(marks: readonly Mark[], offset: number): number {
  let low = 0;
  let high = marks.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((marks[middle]?.out ?? 0) <= offset) low = middle + 1;
    else high = middle;
  }
  const mark = marks[low - 1];
  if (mark === undefined) return offset;
  return mark.isVariable ? mark.source : mark.source + (offset - mark.out);
}
