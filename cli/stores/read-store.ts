import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import fetch, { type Response } from 'node-fetch';
import { CliError, fileError, messageOf } from '../errors.ts';
import type { Shell } from '../shell.ts';
import { USER_AGENT } from '../version.ts';
import { withoutPassword } from '../without-password.ts';

const TIMEOUT_MS = 15_000;
const LONGEST_CHARS = 8_388_608;

/**
 * The JSON of a store: from an address (http, https, file) or a file here.
 * @throws {CliError} when it cannot be read, or is no JSON
 */
export async function readStore(shell: Pick<Shell, 'cwd'>, location: string): Promise<unknown> {
  const text = /^https?:\/\//i.test(location)
    ? await download(location)
    : await readHere(location.startsWith('file://') ? fileURLToPath(location) : resolve(shell.cwd, location));
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new CliError(
      `${withoutPassword(location)} is no store: it is not valid JSON (${messageOf(error)})`,
      {
        cause: error,
      },
    );
  }
}

async function readHere(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw fileError('read the store', path, error);
  }
}

async function download(url: string): Promise<string> {
  const shown = withoutPassword(url);
  let response: Response;
  let text: string;
  try {
    response = await fetch(url, {
      headers: { 'User-Agent': USER_AGENT, Accept: 'application/json' },
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    text = await response.text();
  } catch (error) {
    const isLate = error instanceof Error && error.name === 'TimeoutError';
    const reason = isLate ? `no answer within ${TIMEOUT_MS / 1000}s` : withoutPassword(messageOf(error));
    throw new CliError(
      `Cannot connect to the store at URL: ${shown}: ${reason}\nWithout a network name a file: --url ./store.json, or OPENFAAS_TEMPLATE_STORE_URL and OPENFAAS_STORE in the environment`,
      {
        cause: error,
      },
    );
  }
  if (response.status !== 200) {
    throw new CliError(
      `Server returned unexpected status code: ${response.status} for the store ${shown}: is its address right?`,
    );
  }
  if (text.length > LONGEST_CHARS)
    throw new CliError(`The store ${shown} is larger than 8 MiB: that is no store`);
  return text;
}

/** Reads fields of an object of a store. @throws {CliError} naming store, entry and field */
export class StoreEntry {
  readonly #fields: Readonly<Record<string, unknown>>;
  readonly #where: string;

  constructor(value: unknown, where: string) {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      throw new CliError(`${where} must be an object`);
    this.#fields = value as Record<string, unknown>;
    this.#where = where;
  }

  get(key: string): unknown {
    return Object.hasOwn(this.#fields, key) ? this.#fields[key] : undefined;
  }

  /** Absent or null: ''. */
  text(key: string): string {
    const value = this.get(key) ?? '';
    if (typeof value !== 'string') throw new CliError(`${this.#where}: "${key}" must be a text`);
    return value;
  }

  required(key: string): string {
    const value = this.text(key);
    if (value === '') throw new CliError(`${this.#where} has no "${key}"`);
    return value;
  }

  /** `true`, `"true"`; absent is false. */
  flag(key: string): boolean {
    return String(this.get(key) ?? false) === 'true';
  }

  textMap(key: string): Record<string, string> {
    const value = this.get(key) ?? {};
    const entry = new StoreEntry(value, `${this.#where}: "${key}"`);
    return Object.fromEntries(Object.keys(value as object).map((name) => [name, entry.text(name)]));
  }
}

/** Which of a store's images and templates this machine takes. */
export function ownPlatform(arch: string = process.arch): string {
  if (arch === 'arm64') return 'arm64';
  return arch === 'arm' ? 'armhf' : 'x86_64';
}

/** Columns padded to their widest value, with one space between. */
export function columns(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, at) => Math.max(...rows.map((row) => [...(row[at] ?? '')].length)));
  return rows
    .map((row) =>
      row
        .map((cell, at) => (at === row.length - 1 ? cell : cell.padEnd(widths[at] ?? 0)))
        .join(' ')
        .trimEnd(),
    )
    .join('\n');
}
