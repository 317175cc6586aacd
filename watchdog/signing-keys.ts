import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose';

export const ALGORITHMS = ['RS256', 'ES256'];

/** Who signs tokens, and where its keys are. */
export interface Authority {
  readonly issuer: string;
  readonly keysUrl: string;
}

const FETCH_TIMEOUT_MS = 5_000;
const DOCUMENT_BYTES = 1_048_576;
/** Waits between the attempts of a start: an authority that starts at the same time gets a moment. */
const START_WAITS_MS = [500, 1_000, 2_000];
/** Tokens with made-up key ids must not make us a flood of requests to the authority. */
export const REFRESH_PAUSE_MS = 10_000;
/** Keys are read again when they are older, so that a withdrawn one is not trusted for ever. */
export const KEYS_MAX_AGE_MS = 600_000;

/** A failure that a later attempt may mend. */
class Unreachable extends Error {}
/** An answer that another attempt will not change. */
class Refused extends Error {}

/** Reads the authority's OpenID configuration. @throws {Error} naming the address and the reason */
export async function readAuthority(url: string, note: (text: string) => void): Promise<Authority> {
  const document = (await withRetries(() => readJson(url), note)) as { issuer?: unknown; jwks_uri?: unknown };
  const { issuer, jwks_uri: keysUrl } = document;
  if (typeof issuer !== 'string' || issuer === '') throw new Error(`${url}: the document has no issuer`);
  if (typeof keysUrl !== 'string' || !/^https?:\/\//.test(keysUrl) || !URL.canParse(keysUrl)) {
    throw new Error(`${url}: the document has no jwks_uri that is an http address`);
  }
  return { issuer, keysUrl };
}

/** The authority's public keys. They are read again when a token names an unknown one, and when they are old. */
export class SigningKeys {
  readonly #url: string;
  readonly #note: (text: string) => void;
  readonly #now: () => number;
  #keys: JWTVerifyGetKey;
  #readAt: number;
  #triedAt = Number.NEGATIVE_INFINITY;
  #refresh: Promise<boolean> | undefined;

  private constructor(url: string, keys: JWTVerifyGetKey, options: SigningKeysOptions) {
    this.#url = url;
    this.#keys = keys;
    this.#note = options.note;
    this.#now = options.now ?? performance.now.bind(performance);
    this.#readAt = this.#now();
  }

  /** @throws {Error} when the keys cannot be read, or none of them can verify a token */
  static async open(url: string, options: SigningKeysOptions): Promise<SigningKeys> {
    return new SigningKeys(url, await withRetries(() => readKeys(url), options.note), options);
  }

  /** The key that a token's header names. @throws {Error} when there is no such key */
  readonly keyFor: JWTVerifyGetKey = async (header, token) => {
    if (typeof header.kid !== 'string') throw new errors.JWSInvalid('the header names no key (kid)');
    if (this.#now() - this.#readAt > KEYS_MAX_AGE_MS) await this.#readAgain();
    try {
      return await this.#keys(header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey) || !(await this.#readAgain())) throw error;
      return await this.#keys(header, token);
    }
  };

  /** Whether fresh keys are here now. Calls that come while they are read wait for the same ones. */
  #readAgain(): Promise<boolean> {
    if (this.#refresh !== undefined) return this.#refresh;
    if (this.#now() - this.#triedAt < REFRESH_PAUSE_MS) return Promise.resolve(false);
    this.#triedAt = this.#now();
    this.#refresh = readKeys(this.#url)
      .then(
        (keys) => {
          this.#keys = keys;
          this.#readAt = this.#now();
          return true;
        },
        (error: Error) => {
          this.#note(`the keys of the authority stay as they are: ${error.message}`);
          return false;
        },
      )
      .finally(() => {
        this.#refresh = undefined;
      });
    return this.#refresh;
  }
}

export interface SigningKeysOptions {
  readonly note: (text: string) => void;
  /** A clock in milliseconds; default: the process's own. */
  readonly now?: () => number;
}

async function readKeys(url: string): Promise<JWTVerifyGetKey> {
  const document = await readJson(url);
  let keys: JWTVerifyGetKey;
  try {
    keys = createLocalJWKSet(document as JSONWebKeySet);
  } catch (cause) {
    throw new Error(`${url}: ${(cause as Error).message}`, { cause });
  }
  const usable = (document as JSONWebKeySet).keys.filter(
    ({ kty, crv }) => kty === 'RSA' || (kty === 'EC' && crv === 'P-256'),
  );
  if (usable.length === 0) throw new Error(`${url}: none of the keys is for ${ALGORITHMS.join(' or ')}`);
  return keys;
}

async function readJson(url: string): Promise<object> {
  let text: string;
  try {
    const response = await fetch(url, {
      headers: { Accept: 'application/json' },
      signal: AbortSignal.timeout(FETCH_TIMEOUT_MS),
    });
    if (response.status >= 500) throw new Error(`status ${response.status}`);
    if (response.status !== 200) {
      await response.body?.cancel();
      throw new Refused(`${url}: status ${response.status}`);
    }
    text = await readText(response, url);
  } catch (cause) {
    if (cause instanceof Refused) throw cause;
    throw new Unreachable(`${url}: ${(cause as Error).message}`, { cause });
  }
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (cause) {
    throw new Refused(`${url}: the document is not JSON`, { cause });
  }
  if (typeof document !== 'object' || document === null || Array.isArray(document)) {
    throw new Refused(`${url}: the document is not a JSON object`);
  }
  return document;
}

async function readText(response: Response, url: string): Promise<string> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of response.body ?? []) {
    length += piece.length;
    if (length > DOCUMENT_BYTES)
      throw new Refused(`${url}: the document is longer than ${DOCUMENT_BYTES} bytes`);
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString();
}

async function withRetries<T>(read: () => Promise<T>, note: (text: string) => void): Promise<T> {
  for (const waitMs of START_WAITS_MS) {
    try {
      return await read();
    } catch (error) {
      if (!(error instanceof Unreachable)) throw error;
      note(`the authority cannot be read, next attempt in ${waitMs / 1000}s: ${error.message}`);
      await Bun.sleep(waitMs);
    }
  }
  return await read();
}
