import { parseCount, parseDurationMs } from '../contract/duration.ts';

/** Reads settings of an environment one by one, and says at the end what is wrong with any of them. */
export class Settings {
  /** Each names its setting. */
  readonly problems: string[] = [];
  readonly #env: Readonly<Record<string, string | undefined>>;

  constructor(env: Readonly<Record<string, string | undefined>>) {
    this.#env = env;
  }

  /** @param fallback of a setting that is absent or empty; of a wrong one until {@link check} */
  read<T>(key: string, fallback: T, parse: (text: string) => T): T {
    const text = this.#env[key];
    if (text === undefined || text === '') return fallback;
    try {
      return parse(text);
    } catch (error) {
      this.problems.push(`${key}=${text}: ${(error as Error).message}`);
      return fallback;
    }
  }

  /** @throws {Error} one that names every bad value */
  check(): void {
    if (this.problems.length > 0) throw new Error(`invalid configuration:\n  ${this.problems.join('\n  ')}`);
  }
}

export const asIs = (text: string): string => text;

export function parsePort(text: string): number {
  const port = parseCount(text);
  if (port > 65_535) throw new Error('expected a port, 0 to 65535');
  return port;
}

export function parseCountFrom(least: number, most: number): (text: string) => number {
  return (text) => {
    const count = parseCount(text);
    if (count < least || count > most) throw new Error(`expected ${least} to ${most}`);
    return count;
  };
}

/** Longer than no time at all. */
export function parsePositiveMs(text: string): number {
  const ms = parseDurationMs(text);
  if (!(ms >= 1)) throw new Error('expected at least a millisecond');
  return ms;
}

/** It becomes part of NATS' names. */
export function parseClusterName(text: string): string {
  if (!/^[A-Za-z0-9_-]{1,32}$/.test(text)) {
    throw new Error('expected letters, digits, underscores and dashes, at most 32');
  }
  return text;
}
