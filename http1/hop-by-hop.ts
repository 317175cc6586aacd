import { fieldId, knownFieldId } from './field-names.ts';
import { trimBlanks } from './grammar.ts';
import type { ReceivedFields } from './received-fields.ts';
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

/** A set of header names: those of a received head are told by their numbers, others by their length first. */
export class HeaderFilter {
  readonly #names: ReadonlySet<string>;
  readonly #lengths = new Uint8Array(256);
  readonly #ids = new Uint8Array(256);
  /** Whether some of the names have no number. */
  #hasUnnumbered = false;

  /** `isLasting`: made once, of names that are not a client's, and may have them numbered. */
  constructor(names: Iterable<string>, isLasting: boolean) {
    this.#names = new Set(names);
    for (const name of this.#names) {
      this.#lengths[name.length & 0xff] = 1;
      const id = isLasting ? fieldId(name) : knownFieldId(name);
      if (id === 0) this.#hasUnnumbered = true;
      else this.#ids[id] = 1;
    }
  }

  /** The same names and one more. */
  with(name: string): HeaderFilter {
    return new HeaderFilter([...this.#names, name], false);
  }

  has(name: string): boolean {
    return this.#lengths[name.length & 0xff] === 1 && this.#names.has(name.toLowerCase());
  }

  /** The same for a field of a received head. */
  hasField(fields: ReceivedFields, index: number): boolean {
    const id = fields.spans.id(index);
    if (id !== 0) return this.#ids[id] === 1;
    return this.#hasUnnumbered && this.has(fields.name(index));
  }
}

/** What is taken out of requests for good: `Expect` is answered by our own listener. */
const NEVER_SENT: readonly string[] = [...HOP_BY_HOP, 'expect'];

const requestFilters = new WeakMap<ReadonlySet<string>, HeaderFilter>();
const responseFilters = new WeakMap<ReadonlySet<string>, HeaderFilter>();
const NOTHING: ReadonlySet<string> = new Set();

/**
 * The filter for one request: hop-by-hop fields, those that its `Connection` lists, and `dropped` (lower case).
 * Cheap for a `dropped` that is the same object on every call.
 */
export function requestFilter(dropped: ReadonlySet<string> = NOTHING, connection: string): HeaderFilter {
  return filterOf(requestFilters, NEVER_SENT, dropped, connection);
}

/** The same for a response. */
export function responseFilter(dropped: ReadonlySet<string> = NOTHING, connection: string): HeaderFilter {
  return filterOf(responseFilters, HOP_BY_HOP, dropped, connection);
}

function filterOf(
  filters: WeakMap<ReadonlySet<string>, HeaderFilter>,
  always: Iterable<string>,
  dropped: ReadonlySet<string>,
  connection: string,
): HeaderFilter {
  let filter = filters.get(dropped);
  if (filter === undefined) {
    filter = new HeaderFilter([...always, ...dropped], true);
    filters.set(dropped, filter);
  }
  if (connection === '' || connection === 'keep-alive' || connection === 'close') return filter;
  const listed = connection
    .toLowerCase()
    .split(',')
    .map(trimBlanks)
    .filter((name) => name !== '' && !HOP_BY_HOP.has(name) && !ESSENTIAL.has(name));
  if (listed.length === 0 || listed.every((name) => name === 'close')) return filter;
  return new HeaderFilter([...always, ...dropped, ...listed], false);
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

const NOT_IN_TRAILERS = new HeaderFilter(
  [
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
  ],
  true,
);

/** Trailers without the fields that mean nothing, or harm, after the body (RFC 9110 6.5.1). */
export function passedOnTrailers(trailers: RawHeaders): string[] {
  return passedOn(trailers, NOT_IN_TRAILERS);
}
