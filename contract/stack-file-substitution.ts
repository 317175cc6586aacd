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
  return new Substitution(text, env).run();
}

class Substitution {
  private readonly text: string;
  private readonly env: Env;
  private position = 0;

  constructor(text: string, env: Env) {
    this.text = text;
    this.env = env;
  }

  run(): string {
    return this.readUntil('', 0);
  }

  /** Text with its variables replaced, up to one of the characters in `stops` (not consumed) or the end. */
  private readUntil(stops: string, depth: number): string {
    let out = '';
    while (this.position < this.text.length) {
      const char = this.text.charAt(this.position);
      if (stops.includes(char)) return out;
      if (this.text.startsWith('$$', this.position)) {
        out += '$';
        this.position += 2;
        // `$${A}` is the text `${A}`: the brace after an escaped dollar opens nothing.
        if (stops !== '' && this.text.startsWith('{', this.position)) out += this.readEscapedBraces();
      } else if (this.text.startsWith('${', this.position)) {
        out += this.readVariable(depth + 1);
      } else {
        out += char;
        this.position += 1;
      }
    }
    if (stops !== '') throw this.problem('missing closing brace');
    return out;
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

  private problem(message: string): ContractError {
    const line = this.text.slice(0, this.position).split('\n').length;
    return new ContractError(
      `line ${line}: ${message} in a \${…} substitution; write $$ for a dollar sign, or use --envsubst=false`,
    );
  }
}
