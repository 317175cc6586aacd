import { existsSync } from 'node:fs';
import { posix, resolve } from 'node:path';
import type { Paint, Shell } from '../cli/shell.ts';

const COLOURS = ['cyan', 'magenta', 'blue', 'yellow', 'green'] as const;
type Colour = (typeof COLOURS)[number];
const CODES: Readonly<Record<Colour, number>> = { cyan: 36, magenta: 35, blue: 34, yellow: 33, green: 32 };
/** For our own name, where functions have shorter ones. */
const LEAST_WIDTH = 4;
/** How deep in a template its handler folder may lie. */
const MOST_LEVELS = 4;

/** So much may wait for a terminal that is slow or was stopped; then lines are left out, and that is told. */
const MOST_WAITING_BYTES = 1024 * 1024;
const ENOUGH_TAKEN_BYTES = MOST_WAITING_BYTES / 4;
/** What is wrong is told for longer. */
const MOST_WAITING_PROBLEM_BYTES = 2 * MOST_WAITING_BYTES;

/** Where the files of a function's versions come from. */
export interface FunctionOrigin {
  readonly name: string;
  /** Absolute path of its folder of versions. */
  readonly root: string;
  /** As the stack file has it. */
  readonly handler: string;
  readonly lang: string;
}

type OutputShell = Pick<Shell, 'cwd' | 'out' | 'backlog' | 'status' | 'paint'>;

/** What a developer reads: lines of all functions, each with the name of its function, in one column and one colour. */
export class DevOutput {
  readonly #shell: OutputShell;
  readonly #paint: Paint;
  readonly #names: string[] = [];
  #width = LEAST_WIDTH;
  #origins: readonly FunctionOrigin[] = [];
  /** Lines that were left out, by function. */
  readonly #missing = new Map<string, number>();

  constructor(shell: OutputShell) {
    this.#shell = shell;
    this.#paint = shell.paint;
  }

  /** Paths of versions in lines are shown as those of the sources. */
  setFunctions(origins: readonly FunctionOrigin[]): void {
    this.#origins = origins;
    for (const { name } of origins) if (!this.#names.includes(name)) this.#names.push(name);
    this.#width = Math.max(LEAST_WIDTH, ...origins.map(({ name }) => name.length));
  }

  /** A line of our own, about everything. */
  say(line: string): void {
    this.#shell.out(line);
  }

  /** A line of a function, as it wrote it. */
  function(name: string, text: string): void {
    if (this.#isLeftOut(name, MOST_WAITING_BYTES)) return;
    for (const line of this.withSourcePaths(text).split('\n'))
      this.#shell.out(`${this.#label(name)} ${line}`);
  }

  /** A line of what installs or builds a function: its paths begin in the work folder. */
  step(name: string, text: string): void {
    const origin = this.#origins.find((each) => each.name === name);
    // Whole paths first: one with a blank in it would be taken for a short one from there on.
    const shown = this.withSourcePaths(text).replace(/(?<![\w./-])[\w-]+(?:\/[\w.@-]+)+/g, (path) => {
      const source = origin === undefined ? path : this.#sourceOf(path, origin);
      return source.startsWith('template/') ? path : source;
    });
    this.function(name, shown);
  }

  /** A call of a function. */
  call(name: string, text: string): void {
    if (this.#isLeftOut(name, MOST_WAITING_BYTES)) return;
    this.#shell.out(`${this.#label(name)} ${this.#isColoured ? `\u001b[2m${text}\u001b[0m` : text}`);
  }

  /** What has become of a function. */
  event(name: string, text: string): void {
    this.#shell.out(`${this.#label(name)} ${this.#paint.bold(this.withSourcePaths(text))}`);
  }

  /** What has become of a function, and is not as it should be. */
  problem(name: string, text: string): void {
    if (this.#isLeftOut(name, MOST_WAITING_PROBLEM_BYTES)) return;
    for (const line of this.withSourcePaths(text).split('\n'))
      this.#shell.out(`${this.#label(name)} ${this.#paint.red(line)}`);
  }

  /** What goes on now, where somebody watches. */
  status(text: string): void {
    this.#shell.status(text);
  }

  #isLeftOut(name: string, most: number): boolean {
    const { backlog } = this.#shell;
    if (backlog === undefined) return false;
    if (backlog.bytes < ENOUGH_TAKEN_BYTES) this.#tellMissing();
    // Once behind, it catches up first: no single lines between gaps.
    const isBehind = this.#missing.size > 0 && most === MOST_WAITING_BYTES;
    if (!isBehind && backlog.bytes < most) return false;
    if (this.#missing.size === 0) void backlog.emptied().then(() => this.#tellMissing());
    this.#missing.set(name, (this.#missing.get(name) ?? 0) + 1);
    return true;
  }

  #tellMissing(): void {
    for (const [name, count] of this.#missing) {
      const lines = count === 1 ? 'line is' : 'lines are';
      this.#shell.out(
        `${this.#label(name)} ${this.#paint.bold(`${count} ${lines} missing above: they came faster than they were read; skep logs has the newest`)}`,
      );
    }
    this.#missing.clear();
  }

  withSourcePaths(text: string): string {
    let shown = text;
    for (const origin of this.#origins) {
      // Most lines name no file.
      if (!shown.includes(origin.root)) continue;
      const pattern = new RegExp(
        `${escaped(origin.root)}/(?:v-[0-9a-f]+|work-[0-9a-f]+|next)(?:/([^\\s:"'()<>\\]]*))?`,
        'g',
      );
      shown = shown.replace(pattern, (_, path: string | undefined) => this.#sourceOf(path ?? '', origin));
    }
    return shown;
  }

  /** The handler lies in a folder of the template's choice; what is not there, nor copied, is the template's own. */
  #sourceOf(path: string, { handler, lang }: FunctionOrigin): string {
    if (path === '') return handler;
    const parts = path.split('/');
    for (const folder of [handler, '.']) {
      for (let skipped = 0; skipped < Math.min(parts.length, MOST_LEVELS); skipped += 1) {
        const candidate = posix.join(folder, ...parts.slice(skipped));
        if (existsSync(resolve(this.#shell.cwd, candidate))) return candidate;
      }
    }
    return `template/${lang}/${path}`;
  }

  get #isColoured(): boolean {
    return this.#paint.bold('') !== '';
  }

  #label(name: string): string {
    const text = `${name.padEnd(this.#width)} |`;
    const index = this.#names.indexOf(name);
    if (!this.#isColoured || index === -1) return text;
    const colour = COLOURS[index % COLOURS.length] ?? 'cyan';
    return `\u001b[${CODES[colour]}m${text}\u001b[0m`;
  }
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
