import type { UpstreamAddress } from '../http1/types.ts';

export type Env = Readonly<Record<string, string | undefined>>;

/** Reads variables one by one and collects what is wrong with them, so that one message can name every bad one. */
export class EnvReader {
  readonly problems: string[] = [];
  readonly #env: Env;

  constructor(env: Env) {
    this.#env = env;
  }

  /** The text of a variable; undefined when it is absent or empty. */
  text(key: string): string | undefined {
    return this.#env[key] || undefined;
  }

  /** @param keys one variable, or its spellings: the first that is set wins. `fallback` is for an absent one, never for a wrong one */
  read<T>(keys: string | readonly string[], fallback: T, parse: (text: string) => T): T {
    const names = typeof keys === 'string' ? [keys] : keys;
    const set = names.map((key) => ({ key, text: this.text(key) })).find(({ text }) => text !== undefined);
    if (set?.text === undefined) return fallback;
    try {
      return parse(set.text);
    } catch (error) {
      this.problems.push(`${set.key}=${set.text}: ${(error as Error).message}`);
      return fallback;
    }
  }
}

/** The words that of-watchdog takes for a flag, and their opposites. @throws {Error} for any other */
export function parseFlagOrDigit(text: string): boolean {
  if (text === 'true' || text === '1') return true;
  if (text === 'false' || text === '0') return false;
  throw new Error('expected true, 1, false or 0');
}

/** What Go's `strconv.ParseBool` takes. @throws {Error} for anything else */
export function parseGoBool(text: string): boolean {
  if (/^(?:1|t|T|true|TRUE|True)$/.test(text)) return true;
  if (/^(?:0|f|F|false|FALSE|False)$/.test(text)) return false;
  throw new Error('expected true or false');
}

/** @throws {Error} unless it is a TCP port; 0 picks a free one */
export function parsePort(text: string): number {
  if (!/^\d{1,5}$/.test(text) || Number(text) > 65_535) throw new Error('expected a port, 0 to 65535');
  return Number(text);
}

/** @throws {Error} for what may not stand in a header */
export function parseFieldValue(text: string): string {
  if (!/^[\t\x20-\x7e]+$/.test(text)) throw new Error('expected a media type such as text/plain');
  return text;
}

/** Bytes of the longest line; `-1` is no limit: infinity. @throws {Error} for 0 and what is no whole number */
export function parseLineLimit(text: string): number {
  if (text === '-1') return Number.POSITIVE_INFINITY;
  if (!/^[1-9]\d{0,11}$/.test(text)) throw new Error('expected a number of bytes, or -1 for no limit');
  return Number(text);
}

/** @throws {Error} unless it begins with a slash and holds only what a request target may */
export function parsePath(text: string): string {
  if (!/^\/[\x21-\x7e]*$/.test(text)) throw new Error('expected a path such as /ready');
  return text;
}

/** Where the process of mode `http` listens. */
export interface Upstream {
  readonly address: Extract<UpstreamAddress, { readonly port: number }>;
  /** Stands before every request's target; empty, or `/base`. */
  readonly basePath: string;
}

/** @throws {Error} unless it reads like `http://127.0.0.1:3000` */
export function parseUpstreamUrl(text: string): Upstream {
  const problem = new Error('expected a URL such as http://127.0.0.1:3000');
  if (!URL.canParse(text)) throw problem;
  const url = new URL(text);
  if (url.protocol !== 'http:' || url.hostname === '') throw problem;
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
    throw new Error(`${problem.message}, without user, query or fragment`);
  }
  return {
    address: {
      hostname: url.hostname.replace(/^\[|\]$/g, ''),
      port: url.port === '' ? 80 : Number(url.port),
    },
    basePath: url.pathname.replace(/\/+$/, ''),
  };
}
