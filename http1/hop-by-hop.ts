import type { RawHeaders } from './types.ts';

/** Fields that concern one connection and are never passed on (RFC 9110 7.6.1); `Authorization` is not among them. */
const HOP_BY_HOP: ReadonlySet<string> = new Set([
  'connection',
  'proxy-connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** What a `Connection` list may not take away: the message would change its meaning, or hide who sent it. */
const ESSENTIAL: ReadonlySet<string> = new Set([
  'host',
  'content-length',
  'content-encoding',
  'content-type',
  'authorization',
  'cookie',
  'set-cookie',
  'forwarded',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
]);

/** A set of header names that tells most others by their length alone, without a lower-case copy of each. */
export class HeaderFilter {
  readonly #names: ReadonlySet<string>;
  readonly #lengths = new Uint8Array(256);

  constructor(names: Iterable<string>) {
    this.#names = new Set(names);
    for (const name of this.#names) this.#lengths[name.length & 0xff] = 1;
  }

  has(name: string): boolean {
    return this.#lengths[name.length & 0xff] === 1 && this.#names.has(name.toLowerCase());
  }
}

const filters = new WeakMap<ReadonlySet<string>, HeaderFilter>();
const hopByHopOnly = new HeaderFilter(HOP_BY_HOP);

/**
 * The filter for one message: hop-by-hop fields, those that its `Connection` lists, and `dropped` (lower case).
 * Cheap for a `dropped` that is the same object on every call.
 */
export function headerFilter(dropped: ReadonlySet<string> | undefined, connection: string): HeaderFilter {
  let filter = hopByHopOnly;
  if (dropped !== undefined) {
    const known = filters.get(dropped);
    filter = known ?? new HeaderFilter([...HOP_BY_HOP, ...dropped]);
    if (known === undefined) filters.set(dropped, filter);
  }
  if (connection === '' || connection === 'keep-alive' || connection === 'close') return filter;
  const listed = connection
    .toLowerCase()
    .split(',')
    .map((item) => item.trim())
    .filter((name) => name !== '' && !HOP_BY_HOP.has(name) && !ESSENTIAL.has(name));
  if (listed.length === 0 || listed.every((name) => name === 'close')) return filter;
  return new HeaderFilter([...HOP_BY_HOP, ...(dropped ?? []), ...listed]);
}

/** The fields that pass the filter, in their order and spelling. */
export function passedOn(headers: RawHeaders, filter: HeaderFilter): string[] {
  const passed: string[] = [];
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const name = headers[i] ?? '';
    if (!filter.has(name)) passed.push(name, headers[i + 1] ?? '');
  }
  return passed;
}

const NOT_IN_TRAILERS = new HeaderFilter([
  ...HOP_BY_HOP,
  ...ESSENTIAL,
  'cache-control',
  'content-range',
  'expect',
  'max-forwards',
  'location',
  'date',
  'age',
  'vary',
  'www-authenticate',
]);

/** Trailers without the fields that mean nothing, or harm, after the body (RFC 9110 6.5.1). */
export function passedOnTrailers(trailers: RawHeaders): string[] {
  return passedOn(trailers, NOT_IN_TRAILERS);
}
