const LONGEST_LINE = 8 * 1024;
/** What is kept for the final answer; of a longer log the beginning is dropped. */
const MOST_KEPT_CHARS = 2 * 1024 * 1024;

/** The log of one build, as clients get it: `<RFC 3339> message`. */
export class BuildLog {
  readonly #lines: string[] = [];
  #chars = 0;
  #dropped = 0;

  /** @returns the line as it is told */
  add(text: string): string {
    const line = `${new Date().toISOString()} ${shortened(text)}`;
    this.#lines.push(line);
    this.#chars += line.length;
    while (this.#chars > MOST_KEPT_CHARS) {
      this.#chars -= this.#lines.shift()?.length ?? 0;
      this.#dropped++;
    }
    return line;
  }

  lines(): string[] {
    if (this.#dropped === 0) return [...this.#lines];
    const [first = ''] = this.#lines;
    return [
      `${first.slice(0, first.indexOf(' '))} (${this.#dropped} lines before this one are left out)`,
      ...this.#lines,
    ];
  }
}

export function shortened(text: string): string {
  if (text.length <= LONGEST_LINE) return text;
  return `${text.slice(0, LONGEST_LINE)}… (${text.length - LONGEST_LINE} more characters)`;
}
